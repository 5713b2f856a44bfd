//! What goes in and what comes out: records, outputs, headers and positions.

use std::sync::Arc;

use bytes::Bytes;
use compact_str::CompactString;
use serde::{Deserialize, Serialize};

/// One named value beside a record's payload.
///
/// Names of up to 24 bytes live inline, so that building the headers of a record allocates nothing
/// but their list; `Header::new("ce_type", Bytes::from_static(b"…"))` copies no payload either.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The name; any text, not necessarily unique within a record.
    pub name: CompactString,
    /// The value; any bytes, possibly none.
    pub value: Bytes,
}

impl Header {
    /// Pairs a name with a value.
    pub fn new(name: impl Into<CompactString>, value: impl Into<Bytes>) -> Self {
        Self { name: name.into(), value: value.into() }
    }
}

/// The headers of one record: a list, not a map, because order and duplicates are kept as on Kafka.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Headers(Vec<Header>);

impl Headers {
    /// The most headers that a record may have when a writer appends it; a lane may commit
    /// [`COMMIT_HEADROOM_HEADERS`](crate::COMMIT_HEADROOM_HEADERS) more.
    pub const MAX: usize = 1_000;

    /// Returns a list without headers; allocates nothing.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Returns an empty list with room for `capacity` headers.
    pub fn with_capacity(capacity: usize) -> Self {
        Self(Vec::with_capacity(capacity))
    }

    /// Adds a header after the others, whether or not its name occurs already.
    pub fn push(&mut self, name: impl Into<CompactString>, value: impl Into<Bytes>) {
        self.0.push(Header::new(name, value));
    }

    /// Returns the value of the last header of that name: on Kafka, too, the last one wins.
    pub fn get(&self, name: &str) -> Option<&Bytes> {
        self.0.iter().rev().find(|header| header.name == name).map(|header| &header.value)
    }

    /// Iterates over all headers in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Header> {
        self.0.iter()
    }

    /// Returns how many headers there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Says whether there is no header.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<Vec<Header>> for Headers {
    fn from(headers: Vec<Header>) -> Self {
        Self(headers)
    }
}

impl FromIterator<Header> for Headers {
    fn from_iter<I: IntoIterator<Item = Header>>(headers: I) -> Self {
        Self(headers.into_iter().collect())
    }
}

impl Extend<Header> for Headers {
    fn extend<I: IntoIterator<Item = Header>>(&mut self, headers: I) {
        self.0.extend(headers);
    }
}

impl IntoIterator for Headers {
    type Item = Header;
    type IntoIter = std::vec::IntoIter<Header>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Headers {
    type Item = &'a Header;
    type IntoIter = std::slice::Iter<'a, Header>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

/// The header that says how large a record was whose value was left out for its size.
const OMITTED_BYTES: &str = "serin-omitted-bytes";

/// One record as it was read from a topic.
///
/// Key, value and header values are slices of one buffer that all records of a batch share: to keep
/// a few bytes of one record for long, copy them (`Bytes::copy_from_slice`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The topic it was read from.
    pub topic: Arc<str>,
    /// The partition it was read from, counted from 0.
    pub partition: u32,
    /// Its place in the partition. Offsets ascend; they need not be contiguous.
    pub offset: u64,
    /// When it happened or was sent, as its producer says, in milliseconds since 1970 (UTC).
    pub timestamp: i64,
    /// What decides the partition; `None` and the empty key are different things.
    pub key: Option<Bytes>,
    /// The payload; `None` is Kafka's tombstone, not an empty payload.
    pub value: Option<Bytes>,
    /// Named values beside the payload.
    pub headers: Headers,
}

/// One record to be written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// The topic to write to; a topic that is not there yet is created as configured.
    pub topic: Arc<str>,
    /// The partition to write to. `None`: by murmur2 of the key as JVM producers place it
    /// ([`partition_of`](crate::partition_of)), round robin without a key.
    pub partition: Option<u32>,
    /// See [`Record::timestamp`].
    pub timestamp: i64,
    /// See [`Record::key`].
    pub key: Option<Bytes>,
    /// See [`Record::value`].
    pub value: Option<Bytes>,
    /// See [`Record::headers`].
    pub headers: Headers,
}

impl Record {
    /// Leaves the value out where it has more than `limit` bytes, and says so in a header: others may write what we
    /// could neither hold nor hand on.
    pub(crate) fn limit_value(&mut self, limit: u64) {
        let size = self.value.as_ref().map_or(0, Bytes::len);
        if size as u64 > limit {
            let Self { topic, partition, offset, .. } = self;
            tracing::warn!(
                topic = &**topic,
                partition,
                offset,
                size,
                "a record above `max_record_bytes`: its value is left"
            );
            self.value = None;
            self.headers.push(OMITTED_BYTES, Bytes::from(size.to_string()));
        }
    }
}

impl Output {
    /// Returns the size that the record limit applies to: key, value, and names and values of headers, in bytes.
    pub fn size(&self) -> usize {
        let headers: usize = self.headers.iter().map(|header| header.name.len() + header.value.len()).sum();
        self.key.as_ref().map_or(0, Bytes::len) + self.value.as_ref().map_or(0, Bytes::len) + headers
    }

    /// Leaves the value out of an output that is larger than the server takes, and says so in a header: what cannot be
    /// written must not hold up everything behind it, and a dead letter says where its original is.
    pub(crate) fn omit_value(&mut self) {
        let size = self.size();
        tracing::warn!(
            topic = &*self.topic,
            size,
            "the server takes no record of this size; it goes without its value"
        );
        self.value = None;
        self.headers.push(OMITTED_BYTES, Bytes::from(size.to_string()));
    }
}

/// A place between two records of a partition: `offset` is the next one to be read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Position {
    /// The topic.
    pub topic: Arc<str>,
    /// The partition, counted from 0.
    pub partition: u32,
    /// The offset of the next record.
    pub offset: u64,
}

/// Where a written record went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placed {
    /// The partition, counted from 0.
    pub partition: u32,
    /// The offset within it.
    pub offset: u64,
}

/// What a topic holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopicInfo {
    /// The topic's name.
    pub name: Arc<str>,
    /// One entry a partition, by number.
    pub partitions: Vec<PartitionInfo>,
}

/// What a partition holds: the offsets `first..end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionInfo {
    /// The offset of the oldest record that is still there; equals `end` where there is none.
    pub first: u64,
    /// The offset that the next record will get.
    pub end: u64,
}

/// How far a consumer group is behind on one partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lag {
    /// The topic.
    pub topic: Arc<str>,
    /// The partition, counted from 0.
    pub partition: u32,
    /// The offset that the group takes next.
    pub committed: u64,
    /// The offset that the next record will get.
    pub end: u64,
    /// How many records are there to be taken; less than `end - committed` where some expired.
    pub records: u64,
}
