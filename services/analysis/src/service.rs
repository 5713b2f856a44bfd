//! The service: reads, joins, evaluates, publishes.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context;
use events::MappingError;
use experiment::{Definitions, Experiment};
use messaging::{Broker, Limits, Reader, Record, Start};
use registry::Learned;
use runtime::{Clock, Shutdown};

use crate::config::{Config, OutcomesConfig};
use crate::evaluate::{Question, evaluate};
use crate::join::Joiner;
use crate::late::{Late, late_outcomes};
use crate::publish::Publisher;
use crate::report::Report;
use crate::running::Running;
use crate::source::{Intake, Sources};
use crate::watermark::Watermarks;

/// What one read takes at once.
pub(crate) const READ_LIMITS: Limits = Limits { records: 10_000, bytes: 16 << 20 };

/// The state of the analysis of one logical model.
#[derive(Debug)]
pub struct Analysis {
    intake: Intake,
    joiner: Joiner,
    watermarks: Watermarks,
    question: Question,
    running: Running,
    config: Config,
    progress: Arc<Progress>,
}

/// How far the analysis has come, for progress lines.
#[derive(Debug, Default)]
pub struct Progress {
    records: AtomicU64,
}

impl Progress {
    /// Records read so far.
    pub fn records(&self) -> u64 {
        self.records.load(Ordering::Relaxed)
    }
}

impl Analysis {
    /// An analysis of `model` that has seen nothing yet: of the experiments that are configured, and of those that
    /// deployments run by their definitions.
    ///
    /// # Errors
    /// All that is wrong with the mapping of outcomes.
    pub fn new(
        model: Arc<str>,
        (configured, definitions): (Vec<Experiment>, Definitions),
        sources: Sources,
        (config, outcomes): (Config, &OutcomesConfig),
    ) -> Result<Self, Vec<MappingError>> {
        Ok(Self {
            intake: Intake::new(sources, outcomes)?,
            joiner: Joiner::new(Arc::clone(&model), config.max_events),
            watermarks: Watermarks::default(),
            question: Question::new(configured.clone(), &config),
            running: Running::new(model, configured, definitions),
            config,
            progress: Arc::default(),
        })
    }

    /// What came too late for the tests by now.
    pub(crate) fn late(&self) -> Late {
        late_outcomes(&self.joiner, &self.question, &self.watermarks)
    }

    /// The logical model.
    pub(crate) fn model(&self) -> &str {
        self.joiner.model()
    }

    /// Where its topics are.
    pub(crate) fn sources(&self) -> &Sources {
        self.intake.sources()
    }

    /// How far it has come, to be read while it runs.
    pub fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }

    /// What can be said now.
    pub fn report(&self) -> Report {
        let undefined_experiments = self.running.undefined();
        Report { undefined_experiments, ..evaluate(&self.joiner, &self.question, &self.watermarks) }
    }

    /// Asks of the experiments of a deployment from now on.
    fn deploy(&mut self, record: &Record) {
        let deployment = self.intake.deployment(record);
        if deployment.is_some_and(|deployment| self.running.deploy(&deployment)) {
            self.question = Question::new(self.running.experiments(), &self.config);
        }
        self.progress.records.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes records, and learns the schemas that they need, however long that takes; false where there was a request to
    /// stop meanwhile.
    async fn take(&mut self, records: &[Record], shutdown: &Shutdown) -> anyhow::Result<bool> {
        for record in records {
            if self.intake.is_deployment(record) {
                self.deploy(record);
                continue;
            }
            while let Some(id) = self.intake.take(record, &mut self.joiner, &mut self.watermarks)? {
                let Some(registry) = &self.intake.sources().registry else {
                    unreachable!("{id}: nobody is there to be asked");
                };
                if registry.learn(id, self.intake.schemas(), shutdown, || {}).await? == Learned::Stopped {
                    return Ok(false);
                }
            }
            self.progress.records.fetch_add(1, Ordering::Relaxed);
        }
        Ok(true)
    }
}

/// Runs the analysis from the beginning of the topics, and publishes a report now and then, once it has caught up.
///
/// `complete` says that nothing will follow what is on the topics by then: they are read to their end, all windows
/// close, and the report is the last word. `shutdown` ends the service where it stands. Both return the last report.
///
/// # Errors
/// Where the broker gives up or the state is full.
pub async fn run(
    mut analysis: Analysis,
    broker: Broker,
    clock: Clock,
    (complete, shutdown): (Shutdown, Shutdown),
) -> anyhow::Result<Report> {
    crate::metrics::describe();
    let mut reader = open(&broker, analysis.intake.sources()).await?;
    registry::metrics::describe();
    let mut publisher = Publisher::open(broker, clock, &analysis).await?;
    // What is there already comes first and whole: half of it, with outcomes that are yet to be read, would look as
    // if they were missing.
    if !catch_up(&mut analysis, &mut reader, &shutdown).await? {
        return Ok(analysis.report());
    }
    let mut ticks = tokio::time::interval(analysis.config.interval.get());
    let mut published = 0;
    loop {
        tokio::select! {
            biased;
            () = shutdown.requested() => break,
            () = complete.requested() => {
                if catch_up(&mut analysis, &mut reader, &shutdown).await? {
                    analysis.watermarks.complete();
                }
                break;
            }
            _ = ticks.tick() => {
                if analysis.progress.records() > published {
                    published = analysis.progress.records();
                    publisher.publish(&analysis).await?;
                }
            }
            records = reader.read(READ_LIMITS) => {
                if !analysis.take(&records.context("cannot read the topics")?, &shutdown).await? {
                    break;
                }
            }
        }
    }
    publisher.publish(&analysis).await
}

/// Reads the topics to their end, and says what can be said now: windows that are open stay open, and nothing is
/// published. Where `shutdown` ends it before, the report is on what was read by then.
///
/// # Errors
/// Where the broker gives up or the state is full.
pub async fn look(mut analysis: Analysis, broker: &Broker, shutdown: &Shutdown) -> anyhow::Result<Report> {
    let mut reader = open(broker, analysis.intake.sources()).await?;
    catch_up(&mut analysis, &mut reader, shutdown).await?;
    Ok(analysis.report())
}

async fn open(broker: &Broker, sources: &Sources) -> anyhow::Result<Reader> {
    let Sources { predictions, shadow_predictions, outcomes, deployments, reports, .. } = sources;
    for topic in [predictions, shadow_predictions, outcomes, reports] {
        broker.create_topic(topic, None).await.with_context(|| format!("cannot create topic `{topic}`"))?;
    }
    // One partition, in which they have an order.
    let created = broker.create_topic(deployments, Some(1)).await;
    created.with_context(|| format!("cannot create topic `{deployments}`"))?;
    let topics = [deployments, predictions, shadow_predictions, outcomes].map(ToString::to_string);
    broker.reader(&topics, Start::Earliest).await.context("cannot read the topics")
}

/// Reads the topics to their end; false where it was stopped before.
async fn catch_up(analysis: &mut Analysis, reader: &mut Reader, shutdown: &Shutdown) -> anyhow::Result<bool> {
    while !shutdown.is_requested() {
        let records = reader.read_available(READ_LIMITS).await.context("cannot read the topics")?;
        if records.is_empty() {
            return Ok(true);
        }
        if !analysis.take(&records, shutdown).await? {
            break;
        }
    }
    Ok(false)
}
