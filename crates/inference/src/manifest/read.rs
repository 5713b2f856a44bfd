//! From text to a checked [`Manifest`]: every rule of the file is here.

use std::collections::HashSet;
use std::sync::Arc;

use events::Value;
use experiment::Problems;

use super::section::{Section, as_number, describe};
use super::{
    Absence, Activation, COLUMNS_MAX, Categories, Format, Golden, INPUTS_MAX, Input, InputKind, LAYERS_MAX,
    Layer, Manifest, NAME_BYTES_MAX, OUTPUTS_MAX,
};
use crate::encoder::standardize;
use crate::error::{complete, shorten};

/// Formats that are on the way. They are refused by name, so that nobody searches for a typing error.
const FORMATS_PLANNED: [&str; 3] = ["lightgbm", "xgboost", "onnx"];

/// How far an output may be from its golden value, unless the manifest says otherwise.
const TOLERANCE_DEFAULT: f64 = 1e-5;

const LAYERS: [(&str, Layer); 7] = [
    ("linear", Layer::Linear),
    ("relu", Layer::Activation(Activation::Relu)),
    ("tanh", Layer::Activation(Activation::Tanh)),
    ("gelu", Layer::Activation(Activation::Gelu)),
    ("gelu_tanh", Layer::Activation(Activation::GeluTanh)),
    ("sigmoid", Layer::Activation(Activation::Sigmoid)),
    ("softmax", Layer::Activation(Activation::Softmax)),
];

impl Manifest {
    /// Reads the text of a `model.toml`; `place` is what its faults are reported under, usually the path.
    ///
    /// # Errors
    /// All faults of the text at once, each with its place, the value, and what would be right.
    pub fn parse(place: &str, text: &str) -> Result<Self, Problems> {
        let mut problems = Problems::new(place);
        match text.parse::<toml::Table>() {
            Ok(table) => {
                let manifest = read(table, &mut problems);
                complete(manifest, problems)
            }
            Err(error) => {
                let (place, message) = syntax(text, &error);
                problems.push(place, message);
                Err(problems)
            }
        }
    }
}

/// The place and the fault of a text that is not TOML.
fn syntax(text: &str, error: &toml::de::Error) -> (String, String) {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|char| *char != '\n').count() + 1;
    (format!("line {line}, column {column}"), error.message().replace('\n', "; "))
}

/// Reads all fields before it gives up on any, so that all faults are found.
fn read(table: toml::Table, problems: &mut Problems) -> Option<Manifest> {
    let mut section = Section::new(table, "manifest", problems);
    let name = identifier(&mut section, "name");
    let version = identifier(&mut section, "version");
    let format = format(&mut section);
    let file = file(&mut section);
    let sha256 = sha256(&mut section);
    let inputs = section.require_array("input", INPUTS_MAX);
    let outputs = section.require_array("output", OUTPUTS_MAX);
    let golden = section.take("golden");
    section.finish();

    let inputs = inputs.and_then(|inputs| read_inputs(inputs, problems));
    let outputs = outputs.and_then(|outputs| read_outputs(outputs, problems));
    let golden = golden.and_then(|golden| read_golden(golden, problems));
    Some(Manifest {
        name: name?,
        version: version?,
        file: file?,
        sha256,
        format: format?,
        inputs: inputs?,
        outputs: outputs?,
        golden,
    })
}

fn format(section: &mut Section<'_>) -> Option<Format> {
    let format = section.require_text("format");
    // Asked for in any case, so that these fields are known ones.
    let layers = section.take("layers");
    let tensors = section.text("tensors").unwrap_or_default();
    match format.as_deref()? {
        "safetensors" => Some(Format::Safetensors { layers: read_layers(section, layers)?, tensors }),
        planned if FORMATS_PLANNED.contains(&planned) => {
            section.fault(format!("`format`: \"{planned}\" is not implemented yet; \"safetensors\" is"));
            None
        }
        other => {
            section.fault(format!("`format` is \"{}\": expected \"safetensors\"", shorten(other)));
            None
        }
    }
}

fn read_layers(section: &mut Section<'_>, layers: Option<toml::Value>) -> Option<Vec<Layer>> {
    let words = match layers {
        Some(toml::Value::Array(words)) => words,
        Some(other) => return section.wrong_type("layers", "an array of words", &other),
        None => {
            section
                .fault("`layers` is missing: a safetensors file has weights, but not what to do with them");
            return None;
        }
    };
    if words.len() > LAYERS_MAX {
        section.fault(format!("`layers` has {} values; at most {LAYERS_MAX} are allowed", words.len()));
        return None;
    }
    let layers: Vec<_> = words
        .iter()
        .map(|word| match word {
            toml::Value::String(word) => section.lookup("layers", word, &LAYERS),
            other => section.wrong_type("layers", "a word", other),
        })
        .collect();
    if !matches!(layers.first(), Some(Some(Layer::Linear) | None)) {
        section.fault("`layers` must begin with \"linear\"");
    }
    layers.into_iter().collect()
}

fn file(section: &mut Section<'_>) -> Option<String> {
    let file = section.require_text("file")?;
    let plain = !file.is_empty() && file != "." && file != ".." && !file.contains(['/', '\\', '\0']);
    if !plain {
        section
            .fault(format!("`file` is \"{}\": expected the name of a file beside this one", shorten(&file)));
    }
    plain.then_some(file)
}

fn sha256(section: &mut Section<'_>) -> Option<String> {
    let digest = section.text("sha256")?.to_lowercase();
    if digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Some(digest);
    }
    section.fault(format!("`sha256` is \"{}\": expected 64 hexadecimal digits", shorten(&digest)));
    None
}

/// A name that can stand in topics, metrics and paths.
fn identifier(section: &mut Section<'_>, key: &'static str) -> Option<Arc<str>> {
    let name = section.require_text(key)?;
    let starts_well = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if starts_well && name.len() <= NAME_BYTES_MAX && name.bytes().all(legal) {
        return Some(name.into());
    }
    section.fault(format!(
        "`{key}` is \"{}\": expected 1 to {NAME_BYTES_MAX} letters, digits, `.`, `_` or `-`, a letter or digit first",
        shorten(&name),
    ));
    None
}

fn read_inputs(inputs: Vec<toml::Value>, problems: &mut Problems) -> Option<Vec<Input>> {
    let inputs: Vec<_> =
        inputs.into_iter().enumerate().map(|(at, input)| read_input(at + 1, input, problems)).collect();
    let inputs: Vec<Input> = inputs.into_iter().collect::<Option<_>>()?;
    let mut seen = HashSet::new();
    for (at, input) in inputs.iter().enumerate() {
        if !seen.insert((&input.feature, std::mem::discriminant(&input.kind))) {
            let place = format!("input {} \"{}\"", at + 1, input.feature);
            problems.push(place, "another input reads this feature as the same kind");
        }
    }
    let columns: usize = inputs.iter().map(Input::width).sum();
    if columns > COLUMNS_MAX {
        problems.push("inputs", format!("they have {columns} columns; at most {COLUMNS_MAX} are allowed"));
    }
    Some(inputs)
}

fn table_or_fault(place: &str, value: toml::Value, problems: &mut Problems) -> Option<toml::Table> {
    match value {
        toml::Value::Table(table) => Some(table),
        other => {
            problems.push(place, format!("expected a table, found {}", describe(&other)));
            None
        }
    }
}

fn read_input(number: usize, input: toml::Value, problems: &mut Problems) -> Option<Input> {
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
    let kind = match kind.as_deref()? {
        "number" => read_number(&mut section),
        "one_hot" => read_one_hot(&mut section),
        "ordinal" => read_ordinal(&mut section),
        other => {
            section.fault(format!(
                "`kind` is \"{}\": expected \"number\", \"one_hot\" or \"ordinal\"",
                shorten(other)
            ));
            // What else is in the table depends on the kind: nothing more can be said of it.
            return None;
        }
    };
    section.finish();
    Some(Input { feature: feature?.into(), kind: kind? })
}

fn read_number(section: &mut Section<'_>) -> Option<InputKind> {
    let fill = section.number("fill");
    let mean = section.number("mean").unwrap_or(0.0);
    let scale = section.number("scale").unwrap_or(1.0);
    if scale == 0.0 {
        section.fault("`scale` is 0, and values are divided by it; use 1 for a feature that never varies");
        return None;
    }
    if fill.is_some_and(|fill| standardize(fill, mean, scale).is_none()) {
        section.fault("`fill` is infinite after `mean` and `scale`, as a 32-bit float");
        return None;
    }
    Some(InputKind::Number { fill, mean, scale })
}

fn read_one_hot(section: &mut Section<'_>) -> Option<InputKind> {
    let words = [("refuse", Absence::Refuse), ("zeros", Absence::Zeros)];
    let values = read_categories(section);
    let unknown = section.word("unknown", &words).unwrap_or(Absence::Refuse);
    let missing = section.word("missing", &words).unwrap_or(Absence::Refuse);
    Some(InputKind::OneHot { values: values?, unknown, missing })
}

fn read_ordinal(section: &mut Section<'_>) -> Option<InputKind> {
    let values = read_categories(section);
    let unknown = stand_in(section, "unknown");
    let missing = stand_in(section, "missing");
    Some(InputKind::Ordinal { values: values?, unknown, missing })
}

/// The number that stands in for a category, or `None` where the event is refused.
fn stand_in(section: &mut Section<'_>, key: &'static str) -> Option<f32> {
    let value = section.take(key)?;
    match as_number(&value) {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the model computes with 32-bit floats; range checked"
        )]
        Some(number) if (number as f32).is_finite() => Some(number as f32),
        None if value.as_str() == Some("refuse") => None,
        _ => section.wrong_type(key, "a finite number or \"refuse\"", &value),
    }
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
    Some(Categories(categories))
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

fn read_outputs(outputs: Vec<toml::Value>, problems: &mut Problems) -> Option<Vec<Arc<str>>> {
    let names: Vec<_> =
        outputs.into_iter().enumerate().map(|(at, output)| read_output(at + 1, output, problems)).collect();
    let names: Vec<Arc<str>> = names.into_iter().collect::<Option<_>>()?;
    let mut seen = HashSet::new();
    for (at, name) in names.iter().enumerate() {
        if !seen.insert(name) {
            problems.push(format!("output {}", at + 1), format!("another output is named \"{name}\""));
        }
    }
    Some(names)
}

fn read_output(number: usize, output: toml::Value, problems: &mut Problems) -> Option<Arc<str>> {
    let place = format!("output {number}");
    let mut section = Section::new(table_or_fault(&place, output, problems)?, place, problems);
    let name = identifier(&mut section, "name");
    section.finish();
    name
}

fn read_golden(golden: toml::Value, problems: &mut Problems) -> Option<Golden> {
    let mut section = Section::new(table_or_fault("golden", golden, problems)?, "golden", problems);
    let file = file(&mut section);
    let tolerance = section.number("tolerance").unwrap_or(TOLERANCE_DEFAULT);
    if tolerance < 0.0 {
        section.fault(format!("`tolerance` is {tolerance}: expected 0 or more"));
    }
    section.finish();
    Some(Golden { file: file?, tolerance })
}
