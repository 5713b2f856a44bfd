//! From the records of the three topics to the join.

use std::sync::Arc;

use events::{
    Binding, Deployment, Limits, MappingError, NativeDecoder, Origin, OutcomeDecoder, OutcomeEvent,
    PredictionEvent, SchemaId, Schemas, Undecoded,
};
use messaging::Record;
use registry::Registry;
use smallvec::SmallVec;

use crate::config::OutcomesConfig;
use crate::join::{Joiner, StateLimit};
use crate::watermark::{Source, Watermarks};

/// What the analysis reads, and where it says what it found.
#[derive(Clone, Debug)]
pub struct Sources {
    /// Served predictions.
    pub predictions: Arc<str>,
    /// Shadow predictions.
    pub shadow_predictions: Arc<str>,
    /// Outcomes.
    pub outcomes: Arc<str>,
    /// Where outcomes are put that came too late for the tests. Made when the first one does.
    pub late_outcomes: Arc<str>,
    /// Where deployments are: which experiments run.
    pub deployments: Arc<str>,
    /// Where reports go.
    pub reports: Arc<str>,
    /// Where schemas are asked for, if anywhere.
    pub registry: Option<Registry>,
    /// How the broker's headers name the attributes of events.
    pub binding: Binding,
}

/// Reads records of the three topics into the join.
#[derive(Debug)]
pub(crate) struct Intake {
    sources: Sources,
    schemas: Arc<Schemas>,
    predictions: NativeDecoder,
    native_outcomes: NativeDecoder,
    deployments: NativeDecoder,
    mapped_outcomes: Option<OutcomeDecoder>,
}

impl Intake {
    pub(crate) fn new(sources: Sources, outcomes: &OutcomesConfig) -> Result<Self, Vec<MappingError>> {
        let schemas = Schemas::default();
        let schemas = Arc::new(if sources.registry.is_some() { schemas.ask() } else { schemas });
        let limits = Limits { payload_bytes: outcomes.max_payload.as_usize() };
        let mapped =
            outcomes.event.as_ref().map(|event| OutcomeDecoder::mapped(event, Arc::clone(&schemas), limits));
        Ok(Self {
            sources,
            predictions: NativeDecoder::new(Arc::clone(&schemas), limits),
            native_outcomes: NativeDecoder::new(Arc::clone(&schemas), limits),
            // Its own schema is known, and deployments are small.
            deployments: NativeDecoder::new(Arc::default(), Limits::default()),
            schemas,
            mapped_outcomes: mapped.transpose()?,
        })
    }

    pub(crate) fn sources(&self) -> &Sources {
        &self.sources
    }

    /// The schemas that records are read with.
    pub(crate) fn schemas(&self) -> &Arc<Schemas> {
        &self.schemas
    }

    /// Takes a record into `joiner`. A record that cannot be read is counted and logged: it is on its topic still.
    /// Where its schema is yet to be learned, nothing is taken, and its id is returned.
    pub(crate) fn take(
        &mut self,
        record: &Record,
        joiner: &mut Joiner,
        watermarks: &mut Watermarks,
    ) -> Result<Option<SchemaId>, StateLimit> {
        let taken = if record.topic == self.sources.outcomes {
            self.outcomes(record).map(|outcomes| {
                outcomes.into_iter().try_for_each(|outcome| {
                    let seen_at = watermarks.observe(Source::Outcomes, record.partition, outcome.occurred_at);
                    joiner.outcome(outcome, record.partition, seen_at)
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
        match taken {
            Ok(taken) => taken?,
            Err(Undecoded::NeedsSchema(id)) => return Ok(Some(id)),
            Err(Undecoded::Bad(error)) => {
                joiner.undecodable();
                tracing::warn!(
                    topic = &*record.topic,
                    partition = record.partition,
                    offset = record.offset,
                    "cannot read a record: {error}"
                );
            }
        }
        Ok(None)
    }

    /// The deployment that a record holds, if it is one. One that cannot be read is logged: what was in force goes on.
    pub(crate) fn deployment(&mut self, record: &Record) -> Option<Deployment> {
        if record.topic != self.sources.deployments {
            return None;
        }
        let deployment = self.deployments.decode(payload(record), &headers(record));
        deployment
            .map_err(|error| {
                let offset = record.offset;
                tracing::warn!(topic = &*record.topic, offset, "cannot read a deployment: {error}");
            })
            .ok()
    }

    /// Whether a record is a deployment.
    pub(crate) fn is_deployment(&self, record: &Record) -> bool {
        record.topic == self.sources.deployments
    }

    fn prediction(&mut self, record: &Record) -> Result<PredictionEvent, Undecoded> {
        self.predictions.decode(payload(record), &headers(record))
    }

    fn outcomes(&mut self, record: &Record) -> Result<Vec<OutcomeEvent>, Undecoded> {
        let headers = headers(record);
        let Some(mapped) = &mut self.mapped_outcomes else {
            return self.native_outcomes.decode(payload(record), &headers).map(|outcome| vec![outcome]);
        };
        let origin = Origin {
            topic: &record.topic,
            partition: record.partition,
            offset: record.offset,
            timestamp: record.timestamp,
            headers: &headers,
        };
        mapped.decode(payload(record), origin)
    }
}

fn payload(record: &Record) -> &[u8] {
    record.value.as_deref().unwrap_or_default()
}

/// The headers as `events` reads them. Ours are fewer than this many, and then nothing is allocated.
fn headers(record: &Record) -> SmallVec<[(&str, &[u8]); 16]> {
    record.headers.iter().map(|header| (header.name.as_str(), &header.value[..])).collect()
}
