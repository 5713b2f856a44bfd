//! What is around a payload: CloudEvents 1.0, in headers (binary mode) or in the payload itself (structured mode).
//!
//! Kafka's headers are `ce_id` as they stand; those of NATS are `ce-id`, percent-encoded. Both are read wherever
//! they are met. In structured mode the payload is a JSON object, and its member `data` is what a mapping sees.

mod structured;

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use compact_str::{CompactString, format_compact};
use smallvec::SmallVec;

use crate::schema_id::hex_byte;
use crate::{DecodeError, Limits, SchemaId, Timestamp};

/// The headers of a record, in their order; of two of one name the last one counts.
pub type Headers<'a> = &'a [(&'a str, &'a [u8])];

/// The header that keeps where a record was first taken from, as `topic/partition/offset`, when it is sent again:
/// the id of an event that has none of its own.
pub const ORIGIN_HEADER: &str = "serin-origin";

const CONTENT_TYPE: &str = "content-type";
const STRUCTURED: &str = "application/cloudevents";
/// The one version of CloudEvents that is read.
const VERSION: &str = "1.0";
/// The most bytes of an attribute that becomes part of an event.
const ATTRIBUTE_BYTES_MAX: usize = 1_024;

/// What the headers, or the envelope within the payload, say about an event.
#[derive(Debug, Default)]
pub(crate) struct Envelope<'a> {
    /// The schema that the headers name; else the payload names it itself.
    pub(crate) schema: Option<SchemaId>,
    origin: Option<&'a [u8]>,
    mode: Mode,
    attributes: SmallVec<[Attribute<'a>; 8]>,
}

#[derive(Debug)]
struct Attribute<'a> {
    name: Cow<'a, str>,
    value: Value<'a>,
}

#[derive(Debug)]
enum Value<'a> {
    /// As it stands.
    Plain(&'a [u8]),
    /// Percent-encoded, as on NATS.
    Percent(&'a [u8]),
    /// From the envelope within a payload.
    Text(String),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Mode {
    /// No CloudEvent; attributes may be there all the same, and a mapping may name them.
    #[default]
    None,
    Binary,
    Structured,
}

impl<'a> Envelope<'a> {
    /// Takes the envelope off a payload: what it says, and what was in it.
    pub(crate) fn open(
        payload: &'a [u8],
        headers: Headers<'a>,
        limits: Limits,
    ) -> Result<(Self, Cow<'a, [u8]>), DecodeError> {
        if payload.len() > limits.payload_bytes {
            return Err(DecodeError::TooLarge { size: payload.len(), limit: limits.payload_bytes });
        }
        let mut envelope = Self::read(headers)?;
        let data = match envelope.mode {
            Mode::None | Mode::Binary => Cow::Borrowed(payload),
            Mode::Structured => structured::open(payload, &mut envelope.attributes)?,
        };
        if envelope.mode != Mode::None {
            envelope.check()?;
        }
        Ok((envelope, data))
    }

    fn read(headers: Headers<'a>) -> Result<Self, DecodeError> {
        let mut envelope = Self::default();
        for (name, value) in headers {
            match name.as_bytes() {
                [b'c', b'e', b'_', ..] => envelope.add(&name[3..], Value::Plain(value)),
                [b'c', b'e', b'-', ..] => envelope.add(&name[3..], Value::Percent(value)),
                _ if *name == SchemaId::HEADER => envelope.schema = Some(SchemaId::from_header(value)?),
                _ if *name == ORIGIN_HEADER => envelope.origin = Some(value),
                _ if name.eq_ignore_ascii_case(CONTENT_TYPE) && is_structured(value)? => {
                    envelope.mode = Mode::Structured;
                }
                _ => {}
            }
        }
        Ok(envelope)
    }

    fn add(&mut self, name: &'a str, value: Value<'a>) {
        if name == "specversion" && self.mode == Mode::None {
            self.mode = Mode::Binary;
        }
        self.attributes.push(Attribute { name: Cow::Borrowed(name), value });
    }

    /// What CloudEvents ask of every event.
    fn check(&self) -> Result<(), DecodeError> {
        match self.get("specversion")? {
            Some(version) if version == VERSION => {}
            Some(version) => {
                return Err(bad(format!(
                    "`specversion` is \"{}\"; \"{VERSION}\" is read",
                    shorten(&version)
                )));
            }
            None => return Err(bad("`specversion` is missing".into())),
        }
        for name in ["id", "source", "type"] {
            if self.get(name)?.is_none_or(|value| value.is_empty()) {
                return Err(bad(format!("`{name}` is missing or empty")));
            }
        }
        Ok(())
    }

    /// The value of an attribute.
    pub(crate) fn get(&self, name: &str) -> Result<Option<Cow<'_, str>>, DecodeError> {
        let Some(attribute) = self.attributes.iter().rev().find(|each| each.name == name) else {
            return Ok(None);
        };
        let bytes = match &attribute.value {
            Value::Text(text) => return Ok(Some(Cow::Borrowed(text))),
            Value::Plain(bytes) => Cow::Borrowed(*bytes),
            Value::Percent(bytes) => percent_decoded(bytes).ok_or_else(|| {
                bad(format!("`{name}` is not percent-encoded: \"{}\"", String::from_utf8_lossy(bytes)))
            })?,
        };
        let text = match bytes {
            Cow::Borrowed(bytes) => std::str::from_utf8(bytes).map(Cow::Borrowed).ok(),
            Cow::Owned(bytes) => String::from_utf8(bytes).map(Cow::Owned).ok(),
        };
        text.map(Some).ok_or_else(|| bad(format!("`{name}` is not UTF-8")))
    }

    /// The attribute `time`, which is RFC 3339 whatever a mapping says about other times.
    pub(crate) fn time(&self) -> Result<Option<Timestamp>, DecodeError> {
        let Some(text) = self.get("time")? else { return Ok(None) };
        let time = Timestamp::parse(&text);
        time.map(Some).ok_or_else(|| bad(format!("`time` is \"{}\", not an RFC 3339 time", shorten(&text))))
    }

    /// The id that the event has by itself: source and id, which together name a CloudEvent, with a space between
    /// them, which no source contains; else the place that it was first taken from, if it was sent again.
    pub(crate) fn event_id(&self) -> Result<Option<CompactString>, DecodeError> {
        let id = match (self.mode, self.origin) {
            (Mode::Binary | Mode::Structured, _) => {
                let (source, id) = (self.get("source")?, self.get("id")?);
                format_compact!("{} {}", source.unwrap_or_default(), id.unwrap_or_default())
            }
            (Mode::None, Some(origin)) => CompactString::from_utf8(origin)
                .map_err(|_| bad(format!("the header {ORIGIN_HEADER} is not UTF-8")))?,
            (Mode::None, None) => return Ok(None),
        };
        if id.len() > ATTRIBUTE_BYTES_MAX {
            return Err(bad(format!("an id of {} bytes; at most {ATTRIBUTE_BYTES_MAX} are read", id.len())));
        }
        Ok(Some(id))
    }
}

/// Whether a content type says that the payload has its envelope within.
fn is_structured(content_type: &[u8]) -> Result<bool, DecodeError> {
    let Some(prefix) = content_type.get(..STRUCTURED.len()) else { return Ok(false) };
    if !prefix.eq_ignore_ascii_case(STRUCTURED.as_bytes()) {
        return Ok(false);
    }
    let media = content_type.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    if media.eq_ignore_ascii_case(b"application/cloudevents+json") {
        return Ok(true);
    }
    let found = String::from_utf8_lossy(media);
    Err(bad(format!("content type \"{}\"; \"{STRUCTURED}+json\" is read", shorten(&found))))
}

fn percent_decoded(bytes: &[u8]) -> Option<Cow<'_, [u8]>> {
    if !bytes.contains(&b'%') {
        return Some(Cow::Borrowed(bytes));
    }
    let mut plain = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let [first, behind @ ..] = rest {
        if *first == b'%' {
            let (digits, behind) = behind.split_at_checked(2)?;
            plain.push(hex_byte(digits)?);
            rest = behind;
        } else {
            plain.push(*first);
            rest = behind;
        }
    }
    Some(Cow::Owned(plain))
}

fn bad(message: String) -> DecodeError {
    DecodeError::BadEnvelope { message }
}

fn shorten(text: &str) -> String {
    crate::document::shorten(text)
}
