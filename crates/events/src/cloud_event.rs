//! Our own events as CloudEvents 1.0: the attributes beside a payload.

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::io::Write as _;

use bytes::{BufMut as _, Bytes, BytesMut};
use serde::{Deserialize, Serialize};

use crate::{Event, Timestamp};

/// The media type of an event with its envelope within.
pub const STRUCTURED_TYPE: &str = "application/cloudevents+json; charset=UTF-8";

/// Where the attributes of our events are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CloudEvents {
    /// In headers; the payload is the event alone.
    #[default]
    Binary,
    /// In the payload, around the event, which is JSON then.
    Structured,
    /// Nowhere, but for the type, by which readers of a mixed topic tell events apart.
    None,
}

/// How a broker's headers name attributes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Binding {
    /// `ce_id`, with any text in it; the embedded log has it so too.
    #[default]
    Kafka,
    /// `ce-id`, percent-encoded.
    Nats,
}

/// The attributes of an event.
#[derive(Clone, Copy, Debug)]
pub struct Attributes<'a> {
    /// Who says it: a URI reference, the same for all events of a service.
    pub source: &'a Bytes,
    /// Names the event among those of its source; the parts are joined by slashes.
    pub id: &'a [&'a str],
    /// When it happened.
    pub time: Timestamp,
    /// What it is about; joined as the id.
    pub subject: &'a [&'a str],
    /// The media type of the event alone.
    pub content_type: &'static str,
}

/// The names of one binding's headers.
struct Names {
    version: &'static str,
    kind: &'static str,
    source: &'static str,
    id: &'static str,
    time: &'static str,
    subject: &'static str,
    content_type: &'static str,
}

const KAFKA: Names = Names {
    version: "ce_specversion",
    kind: "ce_type",
    source: "ce_source",
    id: "ce_id",
    time: "ce_time",
    subject: "ce_subject",
    content_type: "content-type",
};

const NATS: Names = Names {
    version: "ce-specversion",
    kind: "ce-type",
    source: "ce-source",
    id: "ce-id",
    time: "ce-time",
    subject: "ce-subject",
    content_type: "ce-datacontenttype",
};

impl Binding {
    fn names(self) -> &'static Names {
        match self {
            Self::Kafka => &KAFKA,
            Self::Nats => &NATS,
        }
    }

    /// The source as its header has it; once for all events.
    pub fn source(self, source: &str) -> Bytes {
        match self {
            Self::Kafka => Bytes::copy_from_slice(source.as_bytes()),
            Self::Nats => percent_encoded(source).into_owned().into(),
        }
    }
}

impl Attributes<'_> {
    /// How many headers an event has.
    pub const HEADERS: usize = 7;

    /// Gives the headers of an event of type `kind` to `push`, in binary mode. Values are slices of `buffer`, many to
    /// one piece of memory.
    pub fn headers(
        &self,
        kind: &'static str,
        binding: Binding,
        buffer: &mut BytesMut,
        mut push: impl FnMut(&'static str, Bytes),
    ) {
        let names = binding.names();
        push(names.version, Bytes::from_static(b"1.0"));
        push(names.kind, Bytes::from_static(kind.as_bytes()));
        push(names.source, self.source.clone());
        push(names.id, joined(self.id, binding, buffer));
        push(names.time, timed(self.time, buffer));
        push(names.subject, joined(self.subject, binding, buffer));
        push(names.content_type, Bytes::from_static(self.content_type.as_bytes()));
    }

    /// Gives the one attribute that every record carries to `push`, and the media type.
    pub fn type_alone(
        &self,
        kind: &'static str,
        binding: Binding,
        mut push: impl FnMut(&'static str, Bytes),
    ) {
        push(binding.names().kind, Bytes::from_static(kind.as_bytes()));
        push(binding.names().content_type, Bytes::from_static(self.content_type.as_bytes()));
    }

    /// Writes the event with its attributes around it behind what is in `into`, in structured mode.
    ///
    /// # Errors
    /// Where the event is not JSON, which every event of ours is.
    pub fn structured<E: Event>(&self, event: &E, into: &mut Vec<u8>) -> Result<(), serde_json::Error> {
        #[derive(Serialize)]
        struct Structured<'a, E> {
            specversion: &'static str,
            r#type: &'static str,
            source: Cow<'a, str>,
            id: String,
            time: Timestamp,
            subject: String,
            datacontenttype: &'static str,
            data: &'a E,
        }
        let envelope = Structured {
            specversion: "1.0",
            r#type: E::TYPE,
            source: String::from_utf8_lossy(self.source),
            id: self.id.join("/"),
            time: self.time,
            subject: self.subject.join("/"),
            datacontenttype: "application/json",
            data: event,
        };
        serde_json::to_writer(into, &envelope)
    }
}

fn joined(parts: &[&str], binding: Binding, buffer: &mut BytesMut) -> Bytes {
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            buffer.put_u8(b'/');
        }
        match binding {
            Binding::Kafka => buffer.put_slice(part.as_bytes()),
            Binding::Nats => buffer.put_slice(percent_encoded(part).as_bytes()),
        }
    }
    buffer.split().freeze()
}

fn timed(time: Timestamp, buffer: &mut BytesMut) -> Bytes {
    if write!(buffer.writer(), "{time}").is_err() {
        unreachable!("a buffer takes all that is written");
    }
    buffer.split().freeze()
}

/// Text as a header of NATS has it: all but printable ASCII without space, `"` and `%` is percent-encoded.
fn percent_encoded(text: &str) -> Cow<'_, str> {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'%';
    if text.bytes().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let mut encoded = String::with_capacity(text.len() + 8);
    for byte in text.bytes() {
        match byte {
            byte if is_plain(byte) => encoded.push(byte.into()),
            byte => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    Cow::Owned(encoded)
}
