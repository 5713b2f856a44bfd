//! Drafts for safetensors: layers from the names and shapes of tensors, inputs from `preprocessing.json`.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::write::{category, identifier, number, quoted};
use super::{Drafter, fault, unnamed};
use crate::error::{LoadError, shorten};
use crate::manifest::{COLUMNS_MAX, LAYERS_MAX};
use crate::package::beside::Preprocessing;

/// The words of layers that are no weights.
const ACTIVATIONS: [&str; 6] = ["relu", "tanh", "gelu", "gelu_tanh", "sigmoid", "softmax"];

/// What the header says of a tensor.
#[derive(Debug, Deserialize)]
struct Tensor {
    shape: Vec<usize>,
}

/// A linear layer.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Linear {
    /// What its tensors are called before `.weight` and `.bias`.
    name: String,
    inputs: usize,
    outputs: usize,
}

impl Drafter<'_> {
    /// Layers, inputs and outputs of a network.
    pub(super) fn network(&mut self) -> Result<(), LoadError> {
        let layers = chain(linears(&self.found.bytes).map_err(|message| fault(&self.found.path, message))?);
        let layers = layers.map_err(|message| fault(&self.found.path, message))?;
        let (first, last) = (&layers[0], &layers[layers.len() - 1]);
        let (columns, outputs) = (first.inputs, last.outputs);
        self.notes.push(format!(
            "safetensors: {} linear layers from {columns} columns to {outputs} outputs",
            layers.len()
        ));
        self.layers(&layers);
        match self.beside.preprocessing.take() {
            Some(preprocessing) => {
                let encoded = preprocessing.columns();
                if encoded != columns {
                    let message = format!(
                        "preprocessing.json makes {encoded} columns, but the first layer reads {columns}"
                    );
                    return Err(fault(&self.found.path, message));
                }
                self.prepared(&preprocessing)?;
            }
            None => self.placeholders(columns),
        }
        let made_up = if outputs == 1 {
            vec!["prediction".to_owned()]
        } else {
            (0..outputs).map(|at| format!("output_{at}")).collect()
        };
        for name in self.output_names(&made_up) {
            self.writer.table("output");
            self.writer.field("name", &quoted(&name));
        }
        Ok(())
    }

    /// `layers` and `tensors`.
    fn layers(&mut self, layers: &[Linear]) {
        let words = self.architecture(layers.len());
        self.writer.list("layers", &words.iter().map(|word| quoted(word)).collect::<Vec<_>>());
        match prefix(layers, &words) {
            Some(prefix) if prefix.is_empty() => {}
            Some(prefix) => self.writer.field("tensors", &quoted(prefix)),
            None => {
                let names: Vec<_> = layers.iter().map(|layer| quoted(&layer.name)).collect();
                self.writer.list("tensors", &names);
            }
        }
    }

    /// The words of all layers: those that are said, or else the usual ones, and then a person is asked.
    fn architecture(&mut self, linear: usize) -> Vec<String> {
        let said = self.beside.preprocessing.as_ref().and_then(|said| said.architecture.as_deref());
        if let Some(words) = said.and_then(|said| words(said, linear)) {
            return words;
        }
        self.open.push(
            "which activations are between the layers: safetensors hold weights alone, and `layers` has a guess"
                .to_owned(),
        );
        let mut words = vec!["linear".to_owned()];
        for _ in 1..linear {
            words.extend(["relu".to_owned(), "linear".to_owned()]);
        }
        words.push("sigmoid".to_owned());
        words
    }

    /// The inputs that `preprocessing.json` describes.
    fn prepared(&mut self, preprocessing: &Preprocessing) -> Result<(), LoadError> {
        for numeric in &preprocessing.numeric {
            self.writer.table("input");
            self.writer.field("feature", &quoted(&numeric.name));
            self.writer.field("kind", "\"number\"");
            let fields = [("fill", numeric.fill), ("mean", numeric.mean), ("scale", numeric.scale)];
            for (key, value) in fields.into_iter().filter_map(|(key, value)| Some((key, value?))) {
                self.writer.field(key, &number(value));
            }
        }
        for categorical in &preprocessing.categorical {
            let values: Option<Vec<_>> = categorical.one_hot.iter().map(category).collect();
            let values = values.ok_or_else(|| {
                let name = shorten(&categorical.name);
                fault(
                    &self.found.path,
                    format!("preprocessing.json: \"{name}\" has a value that is no category"),
                )
            })?;
            self.writer.table("input");
            self.writer.field("feature", &quoted(&categorical.name));
            self.writer.field("kind", "\"one_hot\"");
            self.writer.list("values", &values);
            self.writer.field("unknown", "\"zeros\"");
            self.writer.field("missing", "\"zeros\"");
        }
        Ok(())
    }

    fn placeholders(&mut self, columns: usize) {
        let names: Vec<_> = (0..columns.min(COLUMNS_MAX)).map(|at| format!("column_{at}").into()).collect();
        self.open.push(unnamed(&names));
        for name in &names {
            self.writer.table("input");
            self.writer.field("feature", &quoted(name));
            self.writer.field("kind", "\"number\"");
        }
    }
}

impl Preprocessing {
    fn columns(&self) -> usize {
        self.numeric.len() + self.categorical.iter().map(|each| each.one_hot.len()).sum::<usize>()
    }
}

/// The words of an architecture, if it has as many linear layers as the file.
fn words(said: &str, linear: usize) -> Option<Vec<String>> {
    let said = said.rsplit(':').next().unwrap_or_default();
    let words: Vec<_> =
        said.split([',', ' ', '\n']).filter(|word| !word.is_empty()).map(str::to_lowercase).collect();
    let is_known = |word: &String| word == "linear" || ACTIVATIONS.contains(&word.as_str());
    let fits = words.iter().filter(|word| *word == "linear").count() == linear
        && words.first().is_some_and(|word| word == "linear")
        && words.iter().all(is_known)
        && words.len() <= LAYERS_MAX;
    fits.then_some(words)
}

/// The prefix under which each layer's number is its place among all layers, activations included.
fn prefix<'l>(layers: &'l [Linear], words: &[String]) -> Option<&'l str> {
    let places = words.iter().enumerate().filter(|(_, word)| *word == "linear").map(|(place, _)| place);
    let split = |layer: &'l Linear| layer.name.rsplit_once('.').unwrap_or(("", &layer.name));
    let (prefix, _) = split(&layers[0]);
    let is_so = |(layer, place): (&'l Linear, usize)| split(layer) == (prefix, place.to_string().as_str());
    layers.iter().zip(places).all(is_so).then_some(prefix)
}

/// The linear layers of a file, in the order of their names, numbers in them counting as such.
fn linears(bytes: &[u8]) -> Result<Vec<Linear>, String> {
    let header = bytes
        .split_first_chunk()
        .and_then(|(length, rest)| rest.get(..usize::try_from(u64::from_le_bytes(*length)).ok()?));
    let header: BTreeMap<String, serde_json::Value> =
        serde_json::from_slice(header.unwrap_or_default()).map_err(|error| format!("its header: {error}"))?;
    let mut layers = Vec::new();
    for (name, value) in header.into_iter().filter(|(name, _)| name != "__metadata__") {
        let tensor: Tensor = serde_json::from_value(value).map_err(|error| format!("its header: {error}"))?;
        match (name.strip_suffix(".weight"), name.ends_with(".bias"), tensor.shape.as_slice()) {
            (Some(layer), _, [outputs, inputs]) if *outputs > 0 && *inputs > 0 => {
                layers.push(Linear { name: layer.to_owned(), inputs: *inputs, outputs: *outputs });
            }
            (None, true, [_]) => {}
            (_, _, shape) => {
                let name = shorten(&name);
                return Err(format!(
                    "tensor `{name}` of shape {shape:?} is no weight or bias of a linear layer: other networks are \
                     read from ONNX"
                ));
            }
        }
    }
    if layers.is_empty() || layers.len() > LAYERS_MAX / 2 {
        return Err(format!("it has {} linear layers, expected 1 to {}", layers.len(), LAYERS_MAX / 2));
    }
    layers.sort_by_key(|layer| natural(&layer.name));
    Ok(layers)
}

/// A name as a person sorts it: `layer.10` after `layer.9`.
fn natural(name: &str) -> Vec<(u64, String)> {
    let steps = name.split(['.', '_']);
    steps
        .map(|step| {
            let digits = step.trim_start_matches(|c: char| !c.is_ascii_digit());
            (digits.parse().unwrap_or(0), identifier(step))
        })
        .collect()
}

/// The layers in an order in which each reads what the one before gives: that of their names where it will do, else
/// the only one there is.
fn chain(layers: Vec<Linear>) -> Result<Vec<Linear>, String> {
    let fits = |layers: &[Linear]| layers.windows(2).all(|pair| pair[0].outputs == pair[1].inputs);
    if fits(&layers) {
        return Ok(layers);
    }
    let is_first =
        |layer: &&Linear| layers.iter().all(|other| other == *layer || other.outputs != layer.inputs);
    let mut ordered: Vec<Linear> = layers.iter().filter(is_first).take(1).cloned().collect();
    while let Some(next) = ordered.last().and_then(|last| {
        let mut next = layers.iter().filter(|layer| layer.inputs == last.outputs && !ordered.contains(layer));
        next.next().filter(|_| next.next().is_none())
    }) {
        ordered.push(next.clone());
    }
    if ordered.len() == layers.len() {
        return Ok(ordered);
    }
    let told: Vec<_> = layers
        .iter()
        .map(|layer| format!("`{}` from {} to {}", shorten(&layer.name), layer.inputs, layer.outputs))
        .collect();
    Err(format!("its linear layers do not follow each other: {}", told.join(", ")))
}
