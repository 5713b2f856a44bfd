//! Named values: the features and the context of an event.

use std::collections::HashMap;
use std::sync::Arc;

use compact_str::CompactString;
use serde::{Serialize, Serializer, ser::SerializeMap};

/// One value of a feature or a context field.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Present and null. To a model this is the same as absent: a missing value.
    Null,
    /// True or false; a model reads it as 1 or 0.
    Bool(bool),
    /// Any number, as a double. Whole numbers beyond 2^53 lose their last digits here: what identifies
    /// something belongs in `units`, which are text.
    Number(f64),
    /// Text.
    Text(CompactString),
}

/// The names of an event's fields, in the order in which they came, each once.
///
/// Events of one producer carry the same names again and again, so a decoder hands out one shared list for
/// all of them, and a reader that has bound its columns to a list can compare addresses instead of texts.
#[derive(Debug, Default, PartialEq, Eq, Hash)]
pub struct FieldNames(Box<[CompactString]>);

impl FieldNames {
    /// The names, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.iter().map(CompactString::as_str)
    }

    /// The place of `name`, if it is here.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|each| each == name)
    }

    /// How many names there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no name at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Named values of one event: a shared list of names, and a value for each.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fields {
    names: Arc<FieldNames>,
    values: Vec<Value>,
}

impl Fields {
    /// The names, shared with other events of the same shape.
    pub fn names(&self) -> &Arc<FieldNames> {
        &self.names
    }

    /// The values, in the order of [`Fields::names`] and as many.
    pub fn values(&self) -> &[Value] {
        &self.values
    }

    /// The value of `name`, if the event carries it. A search through the names: for a field here and there.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.names.position(name).map(|at| &self.values[at])
    }

    /// Names and values side by side.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> {
        self.names.iter().zip(&self.values)
    }

    /// Whether there is no field at all.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(flag) => serializer.serialize_bool(*flag),
            Self::Number(number) => serializer.serialize_f64(*number),
            Self::Text(text) => serializer.serialize_str(text),
        }
    }
}

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.values.len()))?;
        for (name, value) in self.iter() {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// Collects fields from the left. Of two fields of one name the later one wins: decoders that must refuse
/// duplicates use [`FieldsBuilder`] and ask.
impl<N: Into<CompactString>> FromIterator<(N, Value)> for Fields {
    fn from_iter<I: IntoIterator<Item = (N, Value)>>(fields: I) -> Self {
        let mut names: Vec<CompactString> = Vec::new();
        let mut values = Vec::new();
        for (name, value) in fields {
            let name = name.into();
            match names.iter().position(|each| *each == name) {
                Some(at) => values[at] = value,
                None => {
                    names.push(name);
                    values.push(value);
                }
            }
        }
        Self { names: Arc::new(FieldNames(names.into())), values }
    }
}

/// Builds the [`Fields`] of one event after another, and gives events of one shape one list of names.
///
/// It guesses that the next event has the names of the last one, in the same order; while the guess holds,
/// pushing a field compares one text and allocates nothing but the values.
#[derive(Debug, Default)]
pub struct FieldsBuilder {
    guess: Arc<FieldNames>,
    /// The names so far, once the guess has failed for this event.
    names: Option<Vec<CompactString>>,
    values: Vec<Value>,
    known: HashMap<Arc<FieldNames>, ()>,
}

/// Shapes remembered by one builder. A producer has a handful; a stream whose every event has other names gets
/// by without sharing, and the memory stays bounded.
const KNOWN_SHAPES_MAX: usize = 256;

impl FieldsBuilder {
    /// Adds a field. Returns false, and adds nothing, where the event already has a field of this name.
    #[must_use]
    pub fn push(&mut self, name: &str, value: Value) -> bool {
        let at = self.values.len();
        match &mut self.names {
            None if self.guess.0.get(at).is_some_and(|guessed| guessed == name) => {}
            None => {
                let names: Vec<_> = self.guess.0.iter().take(at).cloned().collect();
                return self.push_beyond_guess(names, name, value);
            }
            Some(names) => {
                let names = std::mem::take(names);
                return self.push_beyond_guess(names, name, value);
            }
        }
        self.values.push(value);
        true
    }

    fn push_beyond_guess(&mut self, mut names: Vec<CompactString>, name: &str, value: Value) -> bool {
        let is_new = !names.iter().any(|each| each == name);
        if is_new {
            names.push(name.into());
            self.values.push(value);
        }
        self.names = Some(names);
        is_new
    }

    /// How many fields the event has so far.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether the event has no field yet.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Takes the fields of this event, and starts the next one.
    pub fn finish(&mut self) -> Fields {
        let values = std::mem::replace(&mut self.values, Vec::with_capacity(self.guess.len()));
        let names = match self.names.take() {
            None if values.len() == self.guess.len() => None,
            None => Some(self.guess.0.iter().take(values.len()).cloned().collect()),
            Some(names) => Some(names),
        };
        if let Some(names) = names {
            self.guess = self.intern(FieldNames(names.into()));
        }
        Fields { names: Arc::clone(&self.guess), values }
    }

    /// Forgets the fields of an event that turned out to be bad.
    pub fn discard(&mut self) {
        self.values.clear();
        self.names = None;
    }

    fn intern(&mut self, names: FieldNames) -> Arc<FieldNames> {
        if let Some((known, ())) = self.known.get_key_value(&names) {
            return Arc::clone(known);
        }
        if self.known.len() >= KNOWN_SHAPES_MAX {
            self.known.clear();
        }
        let names = Arc::new(names);
        self.known.insert(Arc::clone(&names), ());
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build(builder: &mut FieldsBuilder, names: &[&str]) -> Fields {
        for (at, name) in names.iter().enumerate() {
            assert!(builder.push(name, Value::Number(f64::from(u32::try_from(at).unwrap()))));
        }
        builder.finish()
    }

    #[test]
    fn events_of_one_shape_share_their_names() {
        let mut builder = FieldsBuilder::default();
        let first = build(&mut builder, &["a", "b", "c"]);
        let second = build(&mut builder, &["a", "b", "c"]);
        let shorter = build(&mut builder, &["a", "b"]);
        let other = build(&mut builder, &["b", "a", "c"]);
        let again = build(&mut builder, &["a", "b", "c"]);
        assert!(Arc::ptr_eq(first.names(), second.names()));
        assert!(Arc::ptr_eq(first.names(), again.names()));
        assert_eq!(shorter.names().iter().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(other.get("a"), Some(&Value::Number(1.0)));
        assert_eq!(other.names().iter().collect::<Vec<_>>(), ["b", "a", "c"]);
    }

    #[test]
    fn a_name_that_comes_twice_is_refused() {
        let mut builder = FieldsBuilder::default();
        build(&mut builder, &["a", "b"]);
        assert!(builder.push("a", Value::Null));
        assert!(!builder.push("a", Value::Null));
        assert!(builder.push("b", Value::Null));
        assert!(!builder.push("b", Value::Null));
        assert_eq!(builder.finish().names().iter().collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn a_discarded_event_leaves_nothing_behind() {
        let mut builder = FieldsBuilder::default();
        assert!(builder.push("x", Value::Null));
        builder.discard();
        assert_eq!(build(&mut builder, &["a"]).names().iter().collect::<Vec<_>>(), ["a"]);
    }

    #[test]
    fn endless_shapes_take_bounded_memory() {
        let mut builder = FieldsBuilder::default();
        for at in 0..10 * KNOWN_SHAPES_MAX {
            let fields = build(&mut builder, &[&format!("field {at}")]);
            assert_eq!(fields.iter().len(), 1);
        }
        assert!(builder.known.len() <= KNOWN_SHAPES_MAX);
    }
}
