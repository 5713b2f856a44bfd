//! Prediction events: scores, and how they came about.

use std::sync::Arc;

use compact_str::CompactString;
use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::SerializeMap};
use smallvec::SmallVec;

use crate::{Timestamp, Unit};

/// In what capacity a version scored an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The version that serves everybody outside experiments, and the control arm within them.
    Production,
    /// A candidate that serves the units of its arm.
    Canary,
    /// One of several alternatives in an A/B/n experiment.
    Variant,
    /// Scores silently; nobody acts on it.
    Shadow,
}

impl Role {
    /// The word on topics, in metrics and in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Production => "production",
            Self::Canary => "canary",
            Self::Variant => "variant",
            Self::Shadow => "shadow",
        }
    }
}

/// Why production answered in place of the version that was assigned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fallback {
    /// The assigned version refused the event's features.
    Error,
    /// The assigned version gave NaN or infinity.
    NotFinite,
    /// The assigned version panicked.
    Panic,
    /// The assigned version missed its deadline.
    Deadline,
    /// The assigned version is not loaded, or was disabled after repeated failures.
    Unavailable,
}

impl Fallback {
    /// The word on topics, in metrics and in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::NotFinite => "not_finite",
            Self::Panic => "panic",
            Self::Deadline => "deadline",
            Self::Unavailable => "unavailable",
        }
    }
}

/// The named outputs of a model for one event. The names are shared by all events of the model.
#[derive(Clone, Debug, PartialEq)]
pub struct Outputs {
    names: Arc<[Arc<str>]>,
    values: SmallVec<[f64; 2]>,
}

impl Outputs {
    /// Outputs of these names and values, in the model's order.
    ///
    /// # Panics
    /// Where there are not as many values as names.
    pub fn new(names: Arc<[Arc<str>]>, values: &[f64]) -> Self {
        assert_eq!(names.len(), values.len(), "a model gives a value for each of its outputs");
        Self { names, values: SmallVec::from_slice(values) }
    }

    /// The value of the output `name`.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.iter().find_map(|(each, value)| (each == name).then_some(value))
    }

    /// Names and values, in the model's order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, f64)> {
        self.names.iter().map(AsRef::as_ref).zip(self.values.iter().copied())
    }
}

impl Serialize for Outputs {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.names.len()))?;
        for (name, value) in self.iter() {
            map.serialize_entry(name, &value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Outputs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // A sorted map: Avro keeps no order of its maps, and a reader needs none.
        let map = std::collections::BTreeMap::<Arc<str>, f64>::deserialize(deserializer)?;
        let values = map.values().copied().collect();
        Ok(Self { names: map.into_keys().collect(), values })
    }
}

/// One score by one version of a model, on the record with everything that an analysis needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PredictionEvent {
    /// See [`crate::prediction_id`]: the same for the same event, model and slot, whenever it is scored again.
    pub prediction_id: CompactString,
    /// The event that was scored.
    pub event_id: CompactString,
    /// The unit that the event is keyed by.
    pub unit: Unit,
    /// The logical model.
    pub model: Arc<str>,
    /// The version whose outputs these are.
    pub version: Arc<str>,
    /// The version that should have answered; differs from `version` after a fallback.
    pub assigned_version: Arc<str>,
    /// The capacity of the assigned version.
    pub role: Role,
    /// The experiment that the unit takes part in, if it does.
    pub experiment: Option<Arc<str>>,
    /// The arm of that experiment.
    pub variant: Option<Arc<str>>,
    /// The bucket, 0 to 9,999, that put the unit into this arm.
    pub bucket: Option<u16>,
    /// The probability with which an eligible unit gets this arm.
    pub propensity: Option<f64>,
    /// The revision of the deployment that routed the event.
    #[serde(with = "crate::count")]
    pub revision: u64,
    /// What the model said.
    pub outputs: Outputs,
    /// Why production answered instead of the assigned version, where it did.
    pub fallback: Option<Fallback>,
    /// When the event happened.
    pub occurred_at: Timestamp,
    /// When it was scored.
    pub scored_at: Timestamp,
}
