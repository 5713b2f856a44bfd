//! Kafka: a lane is a member of a consumer group and a transactional producer, as one thing.
//!
//! A lane has two threads beside the one that scores. One polls the consumer into a bounded buffer and answers
//! rebalances ([`intake`]); the other sends what is committed ([`transaction`]). They meet in one state
//! ([`partitions`]), which says what the lane owns and up to where it is committed.
//!
//! **Invariant:** a partition leaves a lane only when no transaction of the lane is under way.
//!
//! **Invariant:** a batch is committed only in the epoch in which it was taken; what ends an epoch (a partition that
//! leaves, a commit that fails) has the rest start again from the committed positions.

mod admin;
mod client;
mod config;
mod fault;
mod greeting;
mod intake;
mod lane;
mod partitions;
mod producer;
mod reader;
mod record;
mod start;
mod transaction;
mod writer;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::BaseConsumer;
use tokio::sync::watch;

use crate::config::Config;
use crate::error::Error;
use crate::lane::{LaneConfig, Start};
use crate::record::{Output, Placed, Position};

pub use config::{Guarantee, Sasl, SaslMechanism, Settings, Tls};
pub use lane::KafkaLane;
pub(crate) use partitions::Receipt;
pub(crate) use reader::Reader;

/// How long one request may take before it is made again, or given up.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// How long closing waits for the last commits and for leaving the groups.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(30);

/// A Kafka cluster. Clones are cheap and stand for the same clients.
#[derive(Debug, Clone)]
pub struct Kafka {
    shared: Arc<Shared>,
}

/// What all lanes, readers and writers of a cluster share.
pub(crate) struct Shared {
    config: Config,
    servers: String,
    /// What all clients have in common.
    client: ClientConfig,
    /// Asks for metadata and offsets; in no group.
    observer: BaseConsumer<client::Quiet>,
    /// One for each group that was asked about; none of them joins it.
    group_observers: Mutex<HashMap<String, Arc<BaseConsumer<client::Quiet>>>>,
    writer: Mutex<Option<Arc<writer::Producer>>>,
    /// How many partitions each topic has that we have seen.
    partitions: RwLock<HashMap<Arc<str>, u32>>,
    closed: watch::Sender<bool>,
    /// Whether a server is there, as the lanes' clients see it.
    is_reachable: watch::Sender<bool>,
    /// The threads of lanes.
    threads: Mutex<Vec<JoinHandle<()>>>,
    runtime: tokio::runtime::Handle,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kafka").field("servers", &self.servers).finish_non_exhaustive()
    }
}

impl Kafka {
    /// Connects, and waits until a server answers.
    pub(crate) async fn open(config: &Config, servers: &str) -> Result<Self, Error> {
        let client = client::base(config, servers)?;
        let shared = Shared {
            observer: fault::checked(observer(&client, config, None), servers)?,
            config: config.clone(),
            servers: servers.to_owned(),
            client,
            group_observers: Mutex::default(),
            writer: Mutex::default(),
            partitions: RwLock::default(),
            closed: watch::Sender::new(false),
            is_reachable: watch::Sender::new(true),
            threads: Mutex::default(),
            runtime: tokio::runtime::Handle::current(),
        };
        let kafka = Self { shared: Arc::new(shared) };
        kafka.shared.blocking(greeting::greet).await?;
        Ok(kafka)
    }

    pub(crate) async fn watch_reachability(&self, tell: impl Fn(bool)) {
        let mut known = self.shared.is_reachable.subscribe();
        loop {
            tell(*known.borrow_and_update());
            if known.changed().await.is_err() {
                return;
            }
        }
    }

    pub(crate) async fn lane(&self, config: LaneConfig) -> Result<KafkaLane, Error> {
        self.shared.check_open()?;
        for topic in &config.topics {
            self.shared.ensure_topic(topic).await?;
        }
        KafkaLane::join(&self.shared, config).await
    }

    pub(crate) async fn reader(
        &self,
        topics: &[String],
        start: Start,
    ) -> Result<(Reader, Vec<Position>), Error> {
        self.shared.check_open()?;
        for topic in topics {
            self.shared.ensure_topic(topic).await?;
        }
        Reader::open(&self.shared, topics.to_vec(), start).await
    }

    pub(crate) async fn append(&self, outputs: Vec<Output>) -> Result<Vec<Placed>, Error> {
        self.shared.check_open()?;
        writer::append(&self.shared, outputs).await
    }

    /// Ends all lanes, readers and writers, and waits until their last commits are through and their groups left.
    pub(crate) async fn close(self) {
        self.shared.closed.send_replace(true);
        let threads =
            std::mem::take(&mut *self.shared.threads.lock().unwrap_or_else(PoisonError::into_inner));
        let joined = tokio::task::spawn_blocking(move || {
            for thread in threads {
                if thread.join().is_err() {
                    tracing::error!("a thread of a kafka lane panicked");
                }
            }
        });
        if tokio::time::timeout(CLOSE_TIMEOUT, joined).await.is_err() {
            tracing::warn!("kafka lanes have not ended within {CLOSE_TIMEOUT:?}; they are left behind");
        }
        // Dropping a client waits for its connections.
        let shared = self.shared;
        let writer = shared.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        let observers =
            std::mem::take(&mut *shared.group_observers.lock().unwrap_or_else(PoisonError::into_inner));
        drop(tokio::task::spawn_blocking(move || drop((writer, observers, shared))).await);
    }
}

impl Shared {
    fn check_open(&self) -> Result<(), Error> {
        if *self.closed.borrow() { Err(Error::Closed) } else { Ok(()) }
    }

    fn set_reachable(&self, is_reachable: bool) {
        self.is_reachable.send_if_modified(|known| std::mem::replace(known, is_reachable) != is_reachable);
    }

    /// Runs what blocks off the threads that must not.
    async fn blocking<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Arc<Self>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.check_open()?;
        let shared = Arc::clone(self);
        match tokio::task::spawn_blocking(move || work(&shared)).await {
            Ok(done) => done,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_cancelled) => Err(Error::Closed),
        }
    }

    /// The name of a topic or group on the cluster.
    fn wire_name(&self, name: &str) -> String {
        format!("{}{name}", self.config.kafka.prefix)
    }

    /// Our name of a topic of the cluster; none for those of others.
    fn own_name<'a>(&self, wire: &'a str) -> Option<&'a str> {
        wire.strip_prefix(&self.config.kafka.prefix).filter(|name| !name.starts_with("__"))
    }

    /// An error of a server, with what was tried.
    fn server_error(&self, problem: impl Into<String>) -> Error {
        Error::Server { server: format!("kafka://{}", self.servers), problem: problem.into() }
    }
}

/// A consumer that joins no group: for metadata, offsets and, with `group`, its positions.
fn observer(
    client: &ClientConfig,
    config: &Config,
    group: Option<&str>,
) -> rdkafka::error::KafkaResult<BaseConsumer<client::Quiet>> {
    let mut client = client.clone();
    // Offsets are asked for as readers of committed records see them.
    client.set("isolation.level", "read_committed").set("enable.auto.commit", "false");
    if let Some(group) = group {
        client.set("group.id", group);
    }
    client::with_options(client, &config.kafka).create_with_context(client::Quiet)
}
