//! From the records of the three topics to the join.

use std::sync::Arc;

use events::{
    DecodeError, Event, Limits, MappingError, NativeDecoder, Origin, OutcomeDecoder, OutcomeEvent,
    PredictionEvent, Schemas,
};
use messaging::Record;

use crate::config::OutcomesConfig;
use crate::join::{Joiner, StateLimit};
use crate::watermark::{Source, Watermarks};

/// The topics that the analysis reads.
#[derive(Clone, Debug)]
pub struct Sources {
    /// Served predictions.
    pub predictions: Arc<str>,
    /// Shadow predictions.
    pub shadow_predictions: Arc<str>,
    /// Outcomes.
    pub outcomes: Arc<str>,
    /// Where reports go.
    pub reports: Arc<str>,
}

/// Reads records of the three topics into the join.
#[derive(Debug)]
pub(crate) struct Intake {
    sources: Sources,
    predictions: NativeDecoder,
    native_outcomes: NativeDecoder,
    mapped_outcomes: Option<OutcomeDecoder>,
}

impl Intake {
    pub(crate) fn new(sources: Sources, outcomes: &OutcomesConfig) -> Result<Self, Vec<MappingError>> {
        let schemas = Arc::new(Schemas::default());
        let limits = Limits { payload_bytes: outcomes.max_payload.as_usize() };
        let mapped =
            outcomes.event.as_ref().map(|event| OutcomeDecoder::mapped(event, Arc::clone(&schemas), limits));
        Ok(Self {
            sources,
            predictions: NativeDecoder::new(Arc::clone(&schemas), limits),
            native_outcomes: NativeDecoder::new(schemas, limits),
            mapped_outcomes: mapped.transpose()?,
        })
    }

    pub(crate) fn sources(&self) -> &Sources {
        &self.sources
    }

    /// Takes a record into `joiner`. A record that cannot be read is counted and logged: it is on its topic still.
    pub(crate) fn take(
        &mut self,
        record: &Record,
        joiner: &mut Joiner,
        watermarks: &mut Watermarks,
    ) -> Result<(), StateLimit> {
        let taken = if record.topic == self.sources.outcomes {
            self.outcomes(record).map(|outcomes| {
                outcomes.into_iter().try_for_each(|outcome| {
                    watermarks.observe(Source::Outcomes, record.partition, outcome.occurred_at);
                    joiner.outcome(outcome, record.partition)
                })
            })
        } else {
            self.prediction(record).map(|prediction| {
                let source = if record.topic == self.sources.predictions {
                    Source::Predictions
                } else {
                    Source::ShadowPredictions
                };
                watermarks.observe(source, record.partition, prediction.occurred_at);
                joiner.prediction(prediction, record.partition)
            })
        };
        taken.unwrap_or_else(|error| {
            joiner.undecodable();
            tracing::warn!(
                topic = &*record.topic,
                partition = record.partition,
                offset = record.offset,
                "cannot read a record: {error}"
            );
            Ok(())
        })
    }

    fn prediction(&mut self, record: &Record) -> Result<PredictionEvent, DecodeError> {
        self.predictions.decode(payload(record))
    }

    fn outcomes(&mut self, record: &Record) -> Result<Vec<OutcomeEvent>, DecodeError> {
        let Some(mapped) = &mut self.mapped_outcomes else {
            return self.native_outcomes.decode(payload(record)).map(|outcome| vec![outcome]);
        };
        let is_native =
            record.headers.get("ce_type").is_some_and(|kind| **kind == *OutcomeEvent::TYPE.as_bytes());
        let origin = Origin {
            topic: &record.topic,
            partition: record.partition,
            offset: record.offset,
            timestamp: record.timestamp,
        };
        mapped.decode(payload(record), origin, is_native)
    }
}

fn payload(record: &Record) -> &[u8] {
    record.value.as_deref().unwrap_or_default()
}
