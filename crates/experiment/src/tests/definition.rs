//! What a definition says, and every way to get it wrong.

use std::time::Duration;

use super::{LEAST, WHOLE, edit, faults, parse};
use crate::{Correction, Decision, Experiment, Method, MetricRole, Quantity, limits};

const DAY: Duration = Duration::from_secs(86_400);

#[test]
fn a_whole_definition_is_read() {
    let experiment = parse(WHOLE);
    assert_eq!((experiment.name.as_str(), experiment.model.as_str()), ("fraud-13", "fraud"));
    assert_eq!((experiment.unit.as_str(), experiment.salt.as_str()), ("card", "fraud-13.1"));
    assert_eq!(experiment.coverage.get(), 200);
    assert_eq!(experiment.start.unwrap().to_string(), "2026-12-01T00:00:00Z");
    assert_eq!(experiment.exposure_window, 14 * DAY);
    assert_eq!((experiment.layer.salt.as_str(), experiment.layer.range.clone()), ("fraud-layer", 0..5000));
    assert_eq!(experiment.targeting.len(), 2);
    let arms: Vec<_> =
        experiment.arms.iter().map(|arm| (&*arm.name, &*arm.version, arm.weight.get())).collect();
    assert_eq!(arms, [("control", "12", 5000), ("canary", "13", 5000)]);
    let roles: Vec<_> = experiment.metrics.iter().map(|metric| metric.role).collect();
    assert_eq!(roles, [MetricRole::Primary, MetricRole::Guardrail { margin: 0.005 }, MetricRole::Secondary]);
    assert_eq!(experiment.metrics[0].of, Quantity::Outcome("loss".into()));
    assert_eq!(experiment.metrics[0].attribution, Some(30 * DAY));
    assert_eq!(experiment.metrics[1].attribution, None);
    let decision = &experiment.decision;
    assert_eq!((decision.alpha, decision.correction), (0.01, Correction::BenjaminiHochberg));
    assert_eq!((decision.method, decision.minimum_units), (Method::Fixed, 500));
}

#[test]
fn what_is_left_out_has_its_default() {
    let experiment = parse(LEAST);
    let expected = Decision {
        method: Method::AlwaysValid,
        alpha: 0.05,
        correction: Correction::Holm,
        minimum_units: 100,
        planned_units: 5_000,
        look_every: Duration::from_secs(3_600),
        maximum_fallbacks: 0.01,
    };
    assert_eq!(experiment.decision, expected);
    assert!(experiment.rollout.is_empty());
    assert_eq!((experiment.layer.salt.as_str(), experiment.layer.range.clone()), ("m", 0..10_000));
    assert_eq!((experiment.start, experiment.targeting.len()), (None, 0));
}

#[test]
fn a_live_decision_and_a_rollout_are_read() {
    let live =
        "method = \"always-valid\"\nplanned_units = 20000\nlook_every = \"1d\"\nmaximum_fallbacks = 0.05";
    let steps = "\n[rollout]\nsteps = [0.02, 0.10, 0.50, 1.00]\n";
    let experiment = parse(&(edit(WHOLE, "method = \"fixed\"", live) + steps));
    let Decision { method, planned_units, look_every, maximum_fallbacks, .. } = experiment.decision;
    assert_eq!((method, planned_units, look_every), (Method::AlwaysValid, 20_000, DAY));
    assert!((maximum_fallbacks - 0.05).abs() < 1e-12);
    let steps: Vec<_> = experiment.rollout.iter().map(|step| step.get()).collect();
    assert_eq!(steps, [200, 1_000, 5_000, 10_000]);
}

#[test]
fn all_faults_are_reported_at_once() {
    let text = edit(WHOLE, "hypothesis =", "hypotesis =");
    let text = edit(&text, "name = \"canary\"\nversion = \"13\"\n", "name = \"canary\"\n");
    let text = edit(
        &text,
        "kind = \"ratio\"\nof = \"prediction.approved\"",
        "kind = \"proportion\"\nof = \"prediction.approved\"",
    );
    let text = edit(&text, "margin = 0.005", "margin = 5");
    let problems = Experiment::parse("experiments/fraud-13/experiment.toml", &text).unwrap_err();
    let expected = "\
experiments/fraud-13/experiment.toml: 3 problems
  arm \"canary\": `version` is missing; give the version of the model that serves this arm
  metric \"approval\": `margin` is for guardrails on the scale of the metric; 5 is more than the whole range 0..1
  experiment: unknown field `hypotesis`; did you mean `hypothesis`?";
    assert_eq!(problems.to_string(), expected);
}

/// What is replaced in the whole definition, and the one fault that comes of it.
#[test]
fn each_fault_has_its_place_and_what_would_be_right() {
    let rows = [
        ("name = \"fraud-13\"", "name = \"fraud 13\"", "experiment: `name`: \"fraud 13\" is not a name;"),
        ("name = \"fraud-13\"", "name = \"\"", "experiment: `name`: a name cannot be empty"),
        ("name = \"fraud-13\"", "name = 13", "experiment: `name` is 13; it must be a text in quotes"),
        ("name = \"fraud-13\"\n", "", "experiment: `name` is missing; name the change that is tried"),
        ("unit = \"card\"\n", "", "experiment: `unit` is missing;"),
        ("salt = \"fraud-13.1\"", "salt = \"\"", "experiment: `salt`: a salt cannot be empty"),
        ("salt = \"fraud-13.1\"", "salt = \"a\\u0000b\"", "experiment: `salt`: a salt cannot contain NUL"),
        (
            "salt = \"fraud-13.1\"",
            "salt = \"fraud-layer\"",
            "experiment: `salt` is \"fraud-layer\", and so is the layer's",
        ),
        ("coverage = 0.02", "coverage = 0", "experiment: `coverage` is 0; nobody would take part"),
        ("coverage = 0.02", "coverage = 1.5", "experiment: `coverage`: `1.5` is not a share between 0 and 1"),
        ("coverage = 0.02", "coverage = nan", "experiment: `coverage` is nan; it must be a finite number"),
        (
            "coverage = 0.02",
            "coverage = 0.00015",
            "experiment: `coverage`: `0.00015` is finer than a basis point",
        ),
        (
            "coverage = 0.02",
            "coverage = 0.0001",
            "experiment: `coverage`: coverage 0.01 % leaves arm \"control\"",
        ),
        (
            "coverage = 0.02",
            "coverage = \"2 %\"",
            "experiment: `coverage` is \"2 %\"; it must be a finite number",
        ),
        (
            "2026-12-01T00:00:00Z",
            "2026-12-01",
            "experiment: `start` is 2026-12-01; it must be a date-time with an offset",
        ),
        (
            "2026-12-01T00:00:00Z",
            "2026-12-01T00:00:00",
            "experiment: `start` is 2026-12-01T00:00:00; it must be",
        ),
        (
            "2026-12-01T00:00:00Z",
            "\"now\"",
            "experiment: `start` is \"now\"; it must be a date-time with an offset",
        ),
        ("\"14d\"", "\"14 days\"", "experiment: `exposure_window`: \"14 days\" is not a duration;"),
        ("\"14d\"", "\"0d\"", "experiment: `exposure_window` is \"0d\"; it must be above zero"),
        ("\"14d\"", "\"367d\"", "experiment: `exposure_window` is \"367d\"; at most \"366d\" is allowed"),
        ("\"14d\"", "14", "experiment: `exposure_window` is 14; it must be a text in quotes"),
        ("[0, 5000]", "[5000, 5000]", "layer: `range` is [5000, 5000]; it must be two whole numbers"),
        ("[0, 5000]", "[0, 10001]", "layer: `range` is [0, 10001];"),
        ("[0, 5000]", "[0.5, 1.0]", "layer: `range` is [0.5, 1.0];"),
        ("[0, 5000]", "[0, 1, 2]", "layer: `range` is [0, 1, 2];"),
        ("range = [0, 5000]", "rnage = [0, 5000]", "layer: unknown field `rnage`; did you mean `range`?"),
        (
            "name = \"canary\"",
            "name = \"control\"",
            "experiment: two arms are called \"control\"; names must differ",
        ),
        ("version = \"13\"", "version = 13", "arm \"canary\": `version` is 13; it must be a text in quotes"),
        (
            "weight = 5000",
            "weight = 4000",
            "experiment: the arms' weights sum to 9000; they must sum to 10000",
        ),
        (
            "weight = 5000",
            "weight = 0",
            "arm \"control\": `weight` is 0; it must be from 1 to 9999 basis points",
        ),
        ("weight = 5000", "weight = -1", "arm \"control\": `weight` is -1;"),
        ("weight = 5000", "weight = 0.5", "arm \"control\": `weight` is 0.5; it must be a whole number"),
        ("weight = 5000", "wieght = 5000", "arm \"control\": unknown field `wieght`; did you mean `weight`?"),
        (
            "method = \"fixed\"",
            "method = \"group-sequential\"",
            "decision: `method` is \"group-sequential\", which is not implemented yet;",
        ),
        (
            "method = \"fixed\"",
            "method = \"fixd\"",
            "decision: `method` is \"fixd\"; did you mean \"fixed\"?",
        ),
        ("alpha = 0.01", "alpha = 0", "decision: `alpha` is 0; it must be above 0 and below 0.5"),
        ("alpha = 0.01", "alpha = 5", "decision: `alpha` is 5;"),
        (
            "\"benjamini-hochberg\"",
            "\"bonferroni\"",
            "decision: `correction` is \"bonferroni\"; it can be \"holm\", \"benjamini-hochberg\" or \"none\"",
        ),
        (
            "minimum_units = 500",
            "minimum_units = 1",
            "decision: `minimum_units` is 1; it must be from 2 to 1000000000",
        ),
        ("minimum_units = 500", "minimum_units = -5", "decision: `minimum_units` is -5;"),
        (
            "minimum_units = 500",
            "planned_units = 1",
            "decision: `planned_units` is 1; it must be from 2 to 1000000000",
        ),
        (
            "minimum_units = 500",
            "look_every = \"0s\"",
            "decision: `look_every` is \"0s\"; it must be above zero",
        ),
        (
            "minimum_units = 500",
            "maximum_fallbacks = 1.5",
            "decision: `maximum_fallbacks` is 1.5; it must be a share from 0 to 1",
        ),
        ("[decision]", "[rollout]\n[decision]", "rollout: `steps` is missing; give the coverages"),
        ("[decision]", "[rollout]\nsteps = []\n[decision]", "rollout: `steps` is []; it must be 1 to 20"),
        ("[decision]", "[rollout]\nsteps = [0.0]\n[decision]", "rollout: `steps` is [0.0]; it must be"),
        (
            "[decision]",
            "[rollout]\nsteps = [0.1, 0.02]\n[decision]",
            "rollout: `steps` is [0.1, 0.02]; it must be 1 to 20 coverages above 0 up to 1, each larger",
        ),
        (
            "unit = \"card\"",
            "unit = \"card\"\npre_window = \"7d\"",
            "experiment: `pre_window` is not implemented yet;",
        ),
        (
            "unit = \"card\"",
            "unit = \"card\"\ncolour = 1",
            "experiment: unknown field `colour`; the fields here are `name`,",
        ),
        (
            "[layer]\nsalt = \"fraud-layer\"\nrange = [0, 5000]",
            "layer = 7",
            "experiment: `layer` is 7; it must be a table, `[layer]`",
        ),
    ];
    for (from, to, expected) in rows {
        let faults = faults(&edit(WHOLE, from, to));
        let [fault] = faults.as_slice() else { panic!("{from} -> {to}: {faults:#?}") };
        assert!(fault.starts_with(expected), "{from} -> {to}: {fault}");
    }
}

#[test]
fn counts_are_limited() {
    let one = "arm = [{ name = \"a\", version = \"1\", weight = 10000 }]";
    let two = "arm = [{ name = \"a\", version = \"1\", weight = 5000 }, { name = \"b\", version = \"2\", weight = 5000 }]";
    assert_eq!(
        faults(&edit(LEAST, two, one)),
        ["experiment: there must be 2 to 10 arms, the control first; here are 1"]
    );
    assert_eq!(
        faults(&edit(LEAST, two, "arm = []")),
        ["experiment: there must be 2 to 10 arms, the control first; here are 0"]
    );
    let eleven: Vec<_> = (0..11)
        .map(|index| {
            format!(
                "{{ name = \"{index}\", version = \"1\", weight = {} }}",
                if index == 0 { 1000 } else { 900 }
            )
        })
        .collect();
    let eleven = format!("arm = [{}]", eleven.join(", "));
    assert_eq!(
        faults(&edit(LEAST, two, &eleven)),
        ["experiment: there must be 2 to 10 arms, the control first; here are 11"]
    );
    let metric =
        "{ name = \"x\", role = \"primary\", kind = \"mean\", of = \"prediction.x\", better = \"higher\" }";
    let many: Vec<_> =
        (0..=limits::MAX_METRICS).map(|index| edit(metric, "\"x\"", &format!("\"x{index}\""))).collect();
    assert_eq!(
        faults(&edit(LEAST, metric, &many.join(", "))),
        ["experiment: there must be 1 to 50 metrics; here are 51"]
    );
    let rule = "{ field = \"a\", min = 1 }, ".repeat(limits::MAX_RULES + 1);
    assert_eq!(
        faults(&format!("targeting = [{rule}]{LEAST}")),
        ["experiment: `targeting` has 21 rules, at most 20 are allowed"]
    );
}

#[test]
fn a_file_that_is_too_large_is_refused() {
    let padding = "#".repeat(limits::FILE_BYTES - LEAST.len());
    parse(&format!("{LEAST}{padding}"));
    assert_eq!(faults(&format!("{LEAST}{padding}#")), ["file: has 65537 bytes, at most 65536 are allowed"]);
}

#[test]
fn broken_syntax_is_reported_with_its_line() {
    let found = faults("name = \"x\"\nmodel = \n[layer\nsalt = \"a\"\n");
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(found.iter().any(|fault| fault.starts_with("line 2: ")), "{found:#?}");
    assert!(found.iter().any(|fault| fault.starts_with("line 3: ")), "{found:#?}");
    let twice = faults("name = \"x\"\nname = \"y\"\n");
    assert_eq!(twice, ["line 2: duplicate key"]);
}

#[test]
fn an_empty_file_misses_every_required_field() {
    let found = faults("");
    assert_eq!(found.len(), 9);
    assert!(found.iter().all(|fault| fault.contains(" is missing; ")), "{found:#?}");
}

proptest::proptest! {
    /// Whatever is written, the answer is an experiment or at least one fault; never both, never a panic.
    #[test]
    fn any_text_is_read_or_faulted(text in "[ -~\n]{0,200}", at in 0_usize..900, cut in 0_usize..60) {
        let mut broken = WHOLE.to_owned();
        let end = (at + cut).min(broken.len());
        broken.replace_range(at.min(end)..end, &text);
        for text in [&text, &broken] {
            if let Err(problems) = Experiment::parse("x", text) {
                proptest::prop_assert!(!problems.problems.is_empty());
            }
        }
    }
}
