//! Any bytes in printable ASCII.

use std::borrow::Cow;

use bytes::Bytes;
use compact_str::CompactString;

/// Prefixes of names that mean something else on NATS than in a record.
const RESERVED: [&str; 3] = ["Nats-", "Serin-", "ce-"];

/// What an empty name is written as; no other name is.
const EMPTY: &str = "%";

/// Writes a header's name so that NATS takes it.
pub(super) fn escape_name(name: &str) -> Cow<'_, str> {
    if name.is_empty() {
        return Cow::Borrowed(EMPTY);
    }
    if let Some(attribute) = name.strip_prefix("ce_") {
        return Cow::Owned(format!("ce-{}", escape(attribute.as_bytes(), is_plain_in_name)));
    }
    if RESERVED.iter().any(|prefix| name.starts_with(prefix)) {
        let (first, rest) = name.as_bytes().split_at(1);
        return Cow::Owned(format!("%{:02X}{}", first[0], escape(rest, is_plain_in_name)));
    }
    escape(name.as_bytes(), is_plain_in_name)
}

/// Reads a name back; one that somebody else wrote is not escaped.
pub(super) fn unescape_name(name: &str, is_ours: bool) -> CompactString {
    if let Some(attribute) = name.strip_prefix("ce-") {
        return CompactString::from_utf8_lossy(&[b"ce_", &*unescape(attribute.as_bytes())].concat());
    }
    match name {
        EMPTY if is_ours => CompactString::default(),
        _ if is_ours => CompactString::from_utf8_lossy(&unescape(name.as_bytes())),
        _ => name.into(),
    }
}

fn is_plain_in_name(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b':' | b'%')
}

/// Writes a header's value so that NATS takes it. Attributes of `CloudEvents` have rules of their own.
pub(super) fn escape_value(value: &[u8], is_attribute: bool) -> Cow<'_, str> {
    if is_attribute || value.starts_with(b" ") || value.ends_with(b" ") {
        return escape(value, |byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'%'));
    }
    escape(value, |byte| byte == b' ' || byte.is_ascii_graphic() && byte != b'%')
}

fn escape(bytes: &[u8], is_plain: fn(u8) -> bool) -> Cow<'_, str> {
    if bytes.iter().all(|byte| is_plain(*byte))
        && let Ok(text) = std::str::from_utf8(bytes)
    {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(bytes.len() * 3);
    for byte in bytes {
        if is_plain(*byte) {
            escaped.push(char::from(*byte));
        } else {
            escaped.extend(['%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
    Cow::Owned(escaped)
}

fn digit(four_bits: u8) -> char {
    char::from_digit(u32::from(four_bits), 16).unwrap_or('0').to_ascii_uppercase()
}

/// Reads bytes back; a `%` that escapes nothing stands for itself.
pub(super) fn unescape(text: &[u8]) -> Bytes {
    if !text.contains(&b'%') {
        return Bytes::copy_from_slice(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        let escaped = (*first == b'%').then(|| after.split_at_checked(2)).flatten();
        let byte =
            escaped.and_then(|(digits, _)| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        match (byte, escaped) {
            (Some(byte), Some((_, behind))) => {
                bytes.push(byte);
                rest = behind;
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    bytes.into()
}
