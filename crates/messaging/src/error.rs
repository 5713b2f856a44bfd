//! What can go wrong with a broker.

use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A broker could not do what it was asked to.
///
/// [`Error::fate`] says what that means for the caller.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The URL names no broker that we know.
    #[error(
        "url {url:?} is not \"kafka://host:9092\", \"nats://host:4222\", \"file:///directory\" or \"memory://\""
    )]
    Url {
        /// The URL as configured.
        url: String,
    },
    /// The configuration has other faults.
    #[error("broker configuration: {}", problems.join("; "))]
    Config {
        /// All faults, each with its field.
        problems: Vec<String>,
    },
    /// A topic or group has a name that no broker takes.
    #[error("{kind} name {name:?} is not 1 to 249 of the characters a-z, A-Z, 0-9, `.`, `_` and `-`")]
    Name {
        /// "topic" or "group".
        kind: &'static str,
        /// The name as given.
        name: String,
    },
    /// A lane or reader was asked for without a topic, or with one topic twice.
    #[error("topics {topics:?}: expected at least one, and none twice")]
    Topics {
        /// The topics as given.
        topics: Vec<String>,
    },
    /// The topic is there with another number of partitions.
    #[error("topic `{topic}` has {existing} partitions, not {asked}; the number cannot be changed")]
    PartitionCount {
        /// The topic.
        topic: String,
        /// How many it has.
        existing: u32,
        /// How many were asked for.
        asked: u32,
    },
    /// A record or position names a partition that its topic does not have.
    #[error("topic `{topic}` has no partition {partition}; it has {count}, counted from 0")]
    Partition {
        /// The topic.
        topic: String,
        /// The partition as given.
        partition: u32,
        /// How many there are.
        count: u32,
    },
    /// A position names a topic that is not there.
    #[error("no topic `{topic}`")]
    NoTopic {
        /// The topic as given.
        topic: String,
    },
    /// The log has as many topics as it may have.
    #[error("no room for topic `{topic}`: there are {limit} already")]
    TooManyTopics {
        /// The topic as given.
        topic: String,
        /// The most topics a log may have.
        limit: usize,
    },
    /// The record is larger than [`Config::max_record_bytes`](crate::Config::max_record_bytes), or, where a lane
    /// commits it, larger by more than [`COMMIT_HEADROOM_BYTES`](crate::COMMIT_HEADROOM_BYTES).
    #[error("record of {size} bytes for topic `{topic}` is larger than `max_record_bytes` ({limit})")]
    RecordTooLarge {
        /// The topic it was meant for.
        topic: String,
        /// The size as [`Output::size`](crate::Output::size) counts it.
        size: usize,
        /// `max_record_bytes`.
        limit: u64,
    },
    /// The record, as a message, is larger than what the server takes, or, where a writer appends it, leaves no room for
    /// a dead letter of it.
    #[error(
        "record of {size} bytes for topic `{topic}` is larger than what the server takes ({limit}): see its `max_payload`"
    )]
    MessageTooLarge {
        /// The topic it was meant for.
        topic: String,
        /// The size as [`Output::size`](crate::Output::size) counts it.
        size: usize,
        /// What there is room for.
        limit: usize,
    },
    /// The topic is in a stream that serin only reads.
    #[error("topic `{topic}` is in stream `{stream}`, which is only read; publish to its subjects")]
    ReadOnly {
        /// The topic.
        topic: String,
        /// The stream.
        stream: String,
    },
    /// The record has too many headers, or one of their names is too long.
    #[error("headers for topic `{topic}`: {problem}")]
    Headers {
        /// The topic it was meant for.
        topic: String,
        /// Which limit was passed.
        problem: String,
    },
    /// One append is larger than the queue to the disk or a frame of the socket.
    #[error("{size} bytes in one write are more than the limit of {limit}")]
    WriteTooLarge {
        /// All records together, in bytes.
        size: usize,
        /// The limit, in bytes.
        limit: u64,
    },
    /// A batch was committed twice, after one that was not committed, or by a lane that did not take it.
    #[error("batch is not the next one to be committed: {detail}")]
    OutOfOrder {
        /// Which partition, and which offset was due.
        detail: String,
    },
    /// Another process owns the directory.
    #[error("{} is in use by {}; stop it, or reach it through its socket", directory.display(), owner(*.pid))]
    Owned {
        /// The log's directory.
        directory: PathBuf,
        /// The process that owns it, if it left its id.
        pid: Option<u32>,
    },
    /// The path is too long for a Unix socket.
    #[error("{}: {length} bytes are too many for a Unix socket (at most {limit}); choose a shorter directory", path.display())]
    SocketPath {
        /// The socket's path.
        path: PathBuf,
        /// Its length in bytes.
        length: usize,
        /// The longest possible.
        limit: usize,
    },
    /// The directory holds a log that this build does not understand.
    #[error("{} holds a log of format {found}; this build reads format {expected}", directory.display())]
    Format {
        /// The log's directory.
        directory: PathBuf,
        /// The format found.
        found: u64,
        /// The format understood.
        expected: u64,
    },
    /// The operating system refused something.
    #[error("{context}: {source}")]
    Io {
        /// What was tried, on which path.
        context: String,
        /// Why it failed.
        source: Arc<std::io::Error>,
    },
    /// The store failed; the log takes no more writes and has to be opened again.
    #[error("log failed: {0}")]
    Storage(#[source] Arc<redb::Error>),
    /// The log holds bytes that it did not write.
    #[error("damaged record in topic `{topic}`, partition {partition}, offset {offset}: {problem}")]
    Damaged {
        /// The topic.
        topic: String,
        /// The partition.
        partition: u32,
        /// The offset.
        offset: u64,
        /// What does not fit.
        problem: &'static str,
    },
    /// The broker was closed.
    #[error("broker is closed")]
    Closed,
    /// The process that owns the log said no.
    #[error("owner of the log: {message}")]
    Remote {
        /// Its error's message.
        message: String,
        /// Its error's fate.
        fate: Fate,
    },
    /// The process that owns the log went away, or what it sent makes no sense.
    #[error("connection to the owner of {}: {problem}", path.display())]
    Connection {
        /// The socket.
        path: PathBuf,
        /// What happened.
        problem: String,
    },
    /// A server cannot do this, refuses us, or has not answered for as long as we wait.
    #[error("{server}: {problem}")]
    Server {
        /// The servers, as configured.
        server: String,
        /// What was tried, and what came of it.
        problem: String,
    },
    /// Only the process that owns the log can do this.
    #[error("{what} needs the log itself, and another process owns it")]
    OwnerOnly {
        /// What was asked for.
        what: &'static str,
    },
}

/// What an [`Error`] means for its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fate {
    /// What was asked is wrong and always will be: change the record, the call or the configuration.
    Refused,
    /// The broker gave up: end the process; what was not confirmed is taken again after the restart.
    Failed,
}

impl Error {
    /// Returns what this error means for its caller.
    pub fn fate(&self) -> Fate {
        match self {
            Self::Io { .. }
            | Self::Storage(_)
            | Self::Damaged { .. }
            | Self::Closed
            | Self::Connection { .. }
            | Self::Server { .. } => Fate::Failed,
            Self::Remote { fate, .. } => *fate,
            _ => Fate::Refused,
        }
    }

    pub(crate) fn io(context: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io { context: context.into(), source: Arc::new(source) }
    }
}

/// Every error of the store has the same fate, whichever of its calls it came from.
macro_rules! from_store {
    ($($error:ident),*) => {$(
        impl From<redb::$error> for Error {
            fn from(error: redb::$error) -> Self {
                Self::Storage(Arc::new(error.into()))
            }
        }
    )*};
}

from_store!(StorageError, TableError, TransactionError, CommitError, DatabaseError);

fn owner(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
}
