//! The service: checks what it is given, loads the models, and runs the lanes.

#[cfg(test)]
mod registry_tests;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use events::{Binding, Deployment, Timestamp};
use experiment::{BasisPoints, Experiment};
use inference::{Engine, Model, Shadow};
use messaging::{Broker, LaneConfig, Output, Record, Start};
use registry::{Learned, Registry};
use runtime::{Clock, Gate, Health, Shutdown};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::config::{BatchConfig, InputConfig, ModelConfig, OutputConfig, Topics};
use crate::deployment;
use crate::lane::{self, LaneError, Watch};
use crate::metrics::Meters;
use crate::predictions::{Records, Style};
use crate::schemas::OwnIds;
use crate::setup::{self, SetupError};
use crate::totals::LaneTotals;
use crate::work::{EventBatch, Scoring, Work};

/// A lane that does not finish a batch within this time is stuck: the process should be restarted.
const STALL_LIMIT: Duration = Duration::from_secs(120);

/// All that the service needs to know.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where events come from.
    pub input: InputConfig,
    /// Where they go.
    pub output: OutputConfig,
    /// Where outcomes go that come with the input.
    pub outcomes_topic: String,
    /// How many at once.
    pub batch: BatchConfig,
    /// The logical model's name.
    pub model_name: String,
    /// Its versions.
    pub model: ModelConfig,
    /// The experiments that run on it.
    pub experiments: Vec<Experiment>,
    /// The folder that relative paths start from: where the configuration is.
    pub base: PathBuf,
    /// Where schemas are asked for that are not in a file, if anywhere.
    pub registry: Option<Registry>,
    /// How the broker's headers name the attributes of events.
    pub binding: Binding,
}

/// The service, checked and with its models loaded, not yet connected to anything.
#[derive(Debug)]
pub struct Service {
    config: Config,
    topics: Arc<Topics>,
    schemas: Arc<events::Schemas>,
    models: BTreeMap<Arc<str>, Arc<Model>>,
    shadows: Vec<(Arc<str>, BasisPoints)>,
    lanes: Vec<(String, Arc<LaneTotals>)>,
}

/// Which lanes a process runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lanes {
    /// Production and all shadows.
    All,
    /// Production alone.
    Production,
    /// The shadows alone, so that nothing they do touches production's process.
    Shadows,
}

/// The name of the production lane in metrics and reports.
const PRODUCTION: &str = "production";

impl Service {
    /// Checks the configuration and loads every model that it names.
    ///
    /// # Errors
    /// All faults at once.
    pub fn prepare(config: Config) -> Result<Self, SetupError> {
        let mut problems = Vec::new();
        let schemas = crate::schemas::load(&config.input.schemas, &config.base).unwrap_or_else(|faults| {
            problems.extend(faults);
            events::Schemas::default()
        });
        let schemas = Arc::new(if config.registry.is_some() { schemas.ask() } else { schemas });
        setup::check_output(&config, &mut problems);
        if let Err(faults) = setup::decoder(&config.input, &schemas) {
            problems.extend(faults);
        }
        setup::check_batch(config.batch, &mut problems);
        let shadows = setup::check_shadows(&config, &mut problems);
        let models = setup::load_models(&config, &shadows, &mut problems);
        let service = Self {
            topics: Arc::new(Topics::new(&config.input, &config.output, &config.outcomes_topic)),
            lanes: lane_names(&shadows),
            schemas,
            models,
            shadows,
            config,
        };
        // The last check needs everything else to be right.
        if problems.is_empty()
            && let Err(error) = service.engine(&service.deployment())
        {
            problems.push((format!("model.{}", service.config.model_name), error.to_string()));
        }
        if problems.is_empty() { Ok(service) } else { Err(SetupError { problems }) }
    }

    /// How many shadows there are.
    pub fn shadows(&self) -> usize {
        self.shadows.len()
    }

    /// The lanes by name, with what they have done so far: production first, then the shadows.
    pub fn lanes(&self) -> &[(String, Arc<LaneTotals>)] {
        &self.lanes
    }

    /// The consumer groups of the lanes, in the same order.
    pub fn groups(&self) -> Vec<String> {
        let production = &self.config.input.group;
        let shadows = self.shadows.iter().map(|(version, _)| shadow_group(production, version));
        std::iter::once(production.clone()).chain(shadows).collect()
    }

    /// The topics that the service reads and writes.
    pub fn topics(&self) -> &Arc<Topics> {
        &self.topics
    }

    /// Models that were loaded without golden rows, so that nothing shows that they score here as they did where
    /// they were trained.
    pub fn unproven_models(&self) -> impl Iterator<Item = &str> {
        self.models.values().filter(|model| model.golden_rows() == 0).map(|model| &**model.version())
    }

    /// Runs the lanes until the service is asked to stop and their last batches are committed.
    ///
    /// # Errors
    /// Where the broker gives up. A shadow that fails beside production is logged and stays down until the next start;
    /// production goes on without it. In a process that has only shadows it ends the process, which is then to be
    /// started anew.
    pub async fn run(
        self,
        which: Lanes,
        broker: Broker,
        (health, clock): (Health, Clock),
        shutdown: Shutdown,
    ) -> anyhow::Result<()> {
        crate::metrics::describe();
        registry::metrics::describe();
        if let Some(registry) = &self.config.registry {
            registry.watch(&health);
        }
        let ready = health.gate("lanes");
        self.create_topics(&broker).await?;
        let Some(style) = self.style(&shutdown).await? else { return Ok(()) };
        let wanted = self.deployment();
        let deployment = deployment::seed(&broker, &self.topics.deployments, wanted, (&style, &clock))
            .await
            .context("cannot put the deployment on record")?;
        // Shadows first: a new one takes production's position as its start, before production moves on.
        let mut shadows = JoinSet::new();
        for at in (1..self.lanes.len()).filter(|_| which != Lanes::Production) {
            let shadow = self.lane(at, (&deployment, &style), (&broker, &health, &clock), &shutdown).await?;
            shadows.spawn(shadow.ended());
        }
        if which == Lanes::Shadows {
            Gate::open(&ready);
            return shadows_ended(shadows, &shutdown).await;
        }
        let production = self.lane(0, (&deployment, &style), (&broker, &health, &clock), &shutdown).await?;
        Gate::open(&ready);
        let watching = tokio::spawn(watch_shadows(shadows));
        let ended = production.ended().await;
        // Whether production drained or failed, nothing is left to do for the shadows.
        shutdown.request();
        watching.await.context("cannot watch the shadows")?;
        ended
    }

    async fn create_topics(&self, broker: &Broker) -> anyhow::Result<()> {
        let Topics { input, predictions, shadow_predictions, outcomes, dead_letters, deployments, reports } =
            &*self.topics;
        for topic in [input, predictions, shadow_predictions, outcomes, dead_letters, reports] {
            broker
                .create_topic(topic, None)
                .await
                .with_context(|| format!("cannot create topic `{topic}`"))?;
        }
        // History, rollback and "why" read it in order: one partition.
        broker.create_topic(deployments, Some(1)).await.context("cannot create the topic of deployments")
    }

    /// What the configuration asks for; its revision is found when it goes on record.
    pub(crate) fn deployment(&self) -> Deployment {
        let shadow = |(version, share): &(Arc<str>, BasisPoints)| deployment::shadow(version, *share);
        Deployment {
            model: self.config.model_name.as_str().into(),
            revision: 0,
            created_at: Timestamp::default(),
            production: self.config.model.production.as_str().into(),
            shadows: self.shadows.iter().map(shadow).collect(),
            experiments: self.config.experiments.iter().map(inference::experiment_route).collect(),
        }
    }

    fn engine(&self, deployment: &Deployment) -> Result<Engine, experiment::Problems> {
        let models: Vec<_> = self.models.values().cloned().collect();
        Engine::new(deployment, setup::key_kind(&self.config), &models, &self.config.experiments)
    }

    /// Starts a lane: 0 is production, the others are the shadows in turn.
    async fn lane(
        &self,
        at: usize,
        (deployment, style): (&Deployment, &Style),
        (broker, health, clock): (&Broker, &Health, &Clock),
        shutdown: &Shutdown,
    ) -> anyhow::Result<LaneThread> {
        let mut work = self.work(at, deployment, (style, clock))?;
        let group = work.group.clone();
        let start = match at {
            0 => Start::Earliest,
            _ => Start::CommittedBy(self.config.input.group.clone()),
        };
        let topics = vec![self.topics.input.to_string()];
        let lane = broker
            .lane(LaneConfig { group: group.clone(), topics, start })
            .await
            .with_context(|| format!("cannot join group `{group}`"))?;
        let limits = messaging::Limits {
            records: self.config.batch.records,
            bytes: self.config.batch.bytes.as_usize(),
        };
        let name = &self.lanes[at].0;
        let pulse = health.heartbeat(format!("lane {name}"), STALL_LIMIT);
        let watch = Watch { shutdown: shutdown.clone(), pulse };
        let source = self.config.registry.clone().map(|registry| (registry, Arc::clone(&self.schemas)));
        LaneThread::spawn(name, async move || {
            let process = async |records: &[Record], watch: &Watch| {
                process(&mut work, records, source.as_ref(), watch).await
            };
            lane::run(lane, limits, process, watch).await
        })
    }

    /// How records are written; none where there was a request to stop while the schema registry was away.
    async fn style(&self, shutdown: &Shutdown) -> anyhow::Result<Option<Style>> {
        let Some(registry) = &self.config.registry else {
            return Ok(Some(self.style_with(OwnIds::default())));
        };
        let ids = OwnIds::look_up(&self.config, registry, &self.topics, shutdown).await;
        Ok(ids.context("cannot look up our own schemas")?.map(|ids| self.style_with(ids)))
    }

    /// How records are written, with these ids for our own schemas.
    pub(crate) fn style_with(&self, ids: OwnIds) -> Style {
        let OutputConfig { encoding, framing, cloudevents, ref source, .. } = self.config.output;
        let binding = self.config.binding;
        let source = source.clone().unwrap_or_else(|| format!("/serin/{}", self.config.model_name));
        Style { encoding, framing, ids, cloudevents, binding, source: binding.source(&source) }
    }

    /// The work of a lane, as `deployment` asks for it.
    pub(crate) fn work(
        &self,
        at: usize,
        deployment: &Deployment,
        (style, clock): (&Style, &Clock),
    ) -> anyhow::Result<Work> {
        let (name, totals) = &self.lanes[at];
        Ok(Work {
            decoder: setup::decoder(&self.config.input, &self.schemas)
                .map_err(|problems| SetupError { problems })?,
            scoring: self.scoring(at, deployment)?,
            model: self.config.model_name.as_str().into(),
            group: self.groups().swap_remove(at),
            topics: Arc::clone(&self.topics),
            records: Records::new(style.clone()),
            clock: clock.clone(),
            totals: Arc::clone(totals),
            meters: Meters::new(name),
            batch: EventBatch::default(),
        })
    }

    fn scoring(&self, at: usize, deployment: &Deployment) -> anyhow::Result<Scoring> {
        let Some(shadow) = at.checked_sub(1) else {
            return Ok(Scoring::Served(Box::new(self.engine(deployment)?)));
        };
        let (version, share) = &self.shadows[shadow];
        let model = self.models.get(version).context("every shadow's model was loaded")?;
        Ok(Scoring::Shadow {
            shadow: Box::new(Shadow::new(model, deployment.revision)),
            share: share.get(),
            slot: events::shadow_slot(version),
        })
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

/// Waits for shadows beside production, which may fail without an effect on it, and says at once if one does.
async fn watch_shadows(mut shadows: JoinSet<anyhow::Result<()>>) {
    while let Some(ended) = shadows.join_next().await {
        if let Err(error) = ended.context("a shadow met a bug and stopped").flatten() {
            tracing::error!("{error:#}");
        }
    }
}

/// Waits for shadows that are alone in a process. The first that fails stops the others.
async fn shadows_ended(mut shadows: JoinSet<anyhow::Result<()>>, shutdown: &Shutdown) -> anyhow::Result<()> {
    let mut first = Ok(());
    while let Some(ended) = shadows.join_next().await {
        let ended = ended.context("a shadow met a bug and stopped").flatten();
        shutdown.request();
        first = first.and(ended);
    }
    first
}

fn shadow_group(production: &str, version: &str) -> String {
    format!("{production}.shadow.{version}")
}

fn lane_names(shadows: &[(Arc<str>, BasisPoints)]) -> Vec<(String, Arc<LaneTotals>)> {
    let shadows = shadows.iter().map(|(version, _)| format!("shadow {version}"));
    std::iter::once(PRODUCTION.to_owned()).chain(shadows).map(|name| (name, Arc::default())).collect()
}
