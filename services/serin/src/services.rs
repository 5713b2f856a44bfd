//! `serin up` and `serin stream`: services in one process, until they are asked to stop.

use std::collections::BTreeMap;

use anyhow::Context;
use messaging::Broker;
use runtime::{Admin, Clock, Health, Shutdown};
use stream_scorer::Lanes;

use crate::cli::ServiceArguments;
use crate::config::Config;

/// Which services run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Roles {
    lanes: Lanes,
    analysis: bool,
}

impl Roles {
    /// Every service.
    pub(crate) const ALL: Self = Self { lanes: Lanes::All, analysis: true };

    /// The stream scorer alone.
    pub(crate) fn stream(lanes: Lanes) -> Self {
        Self { lanes, analysis: false }
    }
}

/// Runs the services until `shutdown`, and drains them.
pub(crate) async fn run(
    arguments: ServiceArguments,
    roles: Roles,
    environment: BTreeMap<String, String>,
    shutdown: Shutdown,
) -> anyhow::Result<()> {
    let config = Config::open(&arguments.config.config, &environment)?;
    let (scorer, analysis) = config.services()?;
    for version in scorer.unproven_models() {
        tracing::warn!(
            version,
            "the model has no golden rows: nothing shows that it scores here as it was trained"
        );
    }
    if roles.lanes == Lanes::Shadows && scorer.shadows() == 0 {
        let model = &config.scorer.model_name;
        tracing::warn!(
            "`model.{model}.shadows` names no shadows: there are none to run before one is deployed"
        );
    }
    if arguments.check {
        tracing::info!("the configuration and the models are sound");
        return Ok(());
    }
    let clock = Clock::System;
    let metrics = runtime::telemetry::install_metrics(env!("CARGO_PKG_VERSION"), &clock)?;
    messaging::metrics::describe();
    let health = Health::new(clock.clone(), shutdown.clone());
    let _admin = Admin::start(&config.admin, health.clone(), metrics).await?;
    let broker = Broker::open(&config.broker).await.context("cannot open the broker")?;
    tracing::info!(url = config.broker.url, "started");

    let watching = watch(&broker, &health);
    let lanes = scorer.lanes().clone();
    let scoring =
        tokio::spawn(scorer.run(roles.lanes, broker.clone(), (health, clock.clone()), shutdown.clone()));
    let analyzing = roles.analysis.then(|| {
        let never = Shutdown::new();
        tokio::spawn(analysis::run(analysis, broker.clone(), clock, (never, shutdown.child())))
    });
    let ended = supervise(scoring, analyzing, &shutdown).await;
    watching.abort();
    for (name, totals) in lanes.get() {
        let totals = totals.get();
        tracing::info!(
            lane = name,
            records = totals.records,
            predictions = totals.predictions,
            outcomes = totals.outcomes,
            dead_letters = totals.dead_letters,
            skipped = totals.skipped,
            "drained"
        );
    }
    broker.close().await;
    ended
}

/// Has readiness follow the broker: while it is away work should go elsewhere, and a restart would cure nothing.
fn watch(broker: &Broker, health: &Health) -> tokio::task::JoinHandle<()> {
    let (broker, gate) = (broker.clone(), health.gate("broker"));
    tokio::spawn(async move {
        let follow = |is_reachable| if is_reachable { gate.open() } else { gate.close() };
        broker.watch_reachability(follow).await;
    })
}

type Task<T> = tokio::task::JoinHandle<anyhow::Result<T>>;

/// Waits for the services. One that fails stops the other, and its error is the process's.
async fn supervise(
    scoring: Task<()>,
    analyzing: Option<Task<analysis::Report>>,
    shutdown: &Shutdown,
) -> anyhow::Result<()> {
    let Some(analyzing) = analyzing else { return flatten(scoring.await) };
    let scoring = async {
        let ended = flatten(scoring.await);
        shutdown.request();
        ended
    };
    let analyzing = async {
        let ended = flatten(analyzing.await).map(drop);
        shutdown.request();
        ended
    };
    let (scored, analyzed) = tokio::join!(scoring, analyzing);
    scored.and(analyzed)
}

/// The task's own end, or that it met a bug.
pub(crate) fn flatten<T>(ended: Result<anyhow::Result<T>, tokio::task::JoinError>) -> anyhow::Result<T> {
    ended.context("a service met a bug and stopped")?
}
