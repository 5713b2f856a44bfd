//! `serin demo`: a month of flights through three models, joined with what happened, and read out.

mod account;
mod replay;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use messaging::Broker;
use runtime::{Clock, Health, Shutdown};
use stream_scorer::LaneTotals;
use tokio::time::Instant;

use crate::cli::DemoArguments;
use crate::config::Config;
use crate::progress::{Progress, eprint_line};
use crate::services::flatten;

use account::{Account, Run};
use replay::Replay;

/// How often progress is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Replays the example, and prints the report.
///
/// Fails where the counts do not add up.
pub(crate) async fn run(
    arguments: DemoArguments,
    environment: BTreeMap<String, String>,
    shutdown: Shutdown,
) -> anyhow::Result<()> {
    if let Some(speed) = arguments.speed
        && !(speed > 0.0 && speed.is_finite())
    {
        return Err(runtime::Usage(format!("--speed {speed}: must be a number above 0")).into());
    }
    let mut config = Config::open(&arguments.example.join("serin.toml"), &environment)?;
    config.broker.url = arguments
        .directory
        .as_ref()
        .map_or_else(|| "memory://".to_owned(), |directory| format!("file://{}", directory.display()));
    let replay = Replay::load(&arguments.example, &config)?;
    let broker = Broker::open(&config.broker).await.context("cannot open the log")?;
    let ran = replay_and_analyze(&config, replay, (&broker, arguments.speed), &shutdown).await;
    let accounted = match &ran {
        Ok(Some(run)) => Some(Account::take(run, &broker).await?),
        _ => None,
    };
    broker.close().await;
    let (Some(run), Some(account)) = (ran?, accounted) else {
        eprint_line("stopped before the end; nothing was lost");
        if let Some(directory) = &arguments.directory {
            eprint_line(&format!("serin demo --directory {} goes on from here", directory.display()));
        }
        return Ok(());
    };
    account::print(&run, &account, arguments.format)?;
    if !account.adds_up() {
        bail!("the counts do not add up");
    }
    Ok(())
}

/// Runs all services over the replay; `None` where they were stopped before its end.
async fn replay_and_analyze(
    config: &Config,
    replay: Replay,
    (broker, speed): (&Broker, Option<f64>),
    shutdown: &Shutdown,
) -> anyhow::Result<Option<Run>> {
    let clock = Clock::System;
    let (scorer, analysis) = config.services()?;
    let lanes = scorer.lanes().to_vec();
    let groups = scorer.groups();
    let topics = config.topics();
    let (events, with_outcome) = (replay.events, replay.with_outcome);
    for topic in [&topics.input, &topics.outcomes] {
        broker.create_topic(topic, None).await.context("cannot create the topics")?;
    }

    let started = Instant::now();
    let health = Health::new(clock.clone(), shutdown.clone());
    let (drain, complete) = (shutdown.child(), Shutdown::new());
    let scoring = tokio::spawn(scorer.run(broker.clone(), (health, clock.clone()), drain.clone()));
    let analyzing =
        tokio::spawn(analysis::run(analysis, broker.clone(), clock, (complete.clone(), shutdown.clone())));
    let replaying = {
        let (broker, shutdown) = (broker.clone(), shutdown.clone());
        tokio::spawn(async move { replay.run(&broker, speed, &shutdown).await })
    };

    let mut progress = Progress::new(lanes.iter().map(|(name, _)| name.clone()), Some(events));
    let is_done = watch(broker, (&groups, &topics.input, events), &lanes, (&mut progress, &drain)).await;
    let elapsed = started.elapsed();
    progress.finish(&positions(&lanes));
    drain.request();
    flatten(scoring.await)?;
    complete.request();
    let report = flatten(analyzing.await)?;
    if !is_done? {
        return Ok(None);
    }
    flatten(replaying.await)?;
    let lanes = lanes.into_iter().map(|(name, totals)| (name, totals.get())).collect();
    Ok(Some(Run { events, with_outcome, elapsed, lanes, report, topics }))
}

/// Waits until every group has committed all `events` of the input; false where they are to stop before.
async fn watch(
    broker: &Broker,
    (groups, input, events): (&[String], &str, u64),
    lanes: &[(String, Arc<LaneTotals>)],
    (progress, stop): (&mut Progress, &Shutdown),
) -> anyhow::Result<bool> {
    loop {
        progress.show(&positions(lanes));
        let mut is_done = true;
        for group in groups {
            let committed = broker.committed(group).await.context("cannot read the positions")?;
            let records: u64 =
                committed.iter().filter(|each| *each.topic == *input).map(|each| each.offset).sum();
            is_done &= records >= events;
        }
        if is_done {
            return Ok(true);
        }
        tokio::select! {
            () = stop.requested() => return Ok(false),
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

fn positions(lanes: &[(String, Arc<LaneTotals>)]) -> Vec<u64> {
    lanes.iter().map(|(_, totals)| totals.get().records).collect()
}
