//! NATS JetStream.

mod config;

use crate::config::Config;
use crate::embedded::tail::{Fetched, Stretch};
use crate::error::Error;
use crate::lane::{Commit, LaneConfig, Limits, Start};
use crate::record::{Lag, Output, Placed, Position, Record, TopicInfo};

pub use config::Settings;

/// A NATS server with JetStream. Clones are cheap and stand for the same connection.
#[derive(Debug, Clone)]
pub struct Nats {
    server: String,
}

/// A lane on NATS JetStream.
#[derive(Debug)]
pub struct NatsLane {
    nats: Nats,
}

#[derive(Debug, Clone)]
pub(crate) struct Receipt;

#[derive(Debug)]
pub(crate) struct Reader {
    nats: Nats,
}

impl Nats {
    pub(crate) async fn open(_config: &Config, servers: &str) -> Result<Self, Error> {
        Err(Self { server: servers.to_owned() }.absent())
    }

    fn absent(&self) -> Error {
        Error::Server {
            server: self.server.clone(),
            problem: "this build cannot speak to NATS yet".to_owned(),
        }
    }

    pub(crate) async fn create_topic(&self, _name: &str, _partitions: Option<u32>) -> Result<(), Error> {
        Err(self.absent())
    }

    pub(crate) async fn topics(&self) -> Result<Vec<TopicInfo>, Error> {
        Err(self.absent())
    }

    pub(crate) async fn topic(&self, _name: &str) -> Result<Option<TopicInfo>, Error> {
        Err(self.absent())
    }

    pub(crate) async fn committed(&self, _group: &str) -> Result<Vec<Position>, Error> {
        Err(self.absent())
    }

    pub(crate) async fn lag(&self, _group: &str) -> Result<Vec<Lag>, Error> {
        Err(self.absent())
    }

    pub(crate) async fn lane(&self, _config: LaneConfig) -> Result<NatsLane, Error> {
        Err(self.absent())
    }

    pub(crate) async fn reader(
        &self,
        _topics: &[String],
        _start: Start,
    ) -> Result<(Reader, Vec<Position>), Error> {
        Err(self.absent())
    }

    pub(crate) async fn append(&self, _outputs: Vec<Output>) -> Result<Vec<Placed>, Error> {
        Err(self.absent())
    }

    pub(crate) async fn close(self) {}
}

impl NatsLane {
    pub(crate) async fn take(&mut self, _limits: Limits) -> Result<(Vec<Record>, Receipt), Error> {
        Err(self.nats.absent())
    }

    pub(crate) fn commit(
        &mut self,
        _receipt: Receipt,
        _outputs: Vec<Output>,
    ) -> Result<impl Future<Output = Result<Commit, Error>> + Send + use<>, Error> {
        Err::<std::future::Ready<_>, _>(self.nats.absent())
    }
}

impl Reader {
    pub(crate) async fn topics(&self) -> Result<Vec<TopicInfo>, Error> {
        Err(self.nats.absent())
    }

    pub(crate) async fn fetch(
        &mut self,
        _stretches: &[Stretch],
        _limits: Limits,
        _wait: bool,
    ) -> Result<Fetched, Error> {
        Err(self.nats.absent())
    }
}
