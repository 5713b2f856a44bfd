//! Bytes in, bytes out: lanes, readers and writers over an embedded log, Kafka and NATS JetStream.
//!
//! A [`Broker`] keeps [`Record`]s in topics of partitions. A [`Lane`] takes batches for a consumer group and
//! commits each of them together with what it caused; a [`Reader`] and a [`Writer`] do either half without a
//! group. The embedded log needs no server: it lives in a directory, or in memory, of the process that owns it,
//! and other processes reach it through a socket there.
//!
//! **Invariant:** to commit a batch means that all of its outputs and the position after it are durable together.
//!
//! **Invariant:** nothing here looks inside a key, a value or a header.

mod broker;
mod config;
mod embedded;
mod error;
mod failpoint;
mod kafka;
mod lane;
pub mod metrics;
mod nats;
mod partitioner;
mod reader;
mod record;
mod socket;
mod units;

#[cfg(feature = "conformance")]
pub mod conformance;

pub use broker::{Broker, Writer};
pub use config::{
    COMMIT_HEADROOM_BYTES, COMMIT_HEADROOM_HEADERS, Config, Durability, MAX_PARTITIONS, MAX_RECORD_BYTES,
    TopicConfig,
};
pub use embedded::Embedded;
pub use error::{Error, Fate};
pub use kafka::{Guarantee, Kafka, KafkaLane, Sasl, SaslMechanism, Settings as KafkaSettings, Tls};
pub use lane::{Batch, Commit, Committing, EmbeddedLane, Lane, LaneConfig, Limits, Receipt, Start};
pub use nats::{Nats, NatsLane, Settings as NatsSettings, SourceSettings as NatsSource};
pub use partitioner::partition_of;
pub use reader::Reader;
pub use record::{Header, Headers, Lag, Output, PartitionInfo, Placed, Position, Record, TopicInfo};
pub use socket::Remote;
