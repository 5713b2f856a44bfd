//! A reader without a group: it commits nothing and shares nothing.

use crate::embedded::Embedded;
use crate::embedded::tail::{self, Fetched, Stretch};
use crate::error::Error;
use crate::kafka;
use crate::lane::Limits;
use crate::nats;
use crate::record::{Position, Record, TopicInfo};
use crate::socket::Remote;

/// Reads topics from positions that its owner keeps.
#[derive(Debug)]
pub struct Reader {
    source: Source,
    stretches: Vec<Stretch>,
    /// Which partition the next read begins with.
    turn: usize,
}

#[derive(Debug)]
pub(crate) enum Source {
    Log(Embedded),
    /// A connection of its own: a read that waits must not hold up others.
    Remote(Remote),
    Kafka(kafka::Reader),
    Nats(nats::Reader),
}

impl Reader {
    pub(crate) fn new(source: Source, positions: Vec<Position>) -> Self {
        let stretches = positions.into_iter().map(|position| Stretch { position, until: u64::MAX }).collect();
        Self { source, stretches, turn: 0 }
    }

    /// Waits for at least one record and reads what is there.
    ///
    /// Returns nothing only after [`Reader::stop_at_end`], when that end is reached. Records of one partition
    /// come in its order. Dropping the future loses nothing.
    ///
    /// # Errors
    /// With [`Fate::Failed`](crate::Fate) if the broker gave up or was closed.
    pub async fn read(&mut self, limits: Limits) -> Result<Vec<Record>, Error> {
        self.fetch(limits, true).await
    }

    /// Reads what is there without waiting; nothing, if there is nothing.
    ///
    /// # Errors
    /// As [`Reader::read`].
    pub async fn read_available(&mut self, limits: Limits) -> Result<Vec<Record>, Error> {
        self.fetch(limits, false).await
    }

    /// Makes the reader stop at the end as of now: from here on, [`Reader::read`] returns nothing when all
    /// records have been read that are there at the time of this call.
    ///
    /// # Errors
    /// As [`Reader::read`].
    pub async fn stop_at_end(&mut self) -> Result<(), Error> {
        let topics = match &self.source {
            Source::Log(embedded) => embedded.log.infos(),
            Source::Remote(remote) => remote.topics().await?,
            Source::Kafka(reader) => reader.topics().await?,
            Source::Nats(reader) => reader.topics().await?,
        };
        for stretch in &mut self.stretches {
            stretch.until = end(&topics, &stretch.position)?;
        }
        Ok(())
    }

    /// Returns where the reader goes on, by topic and partition; [`Start::At`](crate::Start::At) takes them.
    pub fn positions(&self) -> impl ExactSizeIterator<Item = &Position> {
        self.stretches.iter().map(|stretch| &stretch.position)
    }

    async fn fetch(&mut self, limits: Limits, wait: bool) -> Result<Vec<Record>, Error> {
        if self.stretches.iter().all(Stretch::is_done) {
            return Ok(Vec::new());
        }
        let limits = limits.at_least_one();
        let Fetched { records, offsets } = match &mut self.source {
            Source::Log(embedded) => {
                tail::fetch(&embedded.log, &self.stretches, limits, (self.turn, wait)).await?
            }
            Source::Remote(remote) => remote.fetch(&self.stretches, limits, (self.turn, wait)).await?,
            Source::Kafka(reader) => reader.fetch(&self.stretches, limits, wait).await?,
            Source::Nats(reader) => reader.fetch(&self.stretches, limits, wait).await?,
        };
        self.turn = self.turn.wrapping_add(1);
        for (stretch, offset) in self.stretches.iter_mut().zip(offsets) {
            stretch.position.offset = offset;
        }
        Ok(records)
    }
}

fn end(topics: &[TopicInfo], position: &Position) -> Result<u64, Error> {
    topics
        .iter()
        .find(|topic| topic.name == position.topic)
        .and_then(|topic| topic.partitions.get(position.partition as usize))
        .map(|partition| partition.end)
        .ok_or_else(|| Error::NoTopic { topic: position.topic.to_string() })
}
