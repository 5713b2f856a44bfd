//! What the thread that writes knows: topics, partitions and positions, as of its current write.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use redb::{ReadableTable, WriteTransaction};

use crate::config::{Config, MAX_PARTITIONS};
use crate::embedded::frame::{Placement, Rows};
use crate::embedded::group::Slot;
use crate::embedded::log::{Log, Span, Topic};
use crate::embedded::tables::{FORMAT, META, RecordKey, Tables};
use crate::error::Error;
use crate::metrics::{APPENDED_RECORDS, RETAINED_BYTES};
use crate::partitioner;
use crate::record::Placed;

/// The most topics a log may have.
pub(crate) const MAX_TOPICS: usize = 4_096;

/// What a row costs beside its value, in bytes, as retention counts it.
pub(crate) const KEY_BYTES: u64 = size_of::<RecordKey>() as u64;

/// The state of the log, ahead of the store by what the current write has done to it.
///
/// It is never rolled back: a write that fails ends the log, and opening reads the state anew.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// By topic id, which are given out from 0.
    pub(crate) topics: Vec<TopicState>,
    ids: HashMap<Arc<str>, u32>,
    pub(crate) positions: HashMap<Arc<str>, BTreeMap<Slot, u64>>,
    /// Partitions that the current write has touched.
    touched: BTreeSet<Slot>,
    created: Vec<Arc<Topic>>,
    appended: BTreeMap<u32, u64>,
}

#[derive(Debug)]
pub(crate) struct TopicState {
    pub(crate) topic: Arc<Topic>,
    pub(crate) partitions: Vec<PartitionState>,
}

/// One partition: the offsets `first..next`, and their size as retention counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PartitionState {
    pub(crate) first: u64,
    pub(crate) next: u64,
    pub(crate) bytes: u64,
}

impl TopicState {
    pub(crate) fn bytes(&self) -> u64 {
        self.partitions.iter().map(|partition| partition.bytes).sum()
    }
}

impl Ledger {
    /// Reads the state from the store; sets an empty store up. Returns the format found if it is not ours.
    pub(crate) fn load(write: &WriteTransaction) -> Result<Result<Self, u64>, Error> {
        let mut meta = write.open_table(META)?;
        let format = meta.get("format")?.map(|format| format.value());
        match format {
            None => drop(meta.insert("format", FORMAT)?),
            Some(FORMAT) => {}
            Some(other) => return Ok(Err(other)),
        }
        let tables = Tables::open(write)?;
        let mut ledger = Self::default();
        ledger.load_topics(&tables)?;
        for row in tables.positions.iter()? {
            let (key, offset) = row?;
            let (group, topic, partition) = key.value();
            ledger.positions_of(&Arc::from(group)).insert((topic, partition), offset.value());
        }
        Ok(Ok(ledger))
    }

    fn load_topics(&mut self, tables: &Tables<'_>) -> Result<(), Error> {
        let mut found = Vec::new();
        for row in tables.topics.iter()? {
            let (name, about) = row?;
            let (id, partitions) = about.value();
            found.push((id, Arc::<str>::from(name.value()), partitions));
        }
        found.sort_unstable();
        for (id, name, count) in found {
            let mut partitions = Vec::with_capacity(count as usize);
            for partition in 0..count {
                let state = tables.partitions.get((id, partition))?.map(|state| state.value());
                let (first, next, bytes) = state.unwrap_or_default();
                partitions.push(PartitionState { first, next, bytes });
            }
            self.insert(id, name, partitions);
        }
        Ok(())
    }

    fn insert(&mut self, id: u32, name: Arc<str>, partitions: Vec<PartitionState>) -> Arc<Topic> {
        let spans = partitions.iter().map(|state| Span::new(state.first, state.next)).collect();
        let next_partition = AtomicU32::new(0);
        let topic = Arc::new(Topic { id, name: Arc::clone(&name), partitions: spans, next_partition });
        self.ids.insert(name, id);
        self.topics.push(TopicState { topic: Arc::clone(&topic), partitions });
        topic
    }

    pub(crate) fn topic(&self, name: &str) -> Option<&TopicState> {
        self.ids.get(name).and_then(|id| self.topics.get(*id as usize))
    }

    pub(crate) fn partition(&self, (topic, partition): Slot) -> Option<&PartitionState> {
        self.topics.get(topic as usize)?.partitions.get(partition as usize)
    }

    /// Says whether a commit shall record what opening needs after a crash, so that it need not walk through
    /// the whole log. That takes a second sync: a small log is walked through sooner.
    pub(crate) fn wants_quick_repair(&self, config: &Config) -> bool {
        self.topics.iter().map(TopicState::bytes).sum::<u64>() >= config.recovery_bytes
    }

    /// Returns a group's positions to change them.
    pub(crate) fn positions_of(&mut self, group: &Arc<str>) -> &mut BTreeMap<Slot, u64> {
        self.positions.entry(Arc::clone(group)).or_default()
    }

    /// Creates a topic, unless it is there. A count that is asked for must be the one that it has.
    pub(crate) fn ensure_topic(
        &mut self,
        tables: &mut Tables<'_>,
        name: &Arc<str>,
        (asked, otherwise): (Option<u32>, u32),
    ) -> Result<Result<Arc<Topic>, Error>, Error> {
        if let Some(state) = self.topic(name) {
            let existing = state.topic.count();
            return Ok(match asked.filter(|asked| *asked != existing) {
                Some(asked) => Err(Error::PartitionCount { topic: name.to_string(), existing, asked }),
                None => Ok(Arc::clone(&state.topic)),
            });
        }
        if self.topics.len() >= MAX_TOPICS {
            return Ok(Err(Error::TooManyTopics { topic: name.to_string(), limit: MAX_TOPICS }));
        }
        self.create_topic(tables, name, asked.unwrap_or(otherwise)).map(Ok)
    }

    fn create_topic(
        &mut self,
        tables: &mut Tables<'_>,
        name: &Arc<str>,
        count: u32,
    ) -> Result<Arc<Topic>, Error> {
        debug_assert!((1..=MAX_PARTITIONS).contains(&count), "checked by whoever asked");
        // Ids are the places in `topics`: topics are never deleted.
        let id = u32::try_from(self.topics.len()).unwrap_or(u32::MAX);
        tables.topics.insert(&**name, (id, count))?;
        let empty = PartitionState { first: 0, next: 0, bytes: 0 };
        let topic = self.insert(id, Arc::clone(name), vec![empty; count as usize]);
        self.touched.extend((0..count).map(|partition| (id, partition)));
        self.created.push(Arc::clone(&topic));
        Ok(topic)
    }

    /// Says what is wrong with rows before any of them is written.
    pub(crate) fn check(&self, rows: &Rows, config: &Config) -> Result<(), Error> {
        for (name, placement, _) in rows.iter() {
            if let Placement::Partition(partition) = placement {
                let count = match self.topic(name) {
                    Some(state) => state.topic.count(),
                    None => config.partitions_of(name),
                };
                if partition >= count {
                    return Err(Error::Partition { topic: name.to_string(), partition, count });
                }
            }
        }
        Ok(())
    }

    /// Writes checked rows; topics that are not there are created.
    pub(crate) fn append(
        &mut self,
        tables: &mut Tables<'_>,
        rows: &Rows,
        config: &Config,
    ) -> Result<Result<Vec<Placed>, Error>, Error> {
        let mut placed = Vec::with_capacity(rows.len());
        let mut ensured: Option<&Arc<str>> = None;
        for (name, _, _) in rows.iter() {
            if ensured.is_none_or(|same| !Arc::ptr_eq(same, name)) {
                if let Err(refused) = self.ensure_topic(tables, name, (None, config.partitions_of(name)))? {
                    return Ok(Err(refused));
                }
                ensured = Some(name);
            }
        }
        let mut last: Option<(&Arc<str>, u32)> = None;
        for (name, placement, frame) in rows.iter() {
            let id = match last {
                Some((same, id)) if Arc::ptr_eq(same, name) => id,
                _ => self.ids[name],
            };
            last = Some((name, id));
            placed.push(self.insert_row(tables, id, placement, frame)?);
        }
        Ok(Ok(placed))
    }

    fn insert_row(
        &mut self,
        tables: &mut Tables<'_>,
        id: u32,
        placement: Placement,
        frame: &[u8],
    ) -> Result<Placed, Error> {
        let TopicState { topic, partitions } = &mut self.topics[id as usize];
        let partition = match placement {
            Placement::Partition(partition) => partition,
            Placement::KeyHash(hash) => partitioner::place(hash, topic.count()),
            Placement::RoundRobin => topic.next_partition.fetch_add(1, Ordering::Relaxed) % topic.count(),
        };
        let state = &mut partitions[partition as usize];
        let offset = state.next;
        tables.records.insert((id, partition, offset), frame)?;
        state.next += 1;
        state.bytes += frame.len() as u64 + KEY_BYTES;
        self.touched.insert((id, partition));
        *self.appended.entry(id).or_default() += 1;
        Ok(Placed { partition, offset })
    }

    /// Takes note that records below `first` are gone.
    pub(crate) fn expire(&mut self, slot: Slot, first: u64, bytes: u64) {
        let state = &mut self.topics[slot.0 as usize].partitions[slot.1 as usize];
        state.first = first;
        state.bytes = state.bytes.saturating_sub(bytes);
        self.touched.insert(slot);
    }

    /// Writes the bookkeeping of all touched partitions; says whether there was any.
    pub(crate) fn store(&self, tables: &mut Tables<'_>) -> Result<bool, Error> {
        for slot in &self.touched {
            if let Some(state) = self.partition(*slot) {
                tables.partitions.insert(slot, (state.first, state.next, state.bytes))?;
            }
        }
        Ok(!self.touched.is_empty())
    }

    /// Lets readers see what was written; call it when it is durable.
    pub(crate) fn publish(&mut self, log: &Log) {
        if !self.created.is_empty() {
            let mut topics = log.topics.write().unwrap_or_else(std::sync::PoisonError::into_inner);
            topics.extend(self.created.drain(..).map(|topic| (Arc::clone(&topic.name), topic)));
        }
        let touched = std::mem::take(&mut self.touched);
        for slot in &touched {
            let state = &self.topics[slot.0 as usize];
            let partition = &state.partitions[slot.1 as usize];
            state.topic.partitions[slot.1 as usize].set(partition.first, partition.next);
        }
        self.measure(&touched);
        if !touched.is_empty() {
            log.state.send_modify(|state| state.commits += 1);
        }
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "a gauge is a float; 2^53 bytes are more than a disk holds"
    )]
    fn measure(&mut self, touched: &BTreeSet<Slot>) {
        for (id, records) in std::mem::take(&mut self.appended) {
            let topic = Arc::clone(&self.topics[id as usize].topic.name);
            metrics::counter!(APPENDED_RECORDS, "topic" => topic).increment(records);
        }
        let ids: BTreeSet<u32> = touched.iter().map(|(id, _)| *id).collect();
        for id in ids {
            let state = &self.topics[id as usize];
            metrics::gauge!(RETAINED_BYTES, "topic" => Arc::clone(&state.topic.name))
                .set(state.bytes() as f64);
        }
    }
}
