//! One record as a row's value.
//!
//! ```text
//! u8   format (high four bits, 1) and flags: 1 = has a key, 2 = has a value
//! i64  when it was appended, milliseconds since 1970
//! i64  its timestamp, likewise
//! u16  number of headers
//! u32  length of the key, if it has one
//!      headers: u16 length of the name, u32 length of the value, name, value
//!      key, value
//! ```
//! Integers are little-endian. Topic, partition and offset are the row's key; the value's length is what
//! remains of the row. The store has checksums of its own.

use std::sync::Arc;

use bytes::{Buf, BufMut, Bytes};
use compact_str::CompactString;

use crate::config::{COMMIT_HEADROOM_BYTES, COMMIT_HEADROOM_HEADERS};
use crate::error::Error;
use crate::partitioner;
use crate::record::{Headers, Output};

const FORMAT: u8 = 1;
const HAS_KEY: u8 = 1;
const HAS_VALUE: u8 = 2;

/// Outputs as they will be written, all in one buffer; encoded by who writes them, so that the one thread
/// that owns the log only copies.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    buffer: Vec<u8>,
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    topic: Arc<str>,
    placement: Placement,
    end: usize,
}

/// The most that one record may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RecordLimits {
    max_record_bytes: u64,
    headroom_bytes: u64,
    headers: usize,
}

impl RecordLimits {
    /// Returns what an append is held to.
    pub(crate) const fn of_append(max_record_bytes: u64) -> Self {
        Self { max_record_bytes, headroom_bytes: 0, headers: Headers::MAX }
    }

    /// Returns what a commit is held to: room for a dead letter of any record that was appended.
    pub(crate) const fn of_commit(max_record_bytes: u64) -> Self {
        Self {
            max_record_bytes,
            headroom_bytes: COMMIT_HEADROOM_BYTES,
            headers: Headers::MAX + COMMIT_HEADROOM_HEADERS,
        }
    }
}

/// How a row finds its partition; the number of partitions is known to the log alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Placement {
    Partition(u32),
    KeyHash(u32),
    RoundRobin,
}

impl Rows {
    /// Encodes outputs. Refuses all if one of them passes a limit.
    pub(crate) fn encode(outputs: &[Output], now_ms: i64, limits: RecordLimits) -> Result<Self, Error> {
        let bytes: usize = outputs.iter().map(|output| output.size() + 32).sum();
        let mut rows = Self { buffer: Vec::with_capacity(bytes), rows: Vec::with_capacity(outputs.len()) };
        let mut checked: Option<&Arc<str>> = None;
        for output in outputs {
            if checked.is_none_or(|topic| !Arc::ptr_eq(topic, &output.topic)) {
                crate::config::check_name("topic", &output.topic)?;
                checked = Some(&output.topic);
            }
            check_size(output, limits)?;
            let headers = header_count(output, limits)?;
            encode(output, headers, now_ms, &mut rows.buffer)?;
            let (topic, placement, end) = (output.topic.clone(), placement(output), rows.buffer.len());
            rows.rows.push(Row { topic, placement, end });
        }
        Ok(rows)
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Returns the size of all rows, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.buffer.len()
    }

    /// Iterates over topic, placement and encoded record of each row.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Arc<str>, Placement, &[u8])> {
        let starts = std::iter::once(0).chain(self.rows.iter().map(|row| row.end));
        self.rows
            .iter()
            .zip(starts)
            .map(|(row, start)| (&row.topic, row.placement, &self.buffer[start..row.end]))
    }
}

fn placement(output: &Output) -> Placement {
    match (output.partition, &output.key) {
        (Some(partition), _) => Placement::Partition(partition),
        (None, Some(key)) => Placement::KeyHash(partitioner::murmur2(key)),
        (None, None) => Placement::RoundRobin,
    }
}

fn check_size(output: &Output, limits: RecordLimits) -> Result<(), Error> {
    let (size, limit) = (output.size(), limits.max_record_bytes);
    if size as u64 > limit.saturating_add(limits.headroom_bytes) {
        return Err(Error::RecordTooLarge { topic: output.topic.to_string(), size, limit });
    }
    Ok(())
}

fn encode(output: &Output, headers: u16, now_ms: i64, out: &mut Vec<u8>) -> Result<(), Error> {
    let mut flags = FORMAT << 4;
    flags |= if output.key.is_some() { HAS_KEY } else { 0 };
    flags |= if output.value.is_some() { HAS_VALUE } else { 0 };
    out.put_u8(flags);
    out.put_i64_le(now_ms);
    out.put_i64_le(output.timestamp);
    out.put_u16_le(headers);
    if let Some(key) = &output.key {
        out.put_u32_le(length(key));
    }
    for header in &output.headers {
        out.put_u16_le(name_length(output, &header.name)?);
        out.put_u32_le(length(&header.value));
        out.put_slice(header.name.as_bytes());
        out.put_slice(&header.value);
    }
    out.put_slice(output.key.as_deref().unwrap_or_default());
    out.put_slice(output.value.as_deref().unwrap_or_default());
    Ok(())
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a part of a record is a little more than MAX_RECORD_BYTES, 32 MiB, at most"
)]
fn length(part: &Bytes) -> u32 {
    part.len() as u32
}

fn header_count(output: &Output, limits: RecordLimits) -> Result<u16, Error> {
    let count = output.headers.len();
    u16::try_from(count).ok().filter(|_| count <= limits.headers).ok_or_else(|| Error::Headers {
        topic: output.topic.to_string(),
        problem: format!("{count} are more than the limit of {}", limits.headers),
    })
}

fn name_length(output: &Output, name: &str) -> Result<u16, Error> {
    u16::try_from(name.len()).map_err(|_too_long| Error::Headers {
        topic: output.topic.to_string(),
        problem: format!("a name of {} bytes is longer than the limit of {}", name.len(), u16::MAX),
    })
}

/// What a row's value says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Decoded {
    pub(crate) timestamp: i64,
    pub(crate) key: Option<Bytes>,
    pub(crate) value: Option<Bytes>,
    pub(crate) headers: Headers,
}

/// Reads a row's value back, without copying; says what does not fit.
pub(crate) fn decode(mut frame: Bytes) -> Result<Decoded, &'static str> {
    const SHORT: &str = "ends too early";
    let flags = frame.try_get_u8().map_err(|_short| SHORT)?;
    if flags >> 4 != FORMAT {
        return Err("unknown format");
    }
    frame.try_get_i64_le().map_err(|_short| SHORT)?;
    let timestamp = frame.try_get_i64_le().map_err(|_short| SHORT)?;
    let count = frame.try_get_u16_le().map_err(|_short| SHORT)?;
    let key_length = match flags & HAS_KEY {
        0 => None,
        _ => Some(frame.try_get_u32_le().map_err(|_short| SHORT)?),
    };
    let mut headers = Headers::with_capacity(usize::from(count).min(Headers::MAX + COMMIT_HEADROOM_HEADERS));
    for _ in 0..count {
        let name_length = frame.try_get_u16_le().map_err(|_short| SHORT)?;
        let value_length = frame.try_get_u32_le().map_err(|_short| SHORT)?;
        let name = take(&mut frame, usize::from(name_length)).ok_or(SHORT)?;
        let name = CompactString::from_utf8(&name).map_err(|_not_text| "header name is not UTF-8")?;
        headers.push(name, take(&mut frame, value_length as usize).ok_or(SHORT)?);
    }
    let key = match key_length {
        None => None,
        Some(length) => Some(take(&mut frame, length as usize).ok_or(SHORT)?),
    };
    let value = (flags & HAS_VALUE != 0).then_some(frame);
    Ok(Decoded { timestamp, key, value, headers })
}

/// Returns when a row was appended, in milliseconds since 1970.
pub(crate) fn appended_at(mut frame: &[u8]) -> Option<i64> {
    frame.try_get_u8().ok()?;
    frame.try_get_i64_le().ok()
}

fn take(frame: &mut Bytes, length: usize) -> Option<Bytes> {
    (length <= frame.len()).then(|| frame.split_to(length))
}

#[cfg(test)]
mod tests;
