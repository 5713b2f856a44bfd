//! Consume, publish and commit in atomic batches: outputs and, last, the position after them.

use anyhow::{Context, ensure};
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use async_nats::jetstream::{self, Message};
use async_nats::{Client, HeaderMap};
use futures_util::StreamExt;
use tokio::task::JoinSet;

use crate::samples::Sample;
use crate::{Arguments, Lane};

/// The most outputs of a batch: the server commits a thousand messages at once, and one is the position.
const OUTPUTS: usize = 999;

/// What serin's records have beside the headers of their own.
const RECORD_HEADERS: [&str; 2] = ["Serin-Time", "Serin-Key"];

/// Runs each lane as a task of its own until the process is killed.
#[tokio::main]
pub(crate) async fn run(arguments: &Arguments, lanes: [Lane; 2]) -> anyhow::Result<()> {
    let mut tasks = JoinSet::new();
    for mut lane in lanes {
        // As CloudEvents are bound to NATS.
        lane.samples.rename("ce_", "ce-");
        let client = async_nats::connect(&arguments.address).await?;
        let position = format!("{}.$checkpoint.{}.{}.0", arguments.prefix, lane.group, arguments.input);
        let (prefix, input) = (arguments.prefix.clone(), arguments.input.clone());
        tasks.spawn(async move { Passing { client, prefix, input, position, lane }.run().await });
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(())
}

struct Passing {
    client: Client,
    prefix: String,
    input: String,
    /// The subject of the position.
    position: String,
    lane: Lane,
}

impl Passing {
    async fn run(mut self) -> anyhow::Result<()> {
        let stream = jetstream::new(self.client.clone()).get_stream(&self.prefix).await?;
        let consumer = stream
            .create_consumer(pull::Config {
                durable_name: Some(self.lane.group.clone()),
                deliver_policy: DeliverPolicy::All,
                ack_policy: AckPolicy::All,
                max_ack_pending: -1,
                filter_subject: format!("{}.{}.>", self.prefix, self.input),
                ..Default::default()
            })
            .await?;
        let messages = consumer.stream().max_messages_per_batch(4 * OUTPUTS).messages().await?;
        let mut batches = messages.ready_chunks(OUTPUTS);
        let (mut count, mut last) = (0_u64, 0);
        while let Some(batch) = batches.next().await {
            let batch = batch.into_iter().collect::<Result<Vec<_>, _>>().context("cannot consume")?;
            count += 1;
            last = self.commit(&batch, count, last).await?;
            let newest = batch.last().context("a batch has a message")?;
            newest.ack().await.map_err(|error| anyhow::anyhow!("cannot acknowledge: {error}"))?;
        }
        Ok(())
    }

    /// Publishes the outputs of a batch and the position after it; returns the sequence of the position.
    async fn commit(&mut self, batch: &[Message], count: u64, last: u64) -> anyhow::Result<u64> {
        let id = format!("{}-{}-{count}", self.lane.group, std::process::id());
        for (place, message) in (1_usize..).zip(batch) {
            let sample = self.lane.samples.next();
            let mut headers = output_headers(message, sample);
            mark(&mut headers, &id, place);
            let partition = message.subject.rsplit('.').next().unwrap_or("0");
            let subject = format!("{}.{}.{partition}", self.prefix, self.lane.output);
            self.client.publish_with_headers(subject, headers, sample.value.clone()).await?;
        }
        let mut headers = HeaderMap::new();
        mark(&mut headers, &id, batch.len() + 1);
        headers.insert("Nats-Batch-Commit", "1");
        headers.insert("Nats-Expected-Last-Subject-Sequence", last.to_string());
        headers.insert("Nats-Rollup", "sub");
        let newest = batch.last().context("a batch has a message")?;
        let next = newest.info().map_err(|error| anyhow::anyhow!("{error}"))?.stream_sequence + 1;
        let body = format!("{{\"next\":{next},\"lane\":\"{}\",\"write\":{count}}}", self.lane.group);
        let answer = self.client.request_with_headers(self.position.clone(), headers, body.into()).await?;
        let answer: serde_json::Value = serde_json::from_slice(&answer.payload)?;
        ensure!(answer["error"].is_null(), "refused: {answer}");
        answer["seq"].as_u64().context("the answer has no sequence")
    }
}

fn output_headers(message: &Message, sample: &Sample) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for name in RECORD_HEADERS {
        if let Some(value) = message.headers.as_ref().and_then(|headers| headers.get(name)) {
            headers.insert(name, value.clone());
        }
    }
    for (name, value) in &sample.headers {
        headers.insert(&**name, &**value);
    }
    headers
}

/// Makes a message one of a batch.
fn mark(headers: &mut HeaderMap, id: &str, place: usize) {
    headers.insert("Nats-Batch-Id", id);
    headers.insert("Nats-Batch-Sequence", place.to_string());
}
