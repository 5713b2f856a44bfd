//! Taking partitions over, and keeping their positions alive.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use super::store::is_about_positions;
use super::{Committer, Held, Opened, Owned, SETTLE};
use crate::error::Error;
use crate::nats::checkpoint::{self, Checkpoint};
use crate::nats::consumer::{self, From};
use crate::nats::membership::Slot;
use crate::nats::outputs::Mark;
use crate::nats::session::{Patience, Published};
use crate::nats::subject;

/// How long a consumer is tried to be made.
const OPENING: Duration = Duration::from_secs(30);

#[derive(Debug, Deserialize)]
struct Info {
    state: Span,
}

#[derive(Debug, Deserialize)]
struct Span {
    first_seq: u64,
    last_seq: u64,
}

impl Committer {
    /// Gives up partitions that are not wanted, takes over those that are, and makes consumers anew.
    pub(super) async fn follow(
        &mut self,
        wanted: BTreeSet<Slot>,
        reopen: BTreeMap<Slot, u64>,
    ) -> Result<Owned, Error> {
        if self.held.is_empty() && *self.epoch.borrow() > 0 {
            tokio::time::sleep(SETTLE).await;
        }
        self.held.retain(|slot, _| wanted.contains(slot));
        for (slot, offset) in reopen {
            if self.held.contains_key(&slot) && !self.reopen(slot, offset).await? {
                self.give_up();
                break;
            }
        }
        for slot in wanted {
            if !self.held.contains_key(&slot) {
                let held = self.claim(slot).await?;
                self.held.insert(slot, held);
            }
        }
        let slots = self.held.iter().map(|(slot, held)| (*slot, held.opened.clone())).collect();
        Ok(Owned { epoch: *self.epoch.borrow(), slots })
    }

    /// Stores a partition's position in our name, which fences whoever had it, and makes its consumer.
    async fn claim(&mut self, slot: Slot) -> Result<Held, Error> {
        let (topic, write) = (self.topic(slot), self.number());
        let session = &self.shared.session;
        let mut patience = Patience::new(session.patience);
        let (next, sequence) = loop {
            let found = checkpoint::find(&self.shared, &self.config.group, &topic.name, slot.1).await?;
            let (next, expected) = match found {
                Some(found) if found.checkpoint.lane == self.lane && found.checkpoint.write == write => {
                    break (found.checkpoint.next, found.sequence);
                }
                Some(found) => (found.checkpoint.next, found.sequence),
                None => (self.first_position(slot).await?, 0),
            };
            let mark = Mark {
                subject: self.subject(slot).into(),
                expected,
                body: Checkpoint { next, lane: self.lane.clone(), write }.encode(),
                rollup: self.shared.abilities.rollup,
            };
            let (subject, headers, body) = mark.message();
            let problem = match session.publish(&subject, headers, body).await? {
                Published::Stored(stored) => break (next, stored.sequence),
                Published::Refused(refusal) if is_about_positions(&refusal) => refusal.text,
                Published::Refused(refusal) => {
                    return Err(session.problem(format!("{subject}: {}", refusal.text)));
                }
                Published::Unknown => "no answer".to_owned(),
            };
            let waited = patience.pause().await;
            waited.map_err(|waited| session.gave_up(&subject, waited, &problem))?;
        };
        let opened = self.open(slot, (write, sequence), next).await?;
        Ok(Held { opened, next, sequence })
    }

    /// Returns where a group starts on a partition on which it never was.
    async fn first_position(&self, slot: Slot) -> Result<u64, Error> {
        let topic = self.topic(slot);
        let name = subject::consumer(&self.config.group, &topic.name, slot.1);
        let before = consumer::progress(&self.shared, &topic.stream, &name).await?;
        if before.is_some_and(|progress| progress.delivered.consumer_seq > 0) {
            return Err(self.shared.session.problem(format!(
                "group `{}` has been at topic `{}`, partition {}, and its position is gone: was stream `{}` purged \
                 or deleted? To begin anew, delete consumer `{name}` of stream `{}`",
                self.config.group, topic.name, slot.1, self.shared.config.nats.stream, topic.stream
            )));
        }
        checkpoint::start(&self.shared, &self.config.start, &topic, slot.1).await
    }

    /// Makes a partition's consumer anew, if the partition is still ours.
    async fn reopen(&mut self, slot: Slot, offset: u64) -> Result<bool, Error> {
        let Some((claim, sequence)) = self.held.get(&slot).map(|held| (held.opened.claim, held.sequence))
        else {
            return Ok(false);
        };
        if !self.is_at(slot, sequence).await? {
            return Ok(false);
        }
        let opened = self.open(slot, (claim, sequence), offset).await?;
        if let Some(held) = self.held.get_mut(&slot) {
            held.opened = opened;
        }
        Ok(true)
    }

    /// Says whether nobody has stored a position since this one.
    async fn is_at(&self, slot: Slot, sequence: u64) -> Result<bool, Error> {
        let topic = self.topic(slot);
        let found = checkpoint::find(&self.shared, &self.config.group, &topic.name, slot.1).await?;
        Ok(found.is_some_and(|found| found.sequence == sequence))
    }

    /// Makes a partition's consumer. Where somebody else is at it just then, the one whose position is the newest goes
    /// on trying; the other finds out from its consumer, or from its next commit.
    async fn open(
        &mut self,
        slot: Slot,
        (claim, sequence): (u64, u64),
        offset: u64,
    ) -> Result<Opened, Error> {
        let topic = self.topic(slot);
        let consumer = subject::consumer(&self.config.group, &topic.name, slot.1);
        let from = From { stream: &topic.stream, subject: &topic.subjects[slot.1 as usize], offset };
        let mut patience = Patience::new(self.shared.session.patience.min(OPENING));
        loop {
            let Err(error) = consumer::create_durable(&self.shared, &consumer, from).await else { break };
            if !self.is_at(slot, sequence).await? {
                break;
            }
            patience.pause().await.map_err(|_waited| error)?;
        }
        Ok(Opened { claim, opening: self.number(), consumer, offset })
    }

    /// Stores positions again that are in the older half of the stream, before its limits reach them.
    pub(super) async fn care(&mut self) {
        match self.refresh().await {
            Ok(true) => {}
            Ok(false) => self.give_up(),
            Err(error) => tracing::warn!(%error, "positions could not be looked after"),
        }
    }

    async fn refresh(&mut self) -> Result<bool, Error> {
        let stream = &self.shared.config.nats.stream;
        let answer = self.shared.session.ask::<Info>(&format!("STREAM.INFO.{stream}"), &json!({})).await?;
        let Ok(Info { state }) = answer else { return Ok(true) };
        let middle = state.first_seq.midpoint(state.last_seq);
        let old: Vec<(Slot, u64)> = self
            .held
            .iter()
            .filter(|(_, held)| held.sequence < middle)
            .map(|(slot, held)| (*slot, held.next))
            .collect();
        for slot in old {
            if !self.store_step(&[], &[slot]).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
