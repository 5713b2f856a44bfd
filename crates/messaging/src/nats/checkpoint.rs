//! How far a group is: one message a partition, of which the newest counts.
//!
//! Who takes a partition over stores its position again, in its own name. As each position is stored only if nobody
//! has stored one since, this fences whoever had the partition before.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::lane::Start;
use crate::nats::Shared;
use crate::nats::topics::Topic;
use crate::record::{Lag, Position};

/// What a position's message says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Checkpoint {
    /// The offset of the next record.
    pub(crate) next: u64,
    /// The lane that stored it.
    pub(crate) lane: String,
    /// Which of its writes it was.
    pub(crate) write: u64,
}

/// A position as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) checkpoint: Checkpoint,
    pub(crate) sequence: u64,
}

impl Checkpoint {
    pub(crate) fn encode(&self) -> Bytes {
        serde_json::to_vec(self).map(Bytes::from).unwrap_or_default()
    }
}

/// Returns a group's position on a partition, as the stream's leader knows it.
pub(crate) async fn find(
    shared: &Shared,
    group: &str,
    topic: &str,
    partition: u32,
) -> Result<Option<Found>, Error> {
    let subject = shared.topics.prefix.checkpoint(group, topic, partition);
    let Some(message) = shared.topics.last(&shared.config.nats.stream, &subject).await? else {
        return Ok(None);
    };
    let checkpoint = serde_json::from_slice(&message.payload)
        .map_err(|error| shared.session.problem(format!("{subject}: {error}")))?;
    Ok(Some(Found { checkpoint, sequence: message.sequence }))
}

/// Returns where a group starts on a partition on which it has no position.
pub(crate) async fn start(
    shared: &Shared,
    start: &Start,
    topic: &Topic,
    partition: u32,
) -> Result<u64, Error> {
    let end = async || shared.topics.end(topic, &topic.subjects[partition as usize]).await;
    match start {
        Start::Earliest => Ok(0),
        Start::Latest => end().await,
        Start::CommittedBy(group) => {
            let found = find(shared, group, &topic.name, partition).await?;
            Ok(found.map_or(0, |found| found.checkpoint.next))
        }
        Start::At(positions) => {
            let same = |position: &&Position| position.topic == topic.name && position.partition == partition;
            match positions.iter().find(same) {
                Some(position) => Ok(position.offset.min(end().await?)),
                None => Ok(0),
            }
        }
    }
}

/// Returns a group's positions by topic and partition.
pub(crate) async fn committed(shared: &Shared, group: &str) -> Result<Vec<Position>, Error> {
    let prefix = &shared.topics.prefix;
    let subjects = shared.topics.subjects(&shared.config.nats.stream, &prefix.checkpoints(group)).await?;
    let mut positions = Vec::with_capacity(subjects.len());
    for subject in subjects {
        let Some((topic, partition)) = prefix.slot_of_checkpoint(group, &subject) else { continue };
        if let Some(found) = find(shared, group, &topic, partition).await? {
            positions.push(Position { topic: topic.into(), partition, offset: found.checkpoint.next });
        }
    }
    positions.sort_unstable();
    Ok(positions)
}

/// Returns how far a group is behind on each partition that it has a position on.
pub(crate) async fn lag(shared: &Shared, group: &str) -> Result<Vec<Lag>, Error> {
    let mut lags = Vec::new();
    for Position { topic, partition, offset } in committed(shared, group).await? {
        let Some(found) = shared.topics.find(&topic).await? else { continue };
        let Some(subject) = found.subjects.get(partition as usize) else { continue };
        let end = shared.topics.end(&found, subject).await?.max(offset);
        let records = crate::nats::consumer::count(shared, &found.stream, subject, offset).await?;
        lags.push(Lag { topic, partition, committed: offset, end, records });
    }
    Ok(lags)
}
