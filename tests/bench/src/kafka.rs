//! Consume, produce and commit in transactions, as librdkafka's own example does it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{BorrowedMessage, Header, Message, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{Offset, TopicPartitionList};

use crate::{Arguments, BATCH, Lane};

/// The longest that a poll waits, and a step of a transaction may take.
const POLL: Duration = Duration::from_millis(100);
const TIMEOUT: Duration = Duration::from_secs(10);

/// How long a batch waits for more records.
const FILL: Duration = Duration::from_millis(5);

/// How long to look for what has arrived before looking again. The binding's own flush looks every 100 ms.
const FLUSH: Duration = Duration::from_micros(500);

/// Runs each lane on a thread of its own until the process is killed.
pub(crate) fn run(arguments: &Arguments, lanes: [Lane; 2]) -> anyhow::Result<()> {
    std::thread::scope(|scope| {
        let threads = lanes.map(|lane| scope.spawn(|| pass(arguments, lane)));
        threads.into_iter().try_for_each(|thread| match thread.join() {
            Ok(ended) => ended,
            Err(panic) => std::panic::resume_unwind(panic),
        })
    })
}

fn pass(arguments: &Arguments, mut lane: Lane) -> anyhow::Result<()> {
    let Arguments { prefix, input, .. } = arguments;
    let consumer = consumer(arguments, &lane.group)?;
    consumer.subscribe(&[&format!("{prefix}.{input}")])?;
    let producer = producer(arguments, &lane.group)?;
    producer.init_transactions(TIMEOUT)?;
    let topic = format!("{prefix}.{}", lane.output);
    loop {
        let Some(first) = consumer.poll(POLL) else { continue };
        producer.begin_transaction()?;
        let mut positions = BTreeMap::new();
        let until = Instant::now() + FILL;
        let more = std::iter::from_fn(|| consumer.poll(until.saturating_duration_since(Instant::now())));
        for message in std::iter::once(first).chain(more).take(BATCH) {
            let message = message?;
            positions.insert(message.partition(), message.offset() + 1);
            send(&producer, &topic, &message, &mut lane)?;
        }
        commit(&consumer, &producer, (&format!("{prefix}.{input}"), &positions))?;
    }
}

fn consumer(arguments: &Arguments, group: &str) -> anyhow::Result<BaseConsumer> {
    ClientConfig::new()
        .set("bootstrap.servers", &arguments.address)
        .set("group.id", format!("{}.{group}", arguments.prefix))
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("isolation.level", "read_committed")
        .set("auto.offset.reset", "earliest")
        .set("partition.assignment.strategy", "cooperative-sticky")
        .create()
        .context("cannot make a consumer")
}

fn producer(arguments: &Arguments, group: &str) -> anyhow::Result<BaseProducer> {
    ClientConfig::new()
        .set("bootstrap.servers", &arguments.address)
        .set("transactional.id", format!("{}.{group}.{}", arguments.prefix, std::process::id()))
        .set("transaction.timeout.ms", "10000")
        .set("message.timeout.ms", "10000")
        .set("partitioner", "murmur2_random")
        .set("compression.type", "lz4")
        .set("linger.ms", "1")
        .set("delivery.report.only.error", "true")
        .create()
        .context("cannot make a producer")
}

/// Sends one output for a record, with the record's key and time.
fn send(
    producer: &BaseProducer,
    topic: &str,
    message: &BorrowedMessage<'_>,
    lane: &mut Lane,
) -> anyhow::Result<()> {
    let sample = lane.samples.next();
    let mut headers = OwnedHeaders::new_with_capacity(sample.headers.len());
    for (key, value) in &sample.headers {
        headers = headers.insert(Header { key, value: Some(value) });
    }
    let record = BaseRecord::to(topic)
        .key(message.key().unwrap_or_default())
        .payload(&*sample.value)
        .headers(headers)
        .timestamp(message.timestamp().to_millis().unwrap_or_else(now));
    producer.send(record).map_err(|(error, _)| error).context("cannot send")
}

fn commit(
    consumer: &BaseConsumer,
    producer: &BaseProducer,
    (topic, positions): (&str, &BTreeMap<i32, i64>),
) -> anyhow::Result<()> {
    let mut offsets = TopicPartitionList::new();
    for (partition, offset) in positions {
        offsets.add_partition_offset(topic, *partition, Offset::Offset(*offset))?;
    }
    let group = consumer.group_metadata().context("the consumer has no group")?;
    flush(producer)?;
    producer.send_offsets_to_transaction(&offsets, &group, TIMEOUT)?;
    producer.commit_transaction(TIMEOUT).context("cannot commit")
}

fn flush(producer: &BaseProducer) -> anyhow::Result<()> {
    let began = Instant::now();
    while producer.in_flight_count() > 0 {
        producer.poll(FLUSH);
        anyhow::ensure!(began.elapsed() < TIMEOUT, "not all outputs have arrived");
    }
    Ok(())
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
