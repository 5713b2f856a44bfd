//! `serin analyze`: the analysis alone.

use std::collections::BTreeMap;
use std::io::Write;

use anyhow::Context;
use messaging::Broker;
use runtime::{Clock, Output, Shutdown};

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
    // A guest: `serin up` may own the log.
    let broker = Broker::connect(&config.broker).await.context("cannot reach the broker")?;
    let complete = Shutdown::new();
    if !arguments.follow {
        complete.request();
    }
    let report = analysis::run(analysis, broker.clone(), Clock::System, (complete, shutdown)).await;
    broker.close().await;
    print(&report?, arguments.format)
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
