//! Lanes joining, leaving and committing, on the thread that writes.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use tokio::sync::{oneshot, watch};

use crate::config::Config;
use crate::embedded::committer::Job;
use crate::embedded::frame::Rows;
use crate::embedded::group::{Groups, MemberId, Ownership, Slot, Subscription, Taken};
use crate::embedded::ledger::Ledger;
use crate::embedded::log::{Log, Topic};
use crate::embedded::tables::Tables;
use crate::error::Error;
use crate::lane::{Commit, LaneConfig, Start};
use crate::metrics::REVOKED_COMMITS;

/// What a lane may take from, and from where.
#[derive(Debug, Clone)]
pub(crate) struct Assignment {
    pub(crate) ownership: Ownership,
    /// The committed positions of what is owned.
    pub(crate) positions: BTreeMap<Slot, u64>,
}

/// A place in a group; dropping it gives the place up.
#[derive(Debug)]
pub(crate) struct Membership {
    pub(crate) log: Arc<Log>,
    pub(crate) group: Arc<str>,
    pub(crate) member: MemberId,
    pub(crate) topics: Vec<Arc<Topic>>,
    pub(crate) assignment: watch::Receiver<Assignment>,
}

impl Drop for Membership {
    fn drop(&mut self) {
        let leave = Job::Leave { group: Arc::clone(&self.group), member: self.member };
        // A log that has ended has no members any more.
        drop(self.log.send(leave));
    }
}

/// A batch to be committed: positions to move, and what is to be written with them.
#[derive(Debug)]
pub(crate) struct LaneCommit {
    pub(crate) group: Arc<str>,
    pub(crate) taken: Taken,
    pub(crate) moves: Vec<Move>,
    pub(crate) rows: Rows,
}

/// A position before and after a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Move {
    pub(crate) slot: Slot,
    pub(crate) from: u64,
    pub(crate) to: u64,
}

/// All groups with lanes, and the lanes that want to hear of their assignments.
#[derive(Debug, Default)]
pub(crate) struct Memberships {
    groups: Groups,
    listeners: HashMap<MemberId, watch::Sender<Assignment>>,
    changed: BTreeSet<Arc<str>>,
    next_member: MemberId,
}

impl Memberships {
    /// Adds a lane; positions that its group does not have yet become durable with this write.
    pub(crate) fn join(
        &mut self,
        ledger: &mut Ledger,
        tables: &mut Tables<'_>,
        log: &Arc<Log>,
        lane: &LaneConfig,
    ) -> Result<Result<Membership, Error>, Error> {
        let group: Arc<str> = Arc::from(lane.group.as_str());
        let mut topics = Vec::with_capacity(lane.topics.len());
        for name in &lane.topics {
            let counts = (None, log.config.partitions_of(name));
            match ledger.ensure_topic(tables, &Arc::from(name.as_str()), counts)? {
                Ok(topic) => topics.push(topic),
                Err(refused) => return Ok(Err(refused)),
            }
        }
        for topic in &topics {
            start_positions(ledger, tables, &group, topic, &lane.start)?;
        }
        Ok(Ok(self.admit(ledger, log, group, topics)))
    }

    fn admit(
        &mut self,
        ledger: &Ledger,
        log: &Arc<Log>,
        group: Arc<str>,
        topics: Vec<Arc<Topic>>,
    ) -> Membership {
        let member = self.next_member;
        self.next_member += 1;
        let subscriptions =
            topics.iter().map(|topic| Subscription { topic: topic.id, partitions: topic.count() }).collect();
        let members = self.groups.entry(Arc::clone(&group)).or_default();
        members.join(member, subscriptions);
        let ownership = members.ownership(member).unwrap_or_else(|| unreachable!("it has just joined"));
        let (sender, assignment) = watch::channel(assignment(ledger, &group, ownership));
        self.listeners.insert(member, sender);
        self.changed.insert(Arc::clone(&group));
        Membership { log: Arc::clone(log), group, member, topics, assignment }
    }

    /// Removes a lane.
    pub(crate) fn leave(&mut self, group: &Arc<str>, member: MemberId) {
        self.listeners.remove(&member);
        if let Some(members) = self.groups.get_mut(group) {
            members.leave(member);
            if members.is_empty() {
                self.groups.remove(group);
            }
            self.changed.insert(Arc::clone(group));
        }
    }

    /// Writes a batch's outputs and moves its positions, both or neither.
    pub(crate) fn commit(
        &mut self,
        ledger: &mut Ledger,
        tables: &mut Tables<'_>,
        commit: &LaneCommit,
        config: &Config,
    ) -> Result<Result<Commit, Error>, Error> {
        let LaneCommit { group, taken, moves, rows } = commit;
        let members = self.groups.entry(Arc::clone(group)).or_default();
        if !members.may_commit(*taken, moves.iter().map(|step| step.slot)) {
            members.revoke(taken.member);
            self.changed.insert(Arc::clone(group));
            metrics::counter!(REVOKED_COMMITS, "group" => Arc::clone(group)).increment(1);
            return Ok(Ok(Commit::Revoked));
        }
        if let Err(refused) = in_order(ledger, group, moves).and_then(|()| ledger.check(rows, config)) {
            return Ok(Err(refused));
        }
        if let Err(refused) = ledger.append(tables, rows, config)? {
            return Ok(Err(refused));
        }
        for step in moves {
            tables.positions.insert((&**group, step.slot.0, step.slot.1), step.to)?;
            ledger.positions_of(group).insert(step.slot, step.to);
        }
        Ok(Ok(Commit::Committed))
    }

    /// Tells the lanes of all groups that changed; call it when the write is durable.
    pub(crate) fn publish(&mut self, ledger: &Ledger) {
        for group in std::mem::take(&mut self.changed) {
            let Some(members) = self.groups.get(&group) else { continue };
            for member in members.members() {
                let Some(ownership) = members.ownership(member) else { continue };
                if let Some(listener) = self.listeners.get(&member) {
                    listener.send_replace(assignment(ledger, &group, ownership));
                }
            }
        }
    }
}

fn assignment(ledger: &Ledger, group: &Arc<str>, ownership: Ownership) -> Assignment {
    let committed = ledger.positions.get(group);
    let position = |slot: &Slot| committed.and_then(|positions| positions.get(slot)).copied().unwrap_or(0);
    let positions = ownership.slots.keys().map(|slot| (*slot, position(slot))).collect();
    Assignment { ownership, positions }
}

fn in_order(ledger: &Ledger, group: &Arc<str>, moves: &[Move]) -> Result<(), Error> {
    let committed = ledger.positions.get(group);
    for step in moves {
        let due = committed.and_then(|positions| positions.get(&step.slot)).copied().unwrap_or(0);
        if due != step.from {
            let topic = ledger.topics.get(step.slot.0 as usize).map_or("?", |state| &state.topic.name);
            let detail =
                format!("topic `{topic}`, partition {}: {due} is due, not {}", step.slot.1, step.from);
            return Err(Error::OutOfOrder { detail });
        }
    }
    Ok(())
}

fn start_positions(
    ledger: &mut Ledger,
    tables: &mut Tables<'_>,
    group: &Arc<str>,
    topic: &Topic,
    start: &Start,
) -> Result<(), Error> {
    for partition in 0..topic.count() {
        let slot = (topic.id, partition);
        if ledger.positions.get(group).is_some_and(|positions| positions.contains_key(&slot)) {
            continue;
        }
        let offset = start_offset(ledger, topic, slot, start);
        tables.positions.insert((&**group, slot.0, slot.1), offset)?;
        ledger.positions_of(group).insert(slot, offset);
    }
    Ok(())
}

fn start_offset(ledger: &Ledger, topic: &Topic, slot: Slot, start: &Start) -> u64 {
    let Some(state) = ledger.partition(slot) else { return 0 };
    match start {
        Start::Earliest => state.first,
        Start::Latest => state.next,
        Start::CommittedBy(other) => ledger
            .positions
            .get(other.as_str())
            .and_then(|positions| positions.get(&slot))
            .copied()
            .unwrap_or(state.first),
        Start::At(positions) => positions
            .iter()
            .find(|position| position.topic == topic.name && position.partition == slot.1)
            .map_or(state.first, |position| position.offset.clamp(state.first, state.next)),
    }
}

/// The answer to a lane that asked to join.
pub(crate) type Joined = oneshot::Sender<Result<Membership, Error>>;
