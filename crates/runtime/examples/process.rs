//! A process made of the runtime's parts: it ticks until it is told to stop.
//!
//! `cargo run -p runtime --example process -- FILE`, where FILE may be empty, or say
//!
//! ```toml
//! period = "100ms"
//! ending = "drain"
//! ```
//!
//! The other endings are what can go wrong; `tests/process.rs` starts them all.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, anyhow, bail};
use runtime::admin::AdminConfig;
use runtime::config::{Document, Duration, Problems, Secret};
use runtime::telemetry::{Logging, install_logging, install_metrics};
use runtime::{Admin, Clock, Health, Output, Shutdown, Usage};
use serde::Deserialize;

#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
struct Config {
    period: Duration,
    ending: Ending,
    password: Option<Secret>,
    admin: AdminConfig,
    log: Logging,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Ending {
    /// Ticks until it is told to stop, and ends well.
    Drain,
    /// Ticks on, though it is told to stop.
    Ignore,
    /// Ends at once with an error.
    Fail,
    /// Panics in the work itself.
    Panic,
    /// Panics in a task that nobody waits for, and ticks on until it is told to stop.
    Task,
    /// Panics on a thread that is joined, goes on and ends well.
    Contained,
    /// Writes lines until nobody reads them.
    Write,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            period: Duration::new(std::time::Duration::from_millis(100)),
            ending: Ending::Drain,
            password: None,
            admin: AdminConfig::default(),
            log: Logging::default(),
        }
    }
}

fn main() -> ExitCode {
    match configure() {
        Ok(config) => runtime::main(|shutdown| run(config, shutdown)),
        Err(error) => runtime::entry::exit(Err(error)),
    }
}

fn configure() -> anyhow::Result<Config> {
    let environment = runtime::config::environment();
    let path = std::env::args()
        .nth(1)
        .ok_or_else(|| Usage("which configuration? usage: process FILE".to_owned()))?;
    let document = Document::open(Path::new(&path), &environment)?;
    let config = check(&document, document.read()?)?;
    install_logging(&config.log, &environment)?;
    tracing::info!(?config, "the effective configuration");
    Ok(config)
}

/// The rules that the types alone do not hold.
fn check(document: &Document, config: Config) -> Result<Config, Problems> {
    let mut problems = document.problems();
    if config.period.as_micros() == 0 {
        problems.push(document.problem("period", "expected more than no time, found \"0s\""));
    }
    problems.or(config)
}

async fn run(config: Config, shutdown: Shutdown) -> anyhow::Result<()> {
    let clock = Clock::System;
    let metrics = install_metrics(env!("CARGO_PKG_VERSION"), &clock)?;
    let health = Health::new(clock, shutdown.clone());
    let ticking = health.gate("ticking");
    let admin = Admin::start(&config.admin, health.clone(), metrics).await?;
    let heartbeat = health.heartbeat("ticks", std::time::Duration::from_secs(10));
    ticking.open();
    begin(config.ending).await?;
    let mut ticks = tokio::time::interval(config.period.get());
    while config.ending == Ending::Ignore || !shutdown.is_requested() {
        tokio::select! {
            _ = ticks.tick() => heartbeat.beat(),
            () = shutdown.requested() => tokio::task::yield_now().await,
        }
    }
    tracing::info!("drained");
    drop(admin);
    Ok(())
}

async fn begin(ending: Ending) -> anyhow::Result<()> {
    match ending {
        Ending::Drain | Ending::Ignore => {}
        Ending::Fail => bail!(anyhow!("connection refused").context("cannot reach the broker")),
        Ending::Panic => panic!("a broken invariant"),
        Ending::Task => drop(tokio::spawn(async { panic!("a broken invariant in a task") })),
        Ending::Contained => {
            let ended = std::thread::spawn(|| panic!("a model's own bug")).join();
            return ended.map_or(Err(anyhow!("the model is out; its fallback answers")), Ok).or_else(
                |error| {
                    tracing::warn!(%error, "contained");
                    Ok(())
                },
            );
        }
        Ending::Write => write().await.context("cannot write the lines")?,
    }
    tracing::info!("ticking");
    Ok(())
}

async fn write() -> anyhow::Result<()> {
    let mut output = Output::stdout();
    for line in 0_u64.. {
        writeln!(output, "line {line}")?;
        output.flush()?;
        tokio::task::yield_now().await;
    }
    Ok(())
}
