//! The objective's line: its name, and what it needs to know.

use super::super::description::Prediction;
use super::super::transform::Transform;
use crate::error::shorten;

/// An objective.
pub(super) struct Objective {
    /// The whole line.
    pub(super) name: String,
    pub(super) transform: Transform,
    pub(super) prediction: Prediction,
}

impl Objective {
    /// Reads the line, if there is one: a model that was trained with a function of the user's own has none, and
    /// predicts margins.
    pub(super) fn parse(line: Option<&str>, margins: usize) -> Result<Self, String> {
        let line = line.unwrap_or("custom").trim();
        let mut words = line.split(' ').filter(|word| !word.is_empty());
        let name = words.next().unwrap_or_default();
        let parameters: Vec<_> = words.collect();
        let (transform, prediction, wanted) = parts(name, &parameters)?;
        match wanted {
            Some(wanted) if wanted != margins => {
                Err(format!("objective `{}` needs {wanted} trees an iteration, not {margins}", shorten(line)))
            }
            _ => Ok(Self { name: line.to_owned(), transform, prediction }),
        }
    }
}

/// The transform, the kind of prediction, and how many margins there must be. Aliases are those that LightGBM
/// takes.
fn parts(name: &str, parameters: &[&str]) -> Result<(Transform, Prediction, Option<usize>), String> {
    use Prediction::{Probabilities, Probability, Score, Value};
    let known: &[&str] = match name {
        "regression"
        | "regression_l2"
        | "l2"
        | "mean_squared_error"
        | "mse"
        | "l2_root"
        | "rmse"
        | "root_mean_squared_error"
        | "regression_l1"
        | "l1"
        | "mean_absolute_error"
        | "mae"
        | "mape"
        | "mean_absolute_percentage_error"
        | "fair"
        | "quantile" => &["sqrt"],
        "binary" => &["sigmoid"],
        "multiclass" | "softmax" => &["num_class"],
        "multiclassova" | "multiclass_ova" | "ova" | "ovr" => &["num_class", "sigmoid"],
        _ => &[],
    };
    if let Some(unknown) = parameters.iter().find(|word| !known.contains(&key(word))) {
        return Err(format!("objective `{name}`: `{}` is not known", shorten(unknown)));
    }
    let slope = || slope(parameters);
    Ok(match name {
        _ if known == ["sqrt"] => match parameters {
            [] => (Transform::Identity, Value, Some(1)),
            _ => (Transform::SignedSquare, Value, Some(1)),
        },
        "huber" => (Transform::Identity, Value, Some(1)),
        "poisson" | "gamma" | "tweedie" => (Transform::Exp, Value, Some(1)),
        "binary" => (Transform::Sigmoid { slope: slope()? }, Probability, Some(1)),
        "cross_entropy" | "xentropy" => (Transform::Sigmoid { slope: 1.0 }, Probability, Some(1)),
        "cross_entropy_lambda" | "xentlambda" => (Transform::LogOnePlusExp, Value, Some(1)),
        "multiclass" | "softmax" => (Transform::Softmax, Probabilities, Some(classes(parameters)?)),
        "multiclassova" | "multiclass_ova" | "ova" | "ovr" => {
            (Transform::Sigmoid { slope: slope()? }, Probability, Some(classes(parameters)?))
        }
        "lambdarank" | "rank_xendcg" | "xendcg" | "xe_ndcg" | "xe_ndcg_mart" | "xendcg_mart" => {
            (Transform::Identity, Score, Some(1))
        }
        "custom" | "none" | "null" | "na" => (Transform::Identity, Score, None),
        _ => return Err(format!("objective `{}` is not supported", shorten(name))),
    })
}

/// The name of a parameter, which may be a bare word.
fn key<'w>(word: &&'w str) -> &'w str {
    word.split_once(':').map_or(*word, |(key, _)| key)
}

fn value<'w>(parameters: &[&'w str], name: &str) -> Option<&'w str> {
    parameters.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix(':'))
}

fn slope(parameters: &[&str]) -> Result<f64, String> {
    let text = value(parameters, "sigmoid").ok_or("the objective does not say its `sigmoid`")?;
    let slope: Option<f64> = text.parse().ok().filter(|slope: &f64| slope.is_finite() && *slope > 0.0);
    slope.ok_or_else(|| format!("`sigmoid:{}`: expected a number above 0", shorten(text)))
}

fn classes(parameters: &[&str]) -> Result<usize, String> {
    let text = value(parameters, "num_class").ok_or("the objective does not say its `num_class`")?;
    text.parse().map_err(|_| format!("`num_class:{}`: expected a whole number", shorten(text)))
}
