//! Storing outputs together with the positions after them.

use sha2::{Digest, Sha256};

use super::{Committer, Move};
use crate::error::Error;
use crate::failpoint::{self, Point};
use crate::nats::checkpoint::{self, Checkpoint, Found};
use crate::nats::membership::Slot;
use crate::nats::outputs::{BATCH, Mark, Planned, send_batch};
use crate::nats::session::{Patience, Published, Refusal};
use crate::nats::singly::{self, Singly};
use crate::nats::stream::Guarantee;
use crate::nats::topics::WRONG_LAST_SEQUENCE;

/// The most bytes that are committed at once: the server holds them in memory.
const BATCH_BYTES: usize = 32 << 20;

/// What became of positions that were to be stored.
enum Fate {
    Stored,
    /// Somebody else has stored one.
    Lost,
    /// None was stored, as far as one can see.
    Missing,
}

impl Committer {
    /// Stores outputs and the positions after a batch, and says whether the partitions are still ours.
    ///
    /// What is too much for one step of the server goes in several. Each has the positions, so that nobody else can
    /// come in between, and only the last moves them: if the process dies before that, what the first steps stored
    /// is stored again.
    pub(super) async fn store(&mut self, planned: &[Planned], moves: &[Move]) -> Result<bool, Error> {
        let mut rest = planned;
        loop {
            let (step, after) = rest.split_at(step(rest, BATCH - moves.len().min(BATCH - 1)));
            let slots: Vec<(Slot, u64)> = moves
                .iter()
                .map(|moved| (moved.slot, if after.is_empty() { moved.to } else { moved.from }))
                .collect();
            if !self.store_step(step, &slots).await? {
                return Ok(false);
            }
            if after.is_empty() {
                return Ok(true);
            }
            rest = after;
            tracing::debug!(left = rest.len(), "a commit takes more than one step");
        }
    }

    /// Stores outputs and new positions of partitions that we hold.
    pub(super) async fn store_step(
        &mut self,
        outputs: &[Planned],
        slots: &[(Slot, u64)],
    ) -> Result<bool, Error> {
        let write = self.number();
        if self.shared.abilities.guarantee == Guarantee::Atomic {
            return self.store_together(outputs, slots, write).await;
        }
        // Nothing fences us while outputs are stored: see at least that nobody has the partitions now.
        for slot in slots {
            if !matches!(self.look(&[*slot], write).await?, Fate::Missing) {
                return Ok(false);
            }
        }
        self.store_outputs(outputs, slots).await?;
        for slot in slots {
            if !self.store_together(&[], &[*slot], write).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Stores outputs and positions, all or nothing.
    async fn store_together(
        &mut self,
        outputs: &[Planned],
        slots: &[(Slot, u64)],
        write: u64,
    ) -> Result<bool, Error> {
        let marks = self.marks(slots, write);
        let mut patience = Patience::new(self.shared.session.patience);
        loop {
            failpoint::pass(Point::CommitBefore);
            let problem = match send_batch(&self.shared.session, outputs, None, &marks).await? {
                Published::Stored(stored) => {
                    failpoint::pass(Point::CommitAfter);
                    let count = slots.len() as u64;
                    for (place, (slot, next)) in (0..).zip(slots) {
                        self.moved(*slot, *next, stored.sequence + 1 + place - count);
                    }
                    return Ok(true);
                }
                Published::Refused(refusal) => refusal.text,
                Published::Unknown => "no answer".to_owned(),
            };
            match self.look(slots, write).await? {
                Fate::Stored => return Ok(true),
                Fate::Lost => return Ok(false),
                Fate::Missing => {}
            }
            self.again(&mut patience, &problem).await?;
        }
    }

    /// Stores outputs one by one, however often they have to be sent.
    async fn store_outputs(&self, outputs: &[Planned], slots: &[(Slot, u64)]) -> Result<(), Error> {
        let before = slots.iter().map(|(slot, _)| {
            let sequence = self.held.get(slot).map_or(0, |held| held.sequence);
            format!("{}/{sequence}", self.subject(*slot))
        });
        let batch = before.collect::<Vec<_>>().join("+");
        let mut patience = Patience::new(self.shared.session.patience);
        loop {
            let send =
                singly::send(&self.shared.session, outputs, |place, planned| id(&batch, place, planned));
            let problem = match send.await? {
                Singly::Stored(_) => {
                    failpoint::pass(Point::CommitSent);
                    return Ok(());
                }
                Singly::Refused(refusal) => refusal.text,
                Singly::Unknown => "no answer".to_owned(),
            };
            self.again(&mut patience, &problem).await?;
        }
    }

    async fn again(&self, patience: &mut Patience, problem: &str) -> Result<(), Error> {
        tracing::warn!(problem, group = self.config.group, "a commit is tried again");
        let waited = patience.pause().await;
        waited.map_err(|waited| self.shared.session.gave_up("commit", waited, problem))
    }

    fn marks(&self, slots: &[(Slot, u64)], write: u64) -> Vec<Mark> {
        let mark = |(slot, next): &(Slot, u64)| Mark {
            subject: self.subject(*slot).into(),
            expected: self.held.get(slot).map_or(0, |held| held.sequence),
            body: Checkpoint { next: *next, lane: self.lane.clone(), write }.encode(),
            rollup: self.shared.abilities.rollup,
        };
        slots.iter().map(mark).collect()
    }

    pub(super) fn subject(&self, slot: Slot) -> String {
        self.shared.topics.prefix.checkpoint(&self.config.group, &self.topics[slot.0].name, slot.1)
    }

    fn moved(&mut self, slot: Slot, next: u64, sequence: u64) {
        if let Some(held) = self.held.get_mut(&slot) {
            (held.next, held.sequence) = (next, sequence);
        }
    }

    /// Looks at what is stored: the answer to a write was lost, or says no.
    async fn look(&mut self, slots: &[(Slot, u64)], write: u64) -> Result<Fate, Error> {
        let mut found = Vec::with_capacity(slots.len());
        for (slot, _) in slots {
            let name = &self.topics[slot.0].name;
            found.push(checkpoint::find(&self.shared, &self.config.group, name, slot.1).await?);
        }
        let is_ours = |found: &Option<Found>| {
            found
                .as_ref()
                .is_some_and(|found| found.checkpoint.lane == self.lane && found.checkpoint.write == write)
        };
        let is_as_before = |(found, (slot, _)): (&Option<Found>, &(Slot, u64))| {
            let before = self.held.get(slot).map_or(0, |held| held.sequence);
            found.as_ref().map_or(0, |found| found.sequence) == before
        };
        if found.iter().all(is_ours) {
            for ((slot, next), found) in slots.iter().zip(found.into_iter().flatten()) {
                self.moved(*slot, *next, found.sequence);
            }
            return Ok(Fate::Stored);
        }
        if found.iter().zip(slots).all(is_as_before) {
            return Ok(Fate::Missing);
        }
        if let Some(place) = found.iter().position(Option::is_none) {
            let subject = self.subject(slots[place].0);
            return Err(self.shared.session.problem(format!(
                "the position on `{subject}` is gone: was the stream purged, or is its limit too small?"
            )));
        }
        Ok(Fate::Lost)
    }
}

/// Says whether a refusal is about positions.
pub(super) fn is_about_positions(refusal: &Refusal) -> bool {
    WRONG_LAST_SEQUENCE.contains(&refusal.error)
}

/// Returns how many of these outputs go in one step.
fn step(outputs: &[Planned], most: usize) -> usize {
    let mut bytes = 0;
    let fits = |planned: &&Planned| {
        bytes += planned.output.size();
        bytes <= BATCH_BYTES
    };
    outputs.iter().take(most).take_while(fits).count().max(1).min(outputs.len())
}

/// The id under which the server drops an output that comes once more: made of the positions before it, its place and
/// what it says. Without the last, another output in the same place would be lost.
fn id(batch: &str, place: usize, planned: &Planned) -> String {
    let output = &planned.output;
    let mut digest = Sha256::new();
    for part in [output.key.as_deref(), output.value.as_deref()] {
        digest.update(part.map_or(0, <[u8]>::len).to_le_bytes());
        digest.update(part.unwrap_or_default());
    }
    let digest = digest.finalize();
    let head = digest.iter().take(8).fold(0_u64, |head, byte| head << 8 | u64::from(*byte));
    format!("{batch}#{place}-{head:016x}")
}
