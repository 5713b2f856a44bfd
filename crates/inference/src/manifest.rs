//! The manifest `model.toml`: what a model reads, what it gives, and how to see that it was carried over whole.

mod read;
mod section;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use events::Value;

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
    /// `[[input]]`: the columns that the model reads, in its order. At least one, at most [`INPUTS_MAX`], and
    /// [`COLUMNS_MAX`] columns once encoded.
    pub inputs: Vec<Input>,
    /// `[[output]]`: a `name` for each output of the last layer, in order; at most [`OUTPUTS_MAX`]. Names are
    /// what reports and readers of predictions use, so all versions of a model have the same ones.
    pub outputs: Vec<Arc<str>>,
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
        /// the names `0.weight`, `0.bias` of a bare `torch.nn.Sequential`.
        tensors: String,
    },
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

/// One `[[input]]`: a feature, and how the model reads it.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    /// `feature`: its name in the events. Required. A feature may feed several inputs of different kinds.
    pub feature: Arc<str>,
    /// `kind` and what belongs to it. Required.
    pub kind: InputKind,
}

impl Input {
    /// How many columns the input encodes to.
    pub fn width(&self) -> usize {
        match &self.kind {
            InputKind::Number { .. } | InputKind::Ordinal { .. } => 1,
            InputKind::OneHot { values, .. } => values.len(),
        }
    }
}

/// How a model reads a feature.
#[derive(Clone, Debug, PartialEq)]
pub enum InputKind {
    /// `kind = "number"`: one column, (value - mean) / scale. True is 1, false is 0; text is refused even where
    /// it spells a number, since a producer that changes a type has changed more than that.
    Number {
        /// `fill`: stands in for a missing value (absent, null, NaN), in the feature's own unit. Default: none,
        /// and a missing value refuses the event. Use what training used, usually the median.
        fill: Option<f64>,
        /// `mean`: subtracted first, in the feature's own unit. Default 0.
        mean: f64,
        /// `scale`: divided by, in the feature's own unit; not 0. Default 1. With `mean`, scikit-learn's
        /// `StandardScaler`.
        scale: f64,
    },
    /// `kind = "one_hot"`: a column for each value, 1 where the feature has it, else 0.
    OneHot {
        /// `values`: the categories in the order of the columns: all texts, all numbers or all truth values.
        /// A feature of another type is refused, so `7` never passes for `"7"`. Required.
        values: Categories,
        /// `unknown`: what becomes of a category outside `values`: `"refuse"` (the default) or `"zeros"`. Say
        /// `"zeros"` where new categories are ordinary, such as shops or airports.
        unknown: Absence,
        /// `missing`: what becomes of an event without the feature: `"refuse"` (the default) or `"zeros"`.
        missing: Absence,
    },
    /// `kind = "ordinal"`: one column, the place of the category in `values`, from 0.
    Ordinal {
        /// `values`: as for `one_hot`.
        values: Categories,
        /// `unknown`: the number for a category outside `values`, or `"refuse"` (the default). scikit-learn's
        /// `unknown_value`, often -1.
        unknown: Option<f32>,
        /// `missing`: the number for an event without the feature, or `"refuse"` (the default).
        missing: Option<f32>,
    },
}

/// What becomes of a one-hot feature that has none of the model's categories.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absence {
    /// The event is refused.
    Refuse,
    /// All columns are zero.
    Zeros,
}

/// Categories of one type, each once.
#[derive(Clone, Debug, PartialEq)]
pub struct Categories(Vec<Value>);

impl Categories {
    /// The categories, in order: all texts, all numbers or all truth values.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Value> {
        self.0.iter()
    }

    /// How many there are; at least one.
    #[expect(clippy::len_without_is_empty, reason = "there is always one")]
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

/// `[golden]`: rows with the outputs that the trainer computed for them.
#[derive(Clone, Debug, PartialEq)]
pub struct Golden {
    /// `file`: a plain file name in the directory of the manifest; a JSON object a line with `features`,
    /// `outputs` and, for people, `event_id`. Required.
    pub file: String,
    /// `tolerance`: the largest absolute difference of an output. Default 1e-5, a hundred times the rounding of
    /// a 32-bit float near 1. Raise it only with the reason in mind.
    pub tolerance: f64,
}
