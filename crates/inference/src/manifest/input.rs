//! What a manifest says of inputs.

use std::sync::Arc;

use events::Value;

/// One `[[input]]`: a feature, and how the model reads it.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    /// `feature`: its name in the events. Required. A feature may feed several inputs of different kinds.
    pub feature: Arc<str>,
    /// `column`: the artifact's column that it feeds, where that has another name. Default: the name of the
    /// feature. Of a `one_hot` it is a pattern in which `{}` stands for the value; default `<feature>={}`. Columns
    /// of an artifact without names are called as its library calls them: `Column_0` in LightGBM, `f0` in XGBoost.
    /// Not for safetensors, which have no columns to name.
    pub column: Option<Arc<str>>,
    /// `kind` and what belongs to it. Required.
    pub kind: InputKind,
}

impl Input {
    /// How many columns the input encodes to.
    pub fn width(&self) -> usize {
        match &self.kind {
            InputKind::OneHot { values, .. } => values.len(),
            _ => 1,
        }
    }
}

/// How a model reads a feature.
#[derive(Clone, Debug, PartialEq)]
pub enum InputKind {
    /// `kind = "number"`: one column, (value - mean) / scale. True is 1, false is 0; text is refused even where
    /// it spells a number, since a producer that changes a type has changed more than that.
    Number {
        /// `fill`: stands in for a missing value (absent, null, NaN), in the feature's own unit: a number,
        /// `"nan"`, or `"refuse"`, which refuses the event. Default: `"nan"` where the artifact knows what to do
        /// with it, which trees and ONNX do; `"refuse"` for safetensors and for columns of whole numbers. Use what
        /// training used, usually the median.
        fill: StandIn,
        /// `mean`: subtracted first, in the feature's own unit. Default 0.
        mean: f64,
        /// `scale`: divided by, in the feature's own unit; not 0. Default 1. With `mean`, scikit-learn's
        /// `StandardScaler`.
        scale: f64,
        /// `missing_value`: a number that means missing too, such as -999. Default: that of the manifest, which
        /// has none by default. XGBoost's scikit-learn classes take one as `missing`, and do not write it down.
        missing_value: Option<f64>,
        /// `type`: what the trainer held the value in: `"double"`, `"float"`, `"int64"` or `"int32"`. A float is
        /// rounded first, which decides on which side of a threshold it falls; a number with a fraction is refused
        /// where whole ones are read. Default: the type of the artifact's column, and `"double"` where it has none.
        data_type: Option<DataType>,
    },
    /// `kind = "boolean"`: one column, 1 or 0. Truth values, and the numbers 1 and 0, are read.
    Boolean {
        /// `fill`: for a missing value: `true`, `false`, `"nan"`, or `"refuse"` (the default).
        fill: StandIn,
    },
    /// `kind = "one_hot"`: a column for each value, 1 where the feature has it, else 0.
    OneHot {
        /// `values`: the categories in the order of the columns: all texts, all numbers or all truth values.
        /// A feature of another type is refused, so `7` never passes for `"7"`. Required.
        values: Categories,
        /// `unknown`: what becomes of a category outside `values`: `"refuse"` (the default), `"zeros"` or `"nan"`.
        /// Say `"zeros"` where new categories are ordinary, such as shops or airports.
        unknown: Absence,
        /// `missing`: what becomes of an event without the feature: as for `unknown`.
        missing: Absence,
    },
    /// `kind = "ordinal"`: one column, the place of the category in `values`, from 0.
    ///
    /// `kind = "category"` is the same with another default, for the categories of tree ensembles: what is unknown
    /// or missing is `"nan"`, which LightGBM sends to the right, as it does in training.
    Ordinal {
        /// `values`: as for `one_hot`.
        values: Categories,
        /// `unknown`: the number for a category outside `values`, `"nan"`, or `"refuse"` (the default). scikit-learn's
        /// `unknown_value`, often -1.
        unknown: StandIn,
        /// `missing`: the same for an event without the feature.
        missing: StandIn,
    },
    /// `kind = "text"`: a column of text, which ONNX graphs have.
    Text {
        /// `fill`: the text for an event without the feature. Default: none, and the event is refused. Of what
        /// skl2onnx writes, `""` is what a missing text becomes.
        fill: Option<Arc<str>>,
    },
}

/// What a number is held in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataType {
    /// 64-bit float.
    Double,
    /// 32-bit float.
    Float,
    /// 64-bit whole number, up to 2^53 either way.
    Int64,
    /// 32-bit whole number.
    Int32,
}

/// What stands in for a value that a model has none for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum StandIn {
    /// Nothing: the event is refused.
    Refuse,
    /// NaN, which trees and ONNX graphs read as missing.
    Nan,
    /// A number.
    Number(f64),
}

/// What becomes of a one-hot feature that has none of the model's categories.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absence {
    /// The event is refused.
    Refuse,
    /// All columns are zero.
    Zeros,
    /// All columns are NaN.
    Nan,
}

/// Categories of one type, each once.
#[derive(Clone, Debug, PartialEq)]
pub struct Categories(Vec<Value>);

impl Categories {
    /// Categories that the reader of the manifest has checked.
    pub(super) fn new(values: Vec<Value>) -> Self {
        Self(values)
    }

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
