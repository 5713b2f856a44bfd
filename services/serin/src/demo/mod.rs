//! `serin demo`: a month of flights through three models, joined with what happened, and read out.

mod account;
mod place;
mod replay;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use messaging::Broker;
use runtime::{Clock, Health, Shutdown};
use stream_scorer::{LaneTotals, Lanes};
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
    let place = place::Place::of(&arguments);
    place.put(&mut config.broker)?;
    let replay = Replay::load(&arguments.example, &config)?;
    let broker = Broker::open(&config.broker).await.context("cannot open the broker")?;
    let ran = replay_and_analyze(&config, replay, (&broker, arguments.speed), &shutdown).await;
    let accounted = match &ran {
        Ok(Some(run)) => Some(Account::take(run, &broker).await?),
        _ => None,
    };
    broker.close().await;
    let (Some(run), Some(account)) = (ran?, accounted) else {
        eprint_line("stopped before the end; nothing was lost");
        if let Some(command) = place.command() {
            eprint_line(&format!("{command} goes on from here"));
        }
        return Ok(());
    };
    account::print(&run, &account, (arguments.format, &place))?;
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
    let lanes = scorer.lanes().get();
    let groups = scorer.groups();
    let topics = config.topics();
    let (events, with_outcome) = (replay.events, replay.with_outcome);
    for topic in [&topics.input, &topics.outcomes] {
        broker.create_topic(topic, None).await.context("cannot create the topics")?;
    }

    let started = Instant::now();
    let health = Health::new(clock.clone(), shutdown.clone());
    let (drain, complete) = (shutdown.child(), Shutdown::new());
    let scoring = scorer.run(Lanes::All, broker.clone(), (health, clock.clone()), drain.clone());
    let scoring = tokio::spawn(scoring);
    let analyzing =
        tokio::spawn(analysis::run(analysis, broker.clone(), clock, (complete.clone(), shutdown.clone())));
    let replaying = {
        let (broker, shutdown) = (broker.clone(), shutdown.clone());
        tokio::spawn(async move { replay.run(&broker, speed, &shutdown).await })
    };

    let mut progress = Progress::new(lanes.iter().map(|(name, _)| name.clone()), Some(events));
    let is_done = watch(broker, (&groups, &replaying), &lanes, (&mut progress, &drain)).await;
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

/// Waits until everything has been replayed and every group has committed all of it; false where they are to stop
/// before.
async fn watch(
    broker: &Broker,
    (groups, replaying): (&[String], &tokio::task::JoinHandle<anyhow::Result<()>>),
    lanes: &[(String, Arc<LaneTotals>)],
    (progress, stop): (&mut Progress, &Shutdown),
) -> anyhow::Result<bool> {
    loop {
        progress.show(&positions(lanes));
        // In this order: what was appended before the positions were read is among what they are behind.
        if replaying.is_finished() && have_caught_up(broker, groups).await? {
            return Ok(true);
        }
        tokio::select! {
            () = stop.requested() => return Ok(false),
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

async fn have_caught_up(broker: &Broker, groups: &[String]) -> anyhow::Result<bool> {
    for group in groups {
        let lag = broker.lag(group).await.context("cannot read the positions")?;
        if lag.is_empty() || lag.iter().any(|lag| lag.records > 0) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn positions(lanes: &[(String, Arc<LaneTotals>)]) -> Vec<u64> {
    lanes.iter().map(|(_, totals)| totals.get().records).collect()
}
