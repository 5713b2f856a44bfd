//! The mapping from a user's own event to ours, as it stands in the configuration.
//!
//! Places are JSON pointers such as `/card/hash`; they name the fields of Avro records just as well. Fields of
//! the event that no pointer names are passed over.
//!
//! Around the event may be a CloudEvent: in headers, or in the payload, of which pointers then see the member
//! `data`. Its attributes are places too: `ce:id`, `ce:subject`, `ce:type`, or an extension, `ce:partitionkey`.

use std::fmt;

use serde::{Deserialize, Deserializer, de};

/// Where a feature event is found in the user's own.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeatureMapping {
    /// Where the event's id is: text, or a whole number. Without it the id is the source and the id of the
    /// CloudEvent, with a space between them; where there is none, the record's topic, partition and offset, and
    /// then a record that is produced twice is two events.
    pub id: Option<String>,
    /// Where the units are. The first is the key.
    pub units: UnitsAt,
    /// Where the time is. Without it the CloudEvent's time counts, and without that the record's own timestamp.
    pub time: Option<String>,
    /// How the time is written; RFC 3339 text unless said otherwise. The times of Avro and of CloudEvents need no format.
    #[serde(default)]
    pub time_format: TimeFormat,
    /// Where the features are.
    pub features: FieldsAt,
    /// Where the context is that experiments target by; none by default.
    #[serde(default)]
    pub context: FieldsAt,
}

/// Where outcomes are found in a user's own event. Exactly one of `event`, `prediction` and `unit` is set.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutcomeMapping {
    /// Where the id of the fact is. Required with `unit`, where one unit has many facts; otherwise there is
    /// one fact for each event or prediction and metric.
    pub id: Option<String>,
    /// Where the id of the event is that the outcome is about.
    pub event: Option<String>,
    /// Where the id of the prediction is that the outcome is about.
    pub prediction: Option<String>,
    /// Where the unit is that the outcome is about: one kind and its place.
    pub unit: Option<UnitsAt>,
    /// Where the time of the outcome is. Without it the CloudEvent's time counts, and without that the record's own
    /// timestamp.
    pub time: Option<String>,
    /// How the time is written; RFC 3339 text unless said otherwise.
    #[serde(default)]
    pub time_format: TimeFormat,
    /// Where the number of the correction is, from 0; without it every record has revision 0.
    pub revision: Option<String>,
    /// The metrics and where their values are: numbers, or truth values as 1 and 0. A value that is null or
    /// not there is no outcome of that metric.
    pub values: Pairs,
}

/// Which records of a mixed topic are outcomes.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TypeMapping {
    /// Where the type of the event is; text.
    pub at: String,
    /// The types that are outcomes. Records of any other type are feature events.
    pub outcomes: Vec<String>,
}

/// Names and places, in the order in which they were written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pairs(pub Vec<(String, String)>);

/// Kinds of units and the places of their ids, the key first.
pub type UnitsAt = Pairs;

/// Where the fields of a set are.
#[derive(Clone, Debug, PartialEq)]
pub enum FieldsAt {
    /// All single values below this object: a value nested deeper gets a dotted name, `device.os`. Arrays are
    /// no fields.
    Members(String),
    /// Each field by itself.
    Each(Pairs),
}

impl Default for FieldsAt {
    fn default() -> Self {
        Self::Each(Pairs::default())
    }
}

/// How a time is written in text or number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeFormat {
    /// RFC 3339 text with an offset: `2013-04-01T08:54:00Z`.
    #[default]
    Rfc3339,
    /// Seconds since 1970, perhaps with a fraction.
    EpochSeconds,
    /// Whole milliseconds since 1970.
    EpochMillis,
    /// Whole microseconds since 1970.
    EpochMicros,
}

impl TimeFormat {
    /// What a time in this format is, for messages.
    pub(crate) fn expected(self) -> &'static str {
        match self {
            Self::Rfc3339 => "an RFC 3339 time such as 2013-04-01T08:54:00Z",
            Self::EpochSeconds => "seconds since 1970",
            Self::EpochMillis => "whole milliseconds since 1970",
            Self::EpochMicros => "whole microseconds since 1970",
        }
    }
}

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PairsVisitor)
    }
}

impl<'de> Deserialize<'de> for FieldsAt {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FieldsAtVisitor)
    }
}

struct PairsVisitor;

impl<'de> de::Visitor<'de> for PairsVisitor {
    type Value = Pairs;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table of names and JSON pointers, such as { card = \"/card/hash\" }")
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = map.next_entry()? {
            pairs.push(pair);
        }
        Ok(Pairs(pairs))
    }
}

struct FieldsAtVisitor;

impl<'de> de::Visitor<'de> for FieldsAtVisitor {
    type Value = FieldsAt;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON pointer to an object, or a table of names and JSON pointers")
    }

    fn visit_str<E: de::Error>(self, pointer: &str) -> Result<FieldsAt, E> {
        Ok(FieldsAt::Members(pointer.into()))
    }

    fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<FieldsAt, A::Error> {
        PairsVisitor.visit_map(map).map(FieldsAt::Each)
    }
}
