//! The lanes of a process: started, handed from one deployment to the next, and ended.

use std::collections::BTreeMap;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use anyhow::Context;
use messaging::{Broker, LaneConfig, Output, Record, Start};
use registry::{Learned, Registry};
use runtime::{Clock, Health, Shutdown};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::deployment::Plan;
use crate::lane::{self, LaneError, Watch};
use crate::predictions::Style;
use crate::service::{Lanes, PRODUCTION, Service, shadow_group, shadow_name};
use crate::work::{Scoring, Work};

/// A lane that does not finish a batch within this time is stuck: the process should be restarted.
const STALL_LIMIT: Duration = Duration::from_secs(120);

/// How long shadows may take to drain. One that hangs must turn neither an end in order into a failure nor the change
/// of a deployment into a wait.
const SHADOW_DRAIN_LIMIT: Duration = Duration::from_secs(10);

/// What all lanes of a process work with.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) broker: Broker,
    pub(crate) health: Health,
    pub(crate) clock: Clock,
    pub(crate) style: Style,
    pub(crate) shutdown: Shutdown,
}

/// The lanes that run.
#[derive(Debug)]
pub(crate) struct RunningLanes<'s> {
    service: &'s Service,
    site: &'s Site,
    which: Lanes,
    production: Option<Running>,
    shadows: BTreeMap<Arc<str>, Running>,
    /// The ends of the lanes, by version; of production, by none.
    ends: JoinSet<(Option<Arc<str>>, anyhow::Result<()>)>,
}

/// How a lane that runs is reached.
#[derive(Debug)]
struct Running {
    /// What it scores with from its next batch on.
    next: mpsc::Sender<Scoring>,
    shutdown: Shutdown,
}

/// A lane has ended.
#[derive(Debug)]
pub(crate) struct LaneEnd {
    /// Whether it was production's.
    pub(crate) is_production: bool,
    pub(crate) ended: anyhow::Result<()>,
}

impl<'s> RunningLanes<'s> {
    /// Starts the lanes of a plan. Shadows first: a new one takes production's position as its start, before
    /// production moves on.
    pub(crate) async fn start(
        service: &'s Service,
        site: &'s Site,
        which: Lanes,
        plan: &Plan,
    ) -> anyhow::Result<Self> {
        let ends = JoinSet::new();
        let mut lanes = Self { service, site, which, production: None, shadows: BTreeMap::new(), ends };
        lanes.start_shadows(plan).await?;
        if which != Lanes::Shadows {
            let group = service.production_group().to_owned();
            let running = lanes.spawn(None, PRODUCTION, (group, Start::Earliest), plan.served()).await?;
            lanes.production = Some(running);
        }
        Ok(lanes)
    }

    /// Goes over to another plan: each lane from its next batch on. A shadow that the plan has not is drained and
    /// ended; one that is new is started.
    pub(crate) async fn switch(&mut self, plan: &Plan) -> anyhow::Result<()> {
        if let Some(production) = &self.production {
            // A lane that has ended takes nothing any more, and its end says why.
            drop(production.next.send(plan.served()));
        }
        if self.which == Lanes::Production {
            return Ok(());
        }
        for shadow in &plan.deployment.shadows {
            if let Some(running) = self.shadows.get(&shadow.version) {
                drop(running.next.send(plan.shadow(shadow)));
            }
        }
        let wanted =
            |version: &Arc<str>| plan.deployment.shadows.iter().any(|shadow| shadow.version == *version);
        let gone: Vec<_> = self.shadows.keys().filter(|version| !wanted(version)).cloned().collect();
        self.end_shadows(gone).await?;
        self.start_shadows(plan).await
    }

    /// Whether no lane runs.
    pub(crate) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Waits for the next end of a lane; none when none runs.
    pub(crate) async fn next_end(&mut self) -> Option<LaneEnd> {
        let ended = self.ends.join_next().await?;
        let (version, ended) = ended.unwrap_or_else(|error| (None, Err(error.into())));
        if let Some(version) = &version {
            self.shadows.remove(version);
        }
        Some(LaneEnd { is_production: version.is_none(), ended })
    }

    /// Waits for the shadows to drain, beside a production lane that has ended.
    pub(crate) async fn drain(mut self) {
        let drained = async {
            while let Some(end) = self.next_end().await {
                report(end.ended);
            }
        };
        if tokio::time::timeout(SHADOW_DRAIN_LIMIT, drained).await.is_err() {
            tracing::error!("a shadow has not ended within {SHADOW_DRAIN_LIMIT:?}; it is left behind");
        }
    }

    async fn start_shadows(&mut self, plan: &Plan) -> anyhow::Result<()> {
        if self.which == Lanes::Production {
            return Ok(());
        }
        let production = self.service.production_group().to_owned();
        for shadow in &plan.deployment.shadows {
            if self.shadows.contains_key(&shadow.version) {
                continue;
            }
            let version = &shadow.version;
            let place = (shadow_group(&production, version), Start::CommittedBy(production.clone()));
            let name = shadow_name(version);
            let running = self.spawn(Some(Arc::clone(version)), &name, place, plan.shadow(shadow)).await?;
            self.shadows.insert(Arc::clone(version), running);
        }
        Ok(())
    }

    /// Ends shadows and waits until they are gone, so that one which comes back is not there twice.
    async fn end_shadows(&mut self, versions: Vec<Arc<str>>) -> anyhow::Result<()> {
        for version in &versions {
            if let Some(running) = self.shadows.get(version) {
                running.shutdown.request();
            }
        }
        let deadline = tokio::time::Instant::now() + SHADOW_DRAIN_LIMIT;
        while versions.iter().any(|version| self.shadows.contains_key(version)) {
            match tokio::time::timeout_at(deadline, self.next_end()).await {
                Ok(Some(LaneEnd { is_production: true, ended })) => return ended,
                Ok(Some(LaneEnd { ended, .. })) => report(ended),
                Ok(None) => return Ok(()),
                Err(_) => {
                    tracing::error!(
                        "a shadow has not ended within {SHADOW_DRAIN_LIMIT:?}; it is left behind"
                    );
                    versions.iter().for_each(|version| drop(self.shadows.remove(version)));
                }
            }
        }
        Ok(())
    }

    /// Starts a lane on a thread of its own.
    async fn spawn(
        &mut self,
        version: Option<Arc<str>>,
        name: &str,
        (group, start): (String, Start),
        scoring: Scoring,
    ) -> anyhow::Result<Running> {
        let Self { service, site, .. } = self;
        let (mut work, next) = service.work(name, &group, scoring, (&site.style, &site.clock))?;
        let topics = vec![service.topics().input.to_string()];
        let lane = site
            .broker
            .lane(LaneConfig { group: group.clone(), topics, start })
            .await
            .with_context(|| format!("cannot join group `{group}`"))?;
        let (limits, source) = (service.limits(), service.schema_source());
        let shutdown = site.shutdown.child();
        let pulse = site.health.heartbeat(format!("lane {name}"), STALL_LIMIT);
        let watch = Watch { shutdown: shutdown.clone(), pulse };
        let thread = LaneThread::spawn(name, async move || {
            let process = async |records: &[Record], watch: &Watch| {
                process(&mut work, records, source.as_ref(), watch).await
            };
            lane::run(lane, limits, process, watch).await
        })?;
        self.ends.spawn(async move { (version, thread.ended().await) });
        Ok(Running { next, shutdown })
    }
}

/// Tells of a shadow that failed beside production, which goes on without it.
pub(crate) fn report(ended: anyhow::Result<()>) {
    if let Err(error) = ended {
        tracing::error!("{error:#}");
    }
}

/// Processes a batch, and learns the schemas that it needs, however long that takes; none where there was a request to
/// stop meanwhile.
async fn process(
    work: &mut Work,
    records: &[Record],
    source: Option<&(Registry, Arc<events::Schemas>)>,
    watch: &Watch,
) -> Result<Option<Vec<Output>>, registry::Error> {
    loop {
        let id = match work.process(records) {
            Ok(outputs) => return Ok(Some(outputs)),
            Err(id) => id,
        };
        let Some((registry, schemas)) = source else { unreachable!("{id}: nobody is there to be asked") };
        if registry.learn(id, schemas, &watch.shutdown, || watch.pulse.beat()).await? == Learned::Stopped {
            return Ok(None);
        }
    }
}

/// A lane on a thread of its own, so that models never hold up what waits on the network.
struct LaneThread {
    name: String,
    ended: oneshot::Receiver<Result<(), LaneError>>,
}

impl LaneThread {
    fn spawn(
        name: &str,
        lane: impl AsyncFnOnce() -> Result<(), LaneError> + Send + 'static,
    ) -> anyhow::Result<Self> {
        let (end, ended) = oneshot::channel();
        let runtime = tokio::runtime::Handle::current();
        std::thread::Builder::new()
            .name(format!("lane {name}"))
            .spawn(move || {
                // Nobody hears it where the service is being dropped; then nobody needs to.
                drop(end.send(runtime.block_on(lane())));
            })
            .context("cannot start a thread for a lane")?;
        Ok(Self { name: name.into(), ended })
    }

    async fn ended(self) -> anyhow::Result<()> {
        match self.ended.await {
            Ok(ended) => ended.with_context(|| format!("lane {} failed", self.name)),
            Err(_) => anyhow::bail!("lane {} met a bug and stopped", self.name),
        }
    }
}
