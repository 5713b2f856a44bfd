//! Sending dead letters back to where they came from, after a fix.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use events::ORIGIN_HEADER;
use messaging::{Broker, Commit, Header, Headers, LaneConfig, Limits, Output, Record, Start};
use runtime::Shutdown;
use serde::Serialize;
use tokio::time::Instant;

use crate::dead_letter::{ATTEMPTS, ERROR_HEADERS, OFFSET, PARTITION, REASON, TOPIC};

/// The most records of one commit.
const BATCH_RECORDS_MAX: u32 = 1_000;
/// The most bytes of one commit, at least one record.
const BATCH_BYTES: usize = 8 << 20;
/// How many commits there are in a second, where the rate allows.
const COMMITS_A_SECOND: u32 = 10;
/// How long nothing comes before the rest is taken to be somebody else's, or gone.
const IDLE: Duration = Duration::from_secs(10);

/// Which dead letters are sent back, and how.
#[derive(Clone, Debug)]
pub struct Redrive {
    /// The topic of the dead letters.
    pub topic: String,
    /// Where they go; `None`: where each came from, to the same partition.
    pub to: Option<String>,
    /// The consumer group that remembers how far redrives have come. What one run passes over, the next run of the
    /// same group does not see.
    pub group: String,
    /// The most records a second; at least 1.
    pub rate: u32,
    /// Only those with this class of error.
    pub reason: Option<String>,
    /// Only those stamped at this time or later, in milliseconds since 1970. The stamp is the event's own.
    pub since: Option<i64>,
    /// The most records that are sent.
    pub max: Option<u64>,
    /// How often one record is sent back at the most, over all runs.
    pub max_attempts: u32,
}

/// What a redrive did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Dead letters that were looked at.
    pub read: u64,
    /// Those that were sent.
    pub sent: u64,
    /// Those that were sent, by the class of their error.
    pub reasons: BTreeMap<String, u64>,
    /// Those that were sent as often as they may be, and stay.
    pub exhausted: u64,
    /// Those of another class or an earlier time, and stay.
    pub passed_over: u64,
    /// Those that do not say where they came from, or came from a topic that is not there, and stay.
    pub without_origin: u64,
}

/// What becomes of a dead letter.
#[derive(Debug, PartialEq)]
enum Judgement {
    Send(Box<Output>),
    Exhausted,
    PassedOver,
    WithoutOrigin,
}

impl Redrive {
    /// Sends dead letters back until the end of their topic as of now. Each batch and the position after it are
    /// committed together: a run that is stopped goes on where it was.
    ///
    /// # Errors
    /// Where the broker gives up; what was sent until then is.
    pub async fn run(
        &self,
        broker: &Broker,
        shutdown: &Shutdown,
        mut progress: impl FnMut(&Summary),
    ) -> anyhow::Result<Summary> {
        let mut ends = Ends::of(broker, self).await?;
        let topics = known_topics(broker).await?;
        let mut summary = Summary::default();
        if ends.are_reached() {
            return Ok(summary);
        }
        let config = LaneConfig {
            group: self.group.clone(),
            topics: vec![self.topic.clone()],
            start: Start::Earliest,
        };
        let mut lane =
            broker.lane(config).await.with_context(|| format!("cannot join group `{}`", self.group))?;
        let started = Instant::now();
        while let Some(limits) = self.next_limits(&summary).filter(|_| !ends.are_reached()) {
            let batch = tokio::select! {
                biased;
                () = shutdown.requested() => break,
                batch = lane.take(limits) => batch?,
                () = tokio::time::sleep(IDLE) => break,
            };
            let (outputs, after) = self.judge_all(&batch.records, &topics, summary.clone());
            ends.reach(&batch.records);
            if lane.commit(batch, outputs).await? == Commit::Revoked {
                continue;
            }
            summary = after;
            progress(&summary);
            let due = started + Duration::from_secs(1).mul_f64(ratio(summary.sent, self.rate));
            tokio::select! {
                () = shutdown.requested() => break,
                () = tokio::time::sleep_until(due) => {}
            }
        }
        Ok(summary)
    }

    /// Says what [`Redrive::run`] would do, and changes nothing.
    ///
    /// # Errors
    /// Where the broker gives up.
    pub async fn rehearse(&self, broker: &Broker) -> anyhow::Result<Summary> {
        let topics = known_topics(broker).await?;
        let committed = broker.committed(&self.group).await.context("cannot ask for the group's position")?;
        let mut reader = broker.reader(std::slice::from_ref(&self.topic), Start::At(committed)).await?;
        reader.stop_at_end().await?;
        let mut summary = Summary::default();
        while let Some(limits) = self.next_limits(&summary) {
            let records = reader.read(limits).await?;
            if records.is_empty() {
                break;
            }
            summary = self.judge_all(&records, &topics, summary).1;
        }
        Ok(summary)
    }

    /// How much is taken at once: no more than may still be sent, and little enough to keep the rate even.
    fn next_limits(&self, summary: &Summary) -> Option<Limits> {
        let even = (self.rate / COMMITS_A_SECOND).clamp(1, BATCH_RECORDS_MAX);
        let left = self.max.map_or(u64::MAX, |max| max.saturating_sub(summary.sent));
        let records = left.min(even.into());
        (records > 0).then(|| Limits { records: usize::try_from(records).unwrap_or(1), bytes: BATCH_BYTES })
    }

    fn judge_all(
        &self,
        letters: &[Record],
        topics: &[Arc<str>],
        mut summary: Summary,
    ) -> (Vec<Output>, Summary) {
        let mut outputs = Vec::new();
        for letter in letters {
            summary.read += 1;
            match self.judge(letter, topics) {
                Judgement::Send(output) => {
                    summary.sent += 1;
                    let reason = text(&letter.headers, REASON).unwrap_or("unknown");
                    *summary.reasons.entry(reason.into()).or_default() += 1;
                    outputs.push(*output);
                }
                Judgement::Exhausted => summary.exhausted += 1,
                Judgement::PassedOver => summary.passed_over += 1,
                Judgement::WithoutOrigin => summary.without_origin += 1,
            }
        }
        (outputs, summary)
    }

    fn judge(&self, letter: &Record, topics: &[Arc<str>]) -> Judgement {
        let headers = &letter.headers;
        let is_wanted = self.reason.as_deref().is_none_or(|reason| text(headers, REASON) == Some(reason))
            && self.since.is_none_or(|since| letter.timestamp >= since);
        if !is_wanted {
            return Judgement::PassedOver;
        }
        let attempts = text(headers, ATTEMPTS).and_then(|attempts| attempts.parse().ok()).unwrap_or(0_u32);
        if attempts >= self.max_attempts {
            return Judgement::Exhausted;
        }
        let place = Place::of(headers);
        let target = match (&self.to, &place) {
            (Some(to), _) => Some((to.as_str(), None)),
            (None, Some(place)) => Some((place.topic, Some(place.partition))),
            (None, None) => None,
        };
        let Some((target, partition)) = target else { return Judgement::WithoutOrigin };
        let is_there = |topic: &&Arc<str>| ***topic == *target && *target != *self.topic;
        let Some(topic) = topics.iter().find(is_there) else { return Judgement::WithoutOrigin };
        Judgement::Send(Box::new(Output {
            topic: Arc::clone(topic),
            partition,
            timestamp: letter.timestamp,
            key: letter.key.clone(),
            value: letter.value.clone(),
            headers: restored(headers, place, attempts + 1),
        }))
    }
}

/// Where a dead letter was taken from.
struct Place<'a> {
    topic: &'a str,
    partition: u32,
    offset: u64,
}

impl<'a> Place<'a> {
    fn of(headers: &'a Headers) -> Option<Self> {
        Some(Self {
            topic: text(headers, TOPIC)?,
            partition: text(headers, PARTITION)?.parse().ok()?,
            offset: text(headers, OFFSET)?.parse().ok()?,
        })
    }
}

/// The headers as the record had them when it was taken, and beside them how often it was sent back and where it was
/// taken from the first time: the id of an event that has none of its own must not change.
fn restored(headers: &Headers, place: Option<Place<'_>>, attempts: u32) -> Headers {
    let mut kept: Vec<Header> = headers.iter().cloned().collect();
    for name in ERROR_HEADERS {
        // The last one of a name is ours; one before it is the record's own.
        if let Some(at) = kept.iter().rposition(|header| header.name == name) {
            kept.remove(at);
        }
    }
    let origin = match (headers.get(ORIGIN_HEADER), place) {
        (Some(first), _) => Some(first.clone()),
        (None, Some(Place { topic, partition, offset })) => {
            Some(Bytes::from(format!("{topic}/{partition}/{offset}")))
        }
        (None, None) => None,
    };
    kept.retain(|header| header.name != ATTEMPTS && header.name != ORIGIN_HEADER);
    let mut headers = Headers::from(kept);
    if let Some(origin) = origin {
        headers.push(ORIGIN_HEADER, origin);
    }
    headers.push(ATTEMPTS, Bytes::from(attempts.to_string()));
    headers
}

fn text<'a>(headers: &'a Headers, name: &str) -> Option<&'a str> {
    std::str::from_utf8(headers.get(name)?).ok()
}

async fn known_topics(broker: &Broker) -> anyhow::Result<Vec<Arc<str>>> {
    let topics = broker.topics().await.context("cannot list the topics")?;
    Ok(topics.into_iter().map(|topic| topic.name).collect())
}

/// Seconds that so many records take.
#[expect(clippy::cast_precision_loss, reason = "a pause needs no more than fifteen digits")]
fn ratio(records: u64, rate: u32) -> f64 {
    records as f64 / f64::from(rate.max(1))
}

/// How far each partition of the dead letters goes, as of the start, and how far it has been read.
struct Ends(Vec<(u64, u64)>);

impl Ends {
    async fn of(broker: &Broker, redrive: &Redrive) -> anyhow::Result<Self> {
        let topics = broker.topics().await.context("cannot list the topics")?;
        let Some(topic) = topics.iter().find(|topic| *topic.name == *redrive.topic) else {
            anyhow::bail!("there is no topic \"{}\"", redrive.topic);
        };
        let committed =
            broker.committed(&redrive.group).await.context("cannot ask for the group's position")?;
        let partitions = topic.partitions.iter().zip(0..).map(|(partition, number)| {
            let is_it = |position: &&messaging::Position| {
                *position.topic == *redrive.topic && position.partition == number
            };
            let position = committed.iter().find(is_it).map_or(0, |position| position.offset);
            (position.max(partition.first), partition.end)
        });
        Ok(Self(partitions.collect()))
    }

    fn reach(&mut self, records: &[Record]) {
        for record in records {
            if let Some((position, _)) = self.0.get_mut(record.partition as usize) {
                *position = record.offset + 1;
            }
        }
    }

    fn are_reached(&self) -> bool {
        self.0.iter().all(|(position, end)| position >= end)
    }
}
