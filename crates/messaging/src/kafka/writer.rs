//! Appending records without a group.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message as _;
use rdkafka::producer::{BaseRecord, DeliveryResult, ProducerContext, ThreadedProducer};
use tokio::sync::Notify;

use super::{Shared, admin, client, fault, record};
use crate::error::Error;
use crate::record::{Headers, Output, Placed};

/// How long to wait for room in the client's queue before looking again.
const FULL_PAUSE: Duration = Duration::from_millis(5);

/// The producer of all appends.
pub(super) struct Producer {
    producer: ThreadedProducer<Answers>,
    /// Which partition the next record without a key goes to.
    turn: AtomicU32,
}

/// Hands the answers of the servers to those who wait for them.
#[derive(Debug)]
struct Answers;

/// One call of append, shared by its records.
#[derive(Debug)]
struct Append {
    placed: Mutex<Vec<Option<Placed>>>,
    failed: Mutex<Option<(usize, KafkaError)>>,
    left: AtomicUsize,
    done: Notify,
}

/// What a record carries through the client: its call, and its place in it.
struct Ticket(Arc<Append>, usize);

impl ClientContext for Answers {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        client::log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        client::report(&error, reason);
    }
}

impl ProducerContext for Answers {
    type DeliveryOpaque = Box<Ticket>;

    fn delivery(&self, result: &DeliveryResult<'_>, ticket: Box<Ticket>) {
        let Ticket(append, place) = *ticket;
        append.answer(
            place,
            result.as_ref().map_err(|(error, _)| error.clone()).map(|message| Placed {
                partition: u32::try_from(message.partition()).unwrap_or(0),
                offset: u64::try_from(message.offset()).unwrap_or(0),
            }),
        );
    }
}

impl Append {
    fn answer(&self, place: usize, answer: Result<Placed, KafkaError>) {
        match answer {
            Ok(placed) => self.placed.lock().unwrap_or_else(PoisonError::into_inner)[place] = Some(placed),
            Err(error) => {
                let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
                failed.get_or_insert((place, error));
            }
        }
        self.done_one();
    }

    fn done_one(&self) {
        if self.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.done.notify_one();
        }
    }
}

/// Appends records. They are checked before the first is sent; when a server gives up in the midst of them, some may
/// be there.
pub(super) async fn append(shared: &Arc<Shared>, outputs: Vec<Output>) -> Result<Vec<Placed>, Error> {
    if outputs.is_empty() {
        return Ok(Vec::new());
    }
    for output in &outputs {
        crate::config::check_name("topic", &output.topic)?;
    }
    for topic in outputs.iter().map(|output| &output.topic).collect::<BTreeSet<_>>() {
        shared.ensure_topic(topic).await?;
    }
    for output in &outputs {
        check(shared, output, shared.config.max_record_bytes, Headers::MAX)?;
    }
    let size: usize = outputs.iter().map(Output::size).sum();
    if size as u64 > shared.config.queue_bytes {
        return Err(Error::WriteTooLarge { size, limit: shared.config.queue_bytes });
    }
    let producer = producer(shared)?;
    let append = Arc::new(Append {
        placed: Mutex::new(vec![None; outputs.len()]),
        failed: Mutex::default(),
        left: AtomicUsize::new(outputs.len()),
        done: Notify::new(),
    });
    for (place, output) in outputs.iter().enumerate() {
        producer.send(shared, output, Ticket(Arc::clone(&append), place)).await;
    }
    // One call of many: `notify_one` keeps its permit for a waiter that comes later.
    let mut closed = shared.closed.subscribe();
    tokio::select! {
        () = append.done.notified() => {}
        _ = closed.wait_for(|closed| *closed) => return Err(Error::Closed),
    }
    ended(shared, &append, &outputs)
}

fn ended(shared: &Shared, append: &Append, outputs: &[Output]) -> Result<Vec<Placed>, Error> {
    if let Some((place, error)) = append.failed.lock().unwrap_or_else(PoisonError::into_inner).take() {
        let Output { topic, .. } = &outputs[place];
        return Err(match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::MessageSizeTooLarge) => {
                too_large(&outputs[place], shared.config.max_record_bytes)
            }
            _ => shared.server_error(format!("cannot append to topic `{topic}`: {error}")),
        });
    }
    let placed = std::mem::take(&mut *append.placed.lock().unwrap_or_else(PoisonError::into_inner));
    Ok(placed.into_iter().flatten().collect())
}

impl Producer {
    async fn send(&self, shared: &Shared, output: &Output, ticket: Ticket) {
        let wire = shared.wire_name(&output.topic);
        let mut ticket = Box::new(ticket);
        loop {
            let record = BaseRecord {
                topic: &wire,
                partition: Some(self.partition(shared, output)),
                payload: output.value.as_deref(),
                key: output.key.as_deref(),
                timestamp: Some(admin::wire_timestamp(output.timestamp, crate::embedded::log::now_ms())),
                headers: record::wire_headers(&output.headers),
                delivery_opaque: ticket,
            };
            let Err((error, refused)) = self.producer.send(record) else { return };
            ticket = refused.delivery_opaque;
            if error.rdkafka_error_code() != Some(RDKafkaErrorCode::QueueFull) {
                let Ticket(append, place) = *ticket;
                return append.answer(place, Err(error));
            }
            tokio::time::sleep(FULL_PAUSE).await;
        }
    }

    /// The partition of a record as JVM producers choose it; those without a key go round.
    fn partition(&self, shared: &Shared, output: &Output) -> i32 {
        let known = shared.partitions.read().unwrap_or_else(PoisonError::into_inner);
        let count = known.get(&output.topic).copied().unwrap_or(1);
        let partition = match (output.partition, &output.key) {
            (Some(partition), _) => partition,
            (None, Some(key)) => crate::partitioner::partition_of(key, count),
            (None, None) => self.turn.fetch_add(1, Ordering::Relaxed) % count,
        };
        i32::try_from(partition).unwrap_or(i32::MAX)
    }
}

fn producer(shared: &Shared) -> Result<Arc<Producer>, Error> {
    let mut known = shared.writer.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(producer) = &*known {
        return Ok(Arc::clone(producer));
    }
    let mut config = client::writing(&shared.client, &shared.config, shared.config.kafka.patience);
    config.set("linger.ms", "2");
    let config = client::with_options(config, &shared.config.kafka);
    let producer = fault::checked(config.create_with_context(Answers), &shared.servers)?;
    Ok(Arc::clone(known.insert(Arc::new(Producer { producer, turn: AtomicU32::new(0) }))))
}

/// Refuses a record that passes a limit.
pub(super) fn check(shared: &Shared, output: &Output, limit: u64, most_headers: usize) -> Result<(), Error> {
    if output.size() as u64 > limit {
        return Err(too_large(output, shared.config.max_record_bytes));
    }
    if output.headers.len() > most_headers {
        let problem = format!("{} are more than the limit of {most_headers}", output.headers.len());
        return Err(Error::Headers { topic: output.topic.to_string(), problem });
    }
    let Some(partition) = output.partition else { return Ok(()) };
    let known = shared.partitions.read().unwrap_or_else(PoisonError::into_inner);
    match known.get(&output.topic).copied() {
        Some(count) if partition >= count => {
            Err(Error::Partition { topic: output.topic.to_string(), partition, count })
        }
        _ => Ok(()),
    }
}

fn too_large(output: &Output, limit: u64) -> Error {
    Error::RecordTooLarge { topic: output.topic.to_string(), size: output.size(), limit }
}
