//! A record as a message of NATS, and back. Pure.
//!
//! The value is the payload; everything else is in headers, so that stock tools show what they can show:
//!
//! ```text
//! Serin-Time     the timestamp, in milliseconds since 1970; every message of ours has it
//! Serin-Key      the key, if there is one
//! Serin-Value    "null", if there is no value: an empty payload is an empty value
//! Serin-Order    places of the headers among all of them sorted by name, unless they are sorted: the client
//!                library keeps the order of equal names only
//! Serin-Trailer  the length of the value, where key and headers are behind it in the payload: a server
//!                takes no more than 64 KiB of headers
//! ```
//! NATS takes printable ASCII only, without `:` in names: other bytes, and `%`, are percent-encoded. As the binding
//! of `CloudEvents` to NATS has it, their attributes are `ce-<name>` here and `ce_<name>` elsewhere. `Nats-` is the
//! server's. A message without `Serin-Time` was written by somebody else, and its headers are taken as they are.

mod escape;

use async_nats::HeaderMap;
use bytes::{BufMut, Bytes, BytesMut};

use crate::record::{Header, Headers, Output};
use escape::{escape_name, escape_value, unescape, unescape_name};

const TIME: &str = "Serin-Time";
const KEY: &str = "Serin-Key";
const VALUE: &str = "Serin-Value";
const ORDER: &str = "Serin-Order";
const TRAILER: &str = "Serin-Trailer";
const NULL: &str = "null";

/// Key and headers of more bytes than this are put behind the value: escaped, they might be three times as much.
const MOST_IN_HEADERS: usize = 16 << 10;

/// Encodes all of an output but its place.
pub(crate) fn encode(output: &Output) -> (HeaderMap, Bytes) {
    let mut map = HeaderMap::new();
    map.insert(TIME, output.timestamp.to_string());
    if output.value.is_none() {
        map.insert(VALUE, NULL);
    }
    let value = output.value.clone().unwrap_or_default();
    if output.size() - value.len() > MOST_IN_HEADERS
        && let Ok(trailer) = postcard::to_stdvec(&(&output.key, &output.headers))
    {
        map.insert(TRAILER, value.len().to_string());
        let mut payload = BytesMut::with_capacity(value.len() + trailer.len());
        payload.put_slice(&value);
        payload.put_slice(&trailer);
        return (map, payload.freeze());
    }
    if let Some(key) = &output.key {
        map.insert(KEY, escape_value(key, false).into_owned());
    }
    encode_headers(&output.headers, &mut map);
    (map, value)
}

fn encode_headers(headers: &Headers, map: &mut HeaderMap) {
    let names: Vec<_> = headers.iter().map(|header| escape_name(&header.name)).collect();
    for (name, header) in names.iter().zip(headers) {
        let value = escape_value(&header.value, name.starts_with("ce-"));
        map.append(&**name, value.into_owned());
    }
    if !names.is_sorted() {
        map.insert(ORDER, order(&names));
    }
}

/// Where each header is once all are sorted by name.
fn order<T: Ord>(names: &[T]) -> String {
    let mut sorted: Vec<usize> = (0..names.len()).collect();
    sorted.sort_by_key(|place| &names[*place]);
    let mut places = vec![String::new(); names.len()];
    for (place, original) in sorted.into_iter().enumerate() {
        places[original] = place.to_string();
    }
    places.join(",")
}

/// What a message says; its place is in its subjects.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Decoded {
    /// `None`: it does not say.
    pub(crate) timestamp: Option<i64>,
    pub(crate) key: Option<Bytes>,
    pub(crate) value: Option<Bytes>,
    pub(crate) headers: Headers,
}

/// Decodes a message, whoever wrote it.
pub(crate) fn decode(map: Option<HeaderMap>, mut payload: Bytes) -> Decoded {
    let Some(map) = map else {
        return Decoded { timestamp: None, key: None, value: Some(payload), headers: Headers::new() };
    };
    let text = |name: &str| map.get(name).map(async_nats::HeaderValue::as_str);
    let timestamp = text(TIME).and_then(|time| time.parse().ok());
    let trailer = text(TRAILER).and_then(|length| length.parse().ok()).and_then(|length: usize| {
        let trailer = (length <= payload.len()).then(|| payload.slice(length..))?;
        let decoded: (Option<Bytes>, Headers) = postcard::from_bytes(&trailer).ok()?;
        Some((length, decoded))
    });
    let key = text(KEY).map(|key| unescape(key.as_bytes()));
    let (key, headers) = match trailer {
        Some((length, decoded)) => {
            payload.truncate(length);
            decoded
        }
        None => (key, decode_headers(&map, timestamp.is_some())),
    };
    let value = (text(VALUE) != Some(NULL)).then_some(payload);
    Decoded { timestamp, key, value, headers }
}

fn decode_headers(map: &HeaderMap, is_ours: bool) -> Headers {
    let mut sorted = Vec::with_capacity(map.len());
    for (name, values) in map.iter() {
        let name: &str = name.as_ref();
        if !name.starts_with("Nats-") && !name.starts_with("Serin-") {
            sorted.extend(values.iter().map(|value| (name, value.as_str())));
        }
    }
    sorted.sort_by_key(|(name, _)| *name);
    let header = |(name, value): &(&str, &str)| {
        let is_escaped = is_ours || name.starts_with("ce-");
        let value =
            if is_escaped { unescape(value.as_bytes()) } else { Bytes::copy_from_slice(value.as_bytes()) };
        Header::new(unescape_name(name, is_ours), value)
    };
    match map.get(ORDER).and_then(|order| places(order.as_str(), sorted.len())) {
        Some(places) => places.into_iter().map(|place| header(&sorted[place])).collect(),
        None => sorted.iter().map(header).collect(),
    }
}

/// The places that [`order`] wrote, if they make sense.
fn places(order: &str, count: usize) -> Option<Vec<usize>> {
    let places: Vec<usize> = order.split(',').map(|place| place.parse().ok()).collect::<Option<_>>()?;
    (places.len() == count && places.iter().all(|place| *place < count)).then_some(places)
}

#[cfg(test)]
mod tests;
