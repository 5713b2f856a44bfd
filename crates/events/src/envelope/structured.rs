//! The envelope within a payload: a JSON object of attributes, with the data as one of its members.

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserializer as _;
use serde::de::{self, MapAccess, Visitor};
use serde_json::value::RawValue;
use smallvec::SmallVec;

use super::{Attribute, Value, bad};
use crate::DecodeError;

/// The most attributes of an event; the specification has eleven, extensions come on top.
const ATTRIBUTES_MAX: usize = 64;

type Attributes<'a> = SmallVec<[Attribute<'a>; 8]>;

/// Reads the envelope of `payload` into `attributes`, and returns the data; empty where there is none.
pub(super) fn open<'a>(
    payload: &'a [u8],
    attributes: &mut Attributes<'a>,
) -> Result<Cow<'a, [u8]>, DecodeError> {
    // What the headers say besides is a copy at best: the envelope counts.
    attributes.clear();
    let malformed = |error: serde_json::Error| DecodeError::Malformed {
        encoding: "JSON",
        message: format!("{error}, in a CloudEvent's envelope"),
    };
    let mut deserializer = serde_json::Deserializer::from_slice(payload);
    let data = deserializer.deserialize_map(Envelope { attributes }).map_err(malformed)?;
    deserializer.end().map_err(malformed)?;
    match data {
        Data::None => Ok(Cow::Borrowed(&[])),
        Data::Json(text) => Ok(Cow::Borrowed(text.get().as_bytes())),
        Data::Base64(text) => STANDARD
            .decode(text.as_bytes())
            .map(Cow::Owned)
            .map_err(|error| bad(format!("`data_base64`: {error}"))),
        Data::Both => Err(bad("both `data` and `data_base64` are there".into())),
    }
}

enum Data<'a> {
    None,
    Json(&'a RawValue),
    Base64(Cow<'a, str>),
    Both,
}

struct Envelope<'v, 'a> {
    attributes: &'v mut Attributes<'a>,
}

impl<'a> Visitor<'a> for Envelope<'_, 'a> {
    type Value = Data<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(mut self, mut members: A) -> Result<Data<'a>, A::Error> {
        let mut data = Data::None;
        while let Some(name) = members.next_key::<Name<'a>>()? {
            let found = match &*name.0 {
                "data" => Data::Json(members.next_value()?),
                "data_base64" => Data::Base64(members.next_value::<Name<'a>>()?.0),
                _ => {
                    self.attribute(name.0, members.next_value()?)?;
                    continue;
                }
            };
            data = if matches!(data, Data::None) { found } else { Data::Both };
        }
        Ok(data)
    }
}

impl<'a> Envelope<'_, 'a> {
    fn attribute<E: de::Error>(&mut self, name: Cow<'a, str>, value: &RawValue) -> Result<(), E> {
        if self.attributes.len() >= ATTRIBUTES_MAX {
            return Err(E::custom(format_args!("more than {ATTRIBUTES_MAX} attributes")));
        }
        if self.attributes.iter().any(|each| each.name == name) {
            return Err(E::custom(format_args!("`{name}` comes twice")));
        }
        // An attribute is text, a whole number or a truth value; null is the same as absent.
        let text = match value.get().as_bytes() {
            b"null" => return Ok(()),
            [b'"', ..] => serde_json::from_str(value.get()).map_err(E::custom)?,
            [b'{' | b'[', ..] => return Err(E::custom(format_args!("`{name}` is not a single value"))),
            _ => value.get().to_owned(),
        };
        self.attributes.push(Attribute { name, value: Value::Text(text) });
        Ok(())
    }
}

/// Text that is borrowed from the payload where it has no escapes.
#[derive(serde::Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);
