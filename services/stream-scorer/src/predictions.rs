//! From a score to the record on the predictions topic.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use events::{Encoding, Event, FeatureEvent, OutcomeEvent, PredictionEvent, Timestamp, Unit};
use inference::Scored;
use messaging::{Headers, Output};

/// Turns events of ours into records, many into one buffer.
#[derive(Debug)]
pub(crate) struct Records {
    encoding: Encoding,
    scratch: Vec<u8>,
    buffer: BytesMut,
}

/// The buffer grows in steps of this many bytes, each shared by the records that were written into it.
const BUFFER_BYTES: usize = 256 * 1024;

impl Records {
    pub(crate) fn new(encoding: Encoding) -> Self {
        Self { encoding, scratch: Vec::new(), buffer: BytesMut::new() }
    }

    /// The record of an event, keyed by `key` and stamped with the time at which the event happened.
    pub(crate) fn record<E: Event>(
        &mut self,
        topic: &Arc<str>,
        key: &str,
        time: Timestamp,
        event: &E,
    ) -> Output {
        self.scratch.clear();
        if let Err(error) = self.encoding.encode(event, &mut self.scratch) {
            unreachable!("{error}");
        }
        let value = copy(&mut self.buffer, &self.scratch);
        let key = copy(&mut self.buffer, key.as_bytes());
        let mut headers = Headers::with_capacity(2);
        headers.push("ce_type", Bytes::from_static(E::TYPE.as_bytes()));
        headers.push("content-type", Bytes::from_static(self.encoding.content_type().as_bytes()));
        Output {
            topic: Arc::clone(topic),
            partition: None,
            timestamp: time.as_millis(),
            key: Some(key),
            value: Some(value),
            headers,
        }
    }

    pub(crate) fn outcome(&mut self, topic: &Arc<str>, key: &str, outcome: &OutcomeEvent) -> Output {
        self.record(topic, key, outcome.occurred_at, outcome)
    }
}

fn copy(buffer: &mut BytesMut, bytes: &[u8]) -> Bytes {
    if buffer.capacity() < bytes.len() {
        buffer.reserve(bytes.len().max(BUFFER_BYTES));
    }
    buffer.extend_from_slice(bytes);
    buffer.split().freeze()
}

/// The prediction that a score makes of an event.
pub(crate) fn prediction(
    model: &Arc<str>,
    slot: &str,
    event: FeatureEvent,
    scored: Scored,
    scored_at: Timestamp,
) -> PredictionEvent {
    let Unit { kind, id } = event.units.key().clone();
    PredictionEvent {
        prediction_id: events::prediction_id(&event.event_id, model, slot),
        event_id: event.event_id,
        unit: Unit { kind, id },
        model: Arc::clone(model),
        version: scored.version,
        assigned_version: scored.assigned_version,
        role: scored.role,
        experiment: scored.experiment,
        variant: scored.variant,
        bucket: scored.bucket,
        propensity: scored.propensity,
        revision: scored.revision,
        outputs: scored.outputs,
        fallback: scored.fallback,
        occurred_at: event.occurred_at,
        scored_at,
    }
}
