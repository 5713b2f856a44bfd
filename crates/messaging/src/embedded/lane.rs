//! A lane on the embedded log.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::{oneshot, watch};

use crate::embedded::committer::Job;
use crate::embedded::frame::{RecordLimits, Rows};
use crate::embedded::group::{Slot, Taken};
use crate::embedded::log::{self, Log, State, Topic};
use crate::embedded::membership::{Assignment, LaneCommit, Membership, Move};
use crate::embedded::read::{self, Cursor};
use crate::error::Error;
use crate::lane::{Commit, LaneConfig, Limits, MAX_COMMITS, UnderWay};
use crate::record::{Output, Record};

/// A consumer of the log together with what commits for it.
#[derive(Debug)]
pub(crate) struct Lane {
    membership: Membership,
    topics: BTreeMap<u32, Arc<Topic>>,
    /// What the cursors below were made for.
    followed: Option<Assignment>,
    /// What was taken last of each partition that is owned.
    cursors: BTreeMap<Slot, Cursor>,
    /// Which partition the next batch begins with.
    turn: usize,
    state: watch::Receiver<State>,
    commits: watch::Sender<usize>,
}

/// What a batch moves when it is committed.
#[derive(Debug, Clone)]
pub(crate) struct Receipt {
    taken: Taken,
    moves: Vec<Move>,
}

impl Lane {
    /// Joins a group. Start positions are durable when this returns.
    pub(crate) async fn join(log: &Arc<Log>, lane: LaneConfig) -> Result<Self, Error> {
        let (reply, joined) = oneshot::channel();
        log.send(Job::Join { lane, reply })?;
        let membership = log.answer(joined).await?;
        let topics = membership.topics.iter().map(|topic| (topic.id, Arc::clone(topic))).collect();
        Ok(Self {
            state: log.state.subscribe(),
            membership,
            topics,
            followed: None,
            cursors: BTreeMap::new(),
            turn: 0,
            commits: watch::Sender::new(0),
        })
    }

    /// Waits for records and takes up to `limits` of them. Nothing changes before the last await is over, so
    /// that dropping the future loses nothing.
    pub(crate) async fn take(&mut self, limits: Limits) -> Result<(Vec<Record>, Receipt), Error> {
        loop {
            // Cannot fail: we hold the sender.
            drop(self.commits.subscribe().wait_for(|count| *count < MAX_COMMITS).await);
            self.follow();
            if let Some(ended) = self.state.borrow_and_update().ended.clone() {
                return Err(ended);
            }
            if self.cursors.values().any(Cursor::is_behind)
                && let Some(batch) = self.read(limits).await?
            {
                return Ok(batch);
            }
            tokio::select! {
                // An error is the end of the log, which the next round reports.
                _ = self.state.changed() => {}
                _ = self.membership.assignment.changed() => {}
            }
        }
    }

    /// Goes where the last rebalance or revocation says: partitions that were ours all the while go on from
    /// what was taken, the others from what is committed.
    fn follow(&mut self) {
        let assignment = self.membership.assignment.borrow_and_update();
        let before = self.followed.as_ref().map(|followed| &followed.ownership);
        if before == Some(&assignment.ownership) {
            return;
        }
        let kept = |slot: &Slot, since: &u64| {
            before.is_some_and(|before| {
                before.epoch == assignment.ownership.epoch && before.slots.get(slot) == Some(since)
            })
        };
        let mut cursors = BTreeMap::new();
        for (slot, since) in &assignment.ownership.slots {
            let position = match self.cursors.get(slot).filter(|_| kept(slot, since)) {
                Some(cursor) => cursor.position,
                None => assignment.positions.get(slot).copied().unwrap_or(0),
            };
            let topic = Arc::clone(&self.topics[&slot.0]);
            cursors.insert(*slot, Cursor { topic, partition: slot.1, position, until: u64::MAX });
        }
        let assignment = assignment.clone();
        self.cursors = cursors;
        self.followed = Some(assignment);
    }

    async fn read(&mut self, limits: Limits) -> Result<Option<(Vec<Record>, Receipt)>, Error> {
        let mut cursors: Vec<Cursor> =
            self.cursors.values().filter(|cursor| cursor.is_behind()).cloned().collect();
        let turn = self.turn % cursors.len().max(1);
        cursors.rotate_left(turn);
        let (records, cursors) = self
            .membership
            .log
            .blocking(move |log| read::read(log, &mut cursors, limits).map(|records| (records, cursors)))
            .await?;
        if records.is_empty() {
            return Ok(None);
        }
        self.turn = self.turn.wrapping_add(1);
        Ok(Some((records, self.advance(cursors))))
    }

    fn advance(&mut self, read: Vec<Cursor>) -> Receipt {
        let mut moves = Vec::with_capacity(read.len());
        for cursor in read {
            let slot = (cursor.topic.id, cursor.partition);
            let to = cursor.position;
            let before = self.cursors.insert(slot, cursor);
            let from = before.map_or(to, |before| before.position);
            if from != to {
                moves.push(Move { slot, from, to });
            }
        }
        let (generation, epoch) = self
            .followed
            .as_ref()
            .map_or((0, 0), |followed| (followed.ownership.generation, followed.ownership.epoch));
        Receipt { taken: Taken { member: self.membership.member, generation, epoch }, moves }
    }

    /// Queues a commit and returns where its answer will come.
    pub(crate) fn commit(
        &mut self,
        receipt: Receipt,
        outputs: &[Output],
    ) -> Result<oneshot::Receiver<Result<Commit, Error>>, Error> {
        let log = &self.membership.log;
        if receipt.taken.member != self.membership.member {
            return Err(Error::OutOfOrder { detail: "it was taken by another lane".to_owned() });
        }
        let rows =
            Rows::encode(outputs, log::now_ms(), RecordLimits::of_commit(log.config.max_record_bytes))?;
        let is_oversized = rows.bytes() as u64 > log.config.queue_bytes;
        let under_way = UnderWay::begin(&self.commits, if is_oversized { MAX_COMMITS } else { 1 });
        let commit = LaneCommit {
            group: Arc::clone(&self.membership.group),
            taken: receipt.taken,
            moves: receipt.moves,
            rows,
        };
        let (reply, answer) = oneshot::channel();
        log.send(Job::Commit { commit, under_way, reply })?;
        Ok(answer)
    }

    pub(crate) fn log(&self) -> &Arc<Log> {
        &self.membership.log
    }
}
