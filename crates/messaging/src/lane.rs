//! A lane: one consumer of a group and what commits for it, as one thing.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::embedded::{self, Embedded};
use crate::error::Error;
use crate::kafka;
use crate::nats;
use crate::record::{Output, Position, Record};

/// Which records a lane takes, for whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneConfig {
    /// The consumer group. Lanes of one group share the partitions among them; each record goes to one of them.
    pub group: String,
    /// The topics to take from; one that is not there yet is created as configured.
    pub topics: Vec<String>,
    /// Where to start on partitions on which the group has no committed position yet.
    pub start: Start,
}

/// Where to start reading.
///
/// A lane uses this only where its group has no committed position, and makes it durable before the first
/// batch, so that a crash before the first commit changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Start {
    /// At the oldest record that is kept.
    #[default]
    Earliest,
    /// Behind the newest record.
    Latest,
    /// Where another group is now: a new shadow starts beside production. At the oldest record where that
    /// group has no position.
    CommittedBy(String),
    /// At these positions, moved to the nearest that is there; at the oldest record of partitions not named.
    At(Vec<Position>),
}

/// How much to take at once. What is there is taken; nobody waits for more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// The most records; 0 counts as 1.
    pub records: usize,
    /// About the most bytes, as they are stored. The first record comes whatever its size.
    pub bytes: usize,
}

/// Records that were taken together and are committed together.
#[derive(Debug)]
pub struct Batch {
    /// At least one record. Those of one partition are in its order, and those of one key therefore, too.
    pub records: Vec<Record>,
    /// What [`Lane::commit`] needs of the batch, so that the records can be moved elsewhere.
    pub receipt: Receipt,
}

/// Stands for a batch when it is committed.
///
/// A clone is for trying again when the commit was refused for its outputs ([`Fate::Refused`](crate::Fate)).
#[derive(Debug, Clone)]
pub struct Receipt(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Embedded(embedded::lane::Receipt),
    Kafka(kafka::Receipt),
    Nats(nats::Receipt),
}

impl From<Batch> for Receipt {
    fn from(batch: Batch) -> Self {
        batch.receipt
    }
}

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a revoked batch has to be thrown away"]
pub enum Commit {
    /// Its outputs and the position after it are durable together. A cluster may take a moment until readers see it.
    Committed,
    /// Nothing of it was written: some of its partitions have gone to another lane, or a server lost the commit.
    /// Batches that were taken after it are revoked, too; the next take starts again from the committed positions.
    Revoked,
}

/// A lane takes batches of records and commits each of them together with what it caused.
///
/// ```text
/// take -> (decode, score) -> commit -> again
/// ```
/// There is no separate publish or acknowledge. Dropping the lane gives its partitions to the others of its
/// group; what it has taken and not committed is taken again by them.
#[derive(Debug)]
pub enum Lane {
    /// On the embedded log.
    Embedded(EmbeddedLane),
    /// On Kafka.
    Kafka(kafka::KafkaLane),
    /// On NATS JetStream.
    Nats(nats::NatsLane),
}

/// A lane on the embedded log.
#[derive(Debug)]
pub struct EmbeddedLane {
    pub(crate) lane: embedded::lane::Lane,
    /// Keeps the log open. Dropped after the lane, which takes leave of it.
    pub(crate) _owner: Embedded,
}

impl Lane {
    /// Waits for at least one record and takes what is there. There is no timer: an idle lane sleeps.
    ///
    /// Waits also while two commits of this lane are under way, or one that is larger than
    /// [`Config::queue_bytes`](crate::Config::queue_bytes). Dropping the future loses nothing.
    ///
    /// # Errors
    /// With [`Fate::Failed`](crate::Fate) if the broker gave up or was closed.
    pub async fn take(&mut self, limits: Limits) -> Result<Batch, Error> {
        let limits = limits.at_least_one();
        let (records, kind) = match self {
            Self::Embedded(EmbeddedLane { lane, .. }) => {
                let (records, receipt) = lane.take(limits).await?;
                (records, Kind::Embedded(receipt))
            }
            Self::Kafka(lane) => {
                let (records, receipt) = lane.take(limits).await?;
                (records, Kind::Kafka(receipt))
            }
            Self::Nats(lane) => {
                let (records, receipt) = lane.take(limits).await?;
                (records, Kind::Nats(receipt))
            }
        };
        Ok(Batch { records, receipt: Receipt(kind) })
    }

    /// Commits a batch: all of `outputs` and the position after the batch become durable together, or
    /// nothing of them.
    ///
    /// The commit is under way when this returns, and is carried out whether or not the future is awaited: take
    /// and score the next batch meanwhile. Batches are committed in the order in which they were taken, each
    /// once and none left out.
    ///
    /// An output may be larger than what a writer may append, by [`COMMIT_HEADROOM_BYTES`](crate::COMMIT_HEADROOM_BYTES)
    /// and [`COMMIT_HEADROOM_HEADERS`](crate::COMMIT_HEADROOM_HEADERS): any record that was taken can be given up
    /// as a dead letter. All outputs of a batch together may be of any size: whoever takes small batches has
    /// small commits.
    pub fn commit(&mut self, batch: impl Into<Receipt>, outputs: Vec<Output>) -> Committing {
        let Receipt(kind) = batch.into();
        let committing = match (self, kind) {
            (Self::Embedded(EmbeddedLane { lane, .. }), Kind::Embedded(receipt)) => {
                lane.commit(receipt, &outputs).map(|answer| {
                    let log = Arc::clone(lane.log());
                    Committing::of(async move { log.answer(answer).await })
                })
            }
            (Self::Kafka(lane), Kind::Kafka(receipt)) => lane.commit(receipt, outputs).map(Committing::of),
            (Self::Nats(lane), Kind::Nats(receipt)) => lane.commit(receipt, outputs).map(Committing::of),
            _ => Err(Error::OutOfOrder { detail: "it was taken by a lane of another broker".to_owned() }),
        };
        committing.unwrap_or_else(|refused| Committing::of(std::future::ready(Err(refused))))
    }
}

impl Limits {
    pub(crate) fn at_least_one(self) -> Self {
        Self { records: self.records.max(1), bytes: self.bytes }
    }

    pub(crate) fn cut(self, most: Self) -> Self {
        Self { records: self.records.min(most.records), bytes: self.bytes.min(most.bytes) }
    }
}

/// The most commits of one lane that may be under way; `take` waits for the first of them then. A commit that is
/// larger than [`Config::queue_bytes`](crate::Config::queue_bytes) counts as so many: nothing is taken beside it.
pub(crate) const MAX_COMMITS: usize = 2;

/// Counts a commit, or as many as it stands for, for as long as it is under way.
#[derive(Debug)]
pub(crate) struct UnderWay {
    commits: watch::Sender<usize>,
    weight: usize,
}

impl UnderWay {
    pub(crate) fn begin(commits: &watch::Sender<usize>, weight: usize) -> Self {
        commits.send_modify(|count| *count += weight);
        Self { commits: commits.clone(), weight }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.commits.send_modify(|count| *count -= self.weight);
    }
}

/// A commit under way. Resolves when it is durable; may be dropped without stopping it.
///
/// # Errors
/// With [`Fate::Refused`](crate::Fate) if an output passes a limit or a batch is out of order: nothing was
/// written, and the lane still stands before this batch. With [`Fate::Failed`](crate::Fate) if the broker gave
/// up: the commit may or may not be durable, and only a restart tells.
#[must_use = "the answer says whether the batch counts"]
pub struct Committing(Pin<Box<dyn Future<Output = Result<Commit, Error>> + Send>>);

impl Committing {
    fn of(commit: impl Future<Output = Result<Commit, Error>> + Send + 'static) -> Self {
        Self(Box::pin(commit))
    }
}

impl Future for Committing {
    type Output = Result<Commit, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(context)
    }
}

impl fmt::Debug for Committing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Committing").finish_non_exhaustive()
    }
}
