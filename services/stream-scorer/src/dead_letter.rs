//! Dead letters: records that can never be scored, kept whole with the reason beside them.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use bytes::Bytes;
use messaging::{Headers, Output, Record};

/// The most bytes of an error's message: parsers may quote what they read, and that may be long.
const MESSAGE_BYTES_MAX: usize = 1_024;

/// The headers that say why a record is a dead letter, by the names that Kafka Connect gives them.
///
/// A redrive takes them off again, one of each, so that a record which fails again and again has them once.
pub const ERROR_HEADERS: [&str; 9] =
    [TOPIC, PARTITION, OFFSET, GROUP, TASK, STAGE, STAGE_CLASS, REASON, MESSAGE];

/// Where the record was taken from.
pub const TOPIC: &str = "__connect.errors.topic";
/// The partition it was taken from.
pub const PARTITION: &str = "__connect.errors.partition";
/// Its place in the partition.
pub const OFFSET: &str = "__connect.errors.offset";
/// The consumer group that gave the record up.
const GROUP: &str = "__connect.errors.connector.name";
/// Connect's number of the task within a connector; a lane is the one task of its group in its process.
const TASK: &str = "__connect.errors.task.id";
/// What was being done.
const STAGE: &str = "__connect.errors.stage";
/// What was doing it.
const STAGE_CLASS: &str = "__connect.errors.class.name";
/// The class of the error: `malformed`, `missing_feature`.
pub const REASON: &str = "__connect.errors.exception.class.name";
/// What the error says.
const MESSAGE: &str = "__connect.errors.exception.message";

/// The header that counts how often a record has been sent back from the dead letters.
pub const ATTEMPTS: &str = "serin-redrive-attempts";

/// What was being done when a record was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Reading the event.
    Decode,
    /// Scoring it.
    Score,
}

impl Stage {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Decode => "decode",
            Self::Score => "score",
        }
    }

    /// What does it.
    fn class(self) -> &'static str {
        match self {
            Self::Decode => "events::Decoder",
            Self::Score => "inference::Engine",
        }
    }
}

/// Why a record is a dead letter.
pub(crate) struct Cause<'a> {
    /// What was being done.
    pub(crate) stage: Stage,
    /// The class of the error; a bounded set.
    pub(crate) reason: &'static str,
    /// The error itself.
    pub(crate) message: String,
    /// The consumer group that gave the record up.
    pub(crate) group: &'a str,
}

/// The record, byte for byte as it came, with headers that say where it came from and what was wrong.
pub(crate) fn dead_letter(topic: &Arc<str>, record: &Record, cause: Cause<'_>) -> Output {
    let text = |text: &str| Bytes::copy_from_slice(text.as_bytes());
    let fixed = |text: &'static str| Bytes::from_static(text.as_bytes());
    let mut headers: Headers = record.headers.clone();
    headers.push(TOPIC, text(&record.topic));
    headers.push(PARTITION, Bytes::from(record.partition.to_string()));
    headers.push(OFFSET, Bytes::from(record.offset.to_string()));
    headers.push(GROUP, text(cause.group));
    headers.push(TASK, fixed("0"));
    headers.push(STAGE, fixed(cause.stage.as_str()));
    headers.push(STAGE_CLASS, fixed(cause.stage.class()));
    headers.push(REASON, fixed(cause.reason));
    headers.push(MESSAGE, Bytes::from(shorten(cause.message)));
    Output {
        topic: Arc::clone(topic),
        partition: None,
        timestamp: record.timestamp,
        key: record.key.clone(),
        value: record.value.clone(),
        headers,
    }
}

fn shorten(mut message: String) -> String {
    message.truncate(message.floor_char_boundary(MESSAGE_BYTES_MAX));
    message
}
