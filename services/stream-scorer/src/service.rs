//! The service: checks what it is given, loads the models, and runs the lanes.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use events::{Decoder, Deployment, Encoding, Limits, Timestamp};
use experiment::{BasisPoints, Experiment};
use inference::{Engine, Model, Shadow};
use messaging::{Broker, LaneConfig, Start};
use runtime::{Clock, Gate, Health, Shutdown};
use tokio::sync::oneshot;

use crate::config::{BatchConfig, InputConfig, ModelConfig, OutputConfig, Topics};
use crate::deployment;
use crate::lane::{self, Watch};
use crate::predictions::Records;
use crate::totals::LaneTotals;
use crate::work::{EventBatch, Meters, Scoring, Work};

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
}

/// Why the service cannot start: all faults of the configuration and the models at once.
#[derive(Clone, Debug)]
pub struct SetupError {
    /// The field of the configuration, such as `model.fraud.production`, and what is wrong with it.
    pub problems: Vec<(String, String)>,
}

type Problems = Vec<(String, String)>;

impl std::error::Error for SetupError {}

impl std::fmt::Display for SetupError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut lines = self.problems.iter().map(|(field, message)| format!("`{field}`: {message}"));
        f.write_str(&lines.next().unwrap_or_default())?;
        lines.try_for_each(|line| write!(f, "\n{line}"))
    }
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
        let schemas = Arc::new(schemas);
        if let Err(faults) = decoder(&config.input, &schemas) {
            problems.extend(faults);
        }
        check_batch(config.batch, &mut problems);
        let shadows = check_shadows(&config, &mut problems);
        let models = load_models(&config, &shadows, &mut problems);
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
    /// Where the broker gives up. A shadow that fails is logged and stays down until the next start; production
    /// goes on without it.
    pub async fn run(
        self,
        broker: Broker,
        (health, clock): (Health, Clock),
        shutdown: Shutdown,
    ) -> anyhow::Result<()> {
        let ready = health.gate("lanes");
        self.create_topics(&broker).await?;
        let wanted = self.deployment();
        let deployment = deployment::seed(&broker, &self.topics.deployments, wanted, &clock)
            .await
            .context("cannot put the deployment on record")?;
        // Shadows first: a new one takes production's position as its start, before production moves on.
        let mut threads = Vec::new();
        for at in 0..self.shadows.len() {
            threads.push(self.shadow_lane(at, &deployment, (&broker, &health, &clock), &shutdown).await?);
        }
        let production = self.production_lane(&deployment, (&broker, &health, &clock), &shutdown).await?;
        Gate::open(&ready);
        let ended = production.ended().await;
        // Whether production drained or failed, nothing is left to do for the shadows.
        shutdown.request();
        for thread in threads {
            let name = thread.name.clone();
            if let Err(error) = thread.ended().await {
                tracing::error!(lane = name, "{error:#}");
            }
        }
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
    fn deployment(&self) -> Deployment {
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
        Engine::new(deployment, key_kind(&self.config), &models, &self.config.experiments)
    }

    async fn production_lane(
        &self,
        deployment: &Deployment,
        connections: (&Broker, &Health, &Clock),
        shutdown: &Shutdown,
    ) -> anyhow::Result<LaneThread> {
        let scoring = Scoring::Served(Box::new(self.engine(deployment)?));
        let group = self.config.input.group.clone();
        self.lane(0, (scoring, group, Start::Earliest), connections, shutdown).await
    }

    async fn shadow_lane(
        &self,
        at: usize,
        deployment: &Deployment,
        connections: (&Broker, &Health, &Clock),
        shutdown: &Shutdown,
    ) -> anyhow::Result<LaneThread> {
        let (version, share) = &self.shadows[at];
        let model = self.models.get(version).context("every shadow's model was loaded")?;
        let scoring = Scoring::Shadow {
            shadow: Box::new(Shadow::new(model, deployment.revision)),
            share: share.get(),
            slot: events::shadow_slot(version),
        };
        let production = &self.config.input.group;
        let start = Start::CommittedBy(production.clone());
        self.lane(at + 1, (scoring, shadow_group(production, version), start), connections, shutdown).await
    }

    async fn lane(
        &self,
        at: usize,
        (scoring, group, start): (Scoring, String, Start),
        (broker, health, clock): (&Broker, &Health, &Clock),
        shutdown: &Shutdown,
    ) -> anyhow::Result<LaneThread> {
        let (name, totals) = &self.lanes[at];
        let topics = vec![self.topics.input.to_string()];
        let lane = broker
            .lane(LaneConfig { group: group.clone(), topics, start })
            .await
            .with_context(|| format!("cannot join group `{group}`"))?;
        let mut work = Work {
            decoder: decoder(&self.config.input, &self.schemas)
                .map_err(|problems| SetupError { problems })?,
            scoring,
            model: self.config.model_name.as_str().into(),
            group,
            topics: Arc::clone(&self.topics),
            records: Records::new(self.encoding()),
            clock: clock.clone(),
            totals: Arc::clone(totals),
            meters: Meters::new(name),
            batch: EventBatch::default(),
        };
        let limits = messaging::Limits {
            records: self.config.batch.records,
            bytes: self.config.batch.bytes.as_usize(),
        };
        let pulse = health.heartbeat(format!("lane {name}"), STALL_LIMIT);
        let watch = Watch { shutdown: shutdown.clone(), pulse };
        LaneThread::spawn(name, async move {
            lane::run(lane, limits, |records| work.process(records), watch).await
        })
    }

    fn encoding(&self) -> Encoding {
        self.config.output.encoding
    }
}

/// A lane on a thread of its own, so that models never hold up what waits on the network.
struct LaneThread {
    name: String,
    ended: oneshot::Receiver<Result<(), messaging::Error>>,
}

impl LaneThread {
    fn spawn(
        name: &str,
        lane: impl Future<Output = Result<(), messaging::Error>> + Send + 'static,
    ) -> anyhow::Result<Self> {
        let (end, ended) = oneshot::channel();
        let runtime = tokio::runtime::Handle::current();
        std::thread::Builder::new()
            .name(format!("lane {name}"))
            .spawn(move || {
                // Nobody hears it where the service is being dropped; then nobody needs to.
                drop(end.send(runtime.block_on(lane)));
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

fn decoder(input: &InputConfig, schemas: &Arc<events::Schemas>) -> Result<Decoder, Problems> {
    let limits = Limits { payload_bytes: input.max_payload.as_usize() };
    let Some(event) = &input.event else {
        return match (&input.outcome, &input.kind) {
            (None, None) => Ok(Decoder::native(Arc::clone(schemas), limits)),
            _ => Err(vec![(
                "input".into(),
                "`outcome` and `type` need `event`: they belong to the user's own shape".into(),
            )]),
        };
    };
    let source = (Arc::clone(schemas), limits);
    Decoder::mapped(event, input.outcome.as_ref(), input.kind.as_ref(), source)
        .map_err(|faults| faults.iter().map(|fault| ("input.event".into(), fault.to_string())).collect())
}

fn check_batch(batch: BatchConfig, problems: &mut Problems) {
    if !(1..=100_000).contains(&batch.records) {
        problems.push(("batch.records".into(), format!("{} is not in 1..=100000", batch.records)));
    }
    if batch.bytes.bytes() == 0 {
        problems.push(("batch.bytes".into(), "must be more than 0".into()));
    }
}

/// The kind of unit that events are keyed by. In our own shape each event says it itself; then the experiments must
/// agree on one, and events keyed otherwise take part in none.
fn key_kind(config: &Config) -> &str {
    let mapped =
        config.input.event.as_ref().and_then(|event| event.units.0.first()).map(|(kind, _)| kind.as_str());
    mapped.or(config.experiments.first().map(|experiment| experiment.unit.as_str())).unwrap_or_default()
}

fn check_shadows(config: &Config, problems: &mut Problems) -> Vec<(Arc<str>, BasisPoints)> {
    let mut shadows: Vec<(Arc<str>, BasisPoints)> = Vec::new();
    for shadow in &config.model.shadows {
        let place = format!("model.{}.shadows", config.model_name);
        let version = &shadow.version;
        if shadows.iter().any(|(version, _)| **version == *shadow.version) {
            problems.push((place, format!("\"{version}\" is there twice")));
            continue;
        }
        match BasisPoints::from_fraction(shadow.share) {
            Ok(share) if share.get() > 0 => shadows.push((shadow.version.as_str().into(), share)),
            Ok(_) => {
                problems.push((place, format!("\"{version}\": share 0 scores nothing; leave the shadow out")))
            }
            Err(error) => problems.push((place, format!("\"{version}\": share: {error}"))),
        }
    }
    shadows
}

fn load_models(
    config: &Config,
    shadows: &[(Arc<str>, BasisPoints)],
    problems: &mut Problems,
) -> BTreeMap<Arc<str>, Arc<Model>> {
    let store = config.base.join(&config.model.store);
    let arms = config.experiments.iter().flat_map(|experiment| {
        experiment.arms.iter().map(|arm| {
            (format!("experiment \"{}\", arm \"{}\"", experiment.name, arm.name), arm.version.as_str())
        })
    });
    let model = &config.model_name;
    let wanted = std::iter::once((format!("model.{model}.production"), config.model.production.as_str()))
        .chain(shadows.iter().map(|(version, _)| (format!("model.{model}.shadows"), &**version)))
        .chain(arms);
    let mut models = BTreeMap::new();
    let mut failed = Vec::new();
    for (place, version) in wanted {
        if models.contains_key(version) || failed.contains(&version) {
            continue;
        }
        match load_model(&store, model, version) {
            Ok(loaded) => drop(models.insert(Arc::from(version), Arc::new(loaded))),
            Err(message) => {
                problems.push((place, message));
                failed.push(version);
            }
        }
    }
    models
}

fn load_model(store: &std::path::Path, name: &str, version: &str) -> Result<Model, String> {
    let directory = store.join(version);
    if !directory.is_dir() {
        return Err(format!("version \"{version}\" is not in {} ({})", store.display(), versions(store)));
    }
    let model = Model::load(&directory).map_err(|error| error.to_string())?;
    if **model.name() != *name || **model.version() != *version {
        return Err(format!(
            "{} holds version \"{}\" of model \"{}\", not version \"{version}\" of model \"{name}\"",
            directory.display(),
            model.version(),
            model.name()
        ));
    }
    Ok(model)
}

/// The versions that a store has, for a message.
fn versions(store: &std::path::Path) -> String {
    let Ok(entries) = std::fs::read_dir(store) else { return "there is no such folder".into() };
    let mut names: Vec<_> = entries
        .flatten()
        .filter(|entry| entry.path().join(inference::MANIFEST_FILE).is_file())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    if names.is_empty() { "it has no versions".into() } else { format!("versions: {}", names.join(", ")) }
}

fn shadow_group(production: &str, version: &str) -> String {
    format!("{production}.shadow.{version}")
}

fn lane_names(shadows: &[(Arc<str>, BasisPoints)]) -> Vec<(String, Arc<LaneTotals>)> {
    let shadows = shadows.iter().map(|(version, _)| format!("shadow {version}"));
    std::iter::once(PRODUCTION.to_owned()).chain(shadows).map(|name| (name, Arc::default())).collect()
}
