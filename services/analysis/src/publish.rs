//! What the analysis has to say, on its topics.

use std::collections::HashSet;
use std::sync::Arc;

use anyhow::Context;
use bytes::{Bytes, BytesMut};
use compact_str::CompactString;
use events::{Attributes, Event, Limits, NativeDecoder, OutcomeEvent, Timestamp};
use messaging::{Broker, Headers, Output, Record, Start};
use runtime::Clock;
use serde::Serialize;

use crate::report::Report;
use crate::service::{Analysis, READ_LIMITS};
use crate::source::Sources;

/// The type of reports as CloudEvents have it.
const REPORT_TYPE: &str = "dev.serin.report.v1";

/// Puts reports and late outcomes on their topics.
pub(crate) struct Publisher {
    broker: Broker,
    clock: Clock,
    /// Late outcomes that are on their topic, by id and revision: a restart repeats none.
    told: HashSet<(CompactString, u64)>,
}

impl Publisher {
    pub(crate) async fn open(broker: Broker, clock: Clock, analysis: &Analysis) -> anyhow::Result<Self> {
        let told = told(&broker, &analysis.sources().late_outcomes).await?;
        Ok(Self { broker, clock, told })
    }

    /// Says what can be said now.
    pub(crate) async fn publish(&mut self, analysis: &Analysis) -> anyhow::Result<Report> {
        let started = self.clock.elapsed();
        let report = analysis.report();
        metrics::histogram!(crate::metrics::EVALUATE_SECONDS)
            .record(self.clock.elapsed().saturating_sub(started).as_secs_f64());
        crate::metrics::show(&report);
        // Only where a metric has seen something late is there anything to look for.
        let metrics = report.experiments.iter().flat_map(|experiment| &experiment.metrics);
        if metrics.flat_map(|metric| &metric.arms).any(|arm| arm.late_outcomes > 0) {
            self.tell(analysis).await?;
        }
        let sources = analysis.sources();
        let key = report.model.clone();
        let message =
            Message { topic: &sources.reports, kind: REPORT_TYPE, name: "report", model: &report.model, key };
        let record = self.record(sources, &message, &report)?;
        self.broker.writer().append(vec![record]).await.context("cannot publish a report")?;
        Ok(report)
    }

    /// Puts the late outcomes on their topic that are not there yet.
    async fn tell(&mut self, analysis: &Analysis) -> anyhow::Result<()> {
        let mut late = analysis.late();
        late.retain(|id, _| !self.told.contains(id));
        if late.is_empty() {
            return Ok(());
        }
        let (sources, topic) = (analysis.sources(), &analysis.sources().late_outcomes);
        let created = self.broker.create_topic(topic, None).await;
        created.with_context(|| format!("cannot create topic `{topic}`"))?;
        let record = |event: &OutcomeEvent| {
            let (kind, model, key) = (OutcomeEvent::TYPE, analysis.model(), event.outcome_id.to_string());
            self.record(sources, &Message { topic, kind, name: "late-outcome", model, key }, event)
        };
        let records = late.values().map(record).collect::<anyhow::Result<_>>()?;
        self.broker.writer().append(records).await.context("cannot publish late outcomes")?;
        self.told.extend(late.into_keys());
        Ok(())
    }

    fn record(
        &self,
        sources: &Sources,
        Message { topic, kind, name, model, key }: &Message<'_>,
        value: &impl Serialize,
    ) -> anyhow::Result<Output> {
        let now = Timestamp::from_micros(self.clock.now_micros()).unwrap_or(Timestamp::MAX);
        let attributes = Attributes {
            source: &sources.binding.source(&format!("/serin/{model}")),
            id: &[name, key, &now.to_string()],
            time: now,
            subject: &["model", model],
            content_type: "application/json",
        };
        let mut headers = Headers::with_capacity(Attributes::HEADERS);
        attributes
            .headers(kind, sources.binding, &mut BytesMut::new(), |name, value| headers.push(name, value));
        Ok(Output {
            topic: Arc::clone(topic),
            partition: None,
            timestamp: now.as_millis(),
            key: Some(Bytes::copy_from_slice(key.as_bytes())),
            value: Some(serde_json::to_vec(value).context("what we say is always JSON")?.into()),
            headers,
        })
    }
}

/// What a record is besides its value.
struct Message<'m> {
    topic: &'m Arc<str>,
    kind: &'static str,
    /// What its id begins with.
    name: &'static str,
    model: &'m str,
    key: String,
}

/// What is on the topic of late outcomes, if there is one yet.
async fn told(broker: &Broker, topic: &Arc<str>) -> anyhow::Result<HashSet<(CompactString, u64)>> {
    let mut told = HashSet::new();
    if broker.topic(topic).await.context("cannot look for the topic of late outcomes")?.is_none() {
        return Ok(told);
    }
    let mut reader = broker.reader(&[topic.to_string()], Start::Earliest).await?;
    let mut decoder = NativeDecoder::new(Arc::default(), Limits::default());
    loop {
        let records = reader.read_available(READ_LIMITS).await.context("cannot read late outcomes")?;
        if records.is_empty() {
            return Ok(told);
        }
        told.extend(records.iter().filter_map(|record| id(&mut decoder, record)));
    }
}

/// Id and revision of a late outcome; nothing where somebody else wrote something else there.
fn id(decoder: &mut NativeDecoder, record: &Record) -> Option<(CompactString, u64)> {
    let headers: Vec<_> =
        record.headers.iter().map(|header| (header.name.as_str(), &header.value[..])).collect();
    let outcome: OutcomeEvent = decoder.decode(record.value.as_deref()?, &headers).ok()?;
    Some((outcome.outcome_id, outcome.revision))
}
