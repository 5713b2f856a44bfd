//! What every process of the house needs before and around its work: configuration, telemetry, the admin port,
//! shutdown and the clock.
//!
//! A binary is composed in this order: [`config::Document`] reads the one file and the environment,
//! [`telemetry::install_logging`] opens the log, [`main`] starts the threads and listens for signals, and inside
//! it [`Admin::start`] opens the admin port. Whatever goes wrong comes back to [`main`], which says it once on
//! standard error and turns it into an exit code.
//!
//! **Invariant:** no other crate names a metrics exporter, a log subscriber or a signal.

pub mod admin;
pub mod clock;
pub mod config;
pub mod entry;
pub mod health;
pub mod output;
pub mod shutdown;
pub mod telemetry;

pub use admin::Admin;
pub use clock::Clock;
pub use entry::{Usage, main};
pub use health::{Gate, Health, Heartbeat};
pub use output::Output;
pub use shutdown::Shutdown;
