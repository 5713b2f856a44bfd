//! The manifest `model.toml`: what a model reads, what it gives, and how to see that it was carried over whole.

mod input;
mod output;
mod read;
mod section;
#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use self::input::{Absence, Categories, DataType, Input, InputKind, StandIn};
pub use self::output::{Calibration, Labels, Output, OutputKind};

/// The name of the manifest in a model directory.
pub const MANIFEST_FILE: &str = "model.toml";

/// The most bytes of a manifest. A vocabulary of ten thousand words fits with room to spare.
pub const MANIFEST_BYTES_MAX: u64 = 1024 * 1024;
/// The most inputs.
pub const INPUTS_MAX: usize = 4_096;
/// The most columns that the inputs may encode to; a one-hot input has a column for each of its values.
pub const COLUMNS_MAX: usize = 16_384;
/// The most outputs.
pub const OUTPUTS_MAX: usize = 256;
/// The most layers, activations included.
pub const LAYERS_MAX: usize = 64;
/// The most bytes in a name: of the model, its version, an input or an output.
pub const NAME_BYTES_MAX: usize = 64;

/// What `model.toml` says, checked. Each field's page: meaning, unit, default, advice.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// `name`: the logical model, the same for all versions of it. Required; letters, digits, `.`, `_`, `-`, at
    /// most [`NAME_BYTES_MAX`] bytes. Name the question that it answers (`late`, `fraud`), not its method.
    pub name: Arc<str>,
    /// `version`: this version of the model; the same alphabet. Required. Never give one version to two
    /// artifacts: predictions on record are told apart by it.
    pub version: Arc<str>,
    /// `file`: the artifact, a plain file name in the directory of the manifest. Required.
    pub file: String,
    /// `sha256`: the digest of the artifact, 64 hexadecimal digits. Without it, none is checked. State it where
    /// directories are copied by tools that may mix versions.
    pub sha256: Option<String>,
    /// `format` and what belongs to it. Required.
    pub format: Format,
    /// `[[input]]`: what the model reads. At least one, at most [`INPUTS_MAX`], and [`COLUMNS_MAX`] columns once
    /// encoded. An artifact that names its columns has them fed by name, whatever the order here; the tensors of
    /// safetensors have no names, and there the order is that of the columns.
    pub inputs: Vec<Input>,
    /// `[[output]]`: what the model says, in order; at least one, at most [`OUTPUTS_MAX`]. Names are what reports
    /// and readers of predictions use, so all versions of a model have the same ones.
    pub outputs: Vec<Output>,
    /// `[golden]`: rows that the trainer scored. Absent: the model serves unproven, which `serin model check`
    /// warns of. Twenty rows that cover nulls and rare categories catch most of what goes wrong on the way
    /// from a notebook to a service.
    pub golden: Option<Golden>,
}

/// The format of the artifact.
#[derive(Clone, Debug, PartialEq)]
pub enum Format {
    /// `format = "safetensors"`: weights of a feed-forward network under the names that PyTorch gives them.
    Safetensors {
        /// `layers`: what the network does, in order, the first being `linear`. Required; at most
        /// [`LAYERS_MAX`].
        layers: Vec<Layer>,
        /// `tensors`: the prefix of the tensors' names. Layer `i` (activations count) has `<prefix>.<i>.weight`
        /// of shape `[out, in]` and, if it has a bias, `<prefix>.<i>.bias` of shape `[out]`. Default: empty, for
        /// the names `0.weight`, `0.bias` of a bare `torch.nn.Sequential`. Or a list with a name for each linear
        /// layer, `["fc1", "fc2"]`, for modules that are attributes of their own.
        tensors: Tensors,
    },
    /// `format = "lightgbm"`: the text that LightGBM's `save_model` writes.
    LightGbm(Trees),
    /// `format = "xgboost"`: the JSON or UBJSON that XGBoost's `save_model` writes; which one, its content tells.
    XgBoost(Trees),
    /// `format = "onnx"`: a graph.
    Onnx,
}

impl Format {
    /// The word in the manifest.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Safetensors { .. } => "safetensors",
            Self::LightGbm(_) => "lightgbm",
            Self::XgBoost(_) => "xgboost",
            Self::Onnx => "onnx",
        }
    }
}

/// What the tensors of linear layers are called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tensors {
    /// This, and the place of the layer among all layers.
    Prefix(String),
    /// These, one for each linear layer.
    Names(Vec<String>),
}

/// What is asked of an ensemble of trees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trees {
    /// `iterations`: how many rounds of boosting count: `"all"` (the default), `"best"`, which is what early
    /// stopping noted in the file, or a number from 1. The trainers' `predict` differ: LightGBM's and that of
    /// XGBoost's scikit-learn classes stop at the best one, that of an XGBoost `Booster` does not.
    pub iterations: Iterations,
    /// `raw_scores`: whether outputs are the sums of the leaves, before the objective makes probabilities or means
    /// of them. Default false. What a Platt `calibration` is usually fitted on.
    pub raw_scores: bool,
}

/// How many rounds of boosting count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Iterations {
    /// All that are in the file.
    #[default]
    All,
    /// Up to the best one, as the file says.
    Best,
    /// The first so many.
    First(u32),
}

/// A layer of a feed-forward network. The words are PyTorch's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// `linear`: weights times inputs plus bias; sizes are read from the tensors.
    Linear,
    /// Any of the activations, under its own word.
    Activation(Activation),
}

/// A function that a layer applies to its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// `relu`: max(x, 0); NaN stays NaN.
    Relu,
    /// `tanh`: hyperbolic tangent.
    Tanh,
    /// `gelu`: x Φ(x) with the exact normal distribution, `torch.nn.GELU()`.
    Gelu,
    /// `gelu_tanh`: its approximation by a hyperbolic tangent, `torch.nn.GELU(approximate="tanh")`.
    GeluTanh,
    /// `sigmoid`: 1 / (1 + exp(-x)), each output a probability of its own.
    Sigmoid,
    /// `softmax`: exp(x) over the sum of all outputs' exp(x), probabilities of exclusive classes.
    Softmax,
}

/// `[golden]`: rows with the outputs that the trainer computed for them.
#[derive(Clone, Debug, PartialEq)]
pub struct Golden {
    /// `file`: a plain file name in the directory of the manifest; a JSON object a line with `features`,
    /// `outputs` and, for people, `event_id`. Required.
    pub file: String,
    /// `tolerance`: the largest difference of an output, relative to the expected value where that is beyond 1. Default
    /// 1e-5, a hundred times the rounding of a 32-bit float near 1. Raise it only with the reason in mind.
    pub tolerance: f64,
}
