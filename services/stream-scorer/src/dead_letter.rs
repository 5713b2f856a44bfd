//! Dead letters: records that can never be scored, kept whole with the reason beside them.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use bytes::Bytes;
use messaging::{Headers, Output, Record};

/// The most bytes of an error's message: parsers may quote what they read, and that may be long.
const MESSAGE_BYTES_MAX: usize = 1_024;

/// Why a record is a dead letter.
pub(crate) struct Cause<'a> {
    /// What was being done: `decode` or `score`.
    pub(crate) stage: &'static str,
    /// The class of the error; a bounded set.
    pub(crate) reason: &'static str,
    /// The error itself.
    pub(crate) message: String,
    /// The consumer group that gave the record up.
    pub(crate) group: &'a str,
}

/// The record, byte for byte as it came, with headers that say where it came from and what was wrong.
///
/// The headers have the names that Kafka Connect gives them, which most tools read.
pub(crate) fn dead_letter(topic: &Arc<str>, record: &Record, cause: Cause<'_>) -> Output {
    let text = |text: &str| Bytes::copy_from_slice(text.as_bytes());
    let mut headers: Headers = record.headers.clone();
    headers.push("__connect.errors.topic", text(&record.topic));
    headers.push("__connect.errors.partition", Bytes::from(record.partition.to_string()));
    headers.push("__connect.errors.offset", Bytes::from(record.offset.to_string()));
    headers.push("__connect.errors.connector.name", text(cause.group));
    headers.push("__connect.errors.stage", Bytes::from_static(cause.stage.as_bytes()));
    headers.push("__connect.errors.exception.class.name", Bytes::from_static(cause.reason.as_bytes()));
    headers.push("__connect.errors.exception.message", Bytes::from(shorten(cause.message)));
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
