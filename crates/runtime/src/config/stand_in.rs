//! Makes up a value of whatever type is asked for.

use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess, Visitor,
};

use super::fault::Fault;

/// Texts that the types of a configuration take: durations, sizes, addresses, moments, pointers, anything.
const TEXTS: [&str; 8] = ["1s", "1 B", "127.0.0.1:0", "1", "file:///x", "2000-01-01T00:00:00Z", "/x", ""];

/// How many different stand-ins there are for one value.
pub(super) const ATTEMPTS: usize = TEXTS.len() + 1;

/// How deep a made-up struct may be; types that contain themselves have no end.
const MAX_DEPTH: usize = 8;

/// A value of the type that is asked for: 1, true, no element, the first variant, or one of [`TEXTS`].
#[derive(Clone, Copy)]
pub(super) struct StandIn {
    attempt: usize,
    depth: usize,
}

impl StandIn {
    pub(super) fn new(attempt: usize) -> Self {
        Self { attempt, depth: 0 }
    }

    fn deeper(self) -> Result<Self, Fault> {
        if self.depth == MAX_DEPTH {
            return Err(serde::de::Error::custom("no end of structs in structs"));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }

    fn fields(self, fields: &'static [&'static str]) -> Result<Fields, Fault> {
        Ok(Fields { names: fields.iter(), each: self.deeper()? })
    }
}

macro_rules! numbers {
    ($($method:ident => $visit:ident($value:expr)),* $(,)?) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            visitor.$visit($value)
        }
    )*};
}

impl<'de> Deserializer<'de> for StandIn {
    type Error = Fault;

    numbers! {
        deserialize_bool => visit_bool(true),
        deserialize_i8 => visit_i64(1),
        deserialize_i16 => visit_i64(1),
        deserialize_i32 => visit_i64(1),
        deserialize_i64 => visit_i64(1),
        deserialize_i128 => visit_i64(1),
        deserialize_u8 => visit_u64(1),
        deserialize_u16 => visit_u64(1),
        deserialize_u32 => visit_u64(1),
        deserialize_u64 => visit_u64(1),
        deserialize_u128 => visit_u64(1),
        deserialize_f32 => visit_f64(1.0),
        deserialize_f64 => visit_f64(1.0),
        deserialize_char => visit_char('x'),
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match TEXTS.get(self.attempt) {
            Some(text) => visitor.visit_str(text),
            None => visitor.visit_i64(1),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_none()
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self.deeper()?)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_seq(Items { left: 0, each: self })
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_seq(Items { left: length, each: self.deeper()? })
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_tuple(length, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_map(self.fields(&[])?)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_map(self.fields(fields)?)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_enum(FirstVariant {
            name: variants.first().copied().unwrap_or_default(),
            content: self.deeper()?,
        })
    }

    serde::forward_to_deserialize_any! { str string bytes byte_buf unit_struct identifier ignored_any }
}

struct Fields {
    names: std::slice::Iter<'static, &'static str>,
    each: StandIn,
}

impl<'de> MapAccess<'de> for Fields {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Fault> {
        let key = |name: &&'static str| -> StrDeserializer<'static, Fault> { (*name).into_deserializer() };
        self.names.next().map(|name| seed.deserialize(key(name))).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        seed.deserialize(self.each)
    }
}

struct Items {
    left: usize,
    each: StandIn,
}

impl<'de> SeqAccess<'de> for Items {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Fault> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        seed.deserialize(self.each).map(Some)
    }
}

struct FirstVariant {
    name: &'static str,
    content: StandIn,
}

impl<'de> EnumAccess<'de> for FirstVariant {
    type Error = Fault;
    type Variant = StandIn;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, StandIn), Fault> {
        let name: StrDeserializer<'static, Fault> = self.name.into_deserializer();
        Ok((seed.deserialize(name)?, self.content))
    }
}

impl<'de> VariantAccess<'de> for StandIn {
    type Error = Fault;

    fn unit_variant(self) -> Result<(), Fault> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Fault> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_tuple(length, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_map(self.fields(fields)?)
    }
}
