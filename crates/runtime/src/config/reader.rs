//! Reads a tree as serde asks for it, and tells every fault its place.

mod key;
mod variant;

use std::borrow::Cow;

use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Unexpected, Visitor};

use super::closest;
use super::fault::Fault;
use super::path::Path;
use super::repair::{Repair, Repairs};
use super::secret;
use super::stand_in::StandIn;
use super::tree::{self, Node, Value};

/// A value of the tree, as a deserializer.
pub(super) struct Reader<'a> {
    node: &'a Node,
    path: Path,
    repairs: &'a Repairs<'a>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(root: &'a Node, repairs: &'a Repairs<'a>) -> Self {
        Self { node: root, path: Path::default(), repairs }
    }

    /// What a variable of the environment says, read as a TOML literal; any other value as it is.
    fn literal(&self) -> Cow<'a, Node> {
        match &self.node.value {
            Value::Variable(text) => {
                tree::literal(text.trim(), &self.node.place).map_or(Cow::Borrowed(self.node), Cow::Owned)
            }
            _ => Cow::Borrowed(self.node),
        }
    }

    /// Reads the value as a literal, for types that are not text.
    fn visit_literal<'de, V: Visitor<'de>>(
        self,
        visitor: V,
        fields: Option<Names>,
    ) -> Result<V::Value, Fault> {
        let node = self.literal();
        Reader { node: &node, path: self.path, repairs: self.repairs }.visit(visitor, fields)
    }

    fn visit<'de, V: Visitor<'de>>(self, visitor: V, fields: Option<Names>) -> Result<V::Value, Fault> {
        match &self.node.value {
            Value::Text(text) | Value::Moment(text) | Value::Variable(text) => visitor.visit_str(text),
            Value::Integer(integer) => visit_integer(*integer, visitor),
            Value::Float(float) => visitor.visit_f64(*float),
            Value::Boolean(boolean) => visitor.visit_bool(*boolean),
            Value::Array(items) => visit_all(self.items(items), visitor),
            Value::Table(entries) => visitor.visit_map(self.entries(entries, fields)),
        }
    }

    fn items(&self, items: &'a [Node]) -> Items<'a> {
        let each =
            items.iter().enumerate().map(|(index, node)| self.child(self.path.index(index), Some(node)));
        Items { items: each.flatten().collect::<Vec<_>>().into_iter() }
    }

    /// The entries that are read. Of a struct, these are its fields; all others are reported.
    fn entries(&self, entries: &'a [(String, Node)], fields: Option<Names>) -> Entries<'a> {
        if let Some(fields) = fields {
            self.report_unknown(entries, fields);
        }
        let written = entries.iter().map(|(key, node)| (key.as_str(), Some(node)));
        let is_written = |name: &str| entries.iter().any(|(key, _)| key == name);
        let absent =
            fields.unwrap_or_default().iter().filter(|name| !is_written(name)).map(|name| (*name, None));
        let read = written.chain(absent).filter_map(|(key, node)| {
            let child = self.child(self.path.key(key), node)?;
            Some((key, child))
        });
        Entries { entries: read.collect::<Vec<_>>().into_iter(), next: None }
    }

    fn report_unknown(&self, entries: &[(String, Node)], fields: Names) {
        for (key, _) in entries.iter().filter(|(key, _)| !fields.contains(&key.as_str())) {
            let absent = |name: &&str| !entries.iter().any(|(written, _)| written == name);
            let meant = closest(key, fields.iter().copied()).filter(absent);
            self.repairs.unknown(&self.path, key, fields, meant);
        }
    }

    /// What is read at `path`: the value that was written, unless it was repaired.
    fn child(&self, path: Path, node: Option<&'a Node>) -> Option<Child<'a>> {
        match (self.repairs.of(&path), node) {
            (Some(Repair::StandIn(attempt)), _) => Some(Child::MadeUp(path, StandIn::new(attempt))),
            (Some(Repair::LeftOut | Repair::Unknown), _) | (None, None) => None,
            (None, Some(node)) => Some(Child::Written(Reader { node, path, repairs: self.repairs })),
        }
    }
}

type Names = &'static [&'static str];

/// Visits the items and refuses an array that has more of them than its type, which serde itself lets pass.
fn visit_all<'de, V: Visitor<'de>>(mut items: Items<'_>, visitor: V) -> Result<V::Value, Fault> {
    let length = items.items.len();
    let value = visitor.visit_seq(&mut items)?;
    match items.items.len() {
        0 => Ok(value),
        left => Err(de::Error::custom(format_args!("expected {} elements, found {length}", length - left))),
    }
}

fn visit_integer<'de, V: Visitor<'de>>(integer: i128, visitor: V) -> Result<V::Value, Fault> {
    match (i64::try_from(integer), u64::try_from(integer)) {
        (Ok(signed), _) => visitor.visit_i64(signed),
        (_, Ok(unsigned)) => visitor.visit_u64(unsigned),
        _ => Err(de::Error::invalid_value(Unexpected::Other(&integer.to_string()), &visitor)),
    }
}

/// Types that are no text: a variable is read as a literal.
macro_rules! literals {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            self.visit_literal(visitor, None)
        }
    )*};
}

/// Types that are text: a variable is taken as it stands.
macro_rules! texts {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            self.visit(visitor, None)
        }
    )*};
}

impl<'de> Deserializer<'de> for Reader<'_> {
    type Error = Fault;

    literals! {
        deserialize_any deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_i128 deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_f32 deserialize_f64 deserialize_seq deserialize_map deserialize_unit
    }

    texts! { deserialize_str deserialize_string deserialize_char deserialize_bytes deserialize_byte_buf deserialize_identifier }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        // TOML has no null: what is written is there.
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match &self.node.value {
            // A password of digits is still text, whatever it looks like.
            Value::Variable(text) if name == secret::TOKEN && !text.trim_start().starts_with('{') => {
                visitor.visit_str(text)
            }
            _ => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.visit_literal(visitor, None)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Fault> {
        self.visit_literal(visitor, None)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.visit_literal(visitor, None)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.visit_literal(visitor, Some(fields))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match &self.node.value {
            Value::Text(name) => visitor.visit_enum(StrDeserializer::<Fault>::new(name)),
            Value::Variable(name) if !name.trim_start().starts_with('{') => {
                visitor.visit_enum(StrDeserializer::<Fault>::new(name.trim()))
            }
            _ => {
                let node = self.literal();
                let reader = Reader { node: &node, path: self.path, repairs: self.repairs };
                match &reader.node.value {
                    Value::Table(entries) if entries.len() == 1 => {
                        visitor.visit_enum(variant::Variant { entries, reader: &reader })
                    }
                    _ => Err(de::Error::custom(
                        "expected a name, or a table of a single name with its content",
                    )),
                }
            }
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_unit()
    }
}

/// A value inside another one.
enum Child<'a> {
    Written(Reader<'a>),
    MadeUp(Path, StandIn),
}

impl Child<'_> {
    fn read<'de, T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Fault> {
        match self {
            Self::Written(reader) => {
                let path = reader.path.clone();
                seed.deserialize(reader).map_err(|fault| fault.at(&path))
            }
            Self::MadeUp(path, stand_in) => seed.deserialize(stand_in).map_err(|fault| fault.at(&path)),
        }
    }
}

struct Items<'a> {
    items: std::vec::IntoIter<Child<'a>>,
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Fault> {
        self.items.next().map(|item| item.read(seed)).transpose()
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

struct Entries<'a> {
    entries: std::vec::IntoIter<(&'a str, Child<'a>)>,
    next: Option<Child<'a>>,
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Fault> {
        let Some((key, child)) = self.entries.next() else { return Ok(None) };
        let path = match &child {
            Child::Written(reader) => reader.path.clone(),
            Child::MadeUp(path, _) => path.clone(),
        };
        self.next = Some(child);
        seed.deserialize(key::Key(key)).map(Some).map_err(|fault| fault.at(&path))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        match self.next.take() {
            Some(child) => child.read(seed),
            None => Err(de::Error::custom("a value was asked for before its key")),
        }
    }
}
