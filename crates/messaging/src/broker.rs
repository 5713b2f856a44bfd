//! The way to records: lanes, readers and writers all come from here.

use std::sync::Arc;
use std::time::Duration;

use crate::config::{Config, Location, check_name};
use crate::embedded::{self, Embedded};
use crate::error::Error;
use crate::kafka::Kafka;
use crate::lane::{EmbeddedLane, Lane, LaneConfig, Start};
use crate::nats::Nats;
use crate::reader::{Reader, Source};
use crate::record::{Lag, Output, Placed, Position, TopicInfo};
use crate::socket::Remote;

/// How often [`Broker::connect`] looks for the socket of an owner that is just starting, and how long it
/// waits in between.
const ATTEMPTS: u32 = 20;
const PAUSE: Duration = Duration::from_millis(100);

/// A broker of records. Clones are cheap and stand for the same one.
#[derive(Debug, Clone)]
pub enum Broker {
    /// The embedded log, owned by this process.
    Embedded(Embedded),
    /// The embedded log of another process, through its socket: everything but lanes.
    Remote(Arc<Remote>),
    /// A Kafka cluster.
    Kafka(Kafka),
    /// A NATS server with JetStream.
    Nats(Nats),
}

impl Broker {
    /// Opens the configured broker. On `file://` this process becomes the owner of the directory, and
    /// serves it to others on the socket `serin.sock` there.
    ///
    /// # Errors
    /// [`Error::Config`] and its like if the configuration cannot be used, [`Error::Owned`] if another process
    /// has the directory, [`Error::Io`] and [`Error::Storage`] if it cannot be used, [`Error::Server`] if a server
    /// does not answer or refuses us.
    pub async fn open(config: &Config) -> Result<Self, Error> {
        let problems = config.problems();
        if !problems.is_empty() {
            return Err(Error::Config { problems });
        }
        match config.location()? {
            Location::Memory => Embedded::open(config, None).await.map(Self::Embedded),
            Location::Directory(directory) => {
                Embedded::open(config, Some(directory)).await.map(Self::Embedded)
            }
            Location::Kafka(servers) => Kafka::open(config, &servers).await.map(Self::Kafka),
            Location::Nats(servers) => Nats::open(config, &servers).await.map(Self::Nats),
        }
    }

    /// Reaches the configured broker as a guest: an embedded log through the socket of the process that owns the
    /// directory, or, if nobody owns it, by opening it; a server as everybody does.
    ///
    /// # Errors
    /// As [`Broker::open`], and [`Error::Connection`] if the owner does not answer.
    pub async fn connect(config: &Config) -> Result<Self, Error> {
        let Location::Directory(directory) = config.location()? else { return Self::open(config).await };
        let path = embedded::socket_path(&directory)?;
        let mut attempt = 1;
        loop {
            match Remote::connect(&path).await? {
                Some(remote) => return Ok(Self::Remote(Arc::new(remote))),
                None => match Self::open(config).await {
                    // It is just starting, or just ending.
                    Err(Error::Owned { .. }) if attempt < ATTEMPTS => tokio::time::sleep(PAUSE).await,
                    opened => return opened,
                },
            }
            attempt += 1;
        }
    }

    /// Creates a topic with that many partitions (`None`: as configured), unless it is there.
    ///
    /// # Errors
    /// [`Error::PartitionCount`] if it is there with another number of partitions than was asked for here or in
    /// `[broker.topic.<name>]`; [`Error::Name`]; or with [`Fate::Failed`](crate::Fate).
    pub async fn create_topic(&self, name: &str, partitions: Option<u32>) -> Result<(), Error> {
        match self {
            Self::Embedded(embedded) => embedded.create_topic(name, partitions).await,
            Self::Remote(remote) => remote.create_topic(name, partitions).await,
            Self::Kafka(kafka) => kafka.create_topic(name, partitions).await,
            Self::Nats(nats) => nats.create_topic(name, partitions).await,
        }
    }

    /// Returns all topics by name, with the first and the end offset of each partition.
    ///
    /// # Errors
    /// With [`Fate::Failed`](crate::Fate) if the broker does not answer.
    pub async fn topics(&self) -> Result<Vec<TopicInfo>, Error> {
        match self {
            Self::Embedded(embedded) => Ok(embedded.log.infos()),
            Self::Remote(remote) => remote.topics().await,
            Self::Kafka(kafka) => kafka.topics().await,
            Self::Nats(nats) => nats.topics().await,
        }
    }

    /// Returns one topic, with the first and the end offset of each partition; `None` if it is not there.
    ///
    /// # Errors
    /// As [`Broker::topics`].
    pub async fn topic(&self, name: &str) -> Result<Option<TopicInfo>, Error> {
        match self {
            Self::Embedded(_) | Self::Remote(_) => {
                Ok(self.topics().await?.into_iter().find(|topic| *topic.name == *name))
            }
            Self::Kafka(kafka) => kafka.topic(name).await,
            Self::Nats(nats) => nats.topic(name).await,
        }
    }

    /// Returns a group's committed positions by topic and partition; none, if it has never had a lane.
    ///
    /// # Errors
    /// As [`Broker::topics`].
    pub async fn committed(&self, group: &str) -> Result<Vec<Position>, Error> {
        match self {
            Self::Embedded(embedded) => {
                let group = group.to_owned();
                embedded.log.blocking(move |log| embedded::lag::committed(log, &group)).await
            }
            Self::Remote(remote) => remote.committed(group).await,
            Self::Kafka(kafka) => kafka.committed(group).await,
            Self::Nats(nats) => nats.committed(group).await,
        }
    }

    /// Returns how far a group is behind on each partition on which it has a position.
    ///
    /// # Errors
    /// As [`Broker::topics`].
    pub async fn lag(&self, group: &str) -> Result<Vec<Lag>, Error> {
        match self {
            Self::Embedded(embedded) => {
                let group = group.to_owned();
                embedded.log.blocking(move |log| embedded::lag::lag(log, &group)).await
            }
            Self::Remote(remote) => remote.lag(group).await,
            Self::Kafka(kafka) => kafka.lag(group).await,
            Self::Nats(nats) => nats.lag(group).await,
        }
    }

    /// Tells whether the broker can be reached, now and whenever that changes; within seconds of the truth, and until
    /// the future is dropped. An embedded log always can.
    pub async fn watch_reachability(&self, tell: impl Fn(bool)) {
        match self {
            Self::Embedded(_) | Self::Remote(_) => tell(true),
            Self::Kafka(kafka) => kafka.watch_reachability(tell).await,
            Self::Nats(nats) => nats.watch_reachability(tell).await,
        }
    }

    /// Opens a lane: joins its group and takes over a share of the partitions.
    ///
    /// # Errors
    /// [`Error::Name`] and [`Error::Topics`] if the configuration cannot be used, [`Error::OwnerOnly`] where
    /// another process owns the log, or with [`Fate::Failed`](crate::Fate).
    pub async fn lane(&self, config: LaneConfig) -> Result<Lane, Error> {
        check_name("group", &config.group)?;
        check_topics(&config.topics)?;
        if let Start::CommittedBy(group) = &config.start {
            check_name("group", group)?;
        }
        match self {
            Self::Embedded(embedded) => {
                let lane = embedded::lane::Lane::join(&embedded.log, config).await?;
                Ok(Lane::Embedded(EmbeddedLane { lane, _owner: embedded.clone() }))
            }
            Self::Remote(_) => Err(Error::OwnerOnly { what: "a lane" }),
            Self::Kafka(kafka) => kafka.lane(config).await.map(Lane::Kafka),
            Self::Nats(nats) => nats.lane(config).await.map(Lane::Nats),
        }
    }

    /// Returns a writer.
    pub fn writer(&self) -> Writer {
        Writer { broker: self.clone() }
    }

    /// Opens a reader of topics without a group; topics that are not there yet are created as configured.
    ///
    /// # Errors
    /// As [`Broker::lane`].
    pub async fn reader(&self, topics: &[String], start: Start) -> Result<Reader, Error> {
        check_topics(topics)?;
        match self {
            Self::Embedded(embedded) => {
                let positions = embedded::tail::start(&embedded.log, topics, start).await?;
                Ok(Reader::new(Source::Log(embedded.clone()), positions))
            }
            Self::Remote(remote) => {
                let remote = remote.another();
                let positions = remote.start(topics, start).await?;
                Ok(Reader::new(Source::Remote(remote), positions))
            }
            Self::Kafka(kafka) => {
                let (reader, positions) = kafka.reader(topics, start).await?;
                Ok(Reader::new(Source::Kafka(reader), positions))
            }
            Self::Nats(nats) => {
                let (reader, positions) = nats.reader(topics, start).await?;
                Ok(Reader::new(Source::Nats(reader), positions))
            }
        }
    }

    /// Writes what is queued and closes the broker for all of its clones, lanes, readers and writers; an embedded
    /// log's directory is free when this returns. Dropping all of them does the same, blocking the thread
    /// that drops the last one.
    pub async fn close(self) {
        match self {
            Self::Embedded(embedded) => embedded.close().await,
            Self::Remote(_) => {}
            Self::Kafka(kafka) => kafka.close().await,
            Self::Nats(nats) => nats.close().await,
        }
    }
}

/// Appends records. Clones are cheap; all of them may append at once, and share the waits for the disk.
#[derive(Debug, Clone)]
pub struct Writer {
    broker: Broker,
}

impl Writer {
    /// Appends records, all or none of them, and returns where each of them went when they are durable. Records
    /// of one call keep their order, and so do calls of which one waited for the other.
    ///
    /// Waits while the queue to the disk is full. When the future is dropped, the records may or may not be
    /// written.
    ///
    /// # Errors
    /// With [`Fate::Refused`](crate::Fate) if a record passes a limit or names a partition that is not there:
    /// nothing was written. With [`Fate::Failed`](crate::Fate) if the broker gave up: only a look tells.
    pub async fn append(&self, outputs: Vec<Output>) -> Result<Vec<Placed>, Error> {
        match &self.broker {
            Broker::Embedded(embedded) => embedded::append(&embedded.log, &outputs).await,
            Broker::Remote(remote) => remote.append(outputs).await,
            Broker::Kafka(kafka) => kafka.append(outputs).await,
            Broker::Nats(nats) => nats.append(outputs).await,
        }
    }
}

fn check_topics(topics: &[String]) -> Result<(), Error> {
    let twice = |(place, topic): (usize, &String)| topics[..place].contains(topic);
    if topics.is_empty() || topics.iter().enumerate().any(twice) {
        return Err(Error::Topics { topics: topics.to_vec() });
    }
    topics.iter().try_for_each(|topic| check_name("topic", topic))
}
