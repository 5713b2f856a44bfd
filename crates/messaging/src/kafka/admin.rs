//! Topics and positions: what is there, and how far a group has come.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::client::Quiet;
use super::{Kafka, REQUEST_TIMEOUT, Shared, client, fault, observer};
use crate::config::{MAX_PARTITIONS, TopicConfig};
use crate::error::Error;
use crate::record::{Lag, PartitionInfo, Position, TopicInfo};

/// How often a created topic is looked for until every server knows it, and how long it is waited for in between.
const ATTEMPTS: u32 = 100;
const PAUSE: Duration = Duration::from_millis(50);

impl Kafka {
    pub(crate) async fn create_topic(&self, name: &str, partitions: Option<u32>) -> Result<(), Error> {
        crate::config::check_name("topic", name)?;
        let configured = self.shared.config.topic.get(name).and_then(|topic| topic.partitions);
        let asked = partitions.or(configured);
        if let Some(count) = asked.filter(|count| !(1..=MAX_PARTITIONS).contains(count)) {
            let problem = format!("topic `{name}`: {count} partitions are not in 1..={MAX_PARTITIONS}");
            return Err(Error::Config { problems: vec![problem] });
        }
        let existing = self.shared.ensure_topic_of(name, asked).await?;
        match asked {
            Some(asked) if asked != existing => {
                Err(Error::PartitionCount { topic: name.to_owned(), existing, asked })
            }
            _ => Ok(()),
        }
    }

    pub(crate) async fn topics(&self) -> Result<Vec<TopicInfo>, Error> {
        self.shared.blocking(|shared| shared.infos(None)).await
    }

    pub(crate) async fn topic(&self, name: &str) -> Result<Option<TopicInfo>, Error> {
        let name = name.to_owned();
        let infos = self.shared.blocking(move |shared| shared.infos(Some(&[name]))).await?;
        Ok(infos.into_iter().next())
    }

    pub(crate) async fn committed(&self, group: &str) -> Result<Vec<Position>, Error> {
        let group = group.to_owned();
        self.shared.blocking(move |shared| shared.committed_everywhere(&group)).await
    }

    pub(crate) async fn lag(&self, group: &str) -> Result<Vec<Lag>, Error> {
        let group = group.to_owned();
        self.shared.blocking(move |shared| lag(shared, &group)).await
    }
}

fn lag(shared: &Arc<Shared>, group: &str) -> Result<Vec<Lag>, Error> {
    let lag = |position: Position| {
        let wire = shared.wire_name(&position.topic);
        let span = shared.span(&shared.observer, &wire, position.partition)?;
        // Markers of transactions have offsets, too: behind the last record the count is too high by them.
        let records = span.end.saturating_sub(position.offset.max(span.first));
        let Position { topic, partition, offset } = position;
        Ok(Lag { topic, partition, committed: offset, end: span.end, records })
    };
    shared.committed_everywhere(group)?.into_iter().map(lag).collect()
}

impl Shared {
    /// Sees to it that a topic is there, and returns how many partitions it has.
    pub(super) async fn ensure_topic(self: &Arc<Self>, name: &str) -> Result<u32, Error> {
        let known = self.partitions.read().unwrap_or_else(PoisonError::into_inner).get(name).copied();
        match known {
            Some(count) => Ok(count),
            None => {
                let configured = self.config.topic.get(name).and_then(|topic| topic.partitions);
                self.ensure_topic_of(name, configured).await
            }
        }
    }

    async fn ensure_topic_of(self: &Arc<Self>, name: &str, partitions: Option<u32>) -> Result<u32, Error> {
        if let Some(count) = self.find_topic(name).await? {
            return Ok(count);
        }
        if !self.config.kafka.create_topics {
            let problem = format!(
                "topic `{}` is not there; create it, or set `broker.kafka.create_topics = true`",
                self.wire_name(name)
            );
            return Err(self.server_error(problem));
        }
        self.request_topic(name, partitions.unwrap_or_else(|| self.config.partitions_of(name))).await?;
        for _ in 0..ATTEMPTS {
            if let Some(count) = self.find_topic(name).await? {
                return Ok(count);
            }
            tokio::time::sleep(PAUSE).await;
        }
        Err(self.server_error(format!("topic `{}` was created, and is not there", self.wire_name(name))))
    }

    async fn find_topic(self: &Arc<Self>, name: &str) -> Result<Option<u32>, Error> {
        let owned = name.to_owned();
        self.blocking(move |shared| {
            let count = shared.partition_count(&owned)?;
            if let Some(count) = count {
                let mut known = shared.partitions.write().unwrap_or_else(PoisonError::into_inner);
                known.insert(owned.into(), count);
            }
            Ok(count)
        })
        .await
    }

    /// How many partitions a topic has, all of them with a leader; `None` while it is not there.
    fn partition_count(&self, name: &str) -> Result<Option<u32>, Error> {
        let wire = self.wire_name(name);
        let metadata = self.observer.fetch_metadata(Some(&wire), REQUEST_TIMEOUT);
        let metadata = metadata.map_err(|error| self.server_error(format!("topic `{wire}`: {error}")))?;
        let Some(topic) = metadata.topics().first() else { return Ok(None) };
        match topic.error().map(RDKafkaErrorCode::from) {
            None => {}
            Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::LeaderNotAvailable) => {
                return Ok(None);
            }
            Some(code) => return Err(self.server_error(format!("topic `{wire}`: {code}"))),
        }
        let has_leaders = topic.partitions().iter().all(|partition| partition.leader() >= 0);
        let count = u32::try_from(topic.partitions().len()).unwrap_or(u32::MAX);
        Ok(Some(count).filter(|count| *count > 0 && has_leaders))
    }

    async fn request_topic(self: &Arc<Self>, name: &str, partitions: u32) -> Result<(), Error> {
        let wire = self.wire_name(name);
        let settings = topic_settings(self.config.topic.get(name), partitions, self.config.max_record_bytes);
        let admin: AdminClient<Quiet> = fault::checked(
            client::with_options(self.client.clone(), &self.config.kafka).create_with_context(Quiet),
            &self.servers,
        )?;
        let replication = self.config.kafka.replication.map_or(-1, i32::from);
        let count = i32::try_from(partitions).unwrap_or(i32::MAX);
        let mut topic = NewTopic::new(&wire, count, TopicReplication::Fixed(replication));
        for (key, value) in &settings {
            topic = topic.set(key, value);
        }
        let options = AdminOptions::new()
            .operation_timeout(Some(REQUEST_TIMEOUT))
            .request_timeout(Some(REQUEST_TIMEOUT));
        let created = admin.create_topics([&topic], &options).await;
        let failed = |reason: String| self.server_error(format!("cannot create topic `{wire}`: {reason}"));
        match created.map_err(|error| failed(error.to_string()))?.pop() {
            Some(Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists))) => {
                tracing::info!(topic = wire, partitions, "created");
                Ok(())
            }
            Some(Err((_, code))) => Err(failed(code.to_string())),
            None => Err(failed("no answer".to_owned())),
        }
    }

    /// The topics of ours, or those of them that are named.
    pub(super) fn infos(&self, names: Option<&[String]>) -> Result<Vec<TopicInfo>, Error> {
        let counts = match names {
            None => self.counts()?,
            Some(names) => {
                let count = |name: &String| {
                    Ok(self.partition_count(name)?.map(|count| (name.as_str().into(), count)))
                };
                names.iter().map(count).filter_map(Result::transpose).collect::<Result<_, Error>>()?
            }
        };
        let mut infos = Vec::new();
        for (name, count) in counts {
            let wire = self.wire_name(&name);
            let spans = (0..count).map(|partition| self.span(&self.observer, &wire, partition));
            infos.push(TopicInfo { partitions: spans.collect::<Result<_, _>>()?, name });
        }
        infos.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(infos)
    }

    /// All topics of ours with the number of their partitions.
    fn counts(&self) -> Result<HashMap<Arc<str>, u32>, Error> {
        let metadata = self.observer.fetch_metadata(None, REQUEST_TIMEOUT);
        let metadata =
            metadata.map_err(|error| self.server_error(format!("cannot list the topics: {error}")))?;
        let own = |topic: &rdkafka::metadata::MetadataTopic| {
            let name = self.own_name(topic.name())?;
            Some((Arc::from(name), u32::try_from(topic.partitions().len()).ok()?))
        };
        Ok(metadata.topics().iter().filter_map(own).collect())
    }

    /// The first offset of a partition and the one after its last committed record.
    pub(super) fn span<C: rdkafka::consumer::ConsumerContext>(
        &self,
        consumer: &BaseConsumer<C>,
        wire: &str,
        partition: u32,
    ) -> Result<PartitionInfo, Error> {
        let number = i32::try_from(partition).unwrap_or(i32::MAX);
        let (first, end) = consumer.fetch_watermarks(wire, number, REQUEST_TIMEOUT).map_err(|error| {
            self.server_error(format!("offsets of topic `{wire}`, partition {partition}: {error}"))
        })?;
        Ok(PartitionInfo { first: offset(first), end: offset(end) })
    }

    /// A group's positions on all topics of ours.
    pub(super) fn committed_everywhere(&self, group: &str) -> Result<Vec<Position>, Error> {
        let counts = self.counts()?;
        let mut wanted = TopicPartitionList::new();
        for (name, count) in &counts {
            let last = i32::try_from(*count).unwrap_or(i32::MAX) - 1;
            wanted.add_partition_range(&self.wire_name(name), 0, last);
        }
        self.committed_of(group, wanted)
    }

    /// A group's positions on the partitions `wanted`, by topic and partition; those that it has.
    pub(super) fn committed_of(
        &self,
        group: &str,
        wanted: TopicPartitionList,
    ) -> Result<Vec<Position>, Error> {
        if wanted.count() == 0 {
            return Ok(Vec::new());
        }
        let observer = self.group_observer(group)?;
        let found = observer.committed_offsets(wanted, REQUEST_TIMEOUT);
        let found =
            found.map_err(|error| self.server_error(format!("positions of group `{group}`: {error}")))?;
        let mut positions = self.positions(&found);
        positions.sort();
        Ok(positions)
    }

    /// The partitions of a list that have an offset, by our names.
    pub(super) fn positions(&self, list: &TopicPartitionList) -> Vec<Position> {
        let elements = list.elements();
        let position = |element: &rdkafka::topic_partition_list::TopicPartitionListElem<'_>| {
            let Offset::Offset(found) = element.offset() else { return None };
            let topic = Arc::from(self.own_name(element.topic())?);
            Some(Position {
                topic,
                partition: u32::try_from(element.partition()).ok()?,
                offset: offset(found),
            })
        };
        elements.iter().filter_map(position).collect()
    }

    fn group_observer(&self, group: &str) -> Result<Arc<BaseConsumer<Quiet>>, Error> {
        let mut observers = self.group_observers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(observer) = observers.get(group) {
            return Ok(Arc::clone(observer));
        }
        let created = observer(&self.client, &self.config, Some(&self.wire_name(group)));
        let created = Arc::new(fault::checked(created, &self.servers)?);
        observers.insert(group.to_owned(), Arc::clone(&created));
        Ok(created)
    }
}

/// The settings of a topic that we create.
///
/// Records carry the times of events, which may be long past in a replay. Retention by the records' own times would
/// delete them at once: where it is asked for, the topic stamps records with the time at which they arrive, and
/// otherwise it is off, whatever the cluster's default is.
fn topic_settings(
    topic: Option<&TopicConfig>,
    partitions: u32,
    max_record_bytes: u64,
) -> Vec<(&'static str, String)> {
    let mut settings = vec![("max.message.bytes", client::largest_message(max_record_bytes).to_string())];
    match topic.and_then(|topic| topic.retention_age) {
        None => settings.push(("retention.ms", "-1".to_owned())),
        Some(age) => {
            settings.push(("retention.ms", client::millis(age)));
            settings.push(("message.timestamp.type", "LogAppendTime".to_owned()));
        }
    }
    if let Some(bytes) = topic.and_then(|topic| topic.retention_bytes) {
        settings.push(("retention.bytes", (bytes / u64::from(partitions.max(1))).to_string()));
    }
    if topic.is_some_and(|topic| topic.compact) {
        settings.push(("cleanup.policy", "compact".to_owned()));
    }
    settings
}

/// An offset as we count it; the client's own numbers for "none" do not come here.
fn offset(raw: i64) -> u64 {
    u64::try_from(raw).unwrap_or(0)
}

/// Whether a record that is written now may carry this time. Kafka keeps no time before 1970, takes none from the
/// future (`message.timestamp.after.max.ms`), and 0 stands for "now" in its client.
pub(crate) fn wire_timestamp(timestamp: i64, now: i64) -> i64 {
    timestamp.clamp(1, now.max(1))
}
