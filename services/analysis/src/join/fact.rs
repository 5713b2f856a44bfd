//! One fact, in all the versions that came of it.

use compact_str::CompactString;
use events::{OutcomeEvent, Timestamp};
use smallvec::{SmallVec, smallvec};

/// A fact about an event, a prediction or a unit. It may come again, corrected.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fact {
    pub(crate) id: CompactString,
    pub(crate) metric: CompactString,
    /// No two of them stand at the same time: each is of a higher rank than those that came before it.
    versions: SmallVec<[Version; 1]>,
}

/// What one record says of the fact.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Version {
    pub(crate) value: f64,
    pub(crate) occurred_at: Timestamp,
    pub(crate) revision: u64,
    /// Where it was read.
    partition: u32,
    /// How far its partition had come when it was read: what decides whether it came too late, whoever reads when.
    pub(crate) seen_at: Timestamp,
}

impl Version {
    /// Higher stands before lower: a later revision, or the same one in a lower partition.
    fn rank(&self) -> (u64, std::cmp::Reverse<u32>) {
        (self.revision, std::cmp::Reverse(self.partition))
    }

    /// Whether `self` leaves no moment at which `other` would stand.
    fn covers(&self, other: &Self) -> bool {
        self.rank() >= other.rank() && self.seen_at <= other.seen_at
    }
}

impl Fact {
    pub(crate) fn new(event: OutcomeEvent, partition: u32, seen_at: Timestamp) -> Self {
        let OutcomeEvent { outcome_id: id, metric, value, occurred_at, revision, .. } = event;
        Self { id, metric, versions: smallvec![Version { value, occurred_at, revision, partition, seen_at }] }
    }

    /// What stands in the end.
    pub(crate) fn last(&self) -> Version {
        self.versions[self.versions.len() - 1]
    }

    /// What stood when the partition that it came on had come to `moment`; nothing if it came later.
    pub(crate) fn standing(&self, moment: Timestamp) -> Option<Version> {
        self.versions.iter().rev().find(|version| version.seen_at <= moment).copied()
    }

    /// Versions that are kept besides the one that stands.
    pub(crate) fn history(&self) -> usize {
        self.versions.len() - 1
    }

    /// Takes in another record of the same fact.
    pub(crate) fn meet(&mut self, other: Self) {
        for version in other.versions {
            if self.versions.iter().any(|each| each.covers(&version)) {
                continue;
            }
            self.versions.retain(|each| !version.covers(each));
            let place = self.versions.partition_point(|each| each.rank() < version.rank());
            self.versions.insert(place, version);
        }
    }
}

/// Facts about one thing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts(Vec<Fact>);

/// What became of a fact that was taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Noted {
    /// The revision in which it stood before, if it was there.
    pub(crate) before: Option<u64>,
    /// How many versions more are kept now; fewer, if negative.
    pub(crate) growth: isize,
}

impl Facts {
    pub(crate) fn iter(&self) -> std::slice::Iter<'_, Fact> {
        self.0.iter()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether there is a fact of this id.
    pub(crate) fn has(&self, id: &str) -> bool {
        self.0.iter().any(|fact| fact.id == id)
    }

    /// Takes in a fact.
    pub(crate) fn note(&mut self, fact: Fact) -> Noted {
        let Some(earlier) = self.0.iter_mut().find(|each| each.id == fact.id) else {
            self.0.push(fact);
            return Noted { before: None, growth: 0 };
        };
        let (before, kept) = (earlier.last().revision, earlier.history());
        earlier.meet(fact);
        Noted { before: Some(before), growth: earlier.history().cast_signed() - kept.cast_signed() }
    }
}

impl IntoIterator for Facts {
    type Item = Fact;
    type IntoIter = std::vec::IntoIter<Fact>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}
