//! Reads without a group: from given positions, waiting for records or not.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::embedded::log::Log;
use crate::embedded::read::{self, Cursor};
use crate::error::Error;
use crate::lane::{Limits, Start};
use crate::record::{Position, Record};

/// A stretch of a partition that is to be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stretch {
    /// Where the next record is.
    pub(crate) position: Position,
    /// Records from here on are not read.
    pub(crate) until: u64,
}

impl Stretch {
    pub(crate) fn is_done(&self) -> bool {
        self.position.offset >= self.until
    }
}

/// What was read, and where each stretch goes on.
#[derive(Debug, Default)]
pub(crate) struct Fetched {
    pub(crate) records: Vec<Record>,
    pub(crate) offsets: Vec<u64>,
}

/// Returns where a reader of `topics` starts, by topic and partition.
pub(crate) async fn start(log: &Arc<Log>, topics: &[String], start: Start) -> Result<Vec<Position>, Error> {
    let mut positions = Vec::new();
    for name in topics {
        super::create_topic(log, name, None).await?;
        let topic = log.topic(name).ok_or_else(|| log.ended())?;
        for partition in 0..topic.count() {
            let span = topic.span(partition)?;
            let offset = if matches!(start, Start::Latest) { span.end } else { span.first };
            positions.push(Position { topic: Arc::clone(&topic.name), partition, offset });
        }
    }
    let from = match start {
        Start::Earliest | Start::Latest => Vec::new(),
        Start::CommittedBy(group) => log.blocking(move |log| super::lag::committed(log, &group)).await?,
        Start::At(positions) => positions,
    };
    overlay(log, &mut positions, &from)?;
    Ok(positions)
}

/// Replaces those positions that `from` has, too.
fn overlay(log: &Log, positions: &mut [Position], from: &[Position]) -> Result<(), Error> {
    for position in positions {
        let same = |other: &&Position| other.topic == position.topic && other.partition == position.partition;
        if let (Some(from), Some(topic)) = (from.iter().find(same), log.topic(&position.topic)) {
            let span = topic.span(position.partition)?;
            position.offset = from.offset.clamp(span.first, span.end);
        }
    }
    Ok(())
}

/// Reads from the stretches; with `wait`, waits until there is a record or all of them are done. Changes nothing,
/// so that dropping the future loses nothing.
pub(crate) async fn fetch(
    log: &Arc<Log>,
    stretches: &[Stretch],
    limits: Limits,
    (turn, wait): (usize, bool),
) -> Result<Fetched, Error> {
    let mut state = log.state.subscribe();
    let mut cursors = cursors(log, stretches)?;
    let turn = turn % cursors.len().max(1);
    loop {
        if let Some(ended) = state.borrow_and_update().ended.clone() {
            return Err(ended);
        }
        let mut records = Vec::new();
        if cursors.iter().any(Cursor::is_behind) {
            cursors.rotate_left(turn);
            (records, cursors) = log
                .blocking(move |log| read::read(log, &mut cursors, limits).map(|records| (records, cursors)))
                .await?;
            cursors.rotate_right(turn);
        }
        let done = cursors.iter().all(|cursor| cursor.position >= cursor.until);
        if !records.is_empty() || !wait || done {
            return Ok(Fetched { records, offsets: cursors.iter().map(|cursor| cursor.position).collect() });
        }
        // An error is the end of the log, which the next round reports.
        drop(state.changed().await);
    }
}

fn cursors(log: &Log, stretches: &[Stretch]) -> Result<Vec<Cursor>, Error> {
    let cursor = |stretch: &Stretch| {
        let Position { topic, partition, offset } = &stretch.position;
        let topic = log.topic(topic).ok_or_else(|| Error::NoTopic { topic: topic.to_string() })?;
        topic.span(*partition)?;
        Ok(Cursor { topic, partition: *partition, position: *offset, until: stretch.until })
    };
    stretches.iter().map(cursor).collect()
}
