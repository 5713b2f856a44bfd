//! A variant of an enum with content.

use serde::de::{
    self, DeserializeSeed, Deserializer as _, EnumAccess, MapAccess as _, VariantAccess, Visitor,
};

use super::{Child, Fault, Node, Reader};

/// A variant with content: a table of one entry.
pub(super) struct Variant<'a> {
    pub(super) entries: &'a [(String, Node)],
    pub(super) reader: &'a Reader<'a>,
}

impl<'de, 'a> EnumAccess<'de> for Variant<'a> {
    type Error = Fault;
    type Variant = Content<'a>;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Content<'a>), Fault> {
        let mut entries = self.reader.entries(self.entries, None);
        let name: Option<V::Value> = entries.next_key_seed(seed)?;
        match (name, entries.next.take()) {
            (Some(name), Some(content)) => Ok((name, Content(content))),
            _ => Err(de::Error::custom("expected the content of a variant")),
        }
    }
}

pub(super) struct Content<'a>(Child<'a>);

impl<'de> VariantAccess<'de> for Content<'_> {
    type Error = Fault;

    fn unit_variant(self) -> Result<(), Fault> {
        Err(de::Error::custom("expected a name without content"))
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Fault> {
        self.0.read(seed)
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Fault> {
        match self.0 {
            Child::Written(reader) => {
                let path = reader.path.clone();
                reader.deserialize_tuple(length, visitor).map_err(|fault| fault.at(&path))
            }
            Child::MadeUp(_, stand_in) => stand_in.deserialize_tuple(length, visitor),
        }
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self.0 {
            Child::Written(reader) => {
                let path = reader.path.clone();
                reader.deserialize_struct("", fields, visitor).map_err(|fault| fault.at(&path))
            }
            Child::MadeUp(_, stand_in) => stand_in.deserialize_struct("", fields, visitor),
        }
    }
}
