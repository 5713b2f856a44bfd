//! Targeting: which rules hold, and every way to get one wrong.

use super::{LEAST, faults, parse};
use crate::{Condition, ContextValue, Rule, Values};

fn rule(fields: &str) -> Rule {
    parse(&format!("targeting = [{{ field = \"f\", {fields} }}]{LEAST}")).targeting[0].clone()
}

#[test]
fn rules_hold_or_not() {
    use ContextValue::{Bool, Number, Text};
    let rows = [
        ("in = [\"FR\", \"IT\"]", Some(Text("FR")), true),
        ("in = [\"FR\", \"IT\"]", Some(Text("fr")), false),
        ("in = [\"FR\"]", Some(Number(1.0)), false),
        ("in = [\"FR\"]", None, false),
        ("in = [\"\"]", Some(Text("")), true),
        ("in = [1, 2.5]", Some(Number(1.0)), true),
        ("in = [1, 2.5]", Some(Number(2.5)), true),
        ("in = [1, 2.5]", Some(Number(f64::NAN)), false),
        ("in = [0]", Some(Number(-0.0)), true),
        ("in = [1]", Some(Text("1")), false),
        ("in = [true]", Some(Bool(true)), true),
        ("in = [true]", Some(Bool(false)), false),
        ("not_in = [\"US\"]", Some(Text("FR")), true),
        ("not_in = [\"US\"]", Some(Text("US")), false),
        ("not_in = [\"US\"]", None, false),
        ("not_in = [\"US\"]", Some(Bool(true)), false),
        ("not_in = [1]", Some(Number(f64::NAN)), false),
        ("min = 10", Some(Number(10.0)), true),
        ("min = 10", Some(Number(9.99)), false),
        ("min = 10", Some(Number(f64::INFINITY)), true),
        ("max = 10", Some(Number(10.0)), true),
        ("max = 10", Some(Number(10.01)), false),
        ("min = 1, max = 2", Some(Number(1.5)), true),
        ("min = 1, max = 1", Some(Number(1.0)), true),
        ("min = 1", Some(Number(f64::NAN)), false),
        ("min = 1", Some(Text("5")), false),
        ("min = 1", None, false),
    ];
    for (fields, value, expected) in rows {
        assert_eq!(rule(fields).holds(value), expected, "{fields} {value:?}");
    }
}

#[test]
fn all_rules_must_hold() {
    let experiment = parse(&format!(
        "targeting = [{{ field = \"country\", in = [\"FR\"] }}, {{ field = \"amount\", max = 5 }}]{LEAST}"
    ));
    let takes_part = |country: &'static str, amount: f64| {
        let context = |field: &str| match field {
            "country" => Some(ContextValue::Text(country)),
            "amount" => Some(ContextValue::Number(amount)),
            _ => None,
        };
        experiment.assign("unit", context).is_some()
    };
    assert!(takes_part("FR", 5.0));
    assert!(!takes_part("FR", 6.0));
    assert!(!takes_part("IT", 5.0));
}

#[test]
fn open_ends_are_infinite() {
    assert_eq!(rule("min = 3").condition, Condition::Between { min: 3.0, max: f64::INFINITY });
    assert_eq!(rule("in = [3]").condition, Condition::In(Values::Numbers(vec![3.0])));
}

#[test]
fn each_fault_has_its_place_and_what_would_be_right() {
    let long = format!("field = \"f\", in = [\"{}\"]", "x".repeat(257));
    let many = format!("field = \"f\", in = [{}]", "1, ".repeat(1_001));
    let rows = [
        ("in = [\"a\"]", "`field` is missing; name a field of the events' context"),
        ("field = \"\", in = [\"a\"]", "`field` is empty"),
        ("field = \"f\"", "a rule has exactly one of `in`, `not_in`, or `min` and `max`"),
        ("field = \"f\", in = [\"a\"], min = 1", "a rule has exactly one of"),
        ("field = \"f\", in = [\"a\"], not_in = [\"b\"]", "a rule has exactly one of"),
        ("field = \"f\", in = []", "`in` is []; it must be a list of 1 to 1000 values"),
        ("field = \"f\", in = \"a\"", "`in` is \"a\"; it must be a list of 1 to 1000 values"),
        ("field = \"f\", not_in = [\"a\", 1]", "`not_in` is [\"a\", 1]; its values must be all texts"),
        ("field = \"f\", in = [inf]", "`in` is [inf]; its values must be all texts"),
        ("field = \"f\", in = [9007199254740993]", "`in` is [9007199254740993]; its values must be"),
        ("field = \"f\", min = 2, max = 1", "`min` is 2, more than `max`, which is 1;"),
        ("field = \"f\", min = \"2\"", "`min` is \"2\"; it must be a finite number"),
        (&long, "`in` is [\"xxx"),
        (&many, "`in` is [1, 1"),
    ];
    for (fields, expected) in rows {
        let found = faults(&format!("targeting = [{{ {fields} }}]{LEAST}"));
        let [fault] = found.as_slice() else { panic!("{fields}: {found:#?}") };
        assert!(fault.starts_with(&format!("targeting 1: {expected}")), "{fields}: {fault}");
        assert!(fault.chars().count() < 300, "{fault}");
    }
    let found = faults(&format!("targeting = [{{ field = \"f\", inn = [1] }}]{LEAST}"));
    assert!(found.contains(&"targeting 1: unknown field `inn`; did you mean `in`?".to_owned()), "{found:#?}");
}
