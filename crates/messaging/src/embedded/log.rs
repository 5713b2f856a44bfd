//! What all handles of one log share.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, mpsc};
use std::time::{SystemTime, UNIX_EPOCH};

use redb::Database;
use tokio::sync::{Semaphore, watch};

use crate::config::Config;
use crate::embedded::committer::Job;
use crate::error::Error;
use crate::record::{PartitionInfo, TopicInfo};

/// The shared part of a log: the store to read from, the queue to the thread that writes, and the ends of
/// the topics, which say without a look into the store whether there is something to read.
#[derive(Debug)]
pub(crate) struct Log {
    pub(crate) config: Config,
    /// `None` once the log is closed. Held for reading only while a transaction lasts, never across an await.
    pub(crate) store: RwLock<Option<Database>>,
    pub(crate) topics: RwLock<HashMap<Arc<str>, Arc<Topic>>>,
    pub(crate) jobs: mpsc::Sender<Job>,
    /// Room in the queue to the disk, in KiB.
    pub(crate) room: Arc<Semaphore>,
    pub(crate) state: watch::Sender<State>,
}

/// What waiting takers and readers are woken for.
#[derive(Debug, Clone, Default)]
pub(crate) struct State {
    /// Grows with each commit that appended something.
    pub(crate) commits: u64,
    /// Why the log takes nothing any more.
    pub(crate) ended: Option<Error>,
}

/// A topic that is there, as readers see it.
#[derive(Debug)]
pub(crate) struct Topic {
    pub(crate) id: u32,
    pub(crate) name: Arc<str>,
    pub(crate) partitions: Vec<Span>,
    /// Where the next record without a key goes.
    pub(crate) next_partition: AtomicU32,
}

/// The offsets that a partition holds; follows the store, a moment behind it.
#[derive(Debug)]
pub(crate) struct Span {
    first: AtomicU64,
    end: AtomicU64,
}

impl Span {
    pub(crate) const fn new(first: u64, end: u64) -> Self {
        Self { first: AtomicU64::new(first), end: AtomicU64::new(end) }
    }

    pub(crate) fn set(&self, first: u64, end: u64) {
        self.end.store(end, Ordering::Release);
        self.first.store(first, Ordering::Release);
    }

    pub(crate) fn get(&self) -> PartitionInfo {
        // In this order, `first` may be seen ahead of `end` and is cut, never a span that was not.
        let end = self.end.load(Ordering::Acquire);
        PartitionInfo { first: self.first.load(Ordering::Acquire).min(end), end }
    }
}

impl Topic {
    /// Returns the number of partitions.
    pub(crate) fn count(&self) -> u32 {
        u32::try_from(self.partitions.len()).unwrap_or(u32::MAX)
    }

    /// Returns a partition's offsets.
    pub(crate) fn span(&self, partition: u32) -> Result<PartitionInfo, Error> {
        let span = self.partitions.get(partition as usize).ok_or_else(|| self.no_partition(partition))?;
        Ok(span.get())
    }

    pub(crate) fn no_partition(&self, partition: u32) -> Error {
        Error::Partition { topic: self.name.to_string(), partition, count: self.count() }
    }

    fn info(&self) -> TopicInfo {
        TopicInfo { name: self.name.clone(), partitions: self.partitions.iter().map(Span::get).collect() }
    }
}

impl Log {
    /// Returns a topic, if it is there.
    pub(crate) fn topic(&self, name: &str) -> Option<Arc<Topic>> {
        self.topics.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// Returns all topics by name.
    pub(crate) fn infos(&self) -> Vec<TopicInfo> {
        let topics = self.topics.read().unwrap_or_else(PoisonError::into_inner);
        let mut infos: Vec<_> = topics.values().map(|topic| topic.info()).collect();
        infos.sort_by(|a, b| a.name.cmp(&b.name));
        infos
    }

    /// Refuses an append that would not fit the queue to the disk.
    pub(crate) fn check_append(&self, bytes: usize) -> Result<(), Error> {
        let limit = self.config.queue_bytes;
        // The framing of one record of the largest size does not count.
        if bytes as u64 > limit.saturating_add(FRAMING) {
            return Err(Error::WriteTooLarge { size: bytes, limit });
        }
        Ok(())
    }

    /// Hands a job to the thread that writes.
    pub(crate) fn send(&self, job: Job) -> Result<(), Error> {
        self.jobs.send(job).map_err(|_gone| self.ended())
    }

    /// Waits for a job's answer. A job that gets none dies with the thread, which says why.
    pub(crate) async fn answer<T>(
        &self,
        reply: tokio::sync::oneshot::Receiver<Result<T, Error>>,
    ) -> Result<T, Error> {
        if let Ok(answer) = reply.await {
            return answer;
        }
        // Cannot fail: we hold the sender.
        drop(self.state.subscribe().wait_for(|state| state.ended.is_some()).await);
        Err(self.ended())
    }

    /// Returns why the log takes nothing any more.
    pub(crate) fn ended(&self) -> Error {
        self.state.borrow().ended.clone().unwrap_or(Error::Closed)
    }

    /// Runs a function on the store, on the calling thread.
    pub(crate) fn with_store<T>(&self, run: impl FnOnce(&Database) -> Result<T, Error>) -> Result<T, Error> {
        let store = self.store.read().unwrap_or_else(PoisonError::into_inner);
        run(store.as_ref().ok_or_else(|| self.ended())?)
    }

    /// Runs a function that reads the store, off the async threads.
    pub(crate) async fn blocking<T: Send + 'static>(
        self: &Arc<Self>,
        run: impl FnOnce(&Self) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let log = Arc::clone(self);
        match tokio::task::spawn_blocking(move || run(&log)).await {
            Ok(result) => result,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            // The runtime is shutting down.
            Err(_cancelled) => Err(Error::Closed),
        }
    }
}

/// More than the frame of a record with the most headers takes beside what counts for its size.
const FRAMING: u64 = 16 << 10;

/// Returns the room of the whole queue to the disk, in KiB; more than 4 TiB count as that.
pub(crate) fn room_kib(config: &Config) -> u32 {
    u32::try_from(config.queue_bytes.div_ceil(1024)).unwrap_or(u32::MAX)
}

/// Returns the time of day in milliseconds since 1970.
pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
