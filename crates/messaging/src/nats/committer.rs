//! What commits for a lane: one task, which does one thing after the other, so that positions advance in order.

mod claim;
mod store;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use async_nats::Subject;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use crate::error::Error;
use crate::lane::{Commit, LaneConfig};
use crate::metrics::{COMMIT_SECONDS, REVOKED_COMMITS};
use crate::nats::Shared;
use crate::nats::membership::Slot;
use crate::nats::outputs::{Most, plan};
use crate::nats::session::UnderWay;
use crate::nats::topics::Topic;
use crate::record::Output;

/// How often positions are looked after where the stream drops what is old.
const CARE: Duration = Duration::from_secs(30);
/// How long a lane whose batch was revoked waits before it goes on: the others are just settling.
const SETTLE: Duration = Duration::from_millis(100);

/// What a lane asks of its committer.
#[derive(Debug)]
pub(crate) enum Job {
    /// Own these partitions and no others.
    Follow {
        wanted: BTreeSet<Slot>,
        /// Partitions whose consumer has to be made anew, and where.
        reopen: BTreeMap<Slot, u64>,
        reply: oneshot::Sender<Result<Owned, Error>>,
    },
    /// Commit a batch.
    Commit { commit: Box<LaneCommit>, reply: oneshot::Sender<Result<Commit, Error>> },
}

/// A batch to be committed.
#[derive(Debug)]
pub(crate) struct LaneCommit {
    pub(crate) epoch: u64,
    pub(crate) moves: Vec<Move>,
    pub(crate) outputs: Vec<Output>,
    pub(crate) _under_way: UnderWay,
    pub(crate) _counted: Box<dyn std::fmt::Debug + Send>,
}

/// What a batch moves on one partition.
#[derive(Debug, Clone)]
pub(crate) struct Move {
    pub(crate) slot: Slot,
    /// The claim under which it was taken.
    pub(crate) claim: u64,
    pub(crate) from: u64,
    pub(crate) to: u64,
    /// Acknowledges its records, and the consumer that delivered them.
    pub(crate) ack: Option<Subject>,
    pub(crate) opening: u64,
}

/// What a lane owns.
#[derive(Debug, Default)]
pub(crate) struct Owned {
    pub(crate) epoch: u64,
    pub(crate) slots: BTreeMap<Slot, Opened>,
}

/// A partition that a lane owns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Opened {
    pub(crate) claim: u64,
    /// Counts the consumers that were made for it.
    pub(crate) opening: u64,
    pub(crate) consumer: String,
    /// Where its consumer begins.
    pub(crate) offset: u64,
}

/// A partition as the committer has it.
#[derive(Debug)]
pub(crate) struct Held {
    opened: Opened,
    /// The offset after what is committed.
    next: u64,
    /// The sequence of its position.
    sequence: u64,
}

/// The committer of one lane.
#[derive(Debug)]
pub(crate) struct Committer {
    shared: Arc<Shared>,
    lane: String,
    config: LaneConfig,
    topics: Vec<Arc<Topic>>,
    held: BTreeMap<Slot, Held>,
    /// Counts revocations.
    epoch: watch::Sender<u64>,
    /// Counts claims, consumers and writes, so that no two have the same number.
    count: u64,
}

impl Committer {
    pub(crate) fn new(
        shared: &Arc<Shared>,
        lane: &str,
        config: LaneConfig,
        topics: Vec<Arc<Topic>>,
        epoch: watch::Sender<u64>,
    ) -> Self {
        let (shared, lane) = (Arc::clone(shared), lane.to_owned());
        Self { shared, lane, config, topics, held: BTreeMap::new(), epoch, count: 0 }
    }

    /// Does what comes until nobody can ask any more.
    pub(crate) async fn run(mut self, mut jobs: mpsc::UnboundedReceiver<Job>) {
        let care = self.shared.config.nats.max_age.map_or(CARE, |age| CARE.min(age / 4));
        let mut next_care = Instant::now() + care;
        loop {
            let job = tokio::select! {
                biased;
                job = jobs.recv() => job,
                () = tokio::time::sleep_until(next_care), if self.shared.abilities.has_limits => {
                    next_care = Instant::now() + care;
                    self.care().await;
                    continue;
                }
            };
            // Whoever has dropped the lane or the future of a commit does not hear the answer.
            match job {
                None => return,
                Some(Job::Follow { wanted, reopen, reply }) => {
                    drop(reply.send(self.follow(wanted, reopen).await));
                }
                Some(Job::Commit { commit, reply }) => drop(reply.send(self.commit(*commit).await)),
            }
        }
    }

    fn number(&mut self) -> u64 {
        self.count += 1;
        self.count
    }

    fn topic(&self, slot: Slot) -> Arc<Topic> {
        Arc::clone(&self.topics[slot.0])
    }

    async fn commit(&mut self, commit: LaneCommit) -> Result<Commit, Error> {
        let started = Instant::now();
        if !self.may_commit(&commit) {
            return Ok(self.revoke());
        }
        for moved in &commit.moves {
            let next = self.held.get(&moved.slot).map_or(moved.from, |held| held.next);
            if moved.from != next {
                let (topic, partition) = (self.topic(moved.slot), moved.slot.1);
                let detail = format!(
                    "it starts at offset {} of `{}`, partition {partition}, and {next} was due",
                    moved.from, topic.name
                );
                return Err(Error::OutOfOrder { detail });
            }
        }
        let most = Most::of_commit(&self.shared.config, self.shared.abilities.max_message);
        let mut outputs = commit.outputs;
        outputs.iter_mut().filter(|output| !most.fits(output)).for_each(Output::omit_value);
        let planned = plan(&self.shared.topics, outputs, most).await?;
        if !self.store(&planned, &commit.moves).await? {
            return Ok(self.revoke());
        }
        self.acknowledge(&commit.moves).await;
        metrics::histogram!(COMMIT_SECONDS).record(started.elapsed());
        Ok(Commit::Committed)
    }

    /// Says whether we still have the batch's partitions, as far as we know, and revoked none before it.
    fn may_commit(&self, commit: &LaneCommit) -> bool {
        let is_ours =
            |moved: &Move| self.held.get(&moved.slot).is_some_and(|held| held.opened.claim == moved.claim);
        commit.epoch == *self.epoch.borrow() && commit.moves.iter().all(is_ours)
    }

    fn revoke(&mut self) -> Commit {
        self.give_up();
        Commit::Revoked
    }

    /// Gives up everything that was taken: the lane starts again from the positions.
    fn give_up(&mut self) {
        metrics::counter!(REVOKED_COMMITS, "group" => self.config.group.clone()).increment(1);
        self.held.clear();
        self.epoch.send_modify(|epoch| *epoch += 1);
    }

    /// Tells the consumers what is done, so that they say how far the group is. Nothing depends on it.
    async fn acknowledge(&self, moves: &[Move]) {
        for moved in moves {
            let is_current =
                self.held.get(&moved.slot).is_some_and(|held| held.opened.opening == moved.opening);
            let Some(ack) = moved.ack.as_ref().filter(|_| is_current) else { continue };
            let sent = self.shared.session.client.publish(ack.clone(), bytes::Bytes::from_static(b"+ACK"));
            if tokio::time::timeout(SETTLE, sent).await.is_err() {
                return;
            }
        }
    }
}
