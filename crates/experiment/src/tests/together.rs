//! Experiments beside each other.

use super::{LEAST, parse};
use crate::{Experiment, check_together};

/// An experiment of this name, on this model, with this salt and layer.
fn experiment(name: &str, model: &str, salt: &str, layer: &str) -> Experiment {
    let text = LEAST
        .replace("name = \"least\"", &format!("name = \"{name}\""))
        .replace("model = \"m\"", &format!("model = \"{model}\""))
        .replace("salt = \"least-1\"", &format!("salt = \"{salt}\"\nlayer = {{ {layer} }}"));
    parse(&text)
}

fn faults(experiments: &[Experiment]) -> Vec<String> {
    match check_together(experiments) {
        Ok(()) => Vec::new(),
        Err(problems) => problems.problems.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn disjoint_neighbours_get_along() {
    let experiments = [
        experiment("a", "m", "a1", "range = [0, 2500]"),
        experiment("b", "m", "b1", "range = [2500, 5000]"),
        experiment("c", "m", "c1", "range = [7500, 10000]"),
        experiment("d", "n", "d1", ""),
    ];
    assert_eq!(faults(&experiments), Vec::<String>::new());
    assert_eq!(faults(&[]), Vec::<String>::new());
}

#[test]
fn each_conflict_is_reported_at_the_later_one() {
    let a = || experiment("a", "m", "a1", "range = [0, 2500]");
    let rows = [
        (
            experiment("a", "n", "b1", ""),
            "experiment \"a\": another experiment has this name; names must differ",
        ),
        (experiment("b", "n", "a1", ""), "experiment \"b\": salt \"a1\" is that of \"a\" too;"),
        (
            experiment("b", "n", "m", ""),
            "experiment \"b\": salt \"m\" is that of the layer of model \"m\" too;",
        ),
        (
            experiment("b", "n", "b1", "salt = \"m\""),
            "experiment \"b\": layer salt \"m\" is that of model \"m\" too;",
        ),
        (
            experiment("b", "m", "b1", "range = [2499, 5000]"),
            "experiment \"b\": layer range [2499, 5000] overlaps [0, 2500] of \"a\";",
        ),
        (
            experiment("b", "m", "b1", "salt = \"other\", range = [5000, 10000]"),
            "experiment \"b\": layer salt \"other\" differs from \"m\" of \"a\";",
        ),
        (
            parse(&LEAST.replace("unit = \"user\"", "unit = \"card\"\nlayer = { range = [5000, 6000] }")),
            "experiment \"least\": unit \"card\" differs from \"user\" of \"a\";",
        ),
    ];
    for (later, expected) in rows {
        let found = faults(&[a(), later]);
        let [fault] = found.as_slice() else { panic!("{expected}: {found:#?}") };
        assert!(fault.starts_with(expected), "{fault}");
    }
}

#[test]
fn a_layer_named_like_an_earlier_salt_is_found_too() {
    let found = faults(&[experiment("a", "m", "n", ""), experiment("b", "n", "b1", "")]);
    assert_eq!(
        found,
        ["experiment \"a\": salt \"n\" is that of the layer of model \"n\" too; choose another"]
    );
}

#[test]
fn all_conflicts_are_reported_at_once() {
    let twice = || experiment("a", "m", "a1", "");
    let found = faults(&[twice(), twice()]);
    assert_eq!(found.len(), 3, "{found:#?}");
}
