//! Real servers for tests: [`Kafka`], [`Nats`], a schema [`Registry`], and a [`Proxy`] that can be cut.
//!
//! `scripts/servers`, which `make test` calls, fetches them; a test that does not find them fails and says so. Each
//! server runs on free ports of 127.0.0.1, in a folder of its own that goes when the server does, and no server
//! outlives the process that started it, even if that is killed.
//!
//! ```no_run
//! use servers::{Kafka, Nats};
//!
//! let kafka = Kafka::builder().property("message.max.bytes", "2097152").start();
//! assert!(kafka.url().starts_with("kafka://127.0.0.1:"));
//! kafka.kill();
//! kafka.restart();
//!
//! let nats = Nats::shared(); // one for all tests of this process; never to be killed or paused
//! assert!(nats.url().starts_with("nats://127.0.0.1:"));
//! ```
#![expect(clippy::expect_used, reason = "a test that has lost its server cannot go on")]
#![expect(clippy::print_stderr, reason = "a test that fails shows what its server said")]

mod certificates;
mod files;
mod guard;
mod kafka;
mod nats;
mod ports;
mod proxy;
mod registry;
mod server;

pub use certificates::Certificates;
pub use kafka::{Kafka, KafkaBuilder, KafkaCluster, PASSWORD, USER};
pub use nats::{Nats, NatsBuilder};
pub use proxy::Proxy;
pub use registry::Registry;
pub use server::Server;
