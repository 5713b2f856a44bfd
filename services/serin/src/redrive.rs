//! `serin redrive`: dead letters go back to where they came from.

use std::collections::BTreeMap;
use std::io::Write;

use anyhow::Context;
use events::Timestamp;
use messaging::Broker;
use runtime::{Clock, Output, Shutdown, Usage};
use stream_scorer::redrive::{Redrive, Summary};

use crate::cli::{Format, RedriveArguments};
use crate::config::Config;
use crate::progress::Progress;

/// Sends dead letters back until their end as of now, or until `shutdown`, and says what it did.
pub(crate) async fn run(
    arguments: RedriveArguments,
    environment: BTreeMap<String, String>,
    shutdown: Shutdown,
) -> anyhow::Result<()> {
    let since = arguments.since.as_deref().map(moment).transpose()?;
    let config = Config::open(&arguments.config.config, &environment)?;
    let redrive = redrive(&arguments, &config, since);
    let broker = Broker::connect(&config.broker)
        .await
        .with_context(|| format!("cannot reach {}", config.broker.url))?;
    let summary = if arguments.dry_run {
        redrive.rehearse(&broker).await
    } else {
        let mut progress = Progress::new([redrive.topic.clone()], None);
        let summary = redrive.run(&broker, &shutdown, |summary| progress.show(&[summary.sent])).await;
        progress.finish(&[summary.as_ref().map_or(0, |summary| summary.sent)]);
        summary
    };
    broker.close().await;
    print(&redrive, &summary?, &arguments)
}

fn redrive(arguments: &RedriveArguments, config: &Config, since: Option<i64>) -> Redrive {
    let topics = config.topics();
    let group = || match &arguments.reason {
        None => format!("{}.redrive", config.scorer.input.group),
        Some(reason) => format!("{}.redrive.{reason}", config.scorer.input.group),
    };
    Redrive {
        topic: arguments.topic.clone().unwrap_or_else(|| topics.dead_letters.to_string()),
        to: arguments.to.clone(),
        group: arguments.group.clone().unwrap_or_else(group),
        rate: arguments.rate,
        reason: arguments.reason.clone(),
        since,
        max: arguments.max,
        max_attempts: arguments.max_attempts,
    }
}

/// A moment in milliseconds since 1970, as it stands or so long ago.
fn moment(text: &str) -> anyhow::Result<i64> {
    if let Some(moment) = Timestamp::parse(text) {
        return Ok(moment.as_millis());
    }
    let ago: runtime::config::Duration = text.parse().map_err(|_| {
        Usage(format!(
            "--since {text}: expected a time such as 2013-04-01T08:54:00Z, or a time ago such as 2h"
        ))
    })?;
    Ok((Clock::System.now_micros() - ago.as_micros()) / 1_000)
}

fn print(redrive: &Redrive, summary: &Summary, arguments: &RedriveArguments) -> anyhow::Result<()> {
    let mut out = Output::stdout();
    match arguments.format {
        Format::Json => writeln!(out, "{:#}", serde_json::to_value(summary)?)?,
        Format::Text => tell(redrive, summary, arguments.dry_run, &mut out)?,
    }
    Ok(out.flush()?)
}

fn tell(
    redrive: &Redrive,
    summary: &Summary,
    is_rehearsal: bool,
    out: &mut impl Write,
) -> std::io::Result<()> {
    let Summary { read, sent, reasons, exhausted, passed_over, without_origin } = summary;
    let verb = if is_rehearsal { "would be sent" } else { "sent" };
    let to = redrive.to.as_deref().unwrap_or("where they came from");
    writeln!(out, "{read} dead letters of {}: {sent} {verb} to {to}", redrive.topic)?;
    for (reason, count) in reasons {
        writeln!(out, "  {count} {reason}")?;
    }
    for (count, why) in [
        (exhausted, format!("stay: sent back {} times already", redrive.max_attempts)),
        (passed_over, "stay: of another reason or an earlier time".into()),
        (without_origin, "stay: from nowhere that is there; `--to` names a topic".into()),
    ] {
        if *count > 0 {
            writeln!(out, "{count} {why}")?;
        }
    }
    Ok(())
}
