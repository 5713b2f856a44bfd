//! Records between the client library's shape and ours.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use rdkafka::message::{
    BorrowedHeaders, BorrowedMessage, Header as WireHeader, Headers as _, Message as _, OwnedHeaders,
};

use crate::record::{Header, Headers, Record};

/// Copies messages into records, many into one buffer.
#[derive(Debug, Default)]
pub(crate) struct Copier {
    buffer: BytesMut,
}

/// The buffer grows in steps of this many bytes, each shared by the records that were copied into it.
const BUFFER_BYTES: usize = 256 << 10;

impl Copier {
    pub(crate) fn record(&mut self, topic: &Arc<str>, message: &BorrowedMessage<'_>) -> Record {
        Record {
            topic: Arc::clone(topic),
            partition: u32::try_from(message.partition()).unwrap_or(0),
            offset: u64::try_from(message.offset()).unwrap_or(0),
            timestamp: message.timestamp().to_millis().unwrap_or(0),
            key: message.key().map(|key| self.copy(key)),
            value: message.payload().map(|value| self.copy(value)),
            headers: message.headers().map(|headers| self.headers(headers)).unwrap_or_default(),
        }
    }

    fn copy(&mut self, bytes: &[u8]) -> Bytes {
        if bytes.is_empty() {
            return Bytes::new();
        }
        if self.buffer.capacity() < bytes.len() {
            self.buffer.reserve(bytes.len().max(BUFFER_BYTES));
        }
        self.buffer.extend_from_slice(bytes);
        self.buffer.split().freeze()
    }

    fn headers(&mut self, from: &BorrowedHeaders) -> Headers {
        let mut headers = Headers::with_capacity(from.count());
        for place in 0..from.count() {
            // The client library panics where a name is no UTF-8, and has no other way to read it.
            let header = catch_unwind(AssertUnwindSafe(|| from.get(place)));
            match header {
                Ok(header) => headers.push(header.key, self.copy(header.value.unwrap_or_default())),
                Err(_) => tracing::warn!("a header whose name is not UTF-8 was left out"),
            }
        }
        headers
    }
}

/// Headers as the client library takes them; none costs nothing.
pub(crate) fn wire_headers(headers: &Headers) -> Option<OwnedHeaders> {
    if headers.is_empty() {
        return None;
    }
    let wire = OwnedHeaders::new_with_capacity(headers.len());
    let add = |wire: OwnedHeaders, Header { name, value }: &Header| {
        wire.insert(WireHeader { key: name, value: Some(&value[..]) })
    };
    Some(headers.iter().fold(wire, add))
}
