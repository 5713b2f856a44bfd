//! The work of a lane on one batch: decode, score, encode.

#[cfg(test)]
mod tests;

use std::sync::{Arc, mpsc};

use bytes::Bytes;
use events::{Decoded, Decoder, FeatureEvent, Origin, OutcomeEvent, SchemaId, Subject, Timestamp, Undecoded};
use inference::{Engine, ScoreError, Scored, Shadow};
use messaging::{Output, Record};
use runtime::Clock;

use crate::config::Topics;
use crate::dead_letter::{Cause, Stage, dead_letter};
use crate::headers::pairs;
use crate::metrics::Meters;
use crate::predictions::{Records, prediction};
use crate::totals::{LaneTotals, Totals};
use crate::trace::Trace;

/// What scores the events of a lane.
#[derive(Debug)]
pub(crate) enum Scoring {
    /// Production, with canary and variants behind it.
    Served(Box<Engine>),
    /// One version, silently, on a share of the events in basis points.
    Shadow { shadow: Box<Shadow>, share: u16, slot: String },
}

/// One lane's decoder, models and buffers.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) decoder: Decoder,
    pub(crate) scoring: Scoring,
    /// What a newer deployment scores with: taken up between two batches.
    pub(crate) next: mpsc::Receiver<Scoring>,
    pub(crate) model: Arc<str>,
    pub(crate) group: String,
    pub(crate) topics: Arc<Topics>,
    pub(crate) records: Records,
    pub(crate) clock: Clock,
    pub(crate) totals: Arc<LaneTotals>,
    pub(crate) meters: Meters,
    /// The events of the batch at hand, and which record each came from.
    pub(crate) batch: EventBatch,
}

#[derive(Debug, Default)]
pub(crate) struct EventBatch {
    events: Vec<FeatureEvent>,
    sources: Vec<usize>,
    results: Vec<Result<Scored, ScoreError>>,
    failures: Vec<Failure>,
}

/// Why a record of the batch cannot be scored.
#[derive(Debug)]
struct Failure {
    /// The record's place in the batch.
    at: usize,
    /// What was being done.
    stage: Stage,
    /// The class of the error.
    reason: &'static str,
    message: String,
}

impl Work {
    /// All that follows from the records of a batch, in their order.
    ///
    /// # Errors
    /// The id of a schema that is yet to be learned. Nothing has been counted then, and nothing is left of the batch:
    /// it can be processed from its beginning.
    pub(crate) fn process(&mut self, records: &[Record]) -> Result<Vec<Output>, SchemaId> {
        if let Some(next) = self.next.try_iter().last() {
            self.scoring = next;
        }
        let started = self.clock.elapsed();
        let mut outputs = Vec::with_capacity(records.len());
        let mut totals = Totals { records: records.len() as u64, ..Totals::default() };
        for (at, record) in records.iter().enumerate() {
            if let Err(unknown) = self.decode(at, record, &mut outputs, &mut totals) {
                self.batch = EventBatch::default();
                return Err(unknown);
            }
        }
        self.score();
        self.publish(records, &mut outputs, &mut totals);
        self.give_up(records, &mut outputs, &mut totals);
        self.count(totals, started);
        Ok(outputs)
    }

    fn decode(
        &mut self,
        at: usize,
        record: &Record,
        outputs: &mut Vec<Output>,
        totals: &mut Totals,
    ) -> Result<(), SchemaId> {
        let origin = Origin {
            topic: &record.topic,
            partition: record.partition,
            offset: record.offset,
            timestamp: record.timestamp,
            headers: &pairs(&record.headers),
        };
        match self.decoder.decode(record.value.as_ref().map_or(&[], Bytes::as_ref), origin) {
            Ok(Decoded { event, outcomes }) => {
                if matches!(self.scoring, Scoring::Served(_)) {
                    totals.outcomes += outcomes.len() as u64;
                    outputs.extend(outcomes.iter().map(|outcome| {
                        self.records.outcome(
                            &self.topics.outcomes,
                            outcome_key(outcome, event.as_ref()),
                            outcome,
                            Trace::of(record),
                        )
                    }));
                }
                if let Some(event) = event {
                    self.take_in(at, event, totals);
                }
            }
            Err(Undecoded::NeedsSchema(id)) => return Err(id),
            Err(Undecoded::Bad(error)) => {
                let (reason, message) = (error.reason(), error.to_string());
                self.batch.failures.push(Failure { at, stage: Stage::Decode, reason, message });
            }
        }
        Ok(())
    }

    /// Takes an event into the batch, unless this is a shadow and the event is not in its sample.
    fn take_in(&mut self, at: usize, event: FeatureEvent, totals: &mut Totals) {
        if let Scoring::Shadow { share, .. } = &self.scoring
            && events::event_sample(&event.event_id) >= *share
        {
            totals.skipped += 1;
            return;
        }
        self.batch.events.push(event);
        self.batch.sources.push(at);
    }

    fn score(&mut self) {
        let EventBatch { events, results, .. } = &mut self.batch;
        match &mut self.scoring {
            Scoring::Served(engine) => engine.score(events, results),
            Scoring::Shadow { shadow, .. } => shadow.score(events, results),
        }
        assert_eq!(events.len(), results.len(), "every event has a result");
    }

    fn publish(&mut self, records: &[Record], outputs: &mut Vec<Output>, totals: &mut Totals) {
        let EventBatch { mut events, mut sources, mut results, mut failures } =
            std::mem::take(&mut self.batch);
        let scored_at = Timestamp::from_micros(self.clock.now_micros()).unwrap_or(Timestamp::MAX);
        for ((event, at), result) in events.drain(..).zip(sources.drain(..)).zip(results.drain(..)) {
            match result {
                Ok(scored) => {
                    totals.predictions += 1;
                    totals.fallbacks += u64::from(scored.fallback.is_some());
                    outputs.push(self.prediction((event, &records[at]), scored, scored_at));
                }
                Err(error) => {
                    let (reason, message) = (error.reason(), error.to_string());
                    failures.push(Failure { at, stage: Stage::Score, reason, message });
                }
            }
        }
        self.batch = EventBatch { events, sources, results, failures };
    }

    fn prediction(
        &mut self,
        (event, record): (FeatureEvent, &Record),
        scored: Scored,
        scored_at: Timestamp,
    ) -> Output {
        let (topic, slot) = match &self.scoring {
            Scoring::Served(_) => (&self.topics.predictions, events::SERVED_SLOT),
            Scoring::Shadow { slot, .. } => (&self.topics.shadow_predictions, slot.as_str()),
        };
        let prediction = prediction(&self.model, slot, event, scored, scored_at);
        self.records.prediction(topic, &prediction, Trace::of(record))
    }

    /// The end of records that cannot be scored. In production they are dead letters, in the order in which they
    /// came, whatever was wrong with each. A shadow only counts them: what cannot be decoded is production's dead
    /// letter already, and what only the shadow cannot score must not come back into the input through a dead letter.
    fn give_up(&mut self, records: &[Record], outputs: &mut Vec<Output>, totals: &mut Totals) {
        let mut failures = std::mem::take(&mut self.batch.failures);
        failures.sort_unstable_by_key(|failure| failure.at);
        for Failure { at, stage, reason, message } in failures.drain(..) {
            let record = &records[at];
            tracing::debug!(
                lane = self.meters.lane(),
                topic = &*record.topic,
                partition = record.partition,
                offset = record.offset,
                "cannot {}: {message}",
                stage.as_str()
            );
            if matches!(self.scoring, Scoring::Shadow { .. }) {
                totals.skipped += 1;
                self.meters.skipped(reason);
                continue;
            }
            totals.dead_letters += 1;
            self.meters.dead_letter(reason);
            let cause = Cause { stage, reason, message, group: &self.group };
            outputs.push(dead_letter(&self.topics.dead_letters, record, cause));
        }
        self.batch.failures = failures;
    }

    fn count(&self, totals: Totals, started: std::time::Duration) {
        self.meters.batch(&totals, self.clock.elapsed().saturating_sub(started));
        self.totals.add(totals);
    }
}

/// Outcomes are keyed by the unit, like the predictions that they follow, where the unit is known; otherwise by
/// what they are about.
fn outcome_key<'a>(outcome: &'a OutcomeEvent, event: Option<&'a FeatureEvent>) -> &'a str {
    match (event, &outcome.subject) {
        (Some(event), _) => &event.units.key().id,
        (None, Subject::Unit(unit)) => &unit.id,
        (None, Subject::Event(id) | Subject::Prediction(id)) => id,
    }
}
