//! Faults: scorers on real servers, disturbed in every way that we could think of, and a checker that knows what was
//! sent.
//!
//! A [story](stories) starts a [`Run`](run::Run), disturbs it, and finishes it; the [`checker`] then holds what is on
//! the topics against what the [producer](feed) wrote. Each story is told on Kafka and on NATS alike. What is repeated
//! is repeated `SERIN_FAULT_RUNS` times; `make test-faults` runs everything in full and writes `docs/faults.md`.
#![expect(clippy::unwrap_used, reason = "a test's helper panics where it cannot go on")]

mod checker;
mod config;
mod events;
mod feed;
mod reference;
mod run;
mod server;
mod stories;
mod stranger;
#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "the house's tests use the rest")]
mod support;
mod table;
mod witness;
