//! The join: everything that is known of an event, by the event's id.

#[cfg(test)]
mod tests;

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
    /// Where it was read.
    partition: u32,
}

/// What is kept of an outcome.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) id: CompactString,
    pub(crate) metric: CompactString,
    pub(crate) value: f64,
    pub(crate) occurred_at: Timestamp,
    revision: u64,
    /// Where it was read.
    partition: u32,
}

/// Everything that is known of one event. Either side may come first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Joined {
    pub(crate) served: Option<Prediction>,
    pub(crate) shadows: Vec<Prediction>,
    pub(crate) outcomes: Vec<Outcome>,
}

impl Joined {
    /// Takes in a served prediction; says whether it is the first.
    fn serve(&mut self, prediction: Prediction) -> bool {
        let Some(earlier) = &mut self.served else {
            self.served = Some(prediction);
            return true;
        };
        earlier.meet(prediction);
        false
    }

    /// Takes in a shadow's prediction; says whether it is the first by its version.
    fn shadow(&mut self, prediction: Prediction) -> bool {
        let Some(earlier) = self.shadows.iter_mut().find(|each| each.version == prediction.version) else {
            self.shadows.push(prediction);
            return true;
        };
        earlier.meet(prediction);
        false
    }

    /// Takes in an outcome; gives the revision in which it stood before, if it was there.
    fn fact(&mut self, outcome: Outcome) -> Option<u64> {
        let Some(earlier) = self.outcomes.iter_mut().find(|each| each.id == outcome.id) else {
            self.outcomes.push(outcome);
            return None;
        };
        let before = earlier.revision;
        if earlier.yields_to(&outcome) {
            *earlier = outcome;
        }
        Some(before)
    }
}

impl Prediction {
    /// Gives way to another prediction of the same event and slot, if that one is in a lower partition.
    fn meet(&mut self, other: Self) {
        if other.partition < self.partition {
            *self = other;
        }
    }
}

impl Outcome {
    /// Whether another record of the same fact stands in place of this one: a later revision, or the same one in a
    /// lower partition.
    fn yields_to(&self, other: &Self) -> bool {
        let rank = |each: &Self| (std::cmp::Reverse(each.revision), each.partition);
        rank(other) < rank(self)
    }
}

/// How many records went where. Every record that was read is in exactly one of these, but for `revised_outcomes`,
/// which is a part of `outcomes`. None of them depends on the order of reading.
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
    /// Outcomes that were there already, in this or another revision; the latest revision stands.
    pub duplicate_outcomes: u64,
    /// Of the outcomes that were taken in, those that stand corrected: in a revision above 0.
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
///
/// Which partition is read first is chance, so it decides nothing: of two records with one id the earlier one in
/// their partition stands, and of two in different partitions the one in the lower partition.
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
    /// whichever way the topics were read. Those without a served prediction come first.
    pub(crate) fn in_order(&self) -> Vec<(&str, &Joined)> {
        let mut events: Vec<_> = self.events.iter().map(|(id, event)| (id.as_str(), event)).collect();
        let time = |event: &Joined| event.served.as_ref().map(|served| served.occurred_at);
        events.sort_unstable_by(|(a_id, a), (b_id, b)| time(a).cmp(&time(b)).then_with(|| a_id.cmp(b_id)));
        events
    }

    /// Notes a record that could not be read.
    pub fn undecodable(&mut self) {
        self.counts.undecodable += 1;
    }

    /// Takes in a prediction that was read from `partition`.
    ///
    /// # Errors
    /// Where the state is full.
    pub fn prediction(&mut self, event: PredictionEvent, partition: u32) -> Result<(), StateLimit> {
        if event.model != self.model {
            self.counts.other_models += 1;
            return Ok(());
        }
        let is_shadow = event.role == Role::Shadow;
        let kept = Prediction {
            unit: event.unit.id,
            occurred_at: event.occurred_at,
            version: event.version,
            arm: event.experiment.zip(event.variant),
            is_fallback: event.fallback.is_some(),
            outputs: event.outputs,
            partition,
        };
        let joined = self.entry(event.event_id)?;
        let is_new = if is_shadow { joined.shadow(kept) } else { joined.serve(kept) };
        *match (is_new, is_shadow) {
            (false, _) => &mut self.counts.duplicate_predictions,
            (true, true) => &mut self.counts.shadow_predictions,
            (true, false) => &mut self.counts.predictions,
        } += 1;
        Ok(())
    }

    /// Takes in an outcome that was read from `partition`.
    ///
    /// # Errors
    /// Where the state is full.
    pub fn outcome(&mut self, event: OutcomeEvent, partition: u32) -> Result<(), StateLimit> {
        let OutcomeEvent { outcome_id: id, subject, metric, value, occurred_at, revision } = event;
        let Subject::Event(event_id) = subject else {
            self.counts.unjoinable_outcomes += 1;
            return Ok(());
        };
        let kept = Outcome { id, metric, value, occurred_at, revision, partition };
        let before = self.entry(event_id)?.fact(kept);
        match before {
            None => self.counts.outcomes += 1,
            Some(_) => self.counts.duplicate_outcomes += 1,
        }
        self.counts.revised_outcomes += u64::from(revision > 0 && before.is_none_or(|before| before == 0));
        Ok(())
    }

    fn entry(&mut self, event_id: CompactString) -> Result<&mut Joined, StateLimit> {
        if self.events.len() >= self.max_events && !self.events.contains_key(&event_id) {
            return Err(StateLimit { events: self.events.len() });
        }
        Ok(self.events.entry(event_id).or_default())
    }
}
