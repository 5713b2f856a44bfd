//! Outcome events: what happened after a prediction.

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use crate::{Timestamp, Unit};

/// What an outcome is about; it is joined by this.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// Every prediction for this event.
    Event(CompactString),
    /// One prediction.
    Prediction(CompactString),
    /// Every prediction for this unit within the metric's attribution window.
    Unit(Unit),
}

/// One measured fact about one subject.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(into = "WrittenOutcome", try_from = "WrittenOutcome")]
pub struct OutcomeEvent {
    /// Identifies the fact: a second record with this id replaces the first if its revision is higher, and is a
    /// duplicate otherwise.
    pub outcome_id: CompactString,
    /// What it is about.
    pub subject: Subject,
    /// What was measured, in the user's own word: `late`, `chargeback`, `revenue`.
    pub metric: CompactString,
    /// The measured value; finite.
    pub value: f64,
    /// When it happened or became known.
    pub occurred_at: Timestamp,
    /// Counts corrections of one fact, from 0.
    pub revision: u64,
}

/// The flat form on the wire: exactly one of the three ids is set.
#[derive(Clone, Serialize, Deserialize)]
struct WrittenOutcome {
    outcome_id: CompactString,
    #[serde(default)]
    event_id: Option<CompactString>,
    #[serde(default)]
    prediction_id: Option<CompactString>,
    #[serde(default)]
    unit: Option<Unit>,
    metric: CompactString,
    value: f64,
    occurred_at: Timestamp,
    #[serde(default, with = "crate::count")]
    revision: u64,
}

impl From<OutcomeEvent> for WrittenOutcome {
    fn from(outcome: OutcomeEvent) -> Self {
        let OutcomeEvent { outcome_id, subject, metric, value, occurred_at, revision } = outcome;
        let (event_id, prediction_id, unit) = match subject {
            Subject::Event(id) => (Some(id), None, None),
            Subject::Prediction(id) => (None, Some(id), None),
            Subject::Unit(unit) => (None, None, Some(unit)),
        };
        Self { outcome_id, event_id, prediction_id, unit, metric, value, occurred_at, revision }
    }
}

impl TryFrom<WrittenOutcome> for OutcomeEvent {
    type Error = String;

    fn try_from(written: WrittenOutcome) -> Result<Self, String> {
        let subject = match (written.event_id, written.prediction_id, written.unit) {
            (Some(id), None, None) => Subject::Event(id),
            (None, Some(id), None) => Subject::Prediction(id),
            (None, None, Some(unit)) => Subject::Unit(unit),
            _ => return Err("exactly one of `event_id`, `prediction_id` and `unit` must be set".into()),
        };
        if !written.value.is_finite() {
            return Err(format!("`value` is {}: it must be finite", written.value));
        }
        Ok(Self {
            outcome_id: written.outcome_id,
            subject,
            metric: written.metric,
            value: written.value,
            occurred_at: written.occurred_at,
            revision: written.revision,
        })
    }
}
