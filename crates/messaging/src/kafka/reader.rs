//! Reading without a group: from given positions, waiting for records or not.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::Offset;
use tokio::sync::{Notify, watch};

use super::client::Quiet;
use super::record::Copier;
use super::{REQUEST_TIMEOUT, Shared, client, fault, start};
use crate::embedded::tail::{Fetched, Stretch};
use crate::error::Error;
use crate::lane::{Limits, Start};
use crate::record::{Position, Record, TopicInfo};

/// How often the client's own queue is looked at, where its errors and its log are.
const SERVE_EVERY: Duration = Duration::from_secs(1);

/// Reads partitions, each through a queue of its own: only so can be told which of them has come to its end.
pub(crate) struct Reader {
    shared: Arc<Shared>,
    topics: Vec<String>,
    /// In the order of the stretches.
    parts: Vec<Part>,
    consumer: Arc<BaseConsumer<Quiet>>,
    copier: Copier,
    ready: Arc<Notify>,
    turn: usize,
    closed: watch::Receiver<bool>,
}

struct Part {
    topic: Arc<str>,
    wire: String,
    partition: u32,
    queue: PartitionQueue<Quiet>,
    /// A record that was fetched, and that lies behind where the stretch ends.
    peeked: Option<Record>,
    /// Where the partition ended when it was asked for anew, until it has been read to there.
    asked: Option<u64>,
    /// Whether it has been, with nothing after it.
    is_at_end: bool,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("topics", &self.topics).finish_non_exhaustive()
    }
}

impl Reader {
    pub(super) async fn open(
        shared: &Arc<Shared>,
        topics: Vec<String>,
        start: Start,
    ) -> Result<(Self, Vec<Position>), Error> {
        shared
            .blocking(move |shared| {
                let positions = positions(shared, &topics, &start)?;
                let reader = Self::at(shared, topics, &positions)?;
                Ok((reader, positions))
            })
            .await
    }

    fn at(shared: &Arc<Shared>, topics: Vec<String>, positions: &[Position]) -> Result<Self, Error> {
        // Not joined, and nothing is committed in it; the client asks for one.
        let group = shared.wire_name("serin.reader");
        let mut config = client::reading(&shared.client, &shared.config, &group);
        config.set("enable.partition.eof", "true");
        let config = client::with_options(config, &shared.config.kafka);
        let consumer: BaseConsumer<Quiet> =
            fault::checked(config.create_with_context(Quiet), &shared.servers)?;
        let consumer = Arc::new(consumer);
        let mut list = rdkafka::TopicPartitionList::new();
        for Position { topic, partition, offset } in positions {
            let wire = shared.wire_name(topic);
            let offset = Offset::Offset(i64::try_from(*offset).unwrap_or(i64::MAX));
            list.add_partition(&wire, number(*partition));
            start::set(shared, &mut list, &wire, number(*partition), offset)?;
        }
        fault::checked(consumer.assign(&list), &shared.servers)?;
        let ready = Arc::new(Notify::new());
        let parts = positions.iter().map(|position| Part::new(shared, &consumer, position, &ready));
        Ok(Self {
            parts: parts.collect::<Result<_, _>>()?,
            shared: Arc::clone(shared),
            topics,
            consumer,
            copier: Copier::default(),
            ready,
            turn: 0,
            closed: shared.closed.subscribe(),
        })
    }

    /// The topics that are read.
    pub(crate) async fn topics(&self) -> Result<Vec<TopicInfo>, Error> {
        let topics = self.topics.clone();
        self.shared.blocking(move |shared| shared.infos(Some(&topics))).await
    }

    /// Reads from the stretches; with `wait`, waits until there is a record or all of them are done. What is read is
    /// read after the last await, so that dropping the future loses nothing.
    pub(crate) async fn fetch(
        &mut self,
        stretches: &[Stretch],
        limits: Limits,
        wait: bool,
    ) -> Result<Fetched, Error> {
        let mut stretches = stretches.to_vec();
        let mut has_asked = false;
        loop {
            if *self.closed.borrow() {
                return Err(Error::Closed);
            }
            self.serve();
            let records = self.poll(&mut stretches, limits)?;
            let is_done = stretches.iter().all(Stretch::is_done);
            if !records.is_empty()
                || is_done
                || (!wait && has_asked && self.parts.iter().all(|part| part.is_at_end))
            {
                let offsets = stretches.iter().map(|stretch| stretch.position.offset).collect();
                return Ok(Fetched { records, offsets });
            }
            let is_bounded = !wait || stretches.iter().any(|stretch| stretch.until != u64::MAX);
            if is_bounded && !has_asked {
                self.ask_anew(&mut stretches, wait).await?;
                has_asked = true;
                continue;
            }
            tokio::select! {
                () = self.ready.notified() => {}
                _ = self.closed.changed() => {}
                () = tokio::time::sleep(SERVE_EVERY) => {}
            }
        }
    }

    /// Serves the client's own queue.
    fn serve(&self) {
        while let Some(event) = self.consumer.poll(Duration::ZERO) {
            if let Err(error) = event {
                tracing::debug!("while reading: {error}");
            }
        }
    }

    fn poll(&mut self, stretches: &mut [Stretch], limits: Limits) -> Result<Vec<Record>, Error> {
        let mut records = Vec::new();
        let mut left = limits;
        self.turn = self.turn.wrapping_add(1);
        for step in 0..self.parts.len() {
            let place = (self.turn + step) % self.parts.len();
            let (part, stretch) = (&mut self.parts[place], &mut stretches[place]);
            let shared = &self.shared;
            while left.records > 0 && (left.bytes > 0 || records.is_empty()) && !stretch.is_done() {
                let Some(record) = part.next(shared, &mut self.copier, stretch)? else { break };
                left.records -= 1;
                left.bytes =
                    left.bytes.saturating_sub(record.value.as_ref().map_or(0, bytes::Bytes::len) + 64);
                stretch.position.offset = record.offset + 1;
                records.push(record);
            }
        }
        Ok(records)
    }

    /// Asks for what follows the stretches' positions once more, up to where the partitions end now or the stretches
    /// do. An end that was told before may be an old one, and the markers of transactions behind the last record have
    /// offsets: only an end that is told after this call says that there is nothing left.
    async fn ask_anew(&mut self, stretches: &mut [Stretch], wait: bool) -> Result<(), Error> {
        let infos = self.topics().await?;
        for (part, stretch) in self.parts.iter_mut().zip(stretches) {
            let info = infos.iter().find(|info| info.name == part.topic);
            let end =
                info.and_then(|info| info.partitions.get(part.partition as usize)).map_or(0, |part| part.end);
            let at = stretch.position.offset;
            part.is_at_end = stretch.is_done() || at >= end || part.peeked.is_some();
            part.asked = None;
            if part.is_at_end || (wait && stretch.until == u64::MAX) {
                continue;
            }
            let offset = Offset::Offset(i64::try_from(at).unwrap_or(i64::MAX));
            let sought = self.consumer.seek(&part.wire, number(part.partition), offset, REQUEST_TIMEOUT);
            sought.map_err(|error| {
                self.shared.server_error(format!("cannot read on in topic `{}`: {error}", part.wire))
            })?;
            part.asked = Some(end);
        }
        Ok(())
    }
}

impl Part {
    fn new(
        shared: &Shared,
        consumer: &Arc<BaseConsumer<Quiet>>,
        position: &Position,
        ready: &Arc<Notify>,
    ) -> Result<Self, Error> {
        let wire = shared.wire_name(&position.topic);
        let queue = consumer.split_partition_queue(&wire, number(position.partition));
        let mut queue = queue.ok_or_else(|| Error::NoTopic { topic: position.topic.to_string() })?;
        let ready = Arc::clone(ready);
        queue.set_nonempty_callback(move || ready.notify_one());
        let Position { topic, partition, .. } = position;
        Ok(Self {
            topic: Arc::clone(topic),
            wire,
            partition: *partition,
            queue,
            peeked: None,
            asked: None,
            is_at_end: false,
        })
    }

    /// The next record of the stretch that is there already.
    fn next(
        &mut self,
        shared: &Shared,
        copier: &mut Copier,
        stretch: &mut Stretch,
    ) -> Result<Option<Record>, Error> {
        let record = match self.peeked.take() {
            Some(record) => record,
            None => match self.queue.poll(Duration::ZERO) {
                None => return Ok(None),
                Some(Ok(message)) => copier.record(&self.topic, &message),
                Some(Err(KafkaError::PartitionEOF(_))) => {
                    if let Some(end) = self.asked.take() {
                        self.is_at_end = true;
                        stretch.position.offset = stretch.position.offset.max(end.min(stretch.until));
                    }
                    return Ok(None);
                }
                Some(Err(error)) if error.rdkafka_error_code().is_some_and(client::is_refusal) => {
                    return Err(shared.server_error(format!("cannot read topic `{}`: {error}", self.wire)));
                }
                Some(Err(error)) => {
                    tracing::debug!("while reading topic `{}`: {error}", self.wire);
                    return Ok(None);
                }
            },
        };
        (self.asked, self.is_at_end) = (None, false);
        if record.offset >= stretch.until {
            stretch.position.offset = stretch.until;
            self.peeked = Some(record);
            return Ok(None);
        }
        Ok(Some(record))
    }
}

/// Where a reader starts, by topic and partition.
fn positions(shared: &Shared, topics: &[String], start: &Start) -> Result<Vec<Position>, Error> {
    let given = match start {
        Start::Earliest | Start::Latest => Vec::new(),
        Start::CommittedBy(group) => shared.committed_everywhere(group)?,
        Start::At(positions) => positions.clone(),
    };
    let infos = shared.infos(Some(topics))?;
    let position = |topic: &TopicInfo, (partition, span): (u32, &crate::record::PartitionInfo)| {
        let at = given.iter().find(|at| at.topic == topic.name && at.partition == partition);
        Position { topic: Arc::clone(&topic.name), partition, offset: start::place(*span, start, at) }
    };
    let all =
        infos.iter().flat_map(|topic| (0..).zip(&topic.partitions).map(move |part| position(topic, part)));
    Ok(all.collect())
}

fn number(partition: u32) -> i32 {
    i32::try_from(partition).unwrap_or(i32::MAX)
}
