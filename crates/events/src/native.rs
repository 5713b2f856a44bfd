//! Our own events on the wire: JSON, and Avro in the single-object encoding.

use std::sync::LazyLock;

use apache_avro::writer::datum::GenericDatumWriter;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::avro::{Readers, Writer};
use crate::envelope::{Envelope, Headers};
use crate::wire::{Payload, SINGLE_OBJECT};
use crate::{
    DecodeError, Deployment, EncodeError, FeatureEvent, Limits, OutcomeEvent, PredictionEvent, SchemaId,
    Schemas, Undecoded,
};

/// An event of ours: it has a type, a schema, and a place in `schemas/golden`.
pub trait Event: Serialize {
    /// The type as CloudEvents have it.
    const TYPE: &'static str;
    /// The Avro schema, as JSON text.
    const SCHEMA: &'static str;
    /// The full name of the Avro record.
    const RECORD: &'static str;
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
    ($($event:ident, $type:literal, $file:literal;)*) => {
        $(impl Event for $event {
            const TYPE: &'static str = $type;
            const SCHEMA: &'static str = include_str!(concat!("../../../schemas/avro/", $file));
            const RECORD: &'static str = concat!("dev.serin.", stringify!($event));

            fn schema() -> &'static OwnSchema {
                static SCHEMA: LazyLock<OwnSchema> =
                    LazyLock::new(|| OwnSchema::parse(<$event as Event>::SCHEMA));
                &SCHEMA
            }
        })*

        /// The schema of ours that has this fingerprint.
        pub(crate) fn schema(fingerprint: [u8; 8]) -> Option<&'static Writer> {
            [$(<$event>::schema()),*]
                .into_iter()
                .map(|own| own.writer)
                .find(|own| own.fingerprint() == fingerprint)
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

    /// Writes an event behind what is in `into`; Avro in `framing`, which JSON has no need of.
    ///
    /// # Errors
    /// Where the event does not fit its schema.
    pub fn encode<E: Event>(
        self,
        event: &E,
        framing: Framing,
        into: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        let misfit = |message: String| EncodeError { event: E::TYPE, message };
        match self {
            Self::Json => serde_json::to_writer(into, event).map_err(|error| misfit(error.to_string())),
            Self::Avro => {
                let schema = E::schema();
                match framing {
                    Framing::SingleObject => {
                        into.extend_from_slice(&SINGLE_OBJECT);
                        into.extend_from_slice(&schema.writer.fingerprint());
                    }
                    Framing::Prefix(id) => into.extend_from_slice(&id.frame()),
                    Framing::Bare => {}
                }
                schema.datum.write_ser(into, event).map(drop).map_err(|error| misfit(error.to_string()))
            }
        }
    }
}

/// How an Avro payload names its schema.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Framing {
    /// By fingerprint: Avro's single-object encoding, which needs no registry.
    #[default]
    SingleObject,
    /// By the id of a registry before the payload.
    Prefix(SchemaId),
    /// Not at all: a header beside it does.
    Bare,
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
    /// Where the payload is not such an event, or its schema is yet to be learned.
    pub fn decode<E: Event + DeserializeOwned>(
        &mut self,
        payload: &[u8],
        headers: Headers<'_>,
    ) -> Result<E, Undecoded> {
        let (envelope, data) = Envelope::open(payload, headers, self.limits)?;
        self.decode_data(&data, envelope.schema)
    }

    /// Reads one event that has been taken out of its envelope.
    pub(crate) fn decode_data<E: Event + DeserializeOwned>(
        &mut self,
        data: &[u8],
        schema: Option<SchemaId>,
    ) -> Result<E, Undecoded> {
        let malformed =
            |encoding: &'static str, message: String| DecodeError::Malformed { encoding, message }.into();
        match Payload::tell(data, schema, &self.schemas)? {
            Payload::Json(text) => {
                serde_json::from_slice(text).map_err(|error| malformed("JSON", error.to_string()))
            }
            Payload::Avro { writer, body } => {
                let value = self.readers.read(writer, Some(E::schema().writer()), body)?;
                apache_avro::from_value(&value).map_err(|error| malformed("Avro", error.to_string()))
            }
        }
    }
}
