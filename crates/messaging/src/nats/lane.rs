//! A lane: a consumer of a group, and what commits for it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::sync::{mpsc, oneshot, watch};

use crate::error::Error;
use crate::lane::{Commit, LaneConfig, Limits};
use crate::metrics::LAG_RECORDS;
use crate::nats::committer::{Committer, Job, LaneCommit, Move, Opened, Owned};
use crate::nats::inflow::{Inflow, Taken, Tap};
use crate::nats::membership::{Member, Membership, Slot, share};
use crate::nats::outputs::BATCH;
use crate::nats::topics::Topic;
use crate::nats::{Nats, Shared};
use crate::record::{Output, Record};

/// The most commits of one lane that may be under way; `take` waits for the first of them then.
const MAX_COMMITS: usize = 2;
/// The most partitions that one batch has records of: each takes a message of its commit.
const POSITIONS: usize = 100;
/// How many outputs one record is expected to cause, until a commit says.
const OUTPUTS: usize = 3;

/// A lane on NATS JetStream.
#[derive(Debug)]
pub struct NatsLane {
    id: String,
    group: String,
    membership: Membership,
    topics: Vec<Arc<Topic>>,
    inflow: Inflow,
    jobs: mpsc::UnboundedSender<Job>,
    /// What we are to own, once the committer has done it.
    following: Option<Following>,
    wanted: BTreeSet<Slot>,
    owned: BTreeMap<Slot, Flow>,
    epoch: u64,
    revocations: watch::Receiver<u64>,
    commits: watch::Sender<usize>,
    /// The most outputs that a record has caused, on average over its batch; 0 before the first commit.
    outputs: usize,
    turn: usize,
    /// Keeps the connection open. Dropped last.
    nats: Nats,
}

type Following = (BTreeSet<Slot>, oneshot::Receiver<Result<Owned, Error>>);

/// A partition that we own, and the tap that its records come from.
#[derive(Debug)]
struct Flow {
    opened: Opened,
    tap: u64,
}

/// What a batch moves when it is committed.
#[derive(Debug, Clone)]
pub(crate) struct Receipt {
    lane: String,
    epoch: u64,
    records: usize,
    moves: Vec<Move>,
}

/// Counts a commit, or as many as it stands for, for as long as it is under way.
#[derive(Debug)]
struct Counted {
    commits: watch::Sender<usize>,
    weight: usize,
}

impl Counted {
    fn begin(commits: &watch::Sender<usize>, weight: usize) -> Self {
        commits.send_modify(|count| *count += weight);
        Self { commits: commits.clone(), weight }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.commits.send_modify(|count| *count -= self.weight);
    }
}

impl NatsLane {
    /// Joins a group. Its positions are durable when this returns.
    pub(crate) async fn join(nats: &Nats, config: LaneConfig) -> Result<Self, Error> {
        let shared: &Arc<Shared> = &nats.shared;
        let mut topics = Vec::with_capacity(config.topics.len());
        for name in &config.topics {
            topics.push(shared.topics.find_or_create(name).await?);
        }
        let (id, group) = (shared.session.unique(), config.group.clone());
        let joined = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
        let joined = i64::try_from(joined).unwrap_or(i64::MAX);
        let member = Member { joined, id: id.clone(), topics: config.topics.clone() };
        let inflow = Inflow::open(shared).await?;
        let membership = Membership::join(shared, &config.group, member).await?;
        let (jobs, queue) = mpsc::unbounded_channel();
        let epoch = watch::Sender::new(0);
        let revocations = epoch.subscribe();
        let committer = Committer::new(shared, &id, config, topics.clone(), epoch);
        shared.session.runtime.spawn(committer.run(queue));
        let mut lane = Self {
            id,
            group,
            membership,
            topics,
            inflow,
            jobs,
            following: None,
            wanted: BTreeSet::new(),
            owned: BTreeMap::new(),
            epoch: 0,
            revocations,
            commits: watch::Sender::new(0),
            outputs: 0,
            turn: 0,
            nats: nats.clone(),
        };
        lane.follow().await?;
        Ok(lane)
    }

    /// Waits for records and takes up to `limits` of them. What has come is kept here when the future is dropped.
    pub(crate) async fn take(&mut self, limits: Limits) -> Result<(Vec<Record>, Receipt), Error> {
        // What a record causes has to fit one step of the server, with a position for each partition.
        let outputs = if self.outputs == 0 { OUTPUTS } else { self.outputs };
        let most = ((BATCH - self.owned.len().min(POSITIONS)) / outputs).max(1);
        let limits = Limits { records: limits.records.min(most), ..limits };
        loop {
            self.room().await?;
            self.inflow.drain()?;
            self.follow().await?;
            self.inflow.ask().await?;
            self.inflow.gather(limits.records).await?;
            if let Some(batch) = self.assemble(limits) {
                return Ok(batch);
            }
            tokio::select! {
                came = self.inflow.wait() => came?,
                // Their ends are that of the broker, which the next round reports.
                _ = self.membership.members.changed() => {}
                _ = self.revocations.changed() => {}
            }
        }
    }

    /// Waits until another commit may come.
    async fn room(&self) -> Result<(), Error> {
        let mut commits = self.commits.subscribe();
        tokio::select! {
            biased;
            ended = self.nats.shared.session.ended() => Err(ended),
            // Cannot fail: we hold the sender.
            _ = commits.wait_for(|count| *count < MAX_COMMITS) => Ok(()),
        }
    }

    /// Goes where the members of the group, a revocation or a lost connection say.
    async fn follow(&mut self) -> Result<(), Error> {
        loop {
            if let Some((_, reply)) = &mut self.following {
                let owned = tokio::select! {
                    biased;
                    owned = reply => owned,
                    ended = self.nats.shared.session.ended() => return Err(ended),
                };
                let Some((wanted, _)) = self.following.take() else { continue };
                let owned = owned.map_err(|_gone| Error::Closed)??;
                self.wanted = wanted;
                // What an earlier consumer of the same name has sent is not the new one's.
                self.inflow.drain()?;
                self.own(owned);
            }
            let wanted = share(&self.membership.members.borrow_and_update(), &self.id, &self.topics);
            let is_revoked = *self.revocations.borrow_and_update() != self.epoch;
            let reopen = self.broken();
            if wanted == self.wanted && !is_revoked && reopen.is_empty() {
                return Ok(());
            }
            let (reply, owned) = oneshot::channel();
            let job = Job::Follow { wanted: wanted.clone(), reopen, reply };
            self.jobs.send(job).map_err(|_gone| Error::Closed)?;
            self.following = Some((wanted, owned));
        }
    }

    /// Partitions whose consumer cannot be relied on, and how far they have come.
    fn broken(&self) -> BTreeMap<Slot, u64> {
        let broken = self.owned.iter().filter(|(_, flow)| self.inflow.is_broken(flow.tap));
        broken.filter_map(|(slot, flow)| Some((*slot, self.inflow.tap(flow.tap)?.position))).collect()
    }

    /// Goes on with what is ours: where it was all the while, from what was taken; elsewhere, from what is committed.
    fn own(&mut self, owned: Owned) {
        self.epoch = owned.epoch;
        let mut before = std::mem::take(&mut self.owned);
        for (slot, opened) in owned.slots {
            let tap = match before.remove(&slot) {
                Some(flow) if flow.opened == opened => flow.tap,
                Some(flow) if flow.opened.claim == opened.claim => self.reopen(slot, &flow, &opened),
                other => {
                    if let Some(flow) = other {
                        self.inflow.remove(flow.tap);
                    }
                    self.open(slot, &opened)
                }
            };
            self.owned.insert(slot, Flow { opened, tap });
        }
        for flow in before.into_values() {
            self.inflow.remove(flow.tap);
        }
    }

    fn open(&mut self, slot: Slot, opened: &Opened) -> u64 {
        self.inflow.add(Tap::new(&self.topics[slot.0], slot.1, opened.consumer.clone(), opened.offset))
    }

    fn reopen(&mut self, slot: Slot, flow: &Flow, opened: &Opened) -> u64 {
        match self.inflow.remove(flow.tap) {
            Some(mut tap) => {
                tap.reopen(opened.consumer.clone());
                self.inflow.add(tap)
            }
            None => self.open(slot, opened),
        }
    }

    fn assemble(&mut self, limits: Limits) -> Option<(Vec<Record>, Receipt)> {
        let has_any = |tap: &u64| self.inflow.tap(*tap).is_some_and(|tap| tap.waiting() > 0);
        let mut taps: Vec<(u64, u64)> =
            self.owned.values().map(|flow| flow.tap).filter(has_any).map(|tap| (tap, u64::MAX)).collect();
        let turn = self.turn % taps.len().max(1);
        taps.rotate_left(turn);
        taps.truncate(POSITIONS);
        let (records, taken) = self.inflow.take(&taps, limits);
        if records.is_empty() {
            return None;
        }
        self.turn = self.turn.wrapping_add(1);
        let moves = taken.into_iter().filter_map(|(tap, taken)| self.moved(tap, taken)).collect();
        self.measure();
        let receipt = Receipt { lane: self.id.clone(), epoch: self.epoch, records: records.len(), moves };
        Some((records, receipt))
    }

    fn moved(&self, tap: u64, taken: Taken) -> Option<Move> {
        let (slot, flow) = self.owned.iter().find(|(_, flow)| flow.tap == tap)?;
        let Opened { claim, opening, .. } = flow.opened;
        Some(Move { slot: *slot, claim, from: taken.from, to: taken.to, ack: taken.ack, opening })
    }

    /// Publishes how many records of each topic are left.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a gauge is a float; 2^53 records are more than a stream holds"
    )]
    fn measure(&self) {
        for (place, topic) in self.topics.iter().enumerate() {
            let taps = self.owned.iter().filter(|(slot, _)| slot.0 == place);
            let left: u64 = taps
                .filter_map(|(_, flow)| self.inflow.tap(flow.tap))
                .map(|tap| tap.pending + tap.waiting() as u64)
                .sum();
            let labels = [("group", self.group.clone()), ("topic", topic.name.to_string())];
            metrics::gauge!(LAG_RECORDS, &labels).set(left as f64);
        }
    }

    /// Queues a commit and returns its answer to be.
    pub(crate) fn commit(
        &mut self,
        receipt: Receipt,
        outputs: Vec<Output>,
    ) -> Result<impl Future<Output = Result<Commit, Error>> + Send + use<>, Error> {
        let session = &self.nats.shared.session;
        session.check()?;
        if receipt.lane != self.id {
            return Err(Error::OutOfOrder { detail: "it was taken by another lane".to_owned() });
        }
        self.outputs = self.outputs.max(outputs.len().div_ceil(receipt.records.max(1))).max(1);
        let bytes: usize = outputs.iter().map(Output::size).sum();
        let is_oversized = bytes as u64 > self.nats.shared.config.queue_bytes;
        let commit = Box::new(LaneCommit {
            epoch: receipt.epoch,
            moves: receipt.moves,
            outputs,
            _under_way: session.begin(),
            _counted: Box::new(Counted::begin(&self.commits, if is_oversized { MAX_COMMITS } else { 1 })),
        });
        let (reply, answer) = oneshot::channel();
        self.jobs.send(Job::Commit { commit, reply }).map_err(|_gone| Error::Closed)?;
        Ok(async move { answer.await.unwrap_or(Err(Error::Closed)) })
    }
}
