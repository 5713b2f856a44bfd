//! The service: reads, joins, evaluates, publishes.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context;
use bytes::Bytes;
use events::MappingError;
use experiment::Experiment;
use messaging::{Broker, Headers, Limits, Output, Reader, Record, Start};
use runtime::{Clock, Shutdown};

use crate::config::{Config, OutcomesConfig};
use crate::evaluate::{Question, evaluate};
use crate::join::Joiner;
use crate::report::Report;
use crate::source::{Intake, Sources};
use crate::watermark::Watermarks;

/// What one read takes at once.
const READ_LIMITS: Limits = Limits { records: 10_000, bytes: 16 << 20 };

/// The state of the analysis of one logical model.
#[derive(Debug)]
pub struct Analysis {
    intake: Intake,
    joiner: Joiner,
    watermarks: Watermarks,
    question: Question,
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
    /// An analysis of `model` that has seen nothing yet.
    ///
    /// # Errors
    /// All that is wrong with the mapping of outcomes.
    pub fn new(
        model: Arc<str>,
        experiments: Vec<Experiment>,
        sources: Sources,
        (config, outcomes): (Config, &OutcomesConfig),
    ) -> Result<Self, Vec<MappingError>> {
        Ok(Self {
            intake: Intake::new(sources, outcomes)?,
            joiner: Joiner::new(model, config.max_events),
            watermarks: Watermarks::default(),
            question: Question::new(experiments, &config),
            config,
            progress: Arc::default(),
        })
    }

    /// How far it has come, to be read while it runs.
    pub fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }

    /// What can be said now.
    pub fn report(&self) -> Report {
        evaluate(&self.joiner, &self.question, &self.watermarks)
    }

    fn take(&mut self, records: &[Record]) -> anyhow::Result<()> {
        for record in records {
            self.intake.take(record, &mut self.joiner, &mut self.watermarks)?;
        }
        self.progress.records.fetch_add(records.len() as u64, Ordering::Relaxed);
        Ok(())
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
    let publisher = Publisher { broker, topic: Arc::clone(&analysis.intake.sources().reports), clock };
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
            records = reader.read(READ_LIMITS) => analysis.take(&records.context("cannot read the topics")?)?,
        }
    }
    publisher.publish(&analysis).await
}

async fn open(broker: &Broker, sources: &Sources) -> anyhow::Result<Reader> {
    let Sources { predictions, shadow_predictions, outcomes, reports } = sources;
    for topic in [predictions, shadow_predictions, outcomes, reports] {
        broker.create_topic(topic, None).await.with_context(|| format!("cannot create topic `{topic}`"))?;
    }
    let topics = [predictions, shadow_predictions, outcomes].map(ToString::to_string);
    broker.reader(&topics, Start::Earliest).await.context("cannot read the topics")
}

/// Reads the topics to their end; false where it was stopped before.
async fn catch_up(analysis: &mut Analysis, reader: &mut Reader, shutdown: &Shutdown) -> anyhow::Result<bool> {
    while !shutdown.is_requested() {
        let records = reader.read_available(READ_LIMITS).await.context("cannot read the topics")?;
        if records.is_empty() {
            return Ok(true);
        }
        analysis.take(&records)?;
    }
    Ok(false)
}

/// Puts reports on their topic.
struct Publisher {
    broker: Broker,
    topic: Arc<str>,
    clock: Clock,
}

impl Publisher {
    async fn publish(&self, analysis: &Analysis) -> anyhow::Result<Report> {
        let started = self.clock.elapsed();
        let report = analysis.report();
        metrics::histogram!(crate::metrics::EVALUATE_SECONDS)
            .record(self.clock.elapsed().saturating_sub(started).as_secs_f64());
        crate::metrics::show(&report);
        let mut headers = Headers::new();
        headers.push("ce_type", Bytes::from_static(b"dev.serin.report.v1"));
        headers.push("content-type", Bytes::from_static(b"application/json"));
        let record = Output {
            topic: Arc::clone(&self.topic),
            partition: None,
            timestamp: self.clock.now_micros() / 1_000,
            key: Some(Bytes::copy_from_slice(report.model.as_bytes())),
            value: Some(serde_json::to_vec(&report).context("a report is always JSON")?.into()),
            headers,
        };
        self.broker.writer().append(vec![record]).await.context("cannot publish a report")?;
        Ok(report)
    }
}
