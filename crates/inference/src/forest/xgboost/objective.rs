//! The objective: what becomes of the margins, and of the score that they begin at.

use super::super::description::Prediction;
use super::super::document::{self, Value};
use super::super::transform::Transform;
use crate::error::shorten;

/// An objective.
pub(super) struct Objective {
    pub(super) name: String,
    pub(super) transform: Transform,
    pub(super) prediction: Prediction,
    /// The margins before the first tree.
    pub(super) start: Vec<f64>,
}

impl Objective {
    pub(super) fn read(
        objective: &Value,
        parameters: &Value,
        margins: usize,
        version: [usize; 3],
    ) -> Result<Self, String> {
        let name = objective.text("name")?;
        let (transform, prediction, link) = parts(name, version)?;
        if matches!(transform, Transform::SingleSoftmax | Transform::ArgMax) && margins < 2 {
            return Err(format!("objective `{name}` has {margins} class"));
        }
        let base = base(parameters.at("base_score")?, margins)?;
        let start: Vec<f64> = base.into_iter().map(|base| f64::from(link.margin(base))).collect();
        match start.iter().find(|margin| !margin.is_finite()) {
            None => Ok(Self { name: name.to_owned(), transform, prediction, start }),
            Some(bad) => {
                Err(format!("`base_score` {} is a margin of `{bad}`", parameters.at("base_score")?.quote()))
            }
        }
    }
}

/// What stands between a base score, which is on the scale of predictions, and the margin that it is.
#[derive(Clone, Copy)]
enum Link {
    Identity,
    Logit,
    Log,
}

impl Link {
    /// In 32 bits, as XGBoost computes it.
    fn margin(self, base: f32) -> f32 {
        const EDGE: f32 = 1e-6;
        match self {
            Self::Identity => base,
            Self::Logit => -(1.0 / base.clamp(EDGE, 1.0 - EDGE) - 1.0).ln(),
            Self::Log => base.ln(),
        }
    }
}

fn parts(name: &str, version: [usize; 3]) -> Result<(Transform, Prediction, Link), String> {
    use Prediction::{Class, Probabilities, Probability, Score, Value};
    Ok(match name {
        "reg:squarederror"
        | "reg:linear"
        | "reg:squaredlogerror"
        | "reg:pseudohubererror"
        | "reg:absoluteerror" => (Transform::Identity, Value, Link::Identity),
        // Since 3.4 XGBoost sorts them, so that they do not cross.
        "reg:quantileerror" if version >= [3, 4, 0] => (Transform::Sort, Value, Link::Identity),
        "reg:quantileerror" => (Transform::Identity, Value, Link::Identity),
        "reg:gamma" | "reg:tweedie" | "count:poisson" | "survival:cox" | "survival:aft" => {
            (Transform::SingleExp, Value, Link::Log)
        }
        "reg:logistic" | "binary:logistic" => (Transform::SingleSigmoid, Probability, Link::Logit),
        "binary:logitraw" => (Transform::Identity, Score, Link::Identity),
        "binary:hinge" => (Transform::Step, Class, Link::Identity),
        "multi:softprob" => (Transform::SingleSoftmax, Probabilities, Link::Identity),
        "multi:softmax" => (Transform::ArgMax, Class, Link::Identity),
        "rank:pairwise" | "rank:ndcg" | "rank:map" => (Transform::Identity, Score, Link::Identity),
        _ => return Err(format!("objective `{}` is not supported", shorten(name))),
    })
}

/// The base scores, one for each margin: written as a number, a text of a number, or (since 3.1) a text of an array
/// with one for all or one for each.
fn base(value: &Value, margins: usize) -> Result<Vec<f32>, String> {
    let numbers = match value {
        Value::Text(text) => document::parse(text.trim().replace('(', "[").replace(')', "]").as_bytes()).ok(),
        other => Some(other.clone()),
    };
    let numbers = match numbers {
        Some(Value::Number(number)) => vec![number],
        Some(Value::Numbers(numbers)) => numbers,
        _ => return Err(format!("`base_score` is {}, expected a number or an array of them", value.quote())),
    };
    #[expect(clippy::cast_possible_truncation, reason = "it is a 32-bit float in XGBoost")]
    let numbers: Vec<f32> = numbers.into_iter().map(|number| number as f32).collect();
    match numbers.as_slice() {
        [one] => Ok(vec![*one; margins]),
        many if many.len() == margins => Ok(numbers),
        many => Err(format!("`base_score` has {} numbers, expected 1 or {margins}", many.len())),
    }
}
