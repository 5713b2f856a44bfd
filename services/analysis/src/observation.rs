//! What one metric sees of one event.

#[cfg(test)]
mod tests;

use std::time::Duration;

use events::{Outputs, Timestamp};
use experiment::{Absent, Quantity};

use crate::join::{Joined, Prediction, Version};

/// Probabilities are held this far from 0 and 1 before their logarithm is taken, so that one confident mistake
/// does not weigh infinitely much: a loss of at most 34.5.
const PROBABILITY_MIN: f64 = 1e-15;

/// What a metric sees of one prediction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Observation {
    /// A value.
    Value(f64),
    /// Several facts about the unit: their sum, and how many of them are not zero.
    Several(f64, u32),
    /// No outcome came within the attribution window, and the metric excludes such events.
    Absent,
    /// The outcome is there, but is not 0 or 1 as the quantity needs it, or the model has no such output.
    Unusable,
}

/// What is asked of a prediction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'m> {
    pub(crate) of: &'m Quantity,
    pub(crate) absent: Absent,
    pub(crate) attribution: Option<Duration>,
    /// How far the outcomes may have come when a fact was read; later ones are too late.
    pub(crate) until: Timestamp,
}

impl Asked<'_> {
    /// Whether an outcome of this moment counts for a prediction of that one: from the event's time up to the
    /// attribution after it.
    pub(crate) fn is_in_time(&self, from: Timestamp, at: Timestamp) -> bool {
        let until =
            self.attribution.map_or(Timestamp::MAX, |window| from.saturating_add_micros(micros(window)));
        (from..=until).contains(&at)
    }
}

/// Evaluates a quantity on `prediction` and the outcomes of its event; where it has none, on those of its unit that fall
/// to this prediction.
///
/// An outcome that happened before the event or later than the attribution is not this metric's. Of several facts of one
/// metric about one event the earliest in that time counts, of those about a unit all do.
pub(crate) fn observe(
    asked: &Asked<'_>,
    prediction: &Prediction,
    event: &Joined,
    of_unit: &[Version],
) -> Observation {
    let quantity = asked.of;
    let outcome = match quantity.outcome() {
        None => None,
        Some(name) => match (find_outcome(name, asked, prediction.occurred_at, event), of_unit) {
            (Some(value), _) => Some(value),
            (None, [first, rest @ ..]) => match quantity {
                Quantity::Outcome(_) if !rest.is_empty() => return several(of_unit),
                _ => Some(first.value),
            },
            (None, []) if asked.absent == Absent::Zero => return Observation::Value(0.0),
            (None, []) => return Observation::Absent,
        },
    };
    value(quantity, &prediction.outputs, outcome).map_or(Observation::Unusable, Observation::Value)
}

fn several(facts: &[Version]) -> Observation {
    let happened = facts.iter().map(|fact| u32::from(fact.value != 0.0)).sum();
    Observation::Several(facts.iter().map(|fact| fact.value).sum(), happened)
}

fn find_outcome(name: &str, asked: &Asked<'_>, from: Timestamp, event: &Joined) -> Option<f64> {
    let facts = event.outcomes.iter().filter(|fact| fact.metric == name);
    let standing = facts.filter_map(|fact| Some((fact.standing(asked.until)?, &fact.id)));
    let in_time = standing.filter(|(version, _)| asked.is_in_time(from, version.occurred_at));
    in_time.min_by_key(|(version, id)| (version.occurred_at, *id)).map(|(version, _)| version.value)
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
