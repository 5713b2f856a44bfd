//! What a lane owns: its partitions, what was fetched of them, and up to where they are committed.
//!
//! Three threads meet here: the one that polls, the one that scores and takes, and the one that commits. Each comes
//! once a batch, so that one lock is enough.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::error::Error;
use crate::lane::Limits;
use crate::record::Record;

/// The place of a topic among the lane's, and the partition.
pub(crate) type Slot = (usize, u32);

/// The most that waits to be taken. Beyond it the lane polls no more, and its cluster gives its partitions to others
/// if that lasts (`max.poll.interval.ms`).
const BUFFERED_RECORDS: usize = 10_000;
const BUFFERED_BYTES: usize = 32 << 20;

/// How long a thread that waits for room may overlook the end of the lane.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What a batch moves when it is committed.
#[derive(Debug, Clone)]
pub(crate) struct Receipt {
    /// The lane that took it.
    pub(super) lane: u64,
    pub(super) epoch: u64,
    /// Its place among the batches of the lane.
    pub(super) number: u64,
    pub(super) moves: Vec<Move>,
}

/// Where a partition stands before and after a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Move {
    pub(super) slot: Slot,
    pub(super) to: u64,
}

/// What was taken together.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(super) records: Vec<Record>,
    pub(super) moves: Vec<Move>,
    pub(super) epoch: u64,
    /// How much more may be taken.
    left: Limits,
}

/// The partitions of one lane.
#[derive(Debug, Default)]
pub(crate) struct Partitions {
    state: Mutex<State>,
    /// Somebody who takes or joins should look again.
    pub(super) changed: Notify,
    /// There is room for more records.
    room: Condvar,
    /// No transaction is under way.
    settled: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Counts what has ended all batches that were taken before.
    epoch: u64,
    owned: BTreeMap<Slot, Owned>,
    records: usize,
    bytes: usize,
    /// Which partition the next batch begins with.
    turn: usize,
    has_joined: bool,
    is_in_transaction: bool,
    /// What is owned is to be fetched again from the committed positions.
    must_rewind: bool,
    is_closing: bool,
    ended: Option<Error>,
}

#[derive(Debug)]
struct Owned {
    committed: u64,
    queue: VecDeque<Record>,
}

/// What the polling thread is to do next.
#[derive(Debug)]
pub(crate) struct Round {
    pub(super) epoch: u64,
    /// Where to fetch again from, if so.
    pub(super) rewind: Vec<(Slot, u64)>,
}

impl Partitions {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    // The polling thread.

    /// The next round of polling; `None` when the lane is closing.
    pub(super) fn round(&self) -> Option<Round> {
        let mut state = self.lock();
        if state.is_closing || state.ended.is_some() {
            return None;
        }
        let must_rewind = std::mem::take(&mut state.must_rewind);
        let rewind = state.owned.iter().filter(|_| must_rewind).map(|(slot, owned)| (*slot, owned.committed));
        Some(Round { rewind: rewind.collect(), epoch: state.epoch })
    }

    /// Takes in what was polled in an epoch, and waits until there is room for more.
    pub(super) fn fill(&self, epoch: u64, polled: &mut Vec<(Slot, Record)>) {
        let mut state = self.lock();
        for (slot, record) in polled.drain(..) {
            if state.epoch == epoch {
                state.push(slot, record);
            }
        }
        self.changed.notify_one();
        while state.is_full() && !state.is_closing && state.ended.is_none() {
            state = self.room.wait_timeout(state, LOOK_EVERY).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Partitions have come, each with the position it is committed at.
    pub(super) fn assigned(&self, positions: impl IntoIterator<Item = (Slot, u64)>) {
        let mut state = self.lock();
        for (slot, committed) in positions {
            state.owned.insert(slot, Owned { committed, queue: VecDeque::new() });
        }
        state.has_joined = true;
        self.changed.notify_one();
    }

    /// Partitions are about to go. When this returns no transaction is under way, and none of what was taken before
    /// will be committed.
    pub(super) fn revoked(&self, slots: &[Slot]) {
        let mut state = self.lock();
        state.end_epoch();
        while state.is_in_transaction {
            state = self.settled.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        for slot in slots {
            state.owned.remove(slot);
        }
        self.room.notify_all();
    }

    /// The committed positions of what is owned.
    pub(super) fn committed(&self) -> Vec<(Slot, u64)> {
        self.lock().owned.iter().map(|(slot, owned)| (*slot, owned.committed)).collect()
    }

    // The thread that takes.

    /// Whether the group has let the lane in.
    pub(super) fn has_joined(&self) -> Result<bool, Error> {
        let state = self.lock();
        state.ended.clone().map_or(Ok(state.has_joined), Err)
    }

    pub(super) fn epoch(&self) -> u64 {
        self.lock().epoch
    }

    /// Takes what is there, up to `limits`.
    pub(super) fn take(&self, limits: Limits) -> Result<Option<Taken>, Error> {
        let mut state = self.lock();
        if let Some(ended) = &state.ended {
            return Err(ended.clone());
        }
        if state.records == 0 {
            return Ok(None);
        }
        let taken = state.take(limits);
        self.room.notify_all();
        Ok(Some(taken))
    }

    // The committing thread.

    /// Begins the transaction of a batch, unless the batch has been revoked.
    pub(super) fn begin(&self, receipt: &Receipt) -> bool {
        let mut state = self.lock();
        let may_begin = state.epoch == receipt.epoch && state.ended.is_none();
        state.is_in_transaction = may_begin;
        may_begin
    }

    /// Ends the transaction of a batch.
    pub(super) fn finish(&self, receipt: &Receipt, is_committed: bool) {
        let mut state = self.lock();
        state.is_in_transaction = false;
        if is_committed {
            for Move { slot, to } in &receipt.moves {
                if let Some(owned) = state.owned.get_mut(slot) {
                    owned.committed = *to;
                }
            }
        } else if state.epoch == receipt.epoch {
            state.end_epoch();
            self.room.notify_all();
        }
        self.settled.notify_all();
    }

    // All of them.

    /// The lane is given up by its owner.
    pub(super) fn close(&self) {
        self.lock().is_closing = true;
        self.room.notify_all();
    }

    /// The lane has failed, or its broker was closed.
    pub(super) fn end(&self, error: Error) {
        self.lock().ended.get_or_insert(error);
        self.room.notify_all();
        self.changed.notify_one();
    }
}

impl State {
    fn is_full(&self) -> bool {
        self.records >= BUFFERED_RECORDS || self.bytes >= BUFFERED_BYTES
    }

    fn push(&mut self, slot: Slot, record: Record) {
        if let Some(owned) = self.owned.get_mut(&slot) {
            self.records += 1;
            self.bytes += size(&record);
            owned.queue.push_back(record);
        }
    }

    fn end_epoch(&mut self) {
        self.epoch += 1;
        self.owned.values_mut().for_each(|owned| owned.queue.clear());
        (self.records, self.bytes) = (0, 0);
        self.must_rewind = true;
    }

    /// Takes a like share of each partition that has something, and what is left of the limits from those that have
    /// more.
    fn take(&mut self, limits: Limits) -> Taken {
        let mut slots: Vec<Slot> =
            self.owned.iter().filter(|(_, owned)| !owned.queue.is_empty()).map(|(slot, _)| *slot).collect();
        let turn = self.turn % slots.len().max(1);
        slots.rotate_left(turn);
        self.turn = self.turn.wrapping_add(1);
        let records = Vec::with_capacity(limits.records.min(self.records));
        let mut taken =
            Taken { records, moves: Vec::with_capacity(slots.len()), epoch: self.epoch, left: limits };
        for (place, slot) in slots.iter().enumerate() {
            let share = taken.left.records.div_ceil(slots.len() - place);
            self.take_from(*slot, share, &mut taken);
        }
        for slot in slots {
            self.take_from(slot, taken.left.records, &mut taken);
        }
        taken
    }

    /// Takes up to `share` records of one partition; the first of a batch whatever its size.
    fn take_from(&mut self, slot: Slot, share: usize, taken: &mut Taken) {
        let Some(owned) = self.owned.get_mut(&slot) else { return };
        for _ in 0..share {
            let Some(record) = owned.queue.front() else { return };
            let size = size(record);
            if size > taken.left.bytes && !taken.records.is_empty() {
                return;
            }
            let to = record.offset + 1;
            match taken.moves.iter_mut().find(|each| each.slot == slot) {
                Some(known) => known.to = to,
                None => taken.moves.push(Move { slot, to }),
            }
            taken.left.bytes = taken.left.bytes.saturating_sub(size);
            taken.left.records = taken.left.records.saturating_sub(1);
            self.records -= 1;
            self.bytes -= size;
            taken.records.extend(owned.queue.pop_front());
        }
    }
}

/// About what a record takes in memory.
fn size(record: &Record) -> usize {
    let headers: usize =
        record.headers.iter().map(|header| header.name.len() + header.value.len() + 32).sum();
    record.key.as_ref().map_or(0, bytes::Bytes::len)
        + record.value.as_ref().map_or(0, bytes::Bytes::len)
        + headers
        + 64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Headers;

    const ALL: Limits = Limits { records: 100, bytes: 1 << 20 };

    fn record(partition: u32, offset: u64) -> (Slot, Record) {
        let record = Record {
            topic: "in".into(),
            partition,
            offset,
            timestamp: 0,
            key: None,
            value: None,
            headers: Headers::new(),
        };
        ((0, partition), record)
    }

    fn owner_of(count: u32) -> Partitions {
        let partitions = Partitions::default();
        partitions.assigned((0..count).map(|partition| ((0, partition), 0)));
        partitions
    }

    fn fill(partitions: &Partitions, records: impl IntoIterator<Item = (u32, u64)>) {
        let epoch = partitions.round().unwrap().epoch;
        partitions.fill(epoch, &mut records.into_iter().map(|(p, offset)| record(p, offset)).collect());
    }

    fn places(records: &[Record]) -> Vec<(u32, u64)> {
        records.iter().map(|record| (record.partition, record.offset)).collect()
    }

    fn receipt(taken: Taken) -> Receipt {
        Receipt { lane: 0, epoch: taken.epoch, number: 0, moves: taken.moves }
    }

    #[test]
    fn batch_has_a_share_of_each_partition() {
        let partitions = owner_of(2);
        fill(&partitions, (0..10).map(|offset| (0, offset)).chain([(1, 0)]));
        let Taken { records, moves, .. } = partitions.take(Limits { records: 4, ..ALL }).unwrap().unwrap();
        assert_eq!(places(&records), [(0, 0), (0, 1), (1, 0), (0, 2)]);
        assert_eq!(moves, [Move { slot: (0, 0), to: 3 }, Move { slot: (0, 1), to: 1 }]);
    }

    #[test]
    fn what_follows_a_failed_commit_begins_at_the_committed_position() {
        let partitions = owner_of(1);
        fill(&partitions, [(0, 0), (0, 1), (0, 2)]);
        let first = receipt(partitions.take(Limits { records: 1, ..ALL }).unwrap().unwrap());
        let second = receipt(partitions.take(Limits { records: 1, ..ALL }).unwrap().unwrap());
        assert!(partitions.begin(&first));
        partitions.finish(&first, true);
        assert!(partitions.begin(&second));
        partitions.finish(&second, false);
        assert!(partitions.take(ALL).unwrap().is_none(), "what was fetched is thrown away");
        assert_eq!(partitions.round().unwrap().rewind, [((0, 0), 1)]);
        assert!(partitions.round().unwrap().rewind.is_empty(), "once");
    }

    #[test]
    fn records_of_an_ended_epoch_are_not_taken_in() {
        let partitions = owner_of(2);
        let epoch = partitions.round().unwrap().epoch;
        partitions.revoked(&[(0, 1)]);
        partitions.fill(epoch, &mut vec![record(0, 0), record(1, 0)]);
        assert!(partitions.take(ALL).unwrap().is_none());
        fill(&partitions, [(0, 0), (1, 0)]);
        let Taken { records, .. } = partitions.take(ALL).unwrap().unwrap();
        assert_eq!(places(&records), [(0, 0)], "of the partition that stayed");
    }

    #[test]
    fn partition_leaves_when_the_transaction_has_ended() {
        let partitions = owner_of(1);
        fill(&partitions, [(0, 0)]);
        let taken = receipt(partitions.take(ALL).unwrap().unwrap());
        assert!(partitions.begin(&taken));
        std::thread::scope(|scope| {
            let leaving = scope.spawn(|| partitions.revoked(&[(0, 0)]));
            while partitions.epoch() == taken.epoch {
                std::thread::yield_now();
            }
            assert!(!leaving.is_finished());
            partitions.finish(&taken, true);
        });
        assert!(partitions.committed().is_empty());
        assert!(!partitions.begin(&taken));
    }

    #[test]
    fn ended_lane_says_so() {
        let partitions = owner_of(1);
        partitions.end(Error::Closed);
        assert!(matches!(partitions.take(ALL), Err(Error::Closed)));
        assert!(matches!(partitions.has_joined(), Err(Error::Closed)));
        assert!(partitions.round().is_none());
    }
}
