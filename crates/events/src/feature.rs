//! Feature events: things to score.

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use crate::{Fields, Timestamp};

/// What an experiment can randomize over, with its id: `card` 4711, `aircraft` N566UW.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unit {
    /// What the id identifies, in the user's own word.
    pub kind: CompactString,
    /// The id, as text and exactly as it came: it is hashed to assign the unit, so nothing is normalized.
    pub id: CompactString,
}

/// The units that an event belongs to, at least one; the first is the key that topics are partitioned by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Units(Vec<Unit>);

impl Units {
    /// The most units that one event may belong to.
    pub const MAX: usize = 16;

    /// Units of an event, or `None` where there is none or more than [`Units::MAX`].
    pub fn new(units: Vec<Unit>) -> Option<Self> {
        (1..=Self::MAX).contains(&units.len()).then_some(Self(units))
    }

    /// The unit that the event is keyed by.
    pub fn key(&self) -> &Unit {
        &self.0[0]
    }

    /// All units, the key first.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Unit> {
        self.0.iter()
    }

    /// The id of the unit of this kind, if the event has one.
    pub fn id(&self, kind: &str) -> Option<&str> {
        self.0.iter().find(|unit| unit.kind == kind).map(|unit| unit.id.as_str())
    }
}

/// One thing to score.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FeatureEvent {
    /// Identifies the event among all that are ever scored by one logical model. Two records with one id are
    /// one event that came twice: their predictions have one id too.
    pub event_id: CompactString,
    /// Whom or what it belongs to, the key first.
    pub units: Units,
    /// When it happened; not when it arrived.
    pub occurred_at: Timestamp,
    /// What the models read.
    pub features: Fields,
    /// What experiments target by; no model sees it.
    pub context: Fields,
}
