//! The join: everything that is known of an event, by the event's id.

use std::collections::HashMap;
use std::sync::Arc;

use compact_str::CompactString;
use events::{OutcomeEvent, Outputs, PredictionEvent, Role, Subject, Timestamp};
use serde::Serialize;

/// What is kept of a prediction.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Prediction {
    pub(crate) unit: CompactString,
    pub(crate) occurred_at: Timestamp,
    pub(crate) version: Arc<str>,
    /// Experiment and arm, for a unit that takes part in one.
    pub(crate) arm: Option<(Arc<str>, Arc<str>)>,
    pub(crate) is_fallback: bool,
    pub(crate) outputs: Outputs,
}

/// What is kept of an outcome.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Outcome {
    id: CompactString,
    pub(crate) metric: CompactString,
    pub(crate) value: f64,
    pub(crate) occurred_at: Timestamp,
    revision: u64,
}

/// Everything that is known of one event. Either side may come first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Joined {
    pub(crate) served: Option<Prediction>,
    pub(crate) shadows: Vec<Prediction>,
    pub(crate) outcomes: Vec<Outcome>,
}

/// How many records went where. Every record that was read is in exactly one of these.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Served predictions that were taken in.
    pub predictions: u64,
    /// Shadow predictions that were taken in.
    pub shadow_predictions: u64,
    /// Outcomes that were taken in.
    pub outcomes: u64,
    /// Predictions whose event and slot were there already; the earlier record stands.
    pub duplicate_predictions: u64,
    /// Outcomes that were there already in the same or a later revision.
    pub duplicate_outcomes: u64,
    /// Outcomes that replaced an earlier revision of themselves.
    pub revised_outcomes: u64,
    /// Predictions by another logical model.
    pub other_models: u64,
    /// Outcomes that are not about an event; joining them by prediction or unit is not implemented yet.
    pub unjoinable_outcomes: u64,
    /// Records that could not be read.
    pub undecodable: u64,
}

/// The state is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the join holds {events} events, which is its limit (`analysis.max_events`); raise the limit, or let the \
     topics keep a shorter time"
)]
pub struct StateLimit {
    /// How many events are held.
    pub events: usize,
}

/// Joins predictions and outcomes of one logical model by event id.
///
/// It keeps every event, about 300 bytes each with one shadow and two outcomes, up to a limit.
#[derive(Debug)]
pub struct Joiner {
    model: Arc<str>,
    events: HashMap<CompactString, Joined>,
    max_events: usize,
    counts: Counts,
}

impl Joiner {
    /// A join that is empty, for predictions by `model`, holding up to `max_events` events.
    pub fn new(model: Arc<str>, max_events: usize) -> Self {
        Self { model, events: HashMap::new(), max_events, counts: Counts::default() }
    }

    /// The logical model.
    pub fn model(&self) -> &Arc<str> {
        &self.model
    }

    /// What was read so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Events that have both a served prediction and an outcome.
    pub fn joined_events(&self) -> u64 {
        self.events.values().filter(|event| event.served.is_some() && !event.outcomes.is_empty()).count()
            as u64
    }

    /// Events in the order of their time and id, so that sums over them come out the same to the last digit
    /// whichever way the topics were read.
    pub(crate) fn in_order(&self) -> Vec<(&str, &Joined)> {
        let mut events: Vec<_> = self.events.iter().map(|(id, event)| (id.as_str(), event)).collect();
        let time =
            |event: &Joined| event.served.as_ref().or(event.shadows.first()).map(|each| each.occurred_at);
        events.sort_unstable_by(|(a_id, a), (b_id, b)| time(a).cmp(&time(b)).then_with(|| a_id.cmp(b_id)));
        events
    }

    /// Notes a record that could not be read.
    pub fn undecodable(&mut self) {
        self.counts.undecodable += 1;
    }

    /// Takes in a prediction.
    ///
    /// # Errors
    /// Where the state is full.
    pub fn prediction(&mut self, event: PredictionEvent) -> Result<(), StateLimit> {
        if event.model != self.model {
            self.counts.other_models += 1;
            return Ok(());
        }
        let role = event.role;
        let kept = Prediction {
            unit: event.unit.id,
            occurred_at: event.occurred_at,
            version: event.version,
            arm: event.experiment.zip(event.variant),
            is_fallback: event.fallback.is_some(),
            outputs: event.outputs,
        };
        let joined = self.entry(event.event_id)?;
        let is_new = if role == Role::Shadow {
            let is_new = joined.shadows.iter().all(|each| each.version != kept.version);
            if is_new {
                joined.shadows.push(kept);
            }
            is_new
        } else {
            let is_new = joined.served.is_none();
            joined.served.get_or_insert(kept);
            is_new
        };
        match (is_new, role) {
            (false, _) => self.counts.duplicate_predictions += 1,
            (true, Role::Shadow) => self.counts.shadow_predictions += 1,
            (true, _) => self.counts.predictions += 1,
        }
        Ok(())
    }

    /// Takes in an outcome.
    ///
    /// # Errors
    /// Where the state is full.
    pub fn outcome(&mut self, event: OutcomeEvent) -> Result<(), StateLimit> {
        let OutcomeEvent { outcome_id: id, subject, metric, value, occurred_at, revision } = event;
        let Subject::Event(event_id) = subject else {
            self.counts.unjoinable_outcomes += 1;
            return Ok(());
        };
        let kept = Outcome { id, metric, value, occurred_at, revision };
        let joined = self.entry(event_id)?;
        let count = match joined.outcomes.iter_mut().find(|each| each.id == kept.id) {
            None => {
                joined.outcomes.push(kept);
                &mut self.counts.outcomes
            }
            Some(earlier) if earlier.revision < kept.revision => {
                *earlier = kept;
                &mut self.counts.revised_outcomes
            }
            Some(_) => &mut self.counts.duplicate_outcomes,
        };
        *count += 1;
        Ok(())
    }

    fn entry(&mut self, event_id: CompactString) -> Result<&mut Joined, StateLimit> {
        if self.events.len() >= self.max_events && !self.events.contains_key(&event_id) {
            return Err(StateLimit { events: self.events.len() });
        }
        Ok(self.events.entry(event_id).or_default())
    }
}
