//! From a line of a file to what a model reads of an event: no unit, no time, since nothing is routed or joined.

use compact_str::CompactString;

use super::{Faults, fields, id};
use crate::document::{Extraction, Plan, Target};
use crate::wire::Limits;
use crate::{DecodeError, Fields, FieldsAt, MappingError};

/// One line, as far as it could be read.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The event's id, where the line carries one; told of a line whose features cannot be read, too, if it comes
    /// before what is wrong.
    pub event_id: Option<CompactString>,
    /// What the model reads.
    pub features: Result<Fields, DecodeError>,
}

/// Reads lines of JSON for scoring alone. What scoring does not need, units and time, is not asked for, so that rows
/// of a table are as good as events of a stream.
#[derive(Debug)]
pub struct RowDecoder {
    plan: Plan,
    id: Option<usize>,
    /// Where the object is whose members are the features; see [`crate::Decoder`], which asks for it too.
    features: Option<String>,
    limits: Limits,
    found: Extraction,
}

impl RowDecoder {
    /// Reads lines whose id, if they have one, and features are at these places; those of our own events are
    /// `/event_id` and `/features`.
    ///
    /// # Errors
    /// All that is wrong with the places.
    pub fn new(id: Option<&str>, at: &FieldsAt, limits: Limits) -> Result<Self, Vec<MappingError>> {
        let mut faults = Faults::default();
        let mut plan = Plan::new();
        let id = faults.optional_slot(&mut plan, "event_id", "id", id);
        fields(Target::Features, "features", at, &mut plan, &mut faults);
        let features = match at {
            FieldsAt::Members(at) => Some(at.clone()),
            FieldsAt::Each(_) => None,
        };
        faults.or(|| Self { plan, id, features, limits, found: Extraction::default() })
    }

    /// Reads one line.
    pub fn decode(&mut self, line: &[u8]) -> Row {
        let read = self.read(line);
        let slot = self.id.filter(|slot| self.found.slots.get(*slot).is_some_and(Option::is_some));
        let event_id = slot.map(|slot| id(&self.plan, slot, &self.found.slots)).transpose();
        let (event_id, fault) = match event_id {
            Ok(event_id) => (event_id, None),
            // Null is as good as missing, and a line may well go without.
            Err(DecodeError::Missing { .. }) => (None, None),
            Err(fault) => (None, Some(fault)),
        };
        let features = match (read, fault) {
            (Err(fault), _) | (Ok(()), Some(fault)) => Err(fault),
            (Ok(()), None) => self.features(),
        };
        Row { event_id, features }
    }

    fn read(&mut self, line: &[u8]) -> Result<(), DecodeError> {
        self.found.slots.clear();
        match line.trim_ascii_start() {
            [] => return Err(DecodeError::Empty),
            [b'{', ..] => {}
            [first, ..] => return Err(DecodeError::UnknownEncoding { first: *first }),
        }
        if line.len() > self.limits.payload_bytes {
            return Err(DecodeError::TooLarge { size: line.len(), limit: self.limits.payload_bytes });
        }
        self.found.read_json(&self.plan, line)
    }

    fn features(&mut self) -> Result<Fields, DecodeError> {
        match &self.features {
            Some(pointer) if !self.found.has_features => {
                Err(DecodeError::Missing { field: "features".into(), pointer: pointer.clone() })
            }
            _ => Ok(self.found.features.finish()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoder() -> RowDecoder {
        let features = FieldsAt::Members("/features".into());
        RowDecoder::new(Some("/event_id"), &features, Limits { payload_bytes: 200 }).unwrap()
    }

    fn rows(lines: &[&str]) -> Vec<(Option<String>, Result<usize, &'static str>)> {
        let mut decoder = decoder();
        let row = |line: &&str| {
            let row = decoder.decode(line.as_bytes());
            let features = row.features.map(|fields| fields.iter().len()).map_err(|error| error.reason());
            (row.event_id.map(Into::into), features)
        };
        lines.iter().map(row).collect()
    }

    #[test]
    fn a_line_needs_features_and_nothing_else() {
        let long = format!(r#"{{"event_id":"e","features":{{"x":"{}"}}}}"#, "x".repeat(200));
        for (line, id, features) in [
            (r#"{"event_id":"e","features":{"x":1,"y":null}}"#, Some("e"), Ok(2)),
            (r#"{"event_id":7,"unit_id":"u","features":{}}"#, Some("7"), Ok(0)),
            (r#"{"features":{"x":1}}"#, None, Ok(1)),
            (r#"{"event_id":null,"features":{"x":1}}"#, None, Ok(1)),
            (r#"{"event_id":1.5,"features":{"x":1}}"#, None, Err("wrong_type")),
            (r#"{"event_id":"e"}"#, Some("e"), Err("missing_field")),
            (r#"{"event_id":"e","features":[1]}"#, Some("e"), Err("wrong_type")),
            (r#"{"event_id":"e","features":{"x":1,"x":2}}"#, Some("e"), Err("duplicate_field")),
            (r#"{"event_id":"e","features":{"x":"#, Some("e"), Err("malformed")),
            ("[1]", None, Err("unknown_encoding")),
            ("", None, Err("empty")),
            (&long, None, Err("too_large")),
        ] {
            assert_eq!(rows(&[line]), [(id.map(str::to_owned), features)], "{line}");
        }
    }

    #[test]
    fn nothing_of_a_bad_line_is_left_for_the_next() {
        let lines = [r#"{"event_id":"e","features":{"x":1"#, "nonsense", r#"{"features":{"y":1}}"#];
        let told = rows(&lines);
        assert_eq!(told[1], (None, Err("unknown_encoding")));
        assert_eq!(told[2], (None, Ok(1)));
    }
}
