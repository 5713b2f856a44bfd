//! Which topics there are, and what they hold.
//!
//! The number of a topic's partitions is in a bucket beside the stream, `<stream>-topics`, so that limits of the
//! stream do not drop it: `nats kv ls serin-topics`.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::stream::RawMessage;
use async_nats::{HeaderMap, Subject, header};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::config::{Config, MAX_PARTITIONS, check_name};
use crate::error::Error;
use crate::nats::session::{Patience, Published, Session};
use crate::nats::stream::NO_STREAM;
use crate::nats::subject::{self, Prefix};
use crate::partitioner;
use crate::record::{Output, PartitionInfo, TopicInfo};

/// There is no such message.
const NO_MESSAGE: u64 = 10_037;
/// A message is not the one that was to come next.
pub(crate) const WRONG_LAST_SEQUENCE: [u64; 2] = [10_071, 10_164];

/// A topic: the subjects of its partitions, and the stream that has them.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Topic {
    pub(crate) name: Arc<str>,
    pub(crate) stream: Arc<str>,
    /// One a partition, by number.
    pub(crate) subjects: Vec<Subject>,
    /// Whether it is in a stream of somebody else, to be read only.
    pub(crate) is_source: bool,
}

impl Topic {
    pub(crate) fn count(&self) -> u32 {
        u32::try_from(self.subjects.len()).unwrap_or(u32::MAX)
    }
}

/// The topics of a broker. What is known of a topic never changes.
#[derive(Debug)]
pub(crate) struct Topics {
    session: Arc<Session>,
    config: Arc<Config>,
    pub(crate) prefix: Prefix,
    known: RwLock<HashMap<Arc<str>, Arc<Topic>>>,
    /// Where the next record without a key goes.
    turn: AtomicU32,
}

/// What the bucket says of a topic.
#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    partitions: u32,
}

#[derive(Debug, Deserialize)]
struct Message {
    message: RawMessage,
}

#[derive(Debug, Deserialize)]
struct Subjects {
    state: SubjectState,
}

#[derive(Debug, Deserialize)]
struct SubjectState {
    #[serde(default)]
    subjects: Option<HashMap<String, u64>>,
}

impl Topics {
    /// Finds the bucket, or creates it.
    pub(crate) async fn open(session: &Arc<Session>, config: &Arc<Config>) -> Result<Self, Error> {
        let topics = Self {
            session: Arc::clone(session),
            config: Arc::clone(config),
            prefix: Prefix(config.nats.prefix.clone()),
            known: RwLock::default(),
            turn: AtomicU32::new(0),
        };
        let bucket = topics.bucket();
        let wanted = json!({
            "name": bucket,
            "description": "how many partitions each topic of serin has",
            "subjects": [format!("$KV.{}.>", topics.bucket_name())],
            "storage": "file",
            "retention": "limits",
            "discard": "new",
            "num_replicas": config.nats.replicas,
            "max_msgs_per_subject": 1,
            "max_msgs": -1,
            "max_bytes": -1,
            "max_consumers": -1,
            "allow_direct": true,
            "allow_rollup_hdrs": true,
            "deny_delete": true,
        });
        let found = session.ask::<serde_json::Value>(&format!("STREAM.INFO.{bucket}"), &json!({})).await?;
        if found.is_err_and(|refusal| refusal.error == NO_STREAM) {
            let created =
                session.ask::<serde_json::Value>(&format!("STREAM.CREATE.{bucket}"), &wanted).await?;
            created.map_err(|refusal| {
                session.problem(format!("cannot create bucket `{}`: {}", topics.bucket_name(), refusal.text))
            })?;
        }
        for (name, source) in &config.nats.source {
            let subjects =
                (0..source.partitions).map(|partition| source.partition(partition).into()).collect();
            let (name, stream) = (Arc::from(name.as_str()), Arc::from(source.stream.as_str()));
            topics.remember(Topic { name, stream, subjects, is_source: true });
        }
        Ok(topics)
    }

    fn bucket_name(&self) -> String {
        format!("{}-topics", self.config.nats.stream)
    }

    fn bucket(&self) -> String {
        format!("KV_{}", self.bucket_name())
    }

    fn key(&self, topic: &str) -> String {
        format!("$KV.{}.{}", self.bucket_name(), subject::token(topic))
    }

    fn remember(&self, topic: Topic) -> Arc<Topic> {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let name = Arc::clone(&topic.name);
        Arc::clone(known.entry(name).or_insert_with(|| Arc::new(topic)))
    }

    fn known(&self, name: &str) -> Option<Arc<Topic>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).get(name).map(Arc::clone)
    }

    fn of_ours(&self, name: &str, partitions: u32) -> Arc<Topic> {
        self.remember(Topic {
            name: name.into(),
            stream: self.config.nats.stream.as_str().into(),
            subjects: (0..partitions)
                .map(|partition| self.prefix.partition(name, partition).into())
                .collect(),
            is_source: false,
        })
    }

    /// Returns a topic, if it is there.
    pub(crate) async fn find(&self, name: &str) -> Result<Option<Arc<Topic>>, Error> {
        if let Some(topic) = self.known(name) {
            return Ok(Some(topic));
        }
        let Some(message) = self.last(&self.bucket(), &self.key(name)).await? else { return Ok(None) };
        let entry: Entry = serde_json::from_slice(&message.payload).map_err(|error| {
            self.session.problem(format!("bucket `{}`, key {name}: {error}", self.bucket_name()))
        })?;
        Ok(Some(self.of_ours(name, entry.partitions)))
    }

    /// Returns a topic, which is created as configured if it is not there.
    pub(crate) async fn find_or_create(&self, name: &str) -> Result<Arc<Topic>, Error> {
        match self.known(name) {
            Some(topic) => Ok(topic),
            None => self.create(name, None).await,
        }
    }

    /// Creates a topic, unless it is there. A count in the configuration counts as asked for.
    pub(crate) async fn create(&self, name: &str, partitions: Option<u32>) -> Result<Arc<Topic>, Error> {
        check_name("topic", name)?;
        let asked = partitions.or_else(|| self.config.topic.get(name).and_then(|topic| topic.partitions));
        if let Some(asked) = asked.filter(|asked| !(1..=MAX_PARTITIONS).contains(asked)) {
            let problem = format!("topic `{name}`: {asked} partitions are not in 1..={MAX_PARTITIONS}");
            return Err(Error::Config { problems: vec![problem] });
        }
        let topic = match self.find(name).await? {
            Some(topic) => topic,
            None => self.create_once(name, asked.unwrap_or_else(|| self.config.partitions_of(name))).await?,
        };
        let existing = topic.count();
        match asked.filter(|asked| *asked != existing) {
            Some(asked) => Err(Error::PartitionCount { topic: name.to_owned(), existing, asked }),
            None => Ok(topic),
        }
    }

    /// Creates a topic, or finds it if somebody else was faster.
    async fn create_once(&self, name: &str, partitions: u32) -> Result<Arc<Topic>, Error> {
        let entry = serde_json::to_vec(&Entry { partitions })
            .map_err(|error| self.session.problem(format!("topic `{name}`: {error}")))?;
        let mut patience = Patience::new(self.session.patience);
        loop {
            let mut headers = HeaderMap::new();
            headers.insert(header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, "0");
            match self.session.publish(&self.key(name), headers, Bytes::from(entry.clone())).await? {
                Published::Stored(_) => return Ok(self.of_ours(name, partitions)),
                Published::Refused(refusal) if !WRONG_LAST_SEQUENCE.contains(&refusal.error) => {
                    return Err(self
                        .session
                        .problem(format!("cannot create topic `{name}`: {}", refusal.text)));
                }
                Published::Refused(_) | Published::Unknown => {}
            }
            if let Some(topic) = self.find(name).await? {
                return Ok(topic);
            }
            let waited = patience.pause().await;
            waited
                .map_err(|waited| self.session.gave_up(&format!("topic `{name}`"), waited, "not stored"))?;
        }
    }

    /// Returns all topics by name.
    pub(crate) async fn all(&self) -> Result<Vec<Arc<Topic>>, Error> {
        let filter = format!("$KV.{}.>", self.bucket_name());
        let mut names: Vec<String> = self.config.nats.source.keys().cloned().collect();
        for subject in self.subjects(&self.bucket(), &filter).await? {
            names.extend(subject.rsplit('.').next().map(subject::name));
        }
        names.sort_unstable();
        names.dedup();
        let mut topics = Vec::with_capacity(names.len());
        for name in names {
            topics.extend(self.find(&name).await?);
        }
        Ok(topics)
    }

    /// Returns the first and the end offset of each partition.
    pub(crate) async fn info(&self, topic: &Topic) -> Result<TopicInfo, Error> {
        let mut partitions = Vec::with_capacity(topic.subjects.len());
        for subject in &topic.subjects {
            let first =
                self.message(&topic.stream, &json!({ "seq": 1, "next_by_subj": subject.as_str() })).await?;
            partitions.push(match first {
                Some(first) => PartitionInfo { first: first.sequence, end: self.end(topic, subject).await? },
                None => PartitionInfo { first: 0, end: 0 },
            });
        }
        Ok(TopicInfo { name: Arc::clone(&topic.name), partitions })
    }

    /// Returns the end offset of a partition: one more than that of its newest record, 0 without one.
    pub(crate) async fn end(&self, topic: &Topic, subject: &str) -> Result<u64, Error> {
        Ok(self.last(&topic.stream, subject).await?.map_or(0, |message| message.sequence + 1))
    }

    /// Returns the newest message of a subject, as the stream's leader knows it.
    pub(crate) async fn last(&self, stream: &str, subject: &str) -> Result<Option<StreamMessage>, Error> {
        self.message(stream, &json!({ "last_by_subj": subject })).await
    }

    async fn message(&self, stream: &str, which: &serde_json::Value) -> Result<Option<StreamMessage>, Error> {
        let answer = self.session.ask::<Message>(&format!("STREAM.MSG.GET.{stream}"), which).await?;
        match answer {
            Ok(Message { message }) => StreamMessage::try_from(message)
                .map(Some)
                .map_err(|error| self.session.problem(format!("stream `{stream}`: {error}"))),
            Err(refusal) if refusal.error == NO_MESSAGE => Ok(None),
            Err(refusal) => Err(self.session.problem(format!("stream `{stream}`: {}", refusal.text))),
        }
    }

    /// Returns the subjects of a stream that have messages.
    pub(crate) async fn subjects(&self, stream: &str, filter: &str) -> Result<Vec<String>, Error> {
        let request = json!({ "subjects_filter": filter });
        let answer = self.session.ask::<Subjects>(&format!("STREAM.INFO.{stream}"), &request).await?;
        let info =
            answer.map_err(|refusal| self.session.problem(format!("stream `{stream}`: {}", refusal.text)))?;
        Ok(info.state.subjects.unwrap_or_default().into_keys().collect())
    }

    /// Returns which partition of its topic an output goes to.
    pub(crate) fn place(&self, topic: &Topic, output: &Output) -> Result<u32, Error> {
        let (count, topic) = (topic.count(), &topic.name);
        match (output.partition, &output.key) {
            (Some(partition), _) if partition >= count => {
                Err(Error::Partition { topic: topic.to_string(), partition, count })
            }
            (Some(partition), _) => Ok(partition),
            (None, Some(key)) => Ok(partitioner::partition_of(key, count)),
            (None, None) => Ok(self.turn.fetch_add(1, Ordering::Relaxed) % count),
        }
    }
}
