//! Deletes what is too old or too much, oldest first.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::Arc;

use redb::{Range, ReadableTable};

use crate::config::{Config, TopicConfig};
use crate::embedded::frame;
use crate::embedded::ledger::{KEY_BYTES, Ledger, TopicState};
use crate::embedded::tables::{RecordKey, Tables};
use crate::error::Error;
use crate::metrics::EXPIRED_RECORDS;

/// The most records that one write deletes of one topic; the rest goes with the next ones.
const MAX_STEP: usize = 20_000;

/// A topic is trimmed once it is this share above its limit: deleting one record for each that is appended
/// would touch both ends of the log in every write.
const SLACK: u64 = 16;

/// Says whether any topic has an age limit, so that the log must be looked at without a write.
pub(crate) fn has_age(config: &Config) -> bool {
    config.topic.values().any(|topic| topic.retention_age.is_some())
}

/// Deletes what is beyond the limits of size, and with `age` also beyond those of age. Returns how many
/// records that were, and whether there is more to do.
pub(crate) fn expire(
    ledger: &mut Ledger,
    tables: &mut Tables<'_>,
    config: &Config,
    age: Option<i64>,
) -> Result<bool, Error> {
    let mut more = false;
    for (name, limits) in &config.topic {
        let Some(state) = ledger.topic(name) else { continue };
        let Some(goal) = Goal::of(limits, state, age) else { continue };
        let expired = oldest(state, tables, goal)?;
        more |= expired.values().map(|part| part.records).sum::<usize>() >= MAX_STEP;
        let topic = Arc::clone(&state.topic);
        for (partition, part) in expired {
            let key = |offset| (topic.id, partition, offset);
            tables.records.retain_in(key(0)..key(part.next_first), |_, _| false)?;
            ledger.expire((topic.id, partition), part.next_first, part.bytes);
            metrics::counter!(EXPIRED_RECORDS, "topic" => Arc::clone(&topic.name))
                .increment(part.records as u64);
        }
    }
    Ok(more)
}

/// How much has to go.
#[derive(Debug, Clone, Copy)]
struct Goal {
    /// At least this many bytes.
    bytes: u64,
    /// And all that was appended before, in milliseconds since 1970.
    before_ms: i64,
}

impl Goal {
    fn of(limits: &TopicConfig, state: &TopicState, now_ms: Option<i64>) -> Option<Self> {
        let bytes = limits.retention_bytes.map_or(0, |limit| {
            let kept = state.bytes();
            if kept > limit.saturating_add(limit / SLACK) { kept - limit } else { 0 }
        });
        let before_ms = match (limits.retention_age, now_ms) {
            (Some(age), Some(now)) => now.saturating_sub(i64::try_from(age.as_millis()).unwrap_or(i64::MAX)),
            _ => i64::MIN,
        };
        (bytes > 0 || before_ms > i64::MIN).then_some(Self { bytes, before_ms })
    }
}

/// What goes from one partition.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Expired {
    next_first: u64,
    bytes: u64,
    records: usize,
}

/// Picks the oldest records over all partitions until the goal is met.
fn oldest(state: &TopicState, tables: &Tables<'_>, goal: Goal) -> Result<BTreeMap<u32, Expired>, Error> {
    let mut expired: BTreeMap<u32, Expired> = BTreeMap::new();
    let (mut freed, mut records) = (0, 0);
    let mut heads = Heads::open(state, tables)?;
    while records < MAX_STEP
        && let Some(Reverse(head)) = heads.queue.pop()
        && (freed < goal.bytes || head.appended_ms < goal.before_ms)
    {
        let part = expired.entry(head.partition).or_default();
        part.next_first = head.offset + 1;
        part.bytes += head.bytes;
        part.records += 1;
        freed += head.bytes;
        records += 1;
        heads.advance(head.partition)?;
    }
    Ok(expired)
}

/// The oldest record of each partition that was not picked yet.
struct Heads<'t> {
    rows: Vec<Range<'t, RecordKey, &'static [u8]>>,
    queue: BinaryHeap<Reverse<Head>>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Head {
    appended_ms: i64,
    partition: u32,
    offset: u64,
    bytes: u64,
}

impl<'t> Heads<'t> {
    fn open(state: &TopicState, tables: &'t Tables<'_>) -> Result<Self, Error> {
        let mut heads = Self { rows: Vec::new(), queue: BinaryHeap::new() };
        let id = state.topic.id;
        for partition in 0..state.topic.count() {
            heads.rows.push(tables.records.range((id, partition, 0)..=(id, partition, u64::MAX))?);
            heads.advance(partition)?;
        }
        Ok(heads)
    }

    fn advance(&mut self, partition: u32) -> Result<(), Error> {
        if let Some(row) = self.rows[partition as usize].next() {
            let (key, frame) = row?;
            let (offset, frame) = (key.value().2, frame.value());
            // A row that cannot be read is older than all others: it goes first.
            let appended_ms = frame::appended_at(frame).unwrap_or(i64::MIN);
            let bytes = frame.len() as u64 + KEY_BYTES;
            self.queue.push(Reverse(Head { appended_ms, partition, offset, bytes }));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
