//! The join: everything that is known of an event, by the event's id, and of a unit, by the unit's.

mod fact;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use compact_str::CompactString;
use events::{OutcomeEvent, Outputs, PredictionEvent, Role, Subject, Timestamp, Unit};
pub(crate) use fact::{Fact, Facts, Version};
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

/// Everything that is known of one event. Either side may come first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Joined {
    pub(crate) served: Option<Prediction>,
    pub(crate) shadows: Vec<Prediction>,
    pub(crate) outcomes: Facts,
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
}

impl Prediction {
    /// Gives way to another prediction of the same event and slot, if that one is in a lower partition.
    fn meet(&mut self, other: Self) {
        if other.partition < self.partition {
            *self = other;
        }
    }
}

/// Where the facts about a subject are kept.
#[derive(Clone, Debug)]
enum Place {
    Event(CompactString),
    Unit(Unit),
    /// With others about a prediction that was not seen yet.
    Waiting(CompactString),
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
    /// Records that could not be read.
    pub undecodable: u64,
}

/// The state is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the join holds {events} entries, which is its limit (`analysis.max_events`); raise the limit, or let the \
     topics keep a shorter time"
)]
pub struct StateLimit {
    /// How many events, facts about units and older versions of facts are held.
    pub events: usize,
}

/// Joins predictions and outcomes of one logical model: by event, by prediction, and by unit.
///
/// It keeps every event, about 300 bytes each with one shadow and two outcomes, up to a limit.
///
/// Which partition is read first is chance, so it decides nothing: of two records with one id the earlier one in
/// their partition stands, and of two in different partitions the one in the lower partition.
#[derive(Debug)]
pub struct Joiner {
    model: Arc<str>,
    events: HashMap<CompactString, Joined>,
    /// Facts about units, which belong to no event by themselves.
    units: HashMap<Unit, Facts>,
    /// Facts about predictions that were not seen yet, by prediction id.
    waiting: HashMap<CompactString, Facts>,
    /// The event of each prediction. Nothing before the first fact about a prediction comes, which is never for most.
    by_prediction: Option<HashMap<CompactString, CompactString>>,
    /// What is held besides events: facts about units and unseen predictions, and older versions of facts.
    beside: usize,
    max_events: usize,
    counts: Counts,
}

impl Joiner {
    /// A join that is empty, for predictions by `model`, holding up to `max_events` events.
    pub fn new(model: Arc<str>, max_events: usize) -> Self {
        Self {
            model,
            events: HashMap::new(),
            units: HashMap::new(),
            waiting: HashMap::new(),
            by_prediction: None,
            beside: 0,
            max_events,
            counts: Counts::default(),
        }
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

    /// Facts about predictions that nobody has seen.
    pub fn orphan_outcomes(&self) -> u64 {
        self.waiting.values().map(|facts| facts.len() as u64).sum()
    }

    /// Facts about a unit.
    pub(crate) fn about_unit(&self, kind: &str, id: &str) -> Option<&Facts> {
        if self.units.is_empty() {
            return None;
        }
        self.units.get(&Unit { kind: kind.into(), id: id.into() })
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
        let slot = if is_shadow { events::shadow_slot(&kept.version) } else { events::SERVED_SLOT.into() };
        let event_id = event.event_id.clone();
        let joined = self.entry(event.event_id)?;
        let is_new = if is_shadow { joined.shadow(kept) } else { joined.serve(kept) };
        *match (is_new, is_shadow) {
            (false, _) => &mut self.counts.duplicate_predictions,
            (true, true) => &mut self.counts.shadow_predictions,
            (true, false) => &mut self.counts.predictions,
        } += 1;
        if is_new {
            self.found(event_id, &slot);
        }
        Ok(())
    }

    /// Gives the facts about a prediction that was found to its event.
    fn found(&mut self, event_id: CompactString, slot: &str) {
        let Some(index) = &mut self.by_prediction else { return };
        let id = events::prediction_id(&event_id, &self.model, slot);
        if let Some(facts) = self.waiting.remove(&id) {
            let joined = self.events.entry(event_id.clone()).or_default();
            self.beside -= facts.len();
            for fact in facts {
                let (revised, history) = (fact.last().revision > 0, fact.history());
                let noted = joined.outcomes.note(fact);
                self.beside = self.beside.saturating_add_signed(noted.growth);
                if let Some(before) = noted.before {
                    self.beside -= history;
                    // It was there under another name, and counted twice.
                    self.counts.outcomes -= 1;
                    self.counts.duplicate_outcomes += 1;
                    self.counts.revised_outcomes -= u64::from(revised && before > 0);
                }
            }
        }
        index.insert(id, event_id);
    }

    /// The events of all predictions that were seen, from now on.
    fn index(&mut self) -> &HashMap<CompactString, CompactString> {
        let (events, model) = (&self.events, &self.model);
        self.by_prediction.get_or_insert_with(|| {
            let slots = |joined: &Joined| {
                let served = joined.served.iter().map(|_| events::SERVED_SLOT.to_owned());
                served.chain(joined.shadows.iter().map(|each| events::shadow_slot(&each.version))).collect()
            };
            let ids = |(event_id, joined): (&CompactString, &Joined)| {
                let slots: Vec<String> = slots(joined);
                slots
                    .into_iter()
                    .map(|slot| (events::prediction_id(event_id, model, &slot), event_id.clone()))
                    .collect()
            };
            events.iter().flat_map(|each| -> Vec<_> { ids(each) }).collect()
        })
    }

    /// Takes in an outcome that was read from `partition`, when that had come to `seen_at`.
    ///
    /// # Errors
    /// Where the state is full.
    pub fn outcome(
        &mut self,
        event: OutcomeEvent,
        partition: u32,
        seen_at: Timestamp,
    ) -> Result<(), StateLimit> {
        let (place, revision) = (self.place(event.subject.clone()), event.revision);
        let is_known = self.is_known(&place, &event.outcome_id);
        if !is_known {
            self.room()?;
        }
        let facts = match place {
            Place::Event(id) => &mut self.events.entry(id).or_default().outcomes,
            Place::Unit(unit) => {
                self.beside += usize::from(!is_known);
                self.units.entry(unit).or_default()
            }
            Place::Waiting(id) => {
                self.beside += usize::from(!is_known);
                self.waiting.entry(id).or_default()
            }
        };
        let noted = facts.note(Fact::new(event, partition, seen_at));
        self.beside = self.beside.saturating_add_signed(noted.growth);
        match noted.before {
            None => self.counts.outcomes += 1,
            Some(_) => self.counts.duplicate_outcomes += 1,
        }
        self.counts.revised_outcomes +=
            u64::from(revision > 0 && noted.before.is_none_or(|before| before == 0));
        Ok(())
    }

    fn place(&mut self, subject: Subject) -> Place {
        match subject {
            Subject::Event(id) => Place::Event(id),
            Subject::Unit(unit) => Place::Unit(unit),
            Subject::Prediction(id) => match self.index().get(&id) {
                Some(event_id) => Place::Event(event_id.clone()),
                None => Place::Waiting(id),
            },
        }
    }

    /// Whether a fact takes no room of its own: its event is there, or itself.
    fn is_known(&self, place: &Place, fact: &str) -> bool {
        match place {
            Place::Event(id) => self.events.contains_key(id),
            Place::Unit(unit) => self.units.get(unit).is_some_and(|facts| facts.has(fact)),
            Place::Waiting(id) => self.waiting.get(id).is_some_and(|facts| facts.has(fact)),
        }
    }

    fn entry(&mut self, event_id: CompactString) -> Result<&mut Joined, StateLimit> {
        if !self.events.contains_key(&event_id) {
            self.room()?;
        }
        Ok(self.events.entry(event_id).or_default())
    }

    /// Whether there is room for one entry more.
    fn room(&self) -> Result<(), StateLimit> {
        let events = self.events.len() + self.beside;
        if events >= self.max_events { Err(StateLimit { events }) } else { Ok(()) }
    }
}
