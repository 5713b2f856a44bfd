//! How far groups are behind.

use std::collections::BTreeMap;
use std::sync::Arc;

use redb::ReadableDatabase;

use crate::embedded::ledger::Ledger;
use crate::embedded::log::Log;
use crate::embedded::tables::POSITIONS;
use crate::error::Error;
use crate::metrics::LAG_RECORDS;
use crate::record::{Lag, Position};

/// Returns a group's committed positions by topic and partition, as they are in the store.
pub(crate) fn committed(log: &Log, group: &str) -> Result<Vec<Position>, Error> {
    let mut positions = log.with_store(|store| {
        let topics: BTreeMap<u32, Arc<str>> = {
            let topics = log.topics.read().unwrap_or_else(std::sync::PoisonError::into_inner);
            topics.values().map(|topic| (topic.id, Arc::clone(&topic.name))).collect()
        };
        let table = store.begin_read()?.open_table(POSITIONS)?;
        let mut positions = Vec::new();
        for row in table.range((group, 0, 0)..=(group, u32::MAX, u32::MAX))? {
            let (key, offset) = row?;
            let (_, topic, partition) = key.value();
            // A topic whose creation is durable but not yet published is not there yet.
            if let Some(topic) = topics.get(&topic) {
                positions.push(Position { topic: Arc::clone(topic), partition, offset: offset.value() });
            }
        }
        Ok(positions)
    })?;
    positions.sort_unstable();
    Ok(positions)
}

/// Returns how far a group is behind on each partition that it has a position on.
pub(crate) fn lag(log: &Log, group: &str) -> Result<Vec<Lag>, Error> {
    let mut lags = Vec::new();
    for Position { topic, partition, offset } in committed(log, group)? {
        let Some(state) = log.topic(&topic) else { continue };
        let span = state.span(partition)?;
        // The span follows the store, and may be behind what is committed.
        let end = span.end.max(offset);
        lags.push(Lag {
            topic,
            partition,
            committed: offset,
            end,
            records: end - offset.max(span.first).min(end),
        });
    }
    Ok(lags)
}

/// Publishes the lag of every group on every topic.
#[expect(clippy::cast_precision_loss, reason = "a gauge is a float; 2^53 records are more than a log holds")]
pub(crate) fn measure(ledger: &Ledger) {
    for (group, positions) in &ledger.positions {
        let mut records: BTreeMap<u32, u64> = BTreeMap::new();
        for (slot, offset) in positions {
            if let Some(state) = ledger.partition(*slot) {
                *records.entry(slot.0).or_default() += state.next.saturating_sub((*offset).max(state.first));
            }
        }
        for (topic, records) in records {
            let topic = Arc::clone(&ledger.topics[topic as usize].topic.name);
            metrics::gauge!(LAG_RECORDS, "group" => Arc::clone(group), "topic" => topic).set(records as f64);
        }
    }
}
