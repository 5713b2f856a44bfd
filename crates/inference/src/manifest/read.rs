//! From text to a checked [`Manifest`]: every rule of the file is here and below.

mod inputs;
mod outputs;

use std::sync::Arc;

use experiment::Problems;

use self::inputs::{Defaults, read_inputs};
use self::outputs::read_outputs;
use super::section::{Section, describe};
use super::{
    Activation, Format, Golden, INPUTS_MAX, Iterations, LAYERS_MAX, Layer, Manifest, NAME_BYTES_MAX,
    OUTPUTS_MAX, Tensors, Trees,
};
use crate::error::{complete, shorten};

/// The formats that there are.
const FORMATS: [(&str, FormatWord); 4] = [
    ("safetensors", FormatWord::Safetensors),
    ("lightgbm", FormatWord::LightGbm),
    ("xgboost", FormatWord::XgBoost),
    ("onnx", FormatWord::Onnx),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum FormatWord {
    Safetensors,
    LightGbm,
    XgBoost,
    Onnx,
}

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
    let missing_value = section.number("missing_value");
    match format {
        // What else may be there depends on the format: where that is not known, nothing more can be said.
        None => drop(section),
        Some(_) => section.finish(),
    }

    let is_network = matches!(format, Some(Format::Safetensors { .. }));
    let defaults = Defaults { missing_value, is_network };
    let inputs = inputs.and_then(|inputs| read_inputs(inputs, defaults, problems));
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
    let word = section.require_text("format");
    let word = word.and_then(|word| section.lookup("format", &word, &FORMATS))?;
    match word {
        FormatWord::Safetensors => {
            let layers = section.take("layers");
            let tensors = section.take("tensors");
            let layers = read_layers(section, layers);
            let tensors = read_tensors(section, tensors, layers.as_deref());
            Some(Format::Safetensors { layers: layers?, tensors: tensors? })
        }
        FormatWord::LightGbm => Some(Format::LightGbm(trees(section))),
        FormatWord::XgBoost => Some(Format::XgBoost(trees(section))),
        FormatWord::Onnx => Some(Format::Onnx),
    }
}

fn trees(section: &mut Section<'_>) -> Trees {
    let iterations = section.take("iterations").and_then(|value| match &value {
        toml::Value::String(word) if word == "all" => Some(Iterations::All),
        toml::Value::String(word) if word == "best" => Some(Iterations::Best),
        toml::Value::Integer(number) if *number > 0 => u32::try_from(*number).ok().map(Iterations::First),
        _ => section.wrong_type("iterations", "\"all\", \"best\" or a number from 1", &value),
    });
    let raw_scores = section.flag("raw_scores").unwrap_or(false);
    Trees { iterations: iterations.unwrap_or_default(), raw_scores }
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

fn read_tensors(
    section: &mut Section<'_>,
    tensors: Option<toml::Value>,
    layers: Option<&[Layer]>,
) -> Option<Tensors> {
    let names = match tensors {
        None => return Some(Tensors::Prefix(String::new())),
        Some(toml::Value::String(prefix)) => return Some(Tensors::Prefix(prefix)),
        Some(toml::Value::Array(names)) => names,
        Some(other) => return section.wrong_type("tensors", "a text or an array of texts", &other),
    };
    let texts: Option<Vec<String>> = names.iter().map(|name| name.as_str().map(str::to_owned)).collect();
    let Some(texts) = texts else {
        section.fault("`tensors` must be a text, or texts");
        return None;
    };
    let linear = layers?.iter().filter(|layer| **layer == Layer::Linear).count();
    if texts.len() != linear {
        section.fault(format!("`tensors` has {} names for {linear} linear layers", texts.len()));
        return None;
    }
    Some(Tensors::Names(texts))
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
pub(super) fn identifier(section: &mut Section<'_>, key: &'static str) -> Option<Arc<str>> {
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

pub(super) fn table_or_fault(
    place: &str,
    value: toml::Value,
    problems: &mut Problems,
) -> Option<toml::Table> {
    match value {
        toml::Value::Table(table) => Some(table),
        other => {
            problems.push(place, format!("expected a table, found {}", describe(&other)));
            None
        }
    }
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
