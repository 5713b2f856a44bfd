//! A reader: consumers of its own, which go when it does.

use std::sync::Arc;

use crate::embedded::tail::{Fetched, Stretch};
use crate::error::Error;
use crate::lane::{Limits, Start};
use crate::nats::consumer::{self, From};
use crate::nats::inflow::{Inflow, Tap};
use crate::nats::topics::Topic;
use crate::nats::{Nats, checkpoint};
use crate::record::{Position, TopicInfo};

/// Reads partitions from positions that its owner keeps.
#[derive(Debug)]
pub(crate) struct Reader {
    nats: Nats,
    topics: Vec<Arc<Topic>>,
    inflow: Inflow,
    /// The consumer of each stretch, once it is there.
    taps: Vec<Option<u64>>,
    turn: usize,
}

impl Reader {
    /// Opens a reader, and says where it starts, by topic and partition.
    pub(crate) async fn open(
        nats: &Nats,
        names: &[String],
        start: Start,
    ) -> Result<(Self, Vec<Position>), Error> {
        let shared = &nats.shared;
        let mut topics = Vec::with_capacity(names.len());
        let mut positions = Vec::new();
        for name in names {
            let topic = shared.topics.find_or_create(name).await?;
            for partition in 0..topic.count() {
                let offset = checkpoint::start(shared, &start, &topic, partition).await?;
                positions.push(Position { topic: Arc::clone(&topic.name), partition, offset });
            }
            topics.push(topic);
        }
        let inflow = Inflow::open(shared).await?;
        let taps = vec![None; positions.len()];
        Ok((Self { nats: nats.clone(), topics, inflow, taps, turn: 0 }, positions))
    }

    /// Returns what its topics hold.
    pub(crate) async fn topics(&self) -> Result<Vec<TopicInfo>, Error> {
        let mut infos = Vec::with_capacity(self.topics.len());
        for topic in &self.topics {
            infos.push(self.nats.shared.topics.info(topic).await?);
        }
        Ok(infos)
    }

    /// Reads what is there; waits for something, if asked to, unless all stretches are at their ends.
    pub(crate) async fn fetch(
        &mut self,
        stretches: &[Stretch],
        limits: Limits,
        wait: bool,
    ) -> Result<Fetched, Error> {
        let mut offsets: Vec<u64> = stretches.iter().map(|stretch| stretch.position.offset).collect();
        let has_end = stretches.iter().any(|stretch| stretch.until != u64::MAX);
        loop {
            self.nats.shared.session.check()?;
            self.inflow.drain()?;
            self.open_all(stretches).await?;
            self.inflow.ask().await?;
            if !wait || has_end {
                self.catch_up(stretches, limits, &mut offsets).await?;
            }
            let records = self.take(stretches, limits, &mut offsets);
            let is_done = stretches.iter().zip(&offsets).all(|(stretch, offset)| *offset >= stretch.until);
            if !records.is_empty() || !wait || is_done {
                return Ok(Fetched { records, offsets });
            }
            self.inflow.wait().await?;
        }
    }

    /// Makes consumers where there are none, or none that can be relied on.
    async fn open_all(&mut self, stretches: &[Stretch]) -> Result<(), Error> {
        for (place, stretch) in stretches.iter().enumerate() {
            let tap = self.taps[place];
            let is_fine = tap.is_some_and(|number| !self.inflow.is_broken(number));
            if is_fine || tap.is_none() && stretch.is_done() {
                continue;
            }
            self.open_one(place, &stretch.position).await?;
        }
        Ok(())
    }

    async fn open_one(&mut self, place: usize, position: &Position) -> Result<(), Error> {
        let shared = &self.nats.shared;
        let no_topic = || Error::NoTopic { topic: position.topic.to_string() };
        let topic = self.topics.iter().find(|topic| topic.name == position.topic).ok_or_else(no_topic)?;
        let subject = topic.subjects.get(position.partition as usize).ok_or_else(no_topic)?;
        let before = self.taps[place].and_then(|number| self.inflow.tap(number));
        let offset = before.map_or(position.offset, |tap| tap.position);
        let name = shared.session.unique();
        consumer::create_ephemeral(shared, &name, From { stream: &topic.stream, subject, offset }).await?;
        let tap = match self.taps[place].take().and_then(|number| self.inflow.remove(number)) {
            Some(mut tap) => {
                tap.reopen(name);
                tap
            }
            None => Tap::new(topic, position.partition, name, offset),
        };
        self.taps[place] = Some(self.inflow.add(tap));
        Ok(())
    }

    /// Lets everything come that is there now, or as much as is asked for. A stretch of which nothing more can come
    /// is at its end: what was there has expired.
    async fn catch_up(
        &mut self,
        stretches: &[Stretch],
        limits: Limits,
        offsets: &mut [u64],
    ) -> Result<(), Error> {
        for (place, stretch) in stretches.iter().enumerate() {
            let Some(number) = self.taps[place] else { continue };
            let is_at_end = self.catch_up_one(number, limits).await?;
            if stretch.until != u64::MAX && is_at_end {
                offsets[place] = stretch.until;
            }
        }
        Ok(())
    }

    /// Says whether nothing waits and nothing is to come.
    async fn catch_up_one(&mut self, number: u64, limits: Limits) -> Result<bool, Error> {
        let shared = Arc::clone(&self.nats.shared);
        let Some(tap) = self.inflow.tap(number) else { return Ok(false) };
        let (stream, name) = (Arc::clone(&tap.topic.stream), tap.consumer.clone());
        let Some(progress) = consumer::progress(&shared, &stream, &name).await? else {
            return Ok(false);
        };
        let all = progress.delivered.consumer_seq + progress.num_pending;
        loop {
            self.inflow.drain()?;
            self.inflow.ask().await?;
            let Some(tap) = self.inflow.tap(number).filter(|tap| !tap.is_broken) else { return Ok(false) };
            if tap.delivered >= all || tap.waiting() >= limits.records || tap.asked == 0 {
                return Ok(tap.delivered >= all && tap.waiting() == 0);
            }
            self.inflow.wait().await?;
        }
    }

    fn take(
        &mut self,
        stretches: &[Stretch],
        limits: Limits,
        offsets: &mut [u64],
    ) -> Vec<crate::record::Record> {
        let mut places: Vec<usize> =
            (0..stretches.len()).filter(|place| self.taps[*place].is_some()).collect();
        let turn = self.turn % places.len().max(1);
        places.rotate_left(turn);
        self.turn = self.turn.wrapping_add(1);
        let numbers: Vec<(u64, u64)> =
            places.iter().filter_map(|place| Some((self.taps[*place]?, stretches[*place].until))).collect();
        let (records, taken) = self.inflow.take(&numbers, limits);
        for (number, taken) in taken {
            if let Some(place) = self.taps.iter().position(|tap| *tap == Some(number)) {
                offsets[place] = taken.to;
            }
        }
        for (place, stretch) in stretches.iter().enumerate() {
            let next = self.taps[place].and_then(|number| self.inflow.tap(number)).and_then(Tap::first);
            if stretch.until != u64::MAX && next.is_some_and(|next| next >= stretch.until) {
                offsets[place] = stretch.until;
            }
        }
        records
    }
}
