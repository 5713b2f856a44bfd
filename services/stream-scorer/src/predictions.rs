//! From a score to the record on the predictions topic.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use events::{
    Attributes, Binding, CloudEvents, Encoding, Event, FeatureEvent, Framing, OutcomeEvent, PredictionEvent,
    STRUCTURED_TYPE, SchemaId, Subject, Timestamp, Unit,
};
use inference::Scored;
use messaging::{Headers, Output};

use crate::config::FramingKind;
use crate::schemas::OwnIds;
use crate::trace::Trace;

/// Turns events of ours into records, many into one buffer.
#[derive(Debug)]
pub(crate) struct Records {
    style: Style,
    scratch: Vec<u8>,
    buffer: BytesMut,
}

/// How records are written.
#[derive(Clone, Debug)]
pub(crate) struct Style {
    pub(crate) encoding: Encoding,
    pub(crate) framing: FramingKind,
    /// The registry's ids of our schemas, where the framing needs them.
    pub(crate) ids: OwnIds,
    pub(crate) cloudevents: CloudEvents,
    pub(crate) binding: Binding,
    /// The source, as the binding has it.
    pub(crate) source: Bytes,
}

/// What is said of an event beside it.
#[derive(Clone, Copy)]
pub(crate) struct Beside<'a> {
    /// The record's key.
    pub(crate) key: &'a str,
    /// The id of the event as a CloudEvent, in parts.
    pub(crate) id: &'a [&'a str],
    /// What the event is about, in parts.
    pub(crate) subject: &'a [&'a str],
    /// When it happened; the record's timestamp, too.
    pub(crate) time: Timestamp,
    /// The trace that it belongs to.
    pub(crate) trace: Trace<'a>,
}

/// The buffer grows in steps of this many bytes, each shared by the records that were written into it.
const BUFFER_BYTES: usize = 256 * 1024;
/// What the attributes of one event take in the buffer, at the most for all but absurd ids.
const ATTRIBUTES_BYTES: usize = 256;

impl Records {
    pub(crate) fn new(style: Style) -> Self {
        Self { style, scratch: Vec::new(), buffer: BytesMut::new() }
    }

    /// The record of an event, keyed and stamped as is said beside it.
    pub(crate) fn record<E: Event>(&mut self, topic: &Arc<str>, beside: Beside<'_>, event: &E) -> Output {
        let Self { style, scratch, buffer } = self;
        scratch.clear();
        let attributes = Attributes {
            source: &style.source,
            id: beside.id,
            time: beside.time,
            subject: beside.subject,
            content_type: style.encoding.content_type(),
        };
        let schema = style.ids.get(topic);
        let written = match (style.cloudevents, style.framing, schema) {
            (CloudEvents::Structured, ..) => {
                attributes.structured(event, scratch).map_err(|error| error.to_string())
            }
            (_, FramingKind::Confluent, Some(id)) => style.encode(event, Framing::Prefix(id), scratch),
            (_, FramingKind::Header, Some(_)) => style.encode(event, Framing::Bare, scratch),
            _ => style.encode(event, Framing::SingleObject, scratch),
        };
        if let Err(error) = written {
            unreachable!("{error}");
        }
        let value = copy(buffer, scratch);
        let key = copy(buffer, beside.key.as_bytes());
        let mut headers = Headers::with_capacity(Attributes::HEADERS + Trace::HEADERS);
        if buffer.capacity() < ATTRIBUTES_BYTES {
            buffer.reserve(BUFFER_BYTES);
        }
        let push = |name, value| headers.push(name, value);
        match style.cloudevents {
            CloudEvents::Binary => attributes.headers(E::TYPE, style.binding, buffer, push),
            CloudEvents::None => attributes.type_alone(E::TYPE, style.binding, push),
            CloudEvents::Structured => {
                headers.push("content-type", Bytes::from_static(STRUCTURED_TYPE.as_bytes()));
            }
        }
        if let (FramingKind::Header, Some(id)) = (style.framing, schema) {
            headers.push(SchemaId::HEADER, id.frame());
        }
        beside.trace.pass_on(&mut headers);
        Output {
            topic: Arc::clone(topic),
            partition: None,
            timestamp: beside.time.as_millis(),
            key: Some(key),
            value: Some(value),
            headers,
        }
    }

    /// The record of a prediction.
    pub(crate) fn prediction(
        &mut self,
        topic: &Arc<str>,
        prediction: &PredictionEvent,
        trace: Trace<'_>,
    ) -> Output {
        let PredictionEvent { prediction_id, unit, occurred_at: time, .. } = prediction;
        let beside = Beside {
            key: &unit.id,
            id: &[prediction_id],
            subject: &[&unit.kind, &unit.id],
            time: *time,
            trace,
        };
        self.record(topic, beside, prediction)
    }

    /// The record of an outcome. A correction is an event of its own.
    pub(crate) fn outcome(
        &mut self,
        topic: &Arc<str>,
        key: &str,
        outcome: &OutcomeEvent,
        trace: Trace<'_>,
    ) -> Output {
        let OutcomeEvent { outcome_id, subject, occurred_at: time, revision, .. } = outcome;
        let revision = revision.to_string();
        let subject: [&str; 2] = match subject {
            Subject::Unit(unit) => [&unit.kind, &unit.id],
            Subject::Event(id) => ["event", id],
            Subject::Prediction(id) => ["prediction", id],
        };
        let beside = Beside { key, id: &[outcome_id, &revision], subject: &subject, time: *time, trace };
        self.record(topic, beside, outcome)
    }
}

impl Style {
    fn encode<E: Event>(&self, event: &E, framing: Framing, into: &mut Vec<u8>) -> Result<(), String> {
        self.encoding.encode(event, framing, into).map_err(|error| error.to_string())
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
