//! The walk through a JSON text.

use std::fmt;

use compact_str::CompactString;
use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{ARRAY, Extraction, Fault, Inside, OBJECT, Plan, ROOT, Scalar, Want, bad_units};
use crate::Unit;

pub(super) fn walk(plan: &Plan, out: &mut Extraction, text: &str) -> serde_json::Result<()> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    Walk { plan, node: Some(ROOT), inside: Inside::default(), out }.deserialize(&mut deserializer)?;
    deserializer.end()
}

/// At one value of the text. `node` is `None` where only the members of an object above are wanted.
struct Walk<'a> {
    plan: &'a Plan,
    node: Option<usize>,
    inside: Inside,
    out: &'a mut Extraction,
}

impl Walk<'_> {
    fn scalar<E: de::Error>(self, value: Scalar) -> Result<(), E> {
        self.out.scalar(self.plan, self.node, self.inside, value).map_err(given_up)
    }
}

/// Ends the parse; the fault itself is noted in the extraction.
fn given_up<E: de::Error>(_: Fault) -> E {
    E::custom("given up")
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        self.scalar(Scalar::Null)
    }

    fn visit_bool<E: de::Error>(self, flag: bool) -> Result<(), E> {
        self.scalar(Scalar::Bool(flag))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<(), E> {
        self.scalar(Scalar::Signed(number))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<(), E> {
        self.scalar(Scalar::Unsigned(number))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<(), E> {
        self.scalar(Scalar::Float(number))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<(), E> {
        self.scalar(Scalar::Text(text.into()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let Self { plan, node, inside, out } = self;
        out.composite(plan, node, OBJECT).map_err(given_up)?;
        let inside = inside.enter(plan.wants(node), out.path.len());
        while let Some(member) = members.next_key_seed(Key { plan, node, inside, out })? {
            match member {
                Member::Unwanted => drop(members.next_value::<IgnoredAny>()?),
                Member::Wanted { node, above } => {
                    members.next_value_seed(Walk { plan, node, inside, out })?;
                    out.leave(above);
                }
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        let Self { plan, node, out, .. } = self;
        if plan.wants(node).iter().any(|want| matches!(want, Want::UnitList)) {
            while let Some(unit) = elements.next_element::<Element>()? {
                let Element::Unit(Unit { kind, id }) = unit else {
                    return Err(given_up(out.fail(bad_units("something else in the list"))));
                };
                out.unit(Unit { kind, id }).map_err(given_up)?;
            }
            return Ok(());
        }
        while elements.next_element::<IgnoredAny>()?.is_some() {}
        out.composite(plan, node, ARRAY).map_err(given_up)
    }
}

/// One element of a list of units.
#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Element {
    Unit(Unit),
    Other(IgnoredAny),
}

/// At the name of a member.
struct Key<'a> {
    plan: &'a Plan,
    node: Option<usize>,
    inside: Inside,
    out: &'a mut Extraction,
}

enum Member {
    Unwanted,
    Wanted { node: Option<usize>, above: usize },
}

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = Member;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Member, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = Member;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member's name")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Member, E> {
        let node = self.node.and_then(|node| self.plan.child(node, name));
        if node.is_none() && self.inside.is_outside() {
            return Ok(Member::Unwanted);
        }
        let above = if self.inside.is_outside() { self.out.path.len() } else { self.out.enter(name) };
        Ok(Member::Wanted { node, above })
    }

    fn visit_string<E: de::Error>(self, name: String) -> Result<Member, E> {
        self.visit_str(&CompactString::from(name))
    }
}
