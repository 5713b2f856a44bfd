//! Written to checked: targeting rules.

use toml::{Table, Value};

use super::{Condition, Rule, Values};
use crate::{
    Problem,
    definition::{
        limits,
        section::{Section, finite_number, shown},
    },
};

/// Reads `[[targeting]]` tables. Rules with a fault are missing from the result.
pub(crate) fn read_rules(tables: &[&Table]) -> (Vec<Rule>, Vec<Problem>) {
    let mut problems = Vec::new();
    let mut rules = Vec::new();
    for (index, table) in tables.iter().enumerate() {
        let mut section = Section::new(format!("targeting {}", index + 1), table);
        rules.extend(read_rule(&mut section));
        problems.extend(section.finish(&[]));
    }
    (rules, problems)
}

fn read_rule(section: &mut Section<'_>) -> Option<Rule> {
    section.require(&[("field", "name a field of the events' context, for example \"country\"")]);
    let field = section.label("field", limits::LABEL_BYTES);
    let within = section.value("in").map(|value| values(section, "in", value));
    let without = section.value("not_in").map(|value| values(section, "not_in", value));
    let between = read_between(section);
    let condition = match (within, without, between) {
        (Some(values), None, None) => Condition::In(values?),
        (None, Some(values), None) => Condition::NotIn(values?),
        (None, None, Some(between)) => between?,
        _ => {
            section.fault("a rule has exactly one of `in`, `not_in`, or `min` and `max`");
            return None;
        }
    };
    Some(Rule { field: field?.into(), condition })
}

/// `min` and `max`: outer nothing if neither is there, inner nothing if one is wrong.
fn read_between(section: &mut Section<'_>) -> Option<Option<Condition>> {
    let (min, max) = (section.number("min"), section.number("max"));
    let (has_min, has_max) = (section.has("min"), section.has("max"));
    if !has_min && !has_max {
        return None;
    }
    if (has_min && min.is_none()) || (has_max && max.is_none()) {
        return Some(None);
    }
    let (min, max) = (min.unwrap_or(f64::NEG_INFINITY), max.unwrap_or(f64::INFINITY));
    if min > max {
        section.fault(format!("`min` is {min}, more than `max`, which is {max}; no number would hold"));
        return Some(None);
    }
    Some(Some(Condition::Between { min, max }))
}

fn values(section: &mut Section<'_>, field: &str, value: &Value) -> Option<Values> {
    let listed = value.as_array().filter(|array| (1..=limits::MAX_VALUES).contains(&array.len()));
    let Some(array) = listed else {
        let most = limits::MAX_VALUES;
        section.fault(format!("`{field}` is {}; it must be a list of 1 to {most} values", shown(value)));
        return None;
    };
    let values = texts(array).or_else(|| numbers(array)).or_else(|| bools(array));
    if values.is_none() {
        let most = limits::VALUE_BYTES;
        section.fault(format!(
            "`{field}` is {}; its values must be all texts (at most {most} bytes), all finite numbers or all booleans",
            shown(value)
        ));
    }
    values
}

fn texts(array: &[Value]) -> Option<Values> {
    let text =
        |value: &Value| value.as_str().filter(|text| text.len() <= limits::VALUE_BYTES).map(Into::into);
    array.iter().map(text).collect::<Option<_>>().map(Values::Texts)
}

fn numbers(array: &[Value]) -> Option<Values> {
    array.iter().map(finite_number).collect::<Option<_>>().map(Values::Numbers)
}

fn bools(array: &[Value]) -> Option<Values> {
    array.iter().map(Value::as_bool).collect::<Option<_>>().map(Values::Bools)
}
