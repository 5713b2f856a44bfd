//! `serin analyze`: the analysis alone.

use std::collections::BTreeMap;
use std::io::Write;

use anyhow::Context;
use messaging::Broker;
use runtime::{Admin, Clock, Health, Output, Shutdown};

use crate::cli::{AnalyzeArguments, Format};
use crate::config::Config;

/// Reads the topics to their end and prints a report; with `--follow` goes on until `shutdown`.
pub(crate) async fn run(
    arguments: AnalyzeArguments,
    environment: BTreeMap<String, String>,
    shutdown: Shutdown,
) -> anyhow::Result<()> {
    let config = Config::open(&arguments.config.config, &environment)?;
    let analysis = config.analysis()?;
    let clock = Clock::System;
    let health = Health::new(clock.clone(), shutdown.clone());
    let connected = health.gate("broker");
    // Who reads once is no service, and asked for no port.
    let _admin = if arguments.follow { Some(open_admin(&config, &clock, health).await?) } else { None };
    // A guest: `serin up` may own the log.
    let broker = Broker::connect(&config.broker).await.context("cannot reach the broker")?;
    connected.open();
    let complete = Shutdown::new();
    if !arguments.follow {
        complete.request();
    }
    let report = analysis::run(analysis, broker.clone(), clock, (complete, shutdown)).await;
    broker.close().await;
    print(&report?, arguments.format)
}

async fn open_admin(config: &Config, clock: &Clock, health: Health) -> anyhow::Result<Admin> {
    let metrics = runtime::telemetry::install_metrics(env!("CARGO_PKG_VERSION"), clock)?;
    messaging::metrics::describe();
    Ok(Admin::start(&config.admin, health, metrics).await?)
}

/// Prints a report to standard output.
pub(crate) fn print(report: &analysis::Report, format: Format) -> anyhow::Result<()> {
    let mut out = Output::stdout();
    match format {
        Format::Text => write!(out, "{}", analysis::render(report))?,
        Format::Json => {
            serde_json::to_writer_pretty(&mut out, report)?;
            writeln!(out)?;
        }
    }
    out.flush()?;
    Ok(())
}
