//! The producer of a lane: it sends what a batch caused, and knows when all of it has arrived.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer as _, ProducerContext, ThreadedProducer};

use super::{Shared, admin, client};
use crate::record::Output;

/// How long to sleep between two looks at what has arrived. A commit waits for milliseconds; the client library's own
/// flush looks every 100 ms.
const LOOK_EVERY: Duration = Duration::from_micros(100);

/// A producer, and what has gone wrong with what it sent.
pub(super) struct Outbox {
    pub(super) producer: ThreadedProducer<Deliveries>,
    names: HashMap<Arc<str>, String>,
}

/// Keeps the first failure since the last look.
#[derive(Debug, Default)]
pub(super) struct Deliveries {
    failed: Mutex<Option<(usize, KafkaError)>>,
}

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        client::log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        client::report(&error, reason);
    }
}

impl ProducerContext for Deliveries {
    /// The place among the outputs of the batch.
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, place: usize) {
        if let Err((error, _)) = result {
            let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
            // What an abort throws out of the queue has not failed.
            let is_purged = matches!(
                error.rdkafka_error_code(),
                Some(RDKafkaErrorCode::PurgeQueue | RDKafkaErrorCode::PurgeInflight)
            );
            if !is_purged {
                failed.get_or_insert((place, error.clone()));
            }
        }
    }
}

/// Why not all of a batch was sent.
#[derive(Debug)]
pub(super) enum SendFault {
    /// An output is larger than the cluster takes.
    TooLarge(usize),
    /// Some did not arrive.
    Failed(KafkaError),
    /// Not all have arrived in time.
    Late,
}

impl Outbox {
    /// A producer; with `transactional_id` one of transactions, which are not begun yet.
    pub(super) fn new(shared: &Shared, transactional_id: Option<&str>) -> KafkaResult<Self> {
        let settings = &shared.config.kafka;
        let timeout = settings.transaction_timeout;
        let mut config = client::writing(&shared.client, &shared.config, timeout);
        config.set("linger.ms", "1").set("delivery.report.only.error", "true");
        if let Some(id) = transactional_id {
            config.set("transactional.id", id).set("transaction.timeout.ms", client::millis(timeout));
        }
        let config = client::with_options(config, settings);
        let producer = config.create_with_context(Deliveries::default())?;
        Ok(Self { producer, names: HashMap::new() })
    }

    /// Sends outputs and waits until all have arrived, up to `deadline`.
    pub(super) fn send(
        &mut self,
        shared: &Shared,
        outputs: &[Output],
        deadline: Instant,
    ) -> Result<(), SendFault> {
        *self.failed() = None;
        let now = crate::embedded::log::now_ms();
        for (place, output) in outputs.iter().enumerate() {
            let name = self
                .names
                .entry(Arc::clone(&output.topic))
                .or_insert_with(|| shared.wire_name(&output.topic));
            enqueue(&self.producer, name, (place, output), (now, deadline))?;
        }
        self.drain(deadline)
    }

    /// Waits until nothing is on the way.
    pub(super) fn drain(&self, deadline: Instant) -> Result<(), SendFault> {
        while self.producer.in_flight_count() > 0 {
            if Instant::now() >= deadline {
                return Err(SendFault::Late);
            }
            std::thread::park_timeout(LOOK_EVERY);
        }
        match self.failed().take() {
            None => Ok(()),
            Some((place, error)) => Err(SendFault::of(place, error)),
        }
    }

    fn failed(&self) -> std::sync::MutexGuard<'_, Option<(usize, KafkaError)>> {
        self.producer.context().failed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SendFault {
    fn of(place: usize, error: KafkaError) -> Self {
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::MessageSizeTooLarge) => Self::TooLarge(place),
            _ => Self::Failed(error),
        }
    }
}

fn enqueue(
    producer: &ThreadedProducer<Deliveries>,
    topic: &str,
    (place, output): (usize, &Output),
    (now, deadline): (i64, Instant),
) -> Result<(), SendFault> {
    let mut record = BaseRecord {
        topic,
        partition: output.partition.map(|partition| i32::try_from(partition).unwrap_or(i32::MAX)),
        payload: output.value.as_deref(),
        key: output.key.as_deref(),
        timestamp: Some(admin::wire_timestamp(output.timestamp, now)),
        headers: super::record::wire_headers(&output.headers),
        delivery_opaque: place,
    };
    loop {
        let Err((error, refused)) = producer.send(record) else { return Ok(()) };
        let is_full = error.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull);
        if !is_full {
            return Err(SendFault::of(place, error));
        }
        if Instant::now() >= deadline {
            return Err(SendFault::Late);
        }
        record = refused;
        std::thread::park_timeout(LOOK_EVERY);
    }
}
