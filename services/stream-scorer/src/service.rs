//! The service: checks what it is given, loads the models, and runs the lanes.

#[cfg(test)]
mod registry_tests;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, mpsc};

use anyhow::Context;
use events::{Binding, Deployment, Timestamp};
use experiment::{BasisPoints, Experiment};
use inference::Model;
use messaging::Broker;
use registry::Registry;
use runtime::{Clock, Gate, Health, Shutdown};

use crate::config::{BatchConfig, InputConfig, ModelConfig, OutputConfig, Topics};
use crate::deployment::{self, Definitions, History, Plan, Source};
use crate::lanes::{LaneEnd, RunningLanes, Site, report};
use crate::metrics::Meters;
use crate::predictions::{Records, Style};
use crate::schemas::OwnIds;
use crate::setup::{self, SetupError};
use crate::totals::LaneList;
use crate::work::{EventBatch, Scoring, Work};

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
    /// The experiments that run on it from its first deployment on.
    pub experiments: Vec<Experiment>,
    /// The definitions of experiments that may run on it, looked up whenever a deployment names some.
    pub definitions: Definitions,
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
    /// What the configuration asks for; what the topic of deployments has comes before it.
    configured: Plan,
    source: Source,
    lanes: LaneList,
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
pub(crate) const PRODUCTION: &str = "production";

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
        if !problems.is_empty() {
            return Err(SetupError { problems });
        }
        let key = setup::key_kind(&config);
        let deployment = configured(&config, &shadows);
        // The last check needs everything else to be right.
        let plan =
            Plan::of_loaded(deployment, models, (config.experiments.clone(), key)).map_err(|faults| {
                let place = format!("model.{}", config.model_name);
                let problems = faults.into_iter().map(|fault| (place.clone(), fault)).collect();
                SetupError { problems }
            })?;
        let source = Source {
            definitions: config.definitions.clone(),
            store: config.base.join(&config.model.store),
            key: key.to_owned(),
        };
        let lanes = LaneList::default();
        lanes.totals(PRODUCTION);
        for (version, _) in &shadows {
            lanes.totals(&shadow_name(version));
        }
        let topics = Arc::new(Topics::new(&config.input, &config.output, &config.outcomes_topic));
        Ok(Self { topics, schemas, configured: plan, source, lanes, config })
    }

    /// How many shadows the configuration asks for.
    pub fn shadows(&self) -> usize {
        self.configured.deployment.shadows.len()
    }

    /// The lanes by name, with what they have done so far.
    pub fn lanes(&self) -> &LaneList {
        &self.lanes
    }

    /// The consumer groups of the lanes that the configuration asks for: production's first, then the shadows'.
    pub fn groups(&self) -> Vec<String> {
        let production = self.production_group();
        let shadows = &self.configured.deployment.shadows;
        let shadows = shadows.iter().map(|shadow| shadow_group(production, &shadow.version));
        std::iter::once(production.to_owned()).chain(shadows).collect()
    }

    pub(crate) fn production_group(&self) -> &str {
        &self.config.input.group
    }

    /// The topics that the service reads and writes.
    pub fn topics(&self) -> &Arc<Topics> {
        &self.topics
    }

    /// Models that were loaded without golden rows, so that nothing shows that they score here as they did where
    /// they were trained.
    pub fn unproven_models(&self) -> impl Iterator<Item = &str> {
        let models = self.configured.models().values();
        models.filter(|model| model.golden_rows() == 0).map(|model| &**model.version())
    }

    /// Runs the lanes until the service is asked to stop and their last batches are committed, and follows the topic of
    /// deployments: a new one is loaded and proven beside the lanes, which then go over to it between two batches; one
    /// that cannot be served is refused, and what is in force goes on.
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
        let site = Site { broker, health, clock, style, shutdown };
        let (plan, history) = self.in_force(&site).await?;
        let lanes = RunningLanes::start(&self, &site, which, &plan).await?;
        Gate::open(&ready);
        self.follow(lanes, (plan, history), (which, &site.shutdown)).await
    }

    /// What is to be served now, and the deployments up to it. Where the last deployment cannot be served, the last
    /// one before it that can be.
    async fn in_force(&self, site: &Site) -> anyhow::Result<(Plan, History)> {
        let Site { broker, style, clock, .. } = site;
        let opened = History::open(broker, &self.topics.deployments, &self.config.model_name).await;
        let mut history = opened.context("cannot read the deployments")?;
        let wanted = self.configured.deployment.clone();
        deployment::seed(&mut history, wanted, (broker, style, clock))
            .await
            .context("cannot put the deployment on record")?;
        for deployment in history.all().iter().rev() {
            match self.prepared(deployment.clone(), self.configured.models().clone()).await? {
                Ok(plan) => {
                    crate::metrics::deployed(&plan.deployment);
                    return Ok((plan, history));
                }
                Err(faults) => refuse(deployment, &faults),
            }
        }
        anyhow::bail!("no deployment of model \"{}\" can be served", self.config.model_name)
    }

    /// Waits for ends of lanes and for new deployments.
    async fn follow(
        &self,
        mut lanes: RunningLanes<'_>,
        (plan, history): (Plan, History),
        (which, shutdown): (Lanes, &Shutdown),
    ) -> anyhow::Result<()> {
        let mut first = Ok(());
        // Goes on where it was when something else came first: it may have read a deployment already.
        let mut next = Box::pin(self.next_plan(history, plan.models().clone()));
        loop {
            tokio::select! {
                biased;
                end = lanes.next_end(), if !lanes.is_empty() => match end {
                    None => {}
                    // Whether production drained or failed, nothing is left to do for the shadows.
                    Some(LaneEnd { is_production: true, ended }) => {
                        shutdown.request();
                        lanes.drain().await;
                        return ended;
                    }
                    // Shadows that are alone in a process: the first that fails stops the others.
                    Some(LaneEnd { ended, .. }) if which == Lanes::Shadows => {
                        if ended.is_err() {
                            shutdown.request();
                        }
                        first = first.and(ended);
                    }
                    Some(LaneEnd { ended, .. }) => report(ended),
                },
                () = shutdown.requested(), if lanes.is_empty() => return first,
                found = &mut next, if !shutdown.is_requested() => {
                    let (plan, history) = found.context("cannot follow the deployments")?;
                    lanes.switch(&plan).await?;
                    crate::metrics::deployed(&plan.deployment);
                    let Deployment { model, revision, production, .. } = &plan.deployment;
                    tracing::info!(model = &**model, revision, production = &**production, "deployed");
                    next = Box::pin(self.next_plan(history, plan.models().clone()));
                }
            }
        }
    }

    /// Waits for the next deployment that can be served.
    async fn next_plan(&self, mut history: History, loaded: Models) -> anyhow::Result<(Plan, History)> {
        loop {
            let deployment = history.next().await?;
            match self.prepared(deployment.clone(), loaded.clone()).await? {
                Ok(plan) => return Ok((plan, history)),
                Err(faults) => refuse(&deployment, &faults),
            }
        }
    }

    /// Puts a deployment on record as the next revision, unless it cannot be served; gives back what is in force then,
    /// which is somebody else's where that came first.
    ///
    /// # Errors
    /// All that keeps it from being served; or where the broker gives up.
    pub async fn deploy(
        &self,
        wanted: Deployment,
        history: &mut History,
        (broker, clock): (&Broker, &Clock),
    ) -> anyhow::Result<Deployment> {
        if let Err(faults) = self.prepared(wanted.clone(), self.configured.models().clone()).await? {
            anyhow::bail!("it cannot be served:\n  {}", faults.join("\n  "));
        }
        let style = self.style_with(OwnIds::default());
        deployment::append(history, wanted, (broker, &style, clock)).await
    }

    /// What the configuration asks for, with no revision yet.
    pub fn configured(&self) -> &Deployment {
        &self.configured.deployment
    }

    /// Loads what a deployment needs, off the threads that must not wait.
    async fn prepared(
        &self,
        deployment: Deployment,
        loaded: Models,
    ) -> anyhow::Result<Result<Plan, Vec<String>>> {
        let source = self.source.clone();
        let prepare = move || Plan::prepare(&source, deployment, &loaded);
        tokio::task::spawn_blocking(prepare).await.context("a model met a bug while it was loaded")
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

    /// What a lane that the configuration asks for scores with: 0 is production, the others are the shadows in turn.
    #[cfg(test)]
    pub(crate) fn scoring(&self, lane: usize, revision: u64) -> Scoring {
        let mut plan = self.configured.clone();
        plan.deployment.revision = revision;
        match lane.checked_sub(1) {
            None => plan.served(),
            Some(shadow) => plan.shadow(&plan.deployment.shadows[shadow]),
        }
    }

    pub(crate) fn limits(&self) -> messaging::Limits {
        messaging::Limits { records: self.config.batch.records, bytes: self.config.batch.bytes.as_usize() }
    }

    /// Where schemas are learned that records name and nobody knows yet, if anywhere.
    pub(crate) fn schema_source(&self) -> Option<(Registry, Arc<events::Schemas>)> {
        self.config.registry.clone().map(|registry| (registry, Arc::clone(&self.schemas)))
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

    /// The work of a lane, and where it is told what to score with from its next batch on.
    pub(crate) fn work(
        &self,
        name: &str,
        group: &str,
        scoring: Scoring,
        (style, clock): (&Style, &Clock),
    ) -> anyhow::Result<(Work, mpsc::Sender<Scoring>)> {
        let (sender, next) = mpsc::channel();
        let work = Work {
            decoder: setup::decoder(&self.config.input, &self.schemas)
                .map_err(|problems| SetupError { problems })?,
            scoring,
            next,
            model: self.config.model_name.as_str().into(),
            group: group.to_owned(),
            topics: Arc::clone(&self.topics),
            records: Records::new(style.clone()),
            clock: clock.clone(),
            totals: self.lanes.totals(name),
            meters: Meters::new(name),
            batch: EventBatch::default(),
        };
        Ok((work, sender))
    }
}

type Models = BTreeMap<Arc<str>, Arc<Model>>;

/// The deployment that a configuration asks for, with no revision yet.
fn configured(config: &Config, shadows: &[(Arc<str>, BasisPoints)]) -> Deployment {
    let shadow = |(version, share): &(Arc<str>, BasisPoints)| deployment::shadow(version, *share);
    Deployment {
        model: config.model_name.as_str().into(),
        revision: 0,
        created_at: Timestamp::default(),
        production: config.model.production.as_str().into(),
        shadows: shadows.iter().map(shadow).collect(),
        experiments: config.experiments.iter().map(inference::experiment_route).collect(),
    }
}

/// Tells of a deployment that is not served.
fn refuse(deployment: &Deployment, faults: &[String]) {
    crate::metrics::refused(deployment);
    let Deployment { model, revision, .. } = deployment;
    for fault in faults {
        tracing::error!(
            model = &**model,
            revision,
            "a deployment cannot be served, and is passed over: {fault}"
        );
    }
}

pub(crate) fn shadow_group(production: &str, version: &str) -> String {
    format!("{production}.shadow.{version}")
}

/// The name of a shadow's lane in metrics and reports.
pub(crate) fn shadow_name(version: &str) -> String {
    format!("shadow {version}")
}
