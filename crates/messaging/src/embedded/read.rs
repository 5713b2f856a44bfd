//! Takes records out of the store.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use redb::{ReadOnlyTable, ReadableDatabase};

use crate::embedded::frame;
use crate::embedded::log::{Log, Topic};
use crate::embedded::tables::{RECORDS, RecordKey};
use crate::error::Error;
use crate::lane::Limits;
use crate::metrics::LOST_RECORDS;
use crate::record::Record;

/// Where to read, and how far.
#[derive(Debug, Clone)]
pub(crate) struct Cursor {
    pub(crate) topic: Arc<Topic>,
    pub(crate) partition: u32,
    /// The offset of the next record.
    pub(crate) position: u64,
    /// Records from here on are not read.
    pub(crate) until: u64,
}

impl Cursor {
    /// Says whether there is something to read, without a look into the store.
    pub(crate) fn is_behind(&self) -> bool {
        self.topic.span(self.partition).is_ok_and(|span| self.position < span.end.min(self.until))
    }

    /// Moves past what expired; returns how many records that were.
    fn skip_expired(&mut self, first: u64) -> u64 {
        let lost = first.saturating_sub(self.position);
        self.position += lost;
        lost
    }

    fn report_lost(&self, lost: u64) {
        if lost == 0 {
            return;
        }
        tracing::warn!(topic = %self.topic.name, partition = self.partition, lost, resumed_at = self.position,
            "records expired before they were read");
        metrics::counter!(LOST_RECORDS, "topic" => Arc::clone(&self.topic.name)).increment(lost);
    }
}

/// Reads up to `limits` and moves the cursors behind what was read.
///
/// The first record comes whatever its size. Partitions share the limits, so that none runs far ahead of the
/// others: those who order by time wait for the slowest.
pub(crate) fn read(log: &Log, cursors: &mut [Cursor], limits: Limits) -> Result<Vec<Record>, Error> {
    let mut batch = Gathering { frames: BytesMut::new(), rows: Vec::new(), limits };
    log.with_store(|store| {
        let records = store.begin_read()?.open_table(RECORDS)?;
        let count = cursors.len();
        for (place, cursor) in cursors.iter_mut().enumerate() {
            // The last one gets all that the others left.
            batch.gather(&records, cursor, place, count - place)?;
        }
        Ok(())
    })?;
    batch.decode(cursors)
}

/// Rows copied out of the store, into one buffer.
struct Gathering {
    frames: BytesMut,
    rows: Vec<Row>,
    limits: Limits,
}

struct Row {
    cursor: usize,
    offset: u64,
    end: usize,
}

impl Gathering {
    fn gather(
        &mut self,
        records: &ReadOnlyTable<RecordKey, &'static [u8]>,
        cursor: &mut Cursor,
        place: usize,
        sharers: usize,
    ) -> Result<(), Error> {
        let record_limit =
            self.rows.len() + self.limits.records.saturating_sub(self.rows.len()).div_ceil(sharers);
        let byte_limit =
            self.frames.len() + self.limits.bytes.saturating_sub(self.frames.len()).div_ceil(sharers);
        let mut lost = cursor.skip_expired(cursor.topic.span(cursor.partition)?.first.min(cursor.until));
        let key = |offset| (cursor.topic.id, cursor.partition, offset);
        for row in records.range(key(cursor.position)..key(cursor.until.max(cursor.position)))? {
            let (key, frame) = row?;
            let ((_, _, offset), frame) = (key.value(), frame.value());
            if self.rows.len() >= record_limit || !self.fits(frame.len(), byte_limit) {
                break;
            }
            self.frames.extend_from_slice(frame);
            self.rows.push(Row { cursor: place, offset, end: self.frames.len() });
            // Offsets are contiguous but for what expired since the look at `first`.
            lost += offset - cursor.position;
            cursor.position = offset + 1;
        }
        cursor.report_lost(lost);
        Ok(())
    }

    fn fits(&self, bytes: usize, limit: usize) -> bool {
        self.rows.is_empty() || self.frames.len() + bytes <= limit
    }

    fn decode(self, cursors: &[Cursor]) -> Result<Vec<Record>, Error> {
        let frames = self.frames.freeze();
        let mut start = 0;
        let mut records = Vec::with_capacity(self.rows.len());
        for row in self.rows {
            records.push(record(&cursors[row.cursor], row.offset, frames.slice(start..row.end))?);
            start = row.end;
        }
        Ok(records)
    }
}

fn record(cursor: &Cursor, offset: u64, frame: Bytes) -> Result<Record, Error> {
    let (topic, partition) = (&cursor.topic.name, cursor.partition);
    let decoded = frame::decode(frame).map_err(|problem| Error::Damaged {
        topic: topic.to_string(),
        partition,
        offset,
        problem,
    })?;
    Ok(Record {
        topic: Arc::clone(topic),
        partition,
        offset,
        timestamp: decoded.timestamp,
        key: decoded.key,
        value: decoded.value,
        headers: decoded.headers,
    })
}
