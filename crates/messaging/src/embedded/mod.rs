//! The embedded log: one store (redb) in a directory or in memory, one thread that writes, any number of
//! lanes, readers and writers in the process that owns it, and a socket for other processes.
//!
//! **Invariant:** all that one append or one lane commit writes is in one transaction of the store, and nobody
//! sees any of it before it is durable.

pub(crate) mod committer;
pub(crate) mod frame;
pub(crate) mod group;
pub(crate) mod lag;
pub(crate) mod lane;
pub(crate) mod ledger;
pub(crate) mod log;
pub(crate) mod membership;
pub(crate) mod owner;
pub(crate) mod read;
pub(crate) mod retention;
pub(crate) mod storage;
pub(crate) mod store;
pub(crate) mod tables;
pub(crate) mod tail;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock, mpsc};
use std::thread::JoinHandle;

use tokio::sync::{Semaphore, oneshot, watch};

use crate::config::{Config, check_name};
use crate::embedded::committer::{Committer, Job};
use crate::embedded::frame::{RecordLimits, Rows};
use crate::embedded::log::{Log, State};
use crate::embedded::owner::DirectoryLock;
use crate::error::Error;
use crate::record::{Output, Placed};
use crate::socket;

const SOCKET_FILE: &str = "serin.sock";

/// A log that this process owns. Clones are handles of the same log; the directory is released when
/// the last one is gone, or when one of them is closed.
#[derive(Debug, Clone)]
pub struct Embedded {
    pub(crate) log: Arc<Log>,
    owner: Arc<Owner>,
}

/// Ends the log when its last handle goes.
#[derive(Debug)]
struct Owner {
    log: Arc<Log>,
    thread: Mutex<Option<JoinHandle<()>>>,
    server: Option<socket::Server>,
}

impl Owner {
    /// Writes what is queued, closes the store and releases the directory.
    fn stop(&self) {
        if let Some(server) = &self.server {
            server.stop();
        }
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // A thread that has ended by itself needs no word, and has said why it did.
            drop(self.log.send(Job::Stop));
            if thread.join().is_err() {
                tracing::error!("the thread that writes the log panicked");
            }
        }
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Embedded {
    /// Opens the log in `directory`, or in memory without one, and becomes its owner.
    pub(crate) async fn open(config: &Config, directory: Option<PathBuf>) -> Result<Self, Error> {
        let config = config.clone();
        let path = directory.as_deref().map(socket_path).transpose()?;
        let opened = tokio::task::spawn_blocking(move || start(config, directory)).await;
        let (log, thread) = match opened {
            Ok(opened) => opened?,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_cancelled) => return Err(Error::Closed),
        };
        let mut owner = Owner { log: Arc::clone(&log), thread: Mutex::new(Some(thread)), server: None };
        if let Some(path) = path {
            owner.server = Some(socket::Server::start(&log, &path)?);
        }
        Ok(Self { log, owner: Arc::new(owner) })
    }

    /// Creates a topic, unless it is there.
    pub(crate) async fn create_topic(&self, name: &str, partitions: Option<u32>) -> Result<(), Error> {
        create_topic(&self.log, name, partitions).await
    }

    /// Writes what is queued, closes the log for all handles and releases the directory.
    pub(crate) async fn close(self) {
        let owner = Arc::clone(&self.owner);
        let stopped = tokio::task::spawn_blocking(move || owner.stop()).await;
        if let Err(error) = stopped {
            tracing::error!(%error, "the log was not closed");
        }
    }
}

/// Returns where a directory's socket is.
pub(crate) fn socket_path(directory: &Path) -> Result<PathBuf, Error> {
    let path = directory.join(SOCKET_FILE);
    socket::check_path(&path)?;
    Ok(path)
}

/// Creates a topic, unless it is there. A count in the configuration counts as asked for.
pub(crate) async fn create_topic(log: &Arc<Log>, name: &str, partitions: Option<u32>) -> Result<(), Error> {
    check_name("topic", name)?;
    let configured = log.config.topic.get(name).and_then(|topic| topic.partitions);
    let partitions = partitions.or(configured);
    if let Some(asked) = partitions.filter(|asked| !(1..=crate::config::MAX_PARTITIONS).contains(asked)) {
        let problem =
            format!("topic `{name}`: {asked} partitions are not in 1..={}", crate::config::MAX_PARTITIONS);
        return Err(Error::Config { problems: vec![problem] });
    }
    let (reply, created) = oneshot::channel();
    log.send(Job::Create { topic: name.into(), partitions, reply })?;
    log.answer(created).await
}

/// Appends records, all or none, and waits until they are durable.
pub(crate) async fn append(log: &Arc<Log>, outputs: &[Output]) -> Result<Vec<Placed>, Error> {
    let rows = Rows::encode(outputs, log::now_ms(), RecordLimits::of_append(log.config.max_record_bytes))?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    log.check_append(rows.bytes())?;
    let kib = u32::try_from(rows.bytes().div_ceil(1024)).unwrap_or(u32::MAX);
    // A record may take a little more room than it counts for, and the largest has to fit.
    let kib = kib.min(log::room_kib(&log.config));
    let room = Arc::clone(&log.room).acquire_many_owned(kib).await.map_err(|_closed| log.ended())?;
    let (reply, placed) = oneshot::channel();
    log.send(Job::Append { rows, room, reply })?;
    log.answer(placed).await
}

/// Opens the store and starts the thread that writes.
fn start(config: Config, directory: Option<PathBuf>) -> Result<(Arc<Log>, JoinHandle<()>), Error> {
    let lock = directory.as_deref().map(DirectoryLock::take).transpose()?;
    let (store, ledger) = store::open(&config, directory.as_deref())?;
    let (jobs, queue) = mpsc::channel();
    let topics: HashMap<_, _> =
        ledger.topics.iter().map(|state| (Arc::clone(&state.topic.name), Arc::clone(&state.topic))).collect();
    let log = Arc::new(Log {
        room: Arc::new(Semaphore::new(log::room_kib(&config) as usize)),
        config,
        store: RwLock::new(Some(store)),
        topics: RwLock::new(topics),
        jobs,
        state: watch::Sender::new(State::default()),
    });
    let committer = Committer::new(Arc::clone(&log), queue, ledger);
    let thread = std::thread::Builder::new()
        .name("serin-log".to_owned())
        .spawn(move || committer.run(lock))
        .map_err(Error::io("cannot start the thread that writes the log"))?;
    Ok((log, thread))
}
