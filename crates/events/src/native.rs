//! Our own events on the wire: JSON, and Avro in the single-object encoding.

use std::sync::LazyLock;

use apache_avro::writer::datum::GenericDatumWriter;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::avro::{Readers, Writer};
use crate::wire::{Payload, SINGLE_OBJECT};
use crate::{
    DecodeError, Deployment, EncodeError, FeatureEvent, Limits, OutcomeEvent, PredictionEvent, Schemas,
};

/// An event of ours: it has a type, a schema, and a place in `schemas/golden`.
pub trait Event: Serialize {
    /// The type as CloudEvents have it.
    const TYPE: &'static str;
    #[doc(hidden)]
    fn schema() -> &'static OwnSchema;
}

/// A schema of ours, ready to write with.
#[expect(missing_debug_implementations, reason = "its writer has none, and nobody prints a schema")]
pub struct OwnSchema {
    writer: &'static Writer,
    datum: GenericDatumWriter<'static>,
}

macro_rules! own_events {
    ($($event:ty, $type:literal, $file:literal;)*) => {
        $(impl Event for $event {
            const TYPE: &'static str = $type;

            fn schema() -> &'static OwnSchema {
                static SCHEMA: LazyLock<OwnSchema> = LazyLock::new(|| {
                    OwnSchema::parse(include_str!(concat!("../../../schemas/avro/", $file)))
                });
                &SCHEMA
            }
        })*

        /// All schemas of ours.
        pub(crate) fn schemas() -> impl Iterator<Item = &'static Writer> {
            [$(<$event>::schema()),*].into_iter().map(|own| own.writer)
        }
    };
}

own_events! {
    FeatureEvent, "dev.serin.feature.v1", "feature_event.avsc";
    PredictionEvent, "dev.serin.prediction.v1", "prediction_event.avsc";
    OutcomeEvent, "dev.serin.outcome.v1", "outcome_event.avsc";
    Deployment, "dev.serin.deployment.v1", "deployment.avsc";
}

impl OwnSchema {
    #[expect(clippy::expect_used, reason = "the schema is part of the program; a test parses every one")]
    fn parse(text: &str) -> Self {
        let writer = &*Box::leak(Box::new(Writer::parse(text).expect("our own schema is valid")));
        let datum = GenericDatumWriter::builder(&writer.schema).human_readable(false).build();
        Self { writer, datum: datum.expect("our own schema has all its names") }
    }

    pub(crate) fn writer(&self) -> &'static Writer {
        self.writer
    }
}

/// How our events are written. They are told apart on reading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// JSON: readable by every tool.
    #[default]
    Json,
    /// Avro's single-object encoding: about a third of the size, and it names its schema.
    Avro,
}

impl Encoding {
    /// The media type of payloads so written.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Avro => "application/avro",
        }
    }

    /// Writes an event behind what is in `into`.
    ///
    /// # Errors
    /// Where the event does not fit its schema.
    pub fn encode<E: Event>(self, event: &E, into: &mut Vec<u8>) -> Result<(), EncodeError> {
        let misfit = |message: String| EncodeError { event: E::TYPE, message };
        match self {
            Self::Json => serde_json::to_writer(into, event).map_err(|error| misfit(error.to_string())),
            Self::Avro => {
                let schema = E::schema();
                into.extend_from_slice(&SINGLE_OBJECT);
                into.extend_from_slice(&schema.writer.fingerprint());
                schema.datum.write_ser(into, event).map(drop).map_err(|error| misfit(error.to_string()))
            }
        }
    }
}

/// Reads events of ours, in whichever encoding they come. Unknown fields are ignored, so that a reader survives
/// a newer writer; fields that are missing and have no default are refused by name.
#[derive(Debug)]
pub struct NativeDecoder {
    schemas: std::sync::Arc<Schemas>,
    limits: Limits,
    readers: Readers,
}

impl NativeDecoder {
    /// A decoder of payloads up to `limits`.
    pub fn new(schemas: std::sync::Arc<Schemas>, limits: Limits) -> Self {
        Self { schemas, limits, readers: Readers::default() }
    }

    /// Reads one event. One decoder reads events of one type.
    ///
    /// # Errors
    /// Where the payload is not such an event.
    pub fn decode<E: Event + DeserializeOwned>(&mut self, payload: &[u8]) -> Result<E, DecodeError> {
        match Payload::tell(payload, self.limits, &self.schemas)? {
            Payload::Json(text) => serde_json::from_slice(text)
                .map_err(|error| DecodeError::Malformed { encoding: "JSON", message: error.to_string() }),
            Payload::Avro { writer, body } => {
                let value = self.readers.read(writer, Some(E::schema().writer()), body)?;
                apache_avro::from_value(&value)
                    .map_err(|error| DecodeError::Malformed { encoding: "Avro", message: error.to_string() })
            }
        }
    }
}
