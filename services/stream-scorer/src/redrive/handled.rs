//! What other runs have dealt with: those of all reasons, and those of one.

use std::collections::HashMap;

use anyhow::Context;
use messaging::{Broker, Position, Record};

use super::{Redrive, text};
use crate::dead_letter::REASON;

/// The most groups that are asked for; there are as many as classes of errors.
const GROUPS_MAX: usize = 256;

/// The consumer group of runs of one reason.
pub(super) fn group(base: &str, reason: &str) -> String {
    format!("{base}.{reason}")
}

/// The positions of the groups of other runs.
#[derive(Debug, Default)]
pub(super) struct Handled(HashMap<String, Vec<Position>>);

impl Handled {
    /// Asks for the positions of the groups that may have dealt with these letters.
    pub(super) async fn find(
        &mut self,
        broker: &Broker,
        redrive: &Redrive,
        letters: &[Record],
    ) -> anyhow::Result<()> {
        for letter in letters {
            let Some(group) = other(redrive, letter) else { continue };
            if self.0.contains_key(&group) || self.0.len() >= GROUPS_MAX {
                continue;
            }
            let positions = broker.committed(&group).await;
            let positions = positions.with_context(|| format!("cannot ask for the position of `{group}`"))?;
            self.0.insert(group, positions);
        }
        Ok(())
    }

    /// Whether another run is beyond this letter.
    pub(super) fn includes(&self, redrive: &Redrive, letter: &Record) -> bool {
        let Some(positions) = other(redrive, letter).and_then(|group| self.0.get(&group)) else {
            return false;
        };
        positions.iter().any(|position| {
            position.topic == letter.topic
                && position.partition == letter.partition
                && position.offset > letter.offset
        })
    }
}

/// The other group whose runs may have dealt with a letter: of a run of one reason that of all, and the other way round.
fn other(redrive: &Redrive, letter: &Record) -> Option<String> {
    if redrive.reason.is_some() {
        return Some(redrive.group.clone());
    }
    let reason = text(&letter.headers, REASON)?;
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    reason.bytes().all(is_name).then(|| group(&redrive.group, reason))
}
