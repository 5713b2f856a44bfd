//! A client of schema registries that speak Confluent's REST API: Confluent's own, Apicurio, Karapace, Redpanda.
//!
//! [`Registry`] finds the schema behind an id while a lane runs ([`Registry::learn`]), and the ids of our own schemas
//! when a service starts ([`Registry::look_up`]). It registers nothing unless it is told to
//! ([`Registry::register`]). Schemas pass through as text; only `events` reads them.
//!
//! **Invariant:** that a registry cannot answer now is never taken for an answer. Nothing is given up because a server
//! was away.

mod client;
mod config;
mod error;
mod http;
pub mod metrics;
#[cfg(any(test, feature = "stand-in"))]
pub mod stand_in;
mod subject;
mod wait;

pub use client::{Compatibility, Registered, Registry};
pub use config::Config;
pub use error::Error;
pub use subject::SubjectStrategy;
pub use wait::Learned;
