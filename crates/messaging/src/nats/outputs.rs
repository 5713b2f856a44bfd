//! Outputs on their way: checked, placed, and published.

use std::sync::Arc;

use async_nats::{Client, HeaderMap, Subject, header};
use bytes::Bytes;

use crate::config::{COMMIT_HEADROOM_BYTES, COMMIT_HEADROOM_HEADERS, Config, check_name};
use crate::error::Error;
use crate::failpoint::{self, Point};
use crate::nats::codec;
use crate::nats::session::{Published, Session};
use crate::nats::topics::{Topic, Topics};
use crate::record::{Headers, Output};

/// The most messages that a server commits at once.
pub(crate) const BATCH: usize = 1_000;

/// How many bytes a record's headers may take more than they have, escaped.
const ESCAPED: usize = 64 << 10;

const BATCH_ID: &str = "Nats-Batch-Id";
const BATCH_SEQUENCE: &str = "Nats-Batch-Sequence";
const BATCH_COMMIT: &str = "Nats-Batch-Commit";

/// The most that one record may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Most {
    /// `max_record_bytes`.
    configured: u64,
    headroom: u64,
    headers: usize,
    /// What the server takes in one message.
    message: usize,
    /// What of it has to be left for a dead letter.
    reserve: usize,
}

impl Most {
    /// Returns what an append is held to.
    pub(crate) fn of_append(config: &Config, message: usize) -> Self {
        let reserve = usize::try_from(COMMIT_HEADROOM_BYTES).unwrap_or(usize::MAX) + ESCAPED;
        Self { configured: config.max_record_bytes, headroom: 0, headers: Headers::MAX, message, reserve }
    }

    /// Returns what a commit is held to: room for a dead letter of any record that was appended.
    pub(crate) fn of_commit(config: &Config, message: usize) -> Self {
        Self {
            configured: config.max_record_bytes,
            headroom: COMMIT_HEADROOM_BYTES,
            headers: Headers::MAX + COMMIT_HEADROOM_HEADERS,
            message,
            reserve: 0,
        }
    }

    fn check(&self, output: &Output) -> Result<(), Error> {
        let (topic, size) = (|| output.topic.to_string(), output.size());
        if size as u64 > self.configured.saturating_add(self.headroom) {
            return Err(Error::RecordTooLarge { topic: topic(), size, limit: self.configured });
        }
        if output.headers.len() > self.headers {
            let problem = format!("{} are more than the limit of {}", output.headers.len(), self.headers);
            return Err(Error::Headers { topic: topic(), problem });
        }
        if !self.fits(output) {
            let limit = self.message.saturating_sub(self.reserve);
            return Err(Error::MessageTooLarge { topic: topic(), size, limit });
        }
        Ok(())
    }

    /// Says whether the server takes an output as one message.
    pub(crate) fn fits(&self, output: &Output) -> bool {
        let limit = self.message.saturating_sub(self.reserve);
        output.size() + ESCAPED <= limit || on_the_wire(output) <= limit
    }
}

/// Returns about what an output takes as a message, in bytes.
fn on_the_wire(output: &Output) -> usize {
    /// `NATS/1.0`, the headers of a batch and what is between them.
    const FRAME: usize = 512;
    let (headers, payload) = codec::encode(output);
    let line = |(name, values): (&header::HeaderName, &Vec<async_nats::HeaderValue>)| {
        let name: &str = name.as_ref();
        values.iter().map(|value| name.len() + value.as_str().len() + 4).sum::<usize>()
    };
    payload.len() + headers.iter().map(line).sum::<usize>() + FRAME
}

/// An output that may be written, and where to.
#[derive(Debug)]
pub(crate) struct Planned {
    pub(crate) output: Output,
    pub(crate) topic: Arc<Topic>,
    pub(crate) partition: u32,
}

impl Planned {
    fn subject(&self) -> Subject {
        self.topic.subjects[self.partition as usize].clone()
    }
}

/// Checks outputs and finds their partitions; topics that are not there are created. Refuses all if one of them
/// passes a limit.
pub(crate) async fn plan(topics: &Topics, outputs: Vec<Output>, most: Most) -> Result<Vec<Planned>, Error> {
    let mut planned: Vec<Planned> = Vec::with_capacity(outputs.len());
    for output in &outputs {
        check_name("topic", &output.topic)?;
        most.check(output)?;
    }
    for output in outputs {
        let topic = match planned.last() {
            Some(before) if before.topic.name == output.topic => Arc::clone(&before.topic),
            _ => topics.find_or_create(&output.topic).await?,
        };
        if topic.is_source {
            return Err(Error::ReadOnly { topic: topic.name.to_string(), stream: topic.stream.to_string() });
        }
        let partition = topics.place(&topic, &output)?;
        planned.push(Planned { output, topic, partition });
    }
    Ok(planned)
}

/// A new position of a group, which is stored if nobody has stored one since ours.
#[derive(Debug, Clone)]
pub(crate) struct Mark {
    pub(crate) subject: Subject,
    /// The sequence of the position before; 0 if there was none.
    pub(crate) expected: u64,
    pub(crate) body: Bytes,
    /// Whether it replaces the ones before it.
    pub(crate) rollup: bool,
}

impl Mark {
    pub(crate) fn message(&self) -> (Subject, HeaderMap, Bytes) {
        let mut headers = HeaderMap::new();
        headers.insert(header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, self.expected.to_string());
        if self.rollup {
            headers.insert("Nats-Rollup", "sub");
        }
        (self.subject.clone(), headers, self.body.clone())
    }
}

/// Publishes outputs and then positions, all or nothing; together they are at most [`BATCH`]. The answer has the
/// sequence of the last message, and those before it have the ones before it.
///
/// With an id, the server refuses the whole batch when it has one of its messages already.
pub(crate) async fn send_batch(
    session: &Session,
    outputs: &[Planned],
    id: Option<&str>,
    marks: &[Mark],
) -> Result<Published, Error> {
    let mut messages = outputs.iter().enumerate().map(|(place, planned)| message(planned, id, place));
    let mut marks = marks.iter().map(Mark::message);
    let count = outputs.len() + marks.len();
    let mut next = || messages.next().or_else(|| marks.next());
    let batch = session.unique();
    for place in 1..count {
        if place == outputs.len() + 1 {
            failpoint::pass(Point::CommitSent);
        }
        let Some((subject, mut headers, payload)) = next() else { break };
        headers.insert(BATCH_ID, batch.as_str());
        headers.insert(BATCH_SEQUENCE, place.to_string());
        if !stage(session, subject, headers, payload).await? {
            return Ok(Published::Unknown);
        }
    }
    let Some((subject, mut headers, payload)) = next() else { return Ok(Published::Unknown) };
    if count > 1 {
        headers.insert(BATCH_ID, batch.as_str());
        headers.insert(BATCH_SEQUENCE, count.to_string());
        headers.insert(BATCH_COMMIT, "1");
    }
    failpoint::pass(Point::CommitInside);
    session.publish(&subject, headers, payload).await
}

/// Returns the messages of an output: its id is made of that of its batch and its place in it.
fn message(planned: &Planned, id: Option<&str>, place: usize) -> (Subject, HeaderMap, Bytes) {
    let (mut headers, payload) = codec::encode(&planned.output);
    if let Some(id) = id {
        headers.insert(header::NATS_MESSAGE_ID, format!("{id}-{place}"));
    }
    (planned.subject(), headers, payload)
}

/// Sends a message that nobody answers, and says whether it went out before the connection was lost.
async fn stage(
    session: &Session,
    subject: Subject,
    headers: HeaderMap,
    payload: Bytes,
) -> Result<bool, Error> {
    let client: &Client = &session.client;
    tokio::select! {
        biased;
        sent = client.publish_with_headers(subject, headers, payload) => Ok(sent.is_ok()),
        ended = session.ended() => Err(ended),
    }
}
