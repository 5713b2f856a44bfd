//! What one metric sees of one event.

#[cfg(test)]
mod tests;

use std::time::Duration;

use events::{Outputs, Timestamp};
use experiment::{Absent, Quantity};

use crate::join::{Joined, Prediction};

/// Probabilities are held this far from 0 and 1 before their logarithm is taken, so that one confident mistake
/// does not weigh infinitely much: a loss of at most 34.5.
const PROBABILITY_MIN: f64 = 1e-15;

/// What a metric sees of one prediction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Observation {
    /// A value.
    Value(f64),
    /// No outcome came within the attribution window, and the metric excludes such events.
    Absent,
    /// The outcome is there, but is not 0 or 1 as the quantity needs it, or the model has no such output.
    Unusable,
}

/// Evaluates `quantity` on `prediction` and the outcomes of its event.
///
/// An outcome counts from the event's time up to `attribution` after it; one that happened before the event or
/// later than that is not this metric's. Of several facts of one metric about one event the earliest in that time
/// counts.
pub(crate) fn observe(
    quantity: &Quantity,
    (absent, attribution): (Absent, Option<Duration>),
    prediction: &Prediction,
    event: &Joined,
) -> Observation {
    let outcome = match quantity.outcome() {
        None => None,
        Some(name) => match find_outcome(name, attribution, prediction.occurred_at, event) {
            Some(value) => Some(value),
            None if absent == Absent::Zero => return Observation::Value(0.0),
            None => return Observation::Absent,
        },
    };
    value(quantity, &prediction.outputs, outcome).map_or(Observation::Unusable, Observation::Value)
}

fn find_outcome(name: &str, attribution: Option<Duration>, from: Timestamp, event: &Joined) -> Option<f64> {
    let until = attribution.map_or(Timestamp::MAX, |window| from.saturating_add_micros(micros(window)));
    let outcomes = event.outcomes.iter().filter(|each| each.metric == name);
    let in_time = outcomes.filter(|each| (from..=until).contains(&each.occurred_at));
    in_time.min_by_key(|each| (each.occurred_at, &each.id)).map(|outcome| outcome.value)
}

/// A duration in microseconds, held at the end of the range.
pub(crate) fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

fn value(quantity: &Quantity, outputs: &Outputs, outcome: Option<f64>) -> Option<f64> {
    let output = |name: &str| outputs.get(name);
    match quantity {
        Quantity::Outcome(_) => outcome,
        Quantity::Prediction(name) => output(name),
        Quantity::LogLoss { prediction, .. } => {
            let p = output(prediction)?.clamp(PROBABILITY_MIN, 1.0 - PROBABILITY_MIN);
            Some(if label(outcome?)? { -p.ln() } else { -(-p).ln_1p() })
        }
        Quantity::Brier { prediction, .. } => {
            let difference = output(prediction)? - f64::from(u8::from(label(outcome?)?));
            Some(difference * difference)
        }
        Quantity::Accuracy { prediction, threshold, .. } => {
            let says_yes = output(prediction)? >= *threshold;
            Some(f64::from(u8::from(says_yes == (outcome? != 0.0))))
        }
    }
}

/// An outcome that is yes or no.
#[expect(clippy::float_cmp, reason = "exactly 0 and 1 are labels; anything near them is not")]
fn label(value: f64) -> Option<bool> {
    if value == 0.0 { Some(false) } else { (value == 1.0).then_some(true) }
}
