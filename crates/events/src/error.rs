//! What can be wrong with a payload, a mapping or an event.

use thiserror::Error;

use crate::SchemaId;

/// Why a payload was not decoded.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Undecoded {
    /// It is not an event, and never will be one.
    #[error(transparent)]
    Bad(#[from] DecodeError),
    /// It was written with a schema that is not known here yet. Nothing is wrong with it: when the schema has been
    /// [learned](crate::Schemas::learn) it can be decoded.
    #[error("the schema of {0} is not known yet")]
    NeedsSchema(SchemaId),
}

/// Why a payload is not an event. It never will be one: its fate is the dead-letter topic, or a 4xx answer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// The record has no value, or an empty one.
    #[error("empty payload")]
    Empty,
    /// The payload is larger than is read.
    #[error("payload of {size} bytes exceeds the limit of {limit} bytes")]
    TooLarge {
        /// Its size.
        size: usize,
        /// The limit, from the configuration.
        limit: usize,
    },
    /// The payload begins like none of the encodings.
    #[error("unknown encoding: the payload begins with byte 0x{first:02x}, which is neither JSON nor Avro")]
    UnknownEncoding {
        /// Its first byte.
        first: u8,
    },
    /// The payload is not what its encoding allows.
    #[error("malformed {encoding}: {message}")]
    Malformed {
        /// `JSON` or `Avro`.
        encoding: &'static str,
        /// What its parser says, with the place.
        message: String,
    },
    /// The payload was written with a schema that nobody here knows.
    #[error("unknown Avro schema {schema}")]
    UnknownSchema {
        /// The registry's id, or the fingerprint in hexadecimal.
        schema: String,
    },
    /// What is around the payload is not a CloudEvent, though it says so.
    #[error("bad CloudEvent: {message}")]
    BadEnvelope {
        /// What is wrong with it.
        message: String,
    },
    /// A required field is not there, or null.
    #[error("missing `{field}` (at {pointer})")]
    Missing {
        /// Our name of it.
        field: String,
        /// Where it was looked for.
        pointer: String,
    },
    /// A field holds something of another kind.
    #[error("`{field}` (at {pointer}): expected {expected}, found {found}")]
    WrongType {
        /// Our name of it.
        field: String,
        /// Where it was found.
        pointer: String,
        /// What it must be.
        expected: &'static str,
        /// What it is, shortened.
        found: String,
    },
    /// A field comes twice, so that it cannot be said which one counts.
    #[error("`{field}` comes twice")]
    Duplicate {
        /// The field.
        field: String,
    },
    /// The event has more fields than are read.
    #[error("more than {limit} features or context fields")]
    TooManyFields {
        /// The limit.
        limit: usize,
    },
}

impl DecodeError {
    /// A short word for metrics and for the dead letter's class.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::TooLarge { .. } => "too_large",
            Self::UnknownEncoding { .. } => "unknown_encoding",
            Self::Malformed { .. } => "malformed",
            Self::UnknownSchema { .. } => "unknown_schema",
            Self::BadEnvelope { .. } => "bad_envelope",
            Self::Missing { .. } => "missing_field",
            Self::WrongType { .. } => "wrong_type",
            Self::Duplicate { .. } => "duplicate_field",
            Self::TooManyFields { .. } => "too_many_fields",
        }
    }
}

/// Why an event cannot be written: a defect of the house, since every event of ours fits its schema.
#[derive(Debug, Error)]
#[error("{event} does not fit its schema: {message}")]
pub struct EncodeError {
    /// The type of the event.
    pub event: &'static str,
    /// What the encoder says.
    pub message: String,
}

/// What is wrong with a mapping or a schema in the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MappingError {
    /// A pointer does not begin with a slash, or has a bad escape.
    #[error("`{field}`: \"{pointer}\" is not a JSON pointer such as \"/card/hash\"")]
    BadPointer {
        /// The field of the mapping.
        field: String,
        /// What was written.
        pointer: String,
    },
    /// A required part of the mapping is missing.
    #[error("`{field}`: {message}")]
    Incomplete {
        /// The field of the mapping.
        field: String,
        /// What is missing, and why it is needed.
        message: String,
    },
    /// An Avro schema cannot be read.
    #[error("schema {place}: {message}")]
    BadSchema {
        /// Where the schema came from.
        place: String,
        /// What its parser says.
        message: String,
    },
}
