//! `[[input]]`.

use std::collections::HashSet;
use std::sync::Arc;

use events::Value;
use experiment::Problems;

use super::table_or_fault;
use crate::encoder::standardize;
use crate::error::shorten;
use crate::manifest::section::{Section, as_number, describe};
use crate::manifest::{Absence, COLUMNS_MAX, Categories, DataType, Input, InputKind, StandIn};

/// What an input has where it says nothing.
#[derive(Clone, Copy)]
pub(super) struct Defaults {
    /// The manifest's own `missing_value`.
    pub(super) missing_value: Option<f64>,
    /// Whether the numbers are those of a network, which cannot be NaN.
    pub(super) is_network: bool,
}

type Reader = fn(&mut Section<'_>, Defaults) -> Option<InputKind>;

const KINDS: [(&str, Reader); 6] = [
    ("number", read_number),
    ("one_hot", read_one_hot),
    ("ordinal", |section, defaults| read_ordinal(section, defaults, StandIn::Refuse)),
    ("category", |section, defaults| read_ordinal(section, defaults, StandIn::Nan)),
    ("boolean", read_boolean),
    ("text", read_text),
];

const TYPES: [(&str, DataType); 4] = [
    ("double", DataType::Double),
    ("float", DataType::Float),
    ("int64", DataType::Int64),
    ("int32", DataType::Int32),
];

pub(super) fn read_inputs(
    inputs: Vec<toml::Value>,
    defaults: Defaults,
    problems: &mut Problems,
) -> Option<Vec<Input>> {
    let inputs: Vec<_> = inputs
        .into_iter()
        .enumerate()
        .map(|(at, input)| read_input(at + 1, input, defaults, problems))
        .collect();
    let inputs: Vec<Input> = inputs.into_iter().collect::<Option<_>>()?;
    let mut seen = HashSet::new();
    for (at, input) in inputs.iter().enumerate() {
        if !seen.insert((&input.feature, &input.column, std::mem::discriminant(&input.kind))) {
            let place = format!("input {} \"{}\"", at + 1, shorten(&input.feature));
            problems.push(place, "another input reads this feature as the same kind");
        }
    }
    let columns: usize = inputs.iter().map(Input::width).sum();
    if columns > COLUMNS_MAX {
        problems.push("inputs", format!("they have {columns} columns; at most {COLUMNS_MAX} are allowed"));
    }
    Some(inputs)
}

fn read_input(
    number: usize,
    input: toml::Value,
    defaults: Defaults,
    problems: &mut Problems,
) -> Option<Input> {
    let place = format!("input {number}");
    let mut section = Section::new(table_or_fault(&place, input, problems)?, place, problems);
    let feature = section.require_text("feature");
    if let Some(feature) = &feature {
        section.rename(format!("input {number} \"{}\"", shorten(feature)));
        if feature.is_empty() {
            section.fault("`feature` is empty");
        }
    }
    let kind = section.require_text("kind");
    // Where the kind is not known, neither is what else is in the table: nothing more can be said of it.
    let read = section.lookup("kind", kind.as_deref()?, &KINDS)?;
    let column = column(&mut section, defaults, kind.as_deref() == Some("one_hot"));
    let kind = read(&mut section, defaults);
    section.finish();
    Some(Input { feature: feature?.into(), column, kind: kind? })
}

fn column(section: &mut Section<'_>, defaults: Defaults, is_pattern: bool) -> Option<Arc<str>> {
    if defaults.is_network {
        // Not asked for, and so an unknown field where it is there.
        return None;
    }
    let column = section.text("column")?;
    if is_pattern && column.matches("{}").count() != 1 {
        section.fault(format!(
            "`column` is \"{}\": expected a pattern with one `{{}}` where the value stands, such as \"carrier={{}}\"",
            shorten(&column)
        ));
        return None;
    }
    Some(column.into())
}

fn read_number(section: &mut Section<'_>, defaults: Defaults) -> Option<InputKind> {
    let data_type = if defaults.is_network { None } else { section.word("type", &TYPES) };
    let is_whole = matches!(data_type, Some(DataType::Int32 | DataType::Int64));
    let default = if defaults.is_network || is_whole { StandIn::Refuse } else { StandIn::Nan };
    let fill = stand_in(section, "fill", default, defaults)?;
    let mean = section.number("mean").unwrap_or(0.0);
    let scale = section.number("scale").unwrap_or(1.0);
    let missing_value = section.number("missing_value").or(defaults.missing_value);
    if scale == 0.0 {
        section.fault("`scale` is 0, and values are divided by it; use 1 for a feature that never varies");
        return None;
    }
    if let StandIn::Number(fill) = fill
        && standardize(fill, mean, scale).is_none()
    {
        section.fault("`fill` is infinite after `mean` and `scale`, as a 32-bit float");
        return None;
    }
    Some(InputKind::Number { fill, mean, scale, missing_value, data_type })
}

fn read_boolean(section: &mut Section<'_>, defaults: Defaults) -> Option<InputKind> {
    let value = section.take("fill");
    let fill = match &value {
        None => StandIn::Refuse,
        Some(toml::Value::Boolean(flag)) => StandIn::Number(f64::from(u8::from(*flag))),
        Some(toml::Value::String(word)) if word == "refuse" => StandIn::Refuse,
        Some(toml::Value::String(word)) if word == "nan" && !defaults.is_network => StandIn::Nan,
        Some(other) => {
            return section.wrong_type("fill", "true, false, \"nan\" or \"refuse\"", other);
        }
    };
    Some(InputKind::Boolean { fill })
}

fn read_text(section: &mut Section<'_>, defaults: Defaults) -> Option<InputKind> {
    if defaults.is_network {
        section.fault("`kind` is \"text\": a network of safetensors reads numbers; \"one_hot\" makes some");
    }
    Some(InputKind::Text { fill: section.text("fill").map(Into::into) })
}

fn read_one_hot(section: &mut Section<'_>, defaults: Defaults) -> Option<InputKind> {
    let words = [("refuse", Absence::Refuse), ("zeros", Absence::Zeros), ("nan", Absence::Nan)];
    let words = if defaults.is_network { &words[..2] } else { &words };
    let values = read_categories(section);
    let unknown = section.word("unknown", words).unwrap_or(Absence::Refuse);
    let missing = section.word("missing", words).unwrap_or(Absence::Refuse);
    Some(InputKind::OneHot { values: values?, unknown, missing })
}

fn read_ordinal(section: &mut Section<'_>, defaults: Defaults, default: StandIn) -> Option<InputKind> {
    if defaults.is_network && default == StandIn::Nan {
        section
            .fault("`kind` is \"category\": a network of safetensors cannot read NaN; \"ordinal\" has none");
    }
    let values = read_categories(section);
    let unknown = stand_in(section, "unknown", default, defaults);
    let missing = stand_in(section, "missing", default, defaults);
    Some(InputKind::Ordinal { values: values?, unknown: unknown?, missing: missing? })
}

/// What stands in for a value; `None` where what is written cannot.
fn stand_in(
    section: &mut Section<'_>,
    key: &'static str,
    default: StandIn,
    defaults: Defaults,
) -> Option<StandIn> {
    let Some(value) = section.take(key) else { return Some(default) };
    let is_fit = |number: f64| if defaults.is_network { fits_float(number) } else { number.is_finite() };
    match (as_number(&value), value.as_str()) {
        (Some(number), _) if is_fit(number) => Some(StandIn::Number(number)),
        (_, Some("refuse")) => Some(StandIn::Refuse),
        (_, Some("nan")) if !defaults.is_network => Some(StandIn::Nan),
        _ if defaults.is_network => section.wrong_type(key, "a finite number or \"refuse\"", &value),
        _ => section.wrong_type(key, "a finite number, \"nan\" or \"refuse\"", &value),
    }
}

fn fits_float(number: f64) -> bool {
    number.abs() <= f64::from(f32::MAX)
}

fn read_categories(section: &mut Section<'_>) -> Option<Categories> {
    let values = section.require_array("values", COLUMNS_MAX)?;
    let categories: Option<Vec<Value>> = values.iter().map(category).collect();
    let same_type = categories.filter(|categories| {
        let first = std::mem::discriminant(&categories[0]);
        categories.iter().all(|category| std::mem::discriminant(category) == first)
    });
    let Some(categories) = same_type else {
        section.fault("`values` must be all texts, all finite numbers or all truth values");
        return None;
    };
    let mut seen = HashSet::new();
    // By what the value means: 1 and 1.0 are one category.
    let twice = categories.iter().position(|category| !seen.insert(format!("{category:?}")));
    if let Some(at) = twice {
        section.fault(format!("`values` has {} twice", describe(&values[at])));
        return None;
    }
    Some(Categories::new(categories))
}

fn category(value: &toml::Value) -> Option<Value> {
    match value {
        toml::Value::String(text) => Some(Value::Text(text.into())),
        toml::Value::Boolean(flag) => Some(Value::Bool(*flag)),
        other => {
            as_number(other).filter(|number| number.is_finite()).map(|number| Value::Number(number + 0.0))
        }
    }
}
