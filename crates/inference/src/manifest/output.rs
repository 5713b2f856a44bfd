//! What a manifest says of outputs.

use std::sync::Arc;

/// One `[[output]]`: a number that the model gives under a name.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// `name`: required; the alphabet of the model's own name, and not `event_id` or `error`, which stand beside
    /// outputs where files are scored.
    pub name: Arc<str>,
    /// `kind` and what belongs to it.
    pub kind: OutputKind,
}

/// What an output is made of.
#[derive(Clone, Debug, PartialEq)]
pub enum OutputKind {
    /// `kind = "value"` (the default): a probability, a mean, a raw score: what the artifact computes.
    Value {
        /// `of`: which of the artifact's outputs, by name or by class label: `"probabilities[1]"`, `"1"`, `"setosa"`;
        /// `serin model check` lists them. Default: the next one in the artifact's order.
        of: Option<Arc<str>>,
        /// `calibration`: a function of the value that makes a probability of it. Default none.
        calibration: Option<Calibration>,
    },
    /// `kind = "class"`: the class as a number.
    ///
    /// Outputs are numbers, in events and in reports. So a class whose labels are numbers is the label; of other
    /// labels it is the place in the list, from 0, and the manifest is where the list is kept.
    Class {
        /// `of`: the outputs of kind `value` that it decides between, in the order of `labels`. Default: all of
        /// them, in order.
        of: Vec<Arc<str>>,
        /// `threshold`: of a single output: the class is the second one where the value is at least this, else the
        /// first. Without it the class with the largest value wins, the first of equals.
        threshold: Option<f64>,
        /// `labels`: a label for each class: numbers or texts. Default 0, 1, 2, ….
        labels: Labels,
    },
}

/// The labels of classes.
#[derive(Clone, Debug, PartialEq)]
pub enum Labels {
    /// Their places.
    Places,
    /// Numbers, which are given as they are.
    Numbers(Vec<f64>),
    /// Texts, of which the place is given.
    Texts(Vec<Arc<str>>),
}

impl Labels {
    /// How many there are, where it is said.
    pub fn count(&self) -> Option<usize> {
        match self {
            Self::Places => None,
            Self::Numbers(labels) => Some(labels.len()),
            Self::Texts(labels) => Some(labels.len()),
        }
    }
}

/// A function that makes a probability of a score.
#[derive(Clone, Debug, PartialEq)]
pub enum Calibration {
    /// `{ platt = { a = …, b = … } }`: 1 / (1 + exp(a x + b)), as Platt wrote it ("Probabilistic outputs for support
    /// vector machines", 1999) and scikit-learn's `CalibratedClassifierCV(method="sigmoid")` has it in `a_` and `b_`;
    /// so `a` is negative where a higher score is a higher probability.
    Platt {
        /// The factor.
        a: f64,
        /// The summand.
        b: f64,
    },
    /// `{ isotonic = { x = […], y = […] } }`: straight lines between these points, flat beyond the first and the
    /// last: scikit-learn's `IsotonicRegression(out_of_bounds="clip")`, whose `X_thresholds_` and `y_thresholds_`
    /// they are.
    Isotonic {
        /// Scores, each larger than the one before; at most [`Calibration::POINTS_MAX`].
        x: Vec<f64>,
        /// What they become.
        y: Vec<f64>,
    },
}

impl Calibration {
    /// The most points of a table.
    pub const POINTS_MAX: usize = 65_536;
}
