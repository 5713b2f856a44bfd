//! The thread of a lane that polls: it fetches records, and answers when the group shares the partitions anew.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::statistics::Statistics;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::RDKafkaRespErr;

use super::fault::refusal;
use super::partitions::{Partitions, Slot};
use super::record::Copier;
use super::{REQUEST_TIMEOUT, Shared, client, start};
use crate::error::Error;
use crate::lane::Start;
use crate::record::Record;

/// How long a poll waits; also how soon the thread notices that a commit has failed, or that the lane is closed.
const POLL: Duration = Duration::from_millis(100);

/// The most records that are polled before they are handed on, so that the others wait for the lock once a bunch.
const BUNCH: usize = 512;

/// The topics of a lane, by our names and by those on the cluster.
#[derive(Debug)]
pub(super) struct Topics {
    pub(super) own: Vec<Arc<str>>,
    pub(super) wire: Vec<String>,
}

impl Topics {
    pub(super) fn new(shared: &Shared, topics: &[String]) -> Self {
        Self {
            own: topics.iter().map(|topic| topic.as_str().into()).collect(),
            wire: topics.iter().map(|topic| shared.wire_name(topic)).collect(),
        }
    }

    fn slot(&self, wire: &str, partition: i32) -> Option<Slot> {
        let topic = self.wire.iter().position(|each| each == wire)?;
        Some((topic, u32::try_from(partition).ok()?))
    }

    fn slots(&self, list: &TopicPartitionList) -> Vec<Slot> {
        list.elements().iter().filter_map(|each| self.slot(each.topic(), each.partition())).collect()
    }

    /// Positions as the client library takes them.
    pub(super) fn list(
        &self,
        positions: impl IntoIterator<Item = (Slot, u64)>,
    ) -> KafkaResult<TopicPartitionList> {
        let mut list = TopicPartitionList::new();
        for ((topic, partition), offset) in positions {
            let partition = i32::try_from(partition).unwrap_or(i32::MAX);
            let offset = Offset::Offset(i64::try_from(offset).unwrap_or(i64::MAX));
            list.add_partition_offset(&self.wire[topic], partition, offset)?;
        }
        Ok(list)
    }
}

/// What a member of the group does when partitions come and go.
pub(super) struct Member {
    pub(super) shared: Arc<Shared>,
    pub(super) partitions: Arc<Partitions>,
    pub(super) topics: Arc<Topics>,
    pub(super) group: String,
    pub(super) start: Start,
}

impl ClientContext for Member {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        client::log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::AllBrokersDown) {
            self.shared.set_reachable(false);
        }
        client::report(&error, reason);
    }

    /// Shows how far the group is behind on what this lane owns.
    fn stats(&self, statistics: Statistics) {
        if statistics.brokers.values().any(|broker| broker.nodeid >= 0 && broker.state == "UP") {
            self.shared.set_reachable(true);
        }
        let committed = self.partitions.committed();
        for (place, (own, wire)) in self.topics.own.iter().zip(&self.topics.wire).enumerate() {
            let Some(topic) = statistics.topics.get(wire) else { continue };
            let behind =
                committed.iter().filter(|((topic, _), _)| *topic == place).map(|((_, partition), at)| {
                    let partition = i32::try_from(*partition).unwrap_or(i32::MAX);
                    let end = topic.partitions.get(&partition).map_or(0, |partition| partition.ls_offset);
                    u64::try_from(end).unwrap_or(0).saturating_sub(*at)
                });
            #[expect(clippy::cast_precision_loss, reason = "a gauge need not be exact beyond 2^53")]
            let records = behind.sum::<u64>() as f64;
            metrics::gauge!(
                crate::metrics::LAG_RECORDS,
                "group" => self.group.clone(), "topic" => own.to_string()
            )
            .set(records);
        }
    }
}

impl ConsumerContext for Member {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, kind: RDKafkaRespErr, list: &mut TopicPartitionList) {
        let done = if kind == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            self.assign(consumer, list)
        } else {
            self.revoke(consumer, list)
        };
        if let Err(error) = done {
            self.partitions.end(error);
        }
    }
}

impl Member {
    fn assign(&self, consumer: &BaseConsumer<Self>, list: &TopicPartitionList) -> Result<(), Error> {
        let positions = if list.count() == 0 {
            list.clone()
        } else {
            start::positions(&self.shared, consumer, list, &self.start)?
        };
        consumer
            .incremental_assign(&positions)
            .map_err(|error| self.fault("take partitions over", &error))?;
        let elements = positions.elements();
        let owned = elements.iter().filter_map(|element| {
            let Offset::Offset(offset) = element.offset() else { return None };
            Some((
                self.topics.slot(element.topic(), element.partition())?,
                u64::try_from(offset).unwrap_or(0),
            ))
        });
        self.partitions.assigned(owned);
        tracing::info!(group = self.group, partitions = list.count(), "partitions came");
        Ok(())
    }

    fn revoke(&self, consumer: &BaseConsumer<Self>, list: &TopicPartitionList) -> Result<(), Error> {
        let is_lost = consumer.assignment_lost();
        // Where the group gave the partitions to others already, it refuses the transaction that is under way.
        self.partitions.revoked(&self.topics.slots(list));
        consumer.incremental_unassign(list).map_err(|error| self.fault("give partitions up", &error))?;
        tracing::info!(group = self.group, partitions = list.count(), is_lost, "partitions went");
        Ok(())
    }

    fn fault(&self, what: &str, error: &KafkaError) -> Error {
        let reason = refusal(error, &self.shared.config.kafka);
        self.shared.server_error(format!("group `{}` cannot {what}: {reason}", self.group))
    }
}

/// The polling thread.
pub(super) struct Intake {
    pub(super) consumer: Arc<BaseConsumer<Member>>,
    pub(super) committer: JoinHandle<()>,
}

impl Intake {
    /// Polls until the lane is closed; then waits for its last commits, and leaves the group.
    pub(super) fn run(self) {
        let member = Arc::clone(self.consumer.context());
        let mut copier = Copier::default();
        let mut polled = Vec::with_capacity(BUNCH);
        let mut closed = member.shared.closed.subscribe();
        while let Some(round) = member.partitions.round() {
            if *closed.borrow_and_update() {
                member.partitions.end(Error::Closed);
                break;
            }
            if let Err(error) = self.rewind(round.rewind) {
                member.partitions.end(error);
                break;
            }
            self.poll(&mut copier, &mut polled);
            if !polled.is_empty() {
                member.partitions.fill(round.epoch, &mut polled);
            }
        }
        if self.committer.join().is_err() {
            tracing::error!(group = member.group, "the thread that commits panicked");
        }
        // Dropping the consumer closes it: revokes what it owns, and leaves the group.
        drop(self.consumer);
    }

    fn poll(&self, copier: &mut Copier, polled: &mut Vec<(Slot, Record)>) {
        let mut wait = POLL;
        while polled.len() < BUNCH {
            match self.consumer.poll(wait) {
                None => return,
                Some(Ok(message)) => self.take_in(&message, copier, polled),
                Some(Err(error)) => self.complain(&error),
            }
            wait = Duration::ZERO;
        }
    }

    fn take_in(&self, message: &BorrowedMessage<'_>, copier: &mut Copier, polled: &mut Vec<(Slot, Record)>) {
        let Member { topics, shared, .. } = &**self.consumer.context();
        if let Some(slot) = topics.slot(message.topic(), message.partition()) {
            let mut record = copier.record(&topics.own[slot.0], message);
            record.limit_value(shared.config.max_record_bytes);
            polled.push((slot, record));
        }
    }

    /// Most errors pass by themselves when the servers are back. Those that do not end the lane.
    fn complain(&self, error: &KafkaError) {
        let member = self.consumer.context();
        let code = error.rdkafka_error_code();
        if matches!(error, KafkaError::MessageConsumptionFatal(_)) || code.is_some_and(client::is_refusal) {
            member.partitions.end(member.fault("go on", error));
        } else {
            tracing::debug!(group = member.group, "while polling: {error}");
        }
    }

    /// Fetches again from the committed positions.
    fn rewind(&self, positions: Vec<(Slot, u64)>) -> Result<(), Error> {
        if positions.is_empty() {
            return Ok(());
        }
        let member = self.consumer.context();
        let fault = |error| member.fault("go back to its positions", &error);
        let list = member.topics.list(positions).map_err(fault)?;
        let sought = self.consumer.seek_partitions(list.clone(), REQUEST_TIMEOUT);
        if sought.is_ok_and(|sought| sought.elements().iter().all(|element| element.error().is_ok())) {
            return Ok(());
        }
        // A partition that has not begun to fetch cannot be sought in, but it can be given up and taken again.
        self.consumer.incremental_unassign(&list).map_err(fault)?;
        self.consumer.incremental_assign(&list).map_err(fault)
    }
}
