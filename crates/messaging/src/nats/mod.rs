//! NATS JetStream: topics as subjects of one stream, and positions as messages beside them.
//!
//! **What a commit is.** From server 2.12.1 on, one atomic batch: outputs, dead letters, and for each partition of the
//! batch a message with the position after it, stored only if nobody has stored one since ours
//! (`Nats-Expected-Last-Subject-Sequence`). So all of it is stored or nothing, a lane that was taken for dead cannot
//! write any more, and no window of time is part of the promise. A batch has at most 1,000 messages, and all of them
//! are of one stream. A lane takes as few records as make that likely; a commit of more goes in several such steps,
//! and if the process dies between two of them, the outputs of the first are written again. Outputs have no message
//! ids: the condition says all that ids could, and one id that somebody else has used would refuse the whole batch.
//!
//! **On older servers** (2.10 to 2.12.0) outputs are stored one by one and then the positions: at-least-once, with ids
//! that make the server drop what it gets twice within `duplicate_window`.
//!
//! **Who takes what** is worked out by the members of a group among themselves ([`membership`]), without a server's
//! word. It may be wrong for a moment; the positions decide.
//!
//! **Stock tools** publish to `<prefix>.<topic>.key.<token>`, and the server chooses one of as many partitions as
//! `partitions` said when the stream was created; or to `<prefix>.<topic>.<partition>`. A header `Serin-Key` is the
//! record's key. The topic needs that many partitions, and no dot in its name.
//!
//! **Limits** are those of the server, too: with its `max_payload` of 1 MiB by default, a writer appends records of up
//! to 896 KiB, which leaves room for a dead letter of each. A record that somebody else wrote right up to
//! `max_payload` can be taken, and not be given up as a dead letter: the commit is refused.
//!
//! **Offsets** are sequences of the stream: they ascend within a partition, with gaps.
//!
//! **Absent on purpose:** subscriptions of core NATS. They are at-most-once and remember nothing: what is published
//! while nobody listens, or faster than one listens, is gone, and there is no position to go back to after a crash, or
//! for a new shadow to start from. A stream that listens to the same subjects costs one command
//! (`nats stream add`), and [`config::Settings::source`] reads it.

mod checkpoint;
mod codec;
mod committer;
pub(crate) mod config;
mod consumer;
mod inflow;
mod lane;
mod membership;
mod outputs;
mod reader;
mod session;
mod singly;
mod stream;
mod subject;
mod topics;
mod writer;

use std::sync::Arc;

use crate::config::Config;
use crate::error::Error;
use crate::lane::{LaneConfig, Start};
use crate::nats::session::Session;
use crate::nats::stream::Abilities;
use crate::nats::topics::Topics;
use crate::record::{Lag, Output, Placed, Position, TopicInfo};

pub use config::{Settings, SourceSettings};
pub use lane::NatsLane;
pub(crate) use lane::Receipt;
pub(crate) use reader::Reader;

/// A NATS server with JetStream. Clones are cheap and stand for the same connection, which ends when the last one is
/// gone or one of them is closed.
#[derive(Debug, Clone)]
pub struct Nats {
    shared: Arc<Shared>,
    _owner: Arc<Owner>,
}

/// What lanes, readers and writers have in common.
#[derive(Debug)]
pub(crate) struct Shared {
    session: Arc<Session>,
    config: Arc<Config>,
    abilities: Abilities,
    topics: Topics,
}

/// Ends the connection with its last handle. The tasks hold what is shared, and end then.
#[derive(Debug)]
struct Owner(Arc<Session>);

impl Drop for Owner {
    fn drop(&mut self) {
        let session = Arc::clone(&self.0);
        self.0.runtime.spawn(async move { session.close().await });
    }
}

impl Nats {
    /// Connects to the servers of a URL, and makes the stream if it is not there.
    pub(crate) async fn open(config: &Config, servers: &str) -> Result<Self, Error> {
        let session = Session::connect(config, servers).await?;
        let owner = Arc::new(Owner(Arc::clone(&session)));
        let config = Arc::new(config.clone());
        let abilities = stream::prepare(&session, &config).await?;
        let topics = Topics::open(&session, &config).await?;
        Ok(Self { shared: Arc::new(Shared { session, config, abilities, topics }), _owner: owner })
    }

    pub(crate) async fn create_topic(&self, name: &str, partitions: Option<u32>) -> Result<(), Error> {
        self.shared.topics.create(name, partitions).await.map(drop)
    }

    pub(crate) async fn topics(&self) -> Result<Vec<TopicInfo>, Error> {
        let topics = &self.shared.topics;
        let mut infos = Vec::new();
        for topic in topics.all().await? {
            infos.push(topics.info(&topic).await?);
        }
        Ok(infos)
    }

    pub(crate) async fn topic(&self, name: &str) -> Result<Option<TopicInfo>, Error> {
        match self.shared.topics.find(name).await? {
            Some(topic) => self.shared.topics.info(&topic).await.map(Some),
            None => Ok(None),
        }
    }

    pub(crate) async fn committed(&self, group: &str) -> Result<Vec<Position>, Error> {
        self.shared.session.check()?;
        checkpoint::committed(&self.shared, group).await
    }

    pub(crate) async fn lag(&self, group: &str) -> Result<Vec<Lag>, Error> {
        checkpoint::lag(&self.shared, group).await
    }

    pub(crate) async fn lane(&self, config: LaneConfig) -> Result<NatsLane, Error> {
        self.shared.session.check()?;
        NatsLane::join(self, config).await
    }

    pub(crate) async fn reader(
        &self,
        topics: &[String],
        start: Start,
    ) -> Result<(Reader, Vec<Position>), Error> {
        self.shared.session.check()?;
        Reader::open(self, topics, start).await
    }

    pub(crate) async fn append(&self, outputs: Vec<Output>) -> Result<Vec<Placed>, Error> {
        writer::append(&self.shared, outputs).await
    }

    /// Tells whether the server can be reached, now and whenever that changes.
    pub(crate) async fn watch_reachability(&self, tell: impl Fn(bool)) {
        self.shared.session.watch_reachability(tell).await;
    }

    pub(crate) async fn close(self) {
        self.shared.session.close().await;
    }
}
