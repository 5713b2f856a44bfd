//! The walk through an Avro value.

use apache_avro::types::Value as Avro;

use super::{ARRAY, DEPTH_MAX, Extraction, Fault, Inside, OBJECT, Plan, ROOT, Scalar, Want, bad_units};
use crate::{DecodeError, Timestamp, Unit};

pub(super) fn walk(plan: &Plan, out: &mut Extraction, value: &Avro) -> Result<(), Fault> {
    Walk { plan, out }.value(Some(ROOT), Inside::default(), value, 0)
}

struct Walk<'a> {
    plan: &'a Plan,
    out: &'a mut Extraction,
}

impl Walk<'_> {
    fn value(
        &mut self,
        node: Option<usize>,
        inside: Inside,
        value: &Avro,
        depth: usize,
    ) -> Result<(), Fault> {
        if depth > DEPTH_MAX {
            let message = format!("nests deeper than {DEPTH_MAX} levels");
            return Err(self.out.fail(DecodeError::Malformed { encoding: "Avro", message }));
        }
        match value {
            Avro::Union(_, value) => self.value(node, inside, value, depth + 1),
            Avro::Record(members) => {
                let members = members.iter().map(|(name, value)| (name.as_str(), value));
                self.object(node, inside, members, depth)
            }
            Avro::Map(members) => {
                // A hash map: sorted, so that events of one shape come in one order.
                let mut members: Vec<_> =
                    members.iter().map(|(name, value)| (name.as_str(), value)).collect();
                members.sort_unstable_by_key(|(name, _)| *name);
                self.object(node, inside, members.into_iter(), depth)
            }
            Avro::Array(elements) => self.array(node, elements),
            value => self.out.scalar(self.plan, node, inside, scalar(value)),
        }
    }

    fn object<'v>(
        &mut self,
        node: Option<usize>,
        inside: Inside,
        members: impl Iterator<Item = (&'v str, &'v Avro)>,
        depth: usize,
    ) -> Result<(), Fault> {
        self.out.composite(self.plan, node, OBJECT)?;
        let inside = inside.enter(self.plan.wants(node), self.out.path.len());
        for (name, value) in members {
            let child = node.and_then(|node| self.plan.child(node, name));
            if inside.is_outside() {
                if child.is_some() {
                    self.value(child, inside, value, depth + 1)?;
                }
                continue;
            }
            let above = self.out.enter(name);
            self.value(child, inside, value, depth + 1)?;
            self.out.leave(above);
        }
        Ok(())
    }

    fn array(&mut self, node: Option<usize>, elements: &[Avro]) -> Result<(), Fault> {
        let wants = self.plan.wants(node);
        if wants.iter().any(|want| matches!(want, Want::UnitList)) {
            return elements.iter().try_for_each(|element| match unit(element) {
                Some(unit) => self.out.unit(unit),
                None => Err(self.out.fail(bad_units("something else in the list"))),
            });
        }
        self.out.composite(self.plan, node, ARRAY)
    }
}

fn unit(value: &Avro) -> Option<Unit> {
    let Avro::Record(members) = value else { return None };
    let text = |name: &str| match members.iter().find(|(each, _)| each == name) {
        Some((_, Avro::String(text))) => Some(text.into()),
        _ => None,
    };
    Some(Unit { kind: text("kind")?, id: text("id")? })
}

fn scalar(value: &Avro) -> Scalar {
    let time =
        |moment: Option<Timestamp>| moment.map_or(Scalar::Composite("a time out of range"), Scalar::Time);
    match value {
        Avro::Null => Scalar::Null,
        Avro::Boolean(flag) => Scalar::Bool(*flag),
        Avro::Int(number) | Avro::Date(number) | Avro::TimeMillis(number) => {
            Scalar::Signed(i64::from(*number))
        }
        Avro::Long(number) | Avro::TimeMicros(number) => Scalar::Signed(*number),
        Avro::Float(number) => Scalar::Float(f64::from(*number)),
        Avro::Double(number) => Scalar::Float(*number),
        Avro::String(text) | Avro::Enum(_, text) => Scalar::Text(text.into()),
        Avro::Uuid(id) => Scalar::Text(id.to_string().into()),
        Avro::TimestampMillis(millis) => time(Timestamp::from_millis(*millis)),
        Avro::TimestampMicros(micros) => time(Timestamp::from_micros(*micros)),
        Avro::TimestampNanos(nanos) => time(Timestamp::from_micros(nanos.div_euclid(1_000))),
        // Local times have no place on the time line; decimals and bytes no value that a model reads.
        _ => Scalar::Composite("a value without a plain form"),
    }
}
