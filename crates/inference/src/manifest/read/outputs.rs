//! `[[output]]`.

use std::collections::HashSet;
use std::sync::Arc;

use experiment::Problems;

use super::{identifier, table_or_fault};
use crate::error::{closest, shorten};
use crate::manifest::output::Labels;
use crate::manifest::section::{Section, as_number};
use crate::manifest::{Calibration, OUTPUTS_MAX, Output, OutputKind};

/// What stands beside the outputs of an event where files are scored.
const TAKEN: [&str; 2] = ["event_id", "error"];

pub(super) fn read_outputs(outputs: Vec<toml::Value>, problems: &mut Problems) -> Option<Vec<Output>> {
    let outputs: Vec<_> =
        outputs.into_iter().enumerate().map(|(at, output)| read_output(at + 1, output, problems)).collect();
    let outputs: Vec<Output> = outputs.into_iter().collect::<Option<_>>()?;
    let mut seen = HashSet::new();
    for (at, Output { name, .. }) in outputs.iter().enumerate() {
        if !seen.insert(name) {
            problems.push(format!("output {}", at + 1), format!("another output is named \"{name}\""));
        }
    }
    check_classes(&outputs, problems);
    Some(outputs)
}

fn read_output(number: usize, output: toml::Value, problems: &mut Problems) -> Option<Output> {
    let place = format!("output {number}");
    let mut section = Section::new(table_or_fault(&place, output, problems)?, place, problems);
    let name = identifier(&mut section, "name");
    if let Some(taken) = name.as_deref().filter(|name| TAKEN.contains(name)) {
        section.fault(format!("`name` is \"{taken}\": that name is taken in files of scores"));
    }
    let kind = match section.text("kind").as_deref() {
        None | Some("value") => read_value(&mut section),
        Some("class") => read_class(&mut section),
        Some(other) => {
            let other = shorten(other);
            section.fault(format!("`kind` is \"{other}\": expected \"value\" or \"class\""));
            return None;
        }
    };
    section.finish();
    Some(Output { name: name?, kind: kind? })
}

fn read_value(section: &mut Section<'_>) -> Option<OutputKind> {
    let of = section.take("of").map(|of| match of {
        toml::Value::String(of) => Some(of.into()),
        // A label that is a number is written as one.
        toml::Value::Integer(of) => Some(of.to_string().into()),
        other => section.wrong_type("of", "the name of an output of the artifact", &other),
    });
    let calibration = section.take("calibration").map(|value| read_calibration(section, value));
    Some(OutputKind::Value { of: transpose(of)?, calibration: transpose(calibration)? })
}

/// `None` where something is there and faulty.
#[expect(clippy::option_option, reason = "what is absent, what is faulty and what is there are three things")]
fn transpose<T>(value: Option<Option<T>>) -> Option<Option<T>> {
    match value {
        None => Some(None),
        Some(value) => value.map(Some),
    }
}

fn read_calibration(section: &mut Section<'_>, value: toml::Value) -> Option<Calibration> {
    let table = match value {
        toml::Value::Table(table) => table,
        other => return section.wrong_type("calibration", "a table", &other),
    };
    let mut entries = table.into_iter();
    match (entries.next(), entries.next()) {
        (Some((kind, toml::Value::Table(table))), None) if kind == "platt" => read_platt(section, &table),
        (Some((kind, toml::Value::Table(table))), None) if kind == "isotonic" => {
            read_isotonic(section, &table)
        }
        _ => {
            section.fault(
                "`calibration`: expected { platt = { a = …, b = … } } or { isotonic = { x = […], y = […] } }",
            );
            None
        }
    }
}

fn read_platt(section: &mut Section<'_>, table: &toml::Table) -> Option<Calibration> {
    let number = |key: &str| table.get(key).and_then(as_number).filter(|number| number.is_finite());
    match (number("a"), number("b"), table.len()) {
        (Some(a), Some(b), 2) => Some(Calibration::Platt { a, b }),
        _ => {
            section.fault("`calibration.platt`: expected the finite numbers `a` and `b`, and nothing else");
            None
        }
    }
}

fn read_isotonic(section: &mut Section<'_>, table: &toml::Table) -> Option<Calibration> {
    let numbers = |key: &str| -> Option<Vec<f64>> {
        let values = table.get(key)?.as_array()?;
        values.iter().map(|value| as_number(value).filter(|number| number.is_finite())).collect()
    };
    let (Some(x), Some(y), 2) = (numbers("x"), numbers("y"), table.len()) else {
        section
            .fault("`calibration.isotonic`: expected arrays of finite numbers `x` and `y`, and nothing else");
        return None;
    };
    let is_rising = x.windows(2).all(|pair| pair[0] < pair[1]);
    if x.is_empty() || x.len() != y.len() || !is_rising || x.len() > Calibration::POINTS_MAX {
        section.fault(format!(
            "`calibration.isotonic`: `x` has {} numbers and `y` {}: expected as many of each, from 1 to {}, and each \
             of `x` larger than the one before",
            x.len(),
            y.len(),
            Calibration::POINTS_MAX
        ));
        return None;
    }
    Some(Calibration::Isotonic { x, y })
}

fn read_class(section: &mut Section<'_>) -> Option<OutputKind> {
    let of = match section.take("of") {
        None => Vec::new(),
        Some(toml::Value::String(name)) => vec![name.into()],
        Some(toml::Value::Array(names)) => {
            let texts: Option<Vec<Arc<str>>> =
                names.iter().map(|name| name.as_str().map(Into::into)).collect();
            let Some(texts) = texts else {
                section.fault("`of`: expected names of outputs");
                return None;
            };
            texts
        }
        Some(other) => return section.wrong_type("of", "names of outputs", &other),
    };
    let threshold = section.number("threshold");
    let labels = read_labels(section)?;
    Some(OutputKind::Class { of, threshold, labels })
}

fn read_labels(section: &mut Section<'_>) -> Option<Labels> {
    let values = match section.take("labels") {
        None => return Some(Labels::Places),
        Some(toml::Value::Array(values)) if (2..=OUTPUTS_MAX).contains(&values.len()) => values,
        Some(other) => return section.wrong_type("labels", "an array of 2 labels or more", &other),
    };
    let numbers: Option<Vec<f64>> =
        values.iter().map(|value| as_number(value).filter(|number| number.is_finite())).collect();
    if let Some(numbers) = numbers {
        return Some(Labels::Numbers(numbers));
    }
    let texts: Option<Vec<Arc<str>>> = values.iter().map(|value| value.as_str().map(Into::into)).collect();
    if texts.is_none() {
        section.fault("`labels` must be all finite numbers or all texts");
    }
    texts.map(Labels::Texts)
}

/// What classes and the values that they decide between ask of each other.
fn check_classes(outputs: &[Output], problems: &mut Problems) {
    let values: Vec<&str> = outputs
        .iter()
        .filter(|output| matches!(output.kind, OutputKind::Value { .. }))
        .map(|output| &*output.name)
        .collect();
    for (at, output) in outputs.iter().enumerate() {
        let OutputKind::Class { of, threshold, labels } = &output.kind else { continue };
        let place = format!("output {} \"{}\"", at + 1, output.name);
        for name in of.iter().filter(|name| !values.contains(&&***name)) {
            let meant = closest(name, values.iter().copied());
            let meant = meant.map(|meant| format!("; did you mean \"{meant}\"?")).unwrap_or_default();
            problems.push(
                &place,
                format!("`of`: no output of kind \"value\" is named \"{}\"{meant}", shorten(name)),
            );
        }
        let count = if of.is_empty() { values.len() } else { of.len() };
        let classes = match (threshold, count) {
            (Some(_), 1) => 2,
            (Some(_), count) => {
                problems.push(&place, format!("`threshold` is for a single output, and `of` has {count}"));
                continue;
            }
            (None, 0 | 1) => {
                let message =
                    "`threshold` is missing: with a single output, it says where the second class begins";
                problems.push(&place, message);
                continue;
            }
            (None, count) => count,
        };
        if let Some(labels) = labels.count().filter(|labels| *labels != classes) {
            problems.push(&place, format!("`labels` has {labels} labels for {classes} classes"));
        }
    }
}
