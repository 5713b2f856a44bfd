//! From a record's payload to feature events and outcomes, in the user's shape or in ours.

mod row;

use std::sync::Arc;

use compact_str::{CompactString, format_compact};

use crate::avro::{Readers, Schemas, Writer};
use crate::document::{Extraction, Plan, Pointer, Scalar, Target};
use crate::envelope::{Envelope, Headers};
use crate::mapping::{FieldsAt, OutcomeMapping, Pairs, TimeFormat, TypeMapping};
use crate::native::{Event, NativeDecoder};
use crate::wire::{Limits, Payload};
use crate::{
    DecodeError, FeatureEvent, FeatureMapping, MappingError, OutcomeEvent, Subject, Timestamp, Undecoded,
    Unit, Units,
};

pub use row::{Row, RowDecoder};

/// The most bytes of an id; a longer one is a mistake in the mapping, and would be carried by every prediction.
const ID_BYTES_MAX: usize = 1_024;

/// Where a record came from: the id and the time of an event that carries none of its own.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    /// The topic.
    pub topic: &'a str,
    /// The partition.
    pub partition: u32,
    /// The place in the partition.
    pub offset: u64,
    /// The record's own timestamp, in milliseconds since 1970.
    pub timestamp: i64,
    /// The headers beside the payload.
    pub headers: Headers<'a>,
}

/// What one record held.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decoded {
    /// The thing to score, unless the record is only an outcome.
    pub event: Option<FeatureEvent>,
    /// Outcomes that the record carries.
    pub outcomes: Vec<OutcomeEvent>,
}

/// Reads records of an input topic.
#[derive(Debug)]
pub struct Decoder {
    plan: Plan,
    feature: FeatureSlots,
    outcome: Option<OutcomeSlots>,
    kind: Option<(usize, Vec<String>)>,
    source: Source,
}

/// Reads records of an outcome topic in the user's shape.
#[derive(Debug)]
pub struct OutcomeDecoder {
    plan: Plan,
    slots: OutcomeSlots,
    source: Source,
    native: NativeDecoder,
}

impl Decoder {
    /// Reads feature events in our own shape.
    pub fn native(schemas: Arc<Schemas>, limits: Limits) -> Self {
        let at = |name: &str| Pointer::of(&[name]);
        let mut plan = Plan::new();
        let feature = FeatureSlots {
            id: Some(plan.slot("event_id", &at("event_id"))),
            units: Vec::new(),
            time: Some((plan.slot("occurred_at", &at("occurred_at")), TimeFormat::Rfc3339)),
            features: Some("/features".into()),
        };
        plan.unit_list(&at("units"));
        plan.members(Target::Features, &at("features"));
        plan.members(Target::Context, &at("context"));
        let source = Source::new(schemas, limits, Some(FeatureEvent::schema().writer()));
        Self { plan, feature, outcome: None, kind: None, source }
    }

    /// Reads feature events, and the outcomes that they carry, in the user's own shape.
    ///
    /// # Errors
    /// All that is wrong with the mappings.
    pub fn mapped(
        feature: &FeatureMapping,
        outcome: Option<&OutcomeMapping>,
        kind: Option<&TypeMapping>,
        source: (Arc<Schemas>, Limits),
    ) -> Result<Self, Vec<MappingError>> {
        let mut faults = Faults::default();
        let mut plan = Plan::new();
        let feature = FeatureSlots::new(feature, &mut plan, &mut faults);
        let outcome = outcome.map(|mapping| OutcomeSlots::new(mapping, &mut plan, &mut faults));
        let kind = kind.and_then(|kind| {
            if outcome.is_none() {
                faults.add("type", "needs `outcome` too, which says what an outcome holds");
            }
            let slot = plan.slot("type", &faults.pointer("type.at", &kind.at)?);
            Some((slot, kind.outcomes.clone()))
        });
        faults.or(|| Self { plan, feature, outcome, kind, source: Source::new(source.0, source.1, None) })
    }

    /// Reads the payload of one record.
    ///
    /// # Errors
    /// Where it is not such an event, or its schema is yet to be learned.
    pub fn decode(&mut self, payload: &[u8], origin: Origin<'_>) -> Result<Decoded, Undecoded> {
        let (envelope, data) = Envelope::open(payload, origin.headers, self.source.limits)?;
        let found = self.source.read(&self.plan, &envelope, &data)?;
        let around = Around { envelope: &envelope, origin };
        let kind = match &self.kind {
            None => Kind::Feature,
            Some((slot, outcomes)) => match text(&self.plan, *slot, &found.slots)? {
                kind if outcomes.iter().any(|each| kind == *each) => Kind::Outcome,
                _ => Kind::FeatureOnly,
            },
        };
        let outcomes = match (&self.outcome, kind) {
            (Some(slots), Kind::Feature | Kind::Outcome) => {
                slots.outcomes(&self.plan, found, around, kind)?
            }
            _ => Vec::new(),
        };
        let event = match kind {
            Kind::Outcome => None,
            Kind::Feature | Kind::FeatureOnly => Some(self.feature.event(&self.plan, found, around)?),
        };
        Ok(Decoded { event, outcomes })
    }
}

/// What the type of a record makes of it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// There are no types: a feature event, which may carry outcomes.
    Feature,
    /// A feature event by its type, which carries none.
    FeatureOnly,
    /// Nothing but outcomes, of which there must be one.
    Outcome,
}

impl OutcomeDecoder {
    /// Reads outcomes in the user's own shape.
    ///
    /// # Errors
    /// All that is wrong with the mapping.
    pub fn mapped(
        mapping: &OutcomeMapping,
        schemas: Arc<Schemas>,
        limits: Limits,
    ) -> Result<Self, Vec<MappingError>> {
        let mut faults = Faults::default();
        let mut plan = Plan::new();
        let slots = OutcomeSlots::new(mapping, &mut plan, &mut faults);
        let native = NativeDecoder::new(Arc::clone(&schemas), limits);
        faults.or(|| Self { plan, slots, source: Source::new(schemas, limits, None), native })
    }

    /// Reads the payload of one record. It may be one of ours after all, as its type tells: lanes publish outcomes
    /// that came with the input to the same topic.
    ///
    /// # Errors
    /// Where it is not an outcome, holds no value at all, or its schema is yet to be learned.
    pub fn decode(&mut self, payload: &[u8], origin: Origin<'_>) -> Result<Vec<OutcomeEvent>, Undecoded> {
        let (envelope, data) = Envelope::open(payload, origin.headers, self.source.limits)?;
        if envelope.get("type")?.is_some_and(|kind| kind == OutcomeEvent::TYPE) {
            return self.native.decode_data(&data, envelope.schema).map(|outcome| vec![outcome]);
        }
        let found = self.source.read(&self.plan, &envelope, &data)?;
        let around = Around { envelope: &envelope, origin };
        Ok(self.slots.outcomes(&self.plan, found, around, Kind::Outcome)?)
    }
}

/// Reads payloads of one topic into an extraction that is used again and again.
#[derive(Debug)]
struct Source {
    schemas: Arc<Schemas>,
    limits: Limits,
    readers: Readers,
    /// The schema that Avro is read as: ours, or `None` for as it was written.
    reader: Option<&'static Writer>,
    found: Extraction,
}

impl Source {
    fn new(schemas: Arc<Schemas>, limits: Limits, reader: Option<&'static Writer>) -> Self {
        Self { schemas, limits, readers: Readers::default(), reader, found: Extraction::default() }
    }

    fn read(
        &mut self,
        plan: &Plan,
        envelope: &Envelope<'_>,
        data: &[u8],
    ) -> Result<&mut Extraction, Undecoded> {
        match Payload::tell(data, envelope.schema, &self.schemas)? {
            Payload::Json(text) => self.found.read_json(plan, text)?,
            Payload::Avro { writer, body } => {
                let value = self.readers.read(writer, self.reader, body)?;
                self.found.read_avro(plan, &value)?;
            }
        }
        self.found.read_attributes(plan, envelope)?;
        Ok(&mut self.found)
    }
}

/// What is around a payload, and stands in for what it lacks.
#[derive(Clone, Copy)]
struct Around<'e, 'p> {
    envelope: &'e Envelope<'p>,
    origin: Origin<'p>,
}

impl Around<'_, '_> {
    fn event_id(self) -> Result<CompactString, DecodeError> {
        let Origin { topic, partition, offset, .. } = self.origin;
        Ok(self.envelope.event_id()?.unwrap_or_else(|| format_compact!("{topic}/{partition}/{offset}")))
    }

    fn time(self) -> Result<Timestamp, DecodeError> {
        if let Some(time) = self.envelope.time()? {
            return Ok(time);
        }
        let millis = self.origin.timestamp;
        Timestamp::from_millis(millis).ok_or_else(|| DecodeError::WrongType {
            field: "occurred_at".into(),
            pointer: "the record's timestamp".into(),
            expected: "milliseconds since 1970",
            found: millis.to_string(),
        })
    }
}

/// Where the parts of a feature event are found.
#[derive(Debug)]
struct FeatureSlots {
    id: Option<usize>,
    /// Kinds and slots; empty where the units come as a list.
    units: Vec<(CompactString, usize)>,
    time: Option<(usize, TimeFormat)>,
    /// Where the object is whose members are the features. It must be there, or else a slip in the mapping would
    /// have every event scored from nothing.
    features: Option<String>,
}

impl FeatureSlots {
    fn new(mapping: &FeatureMapping, plan: &mut Plan, faults: &mut Faults) -> Self {
        let id = faults.optional_slot(plan, "event_id", "id", mapping.id.as_deref());
        let time = faults.optional_slot(plan, "occurred_at", "time", mapping.time.as_deref());
        if mapping.units.0.is_empty() || mapping.units.0.len() > Units::MAX {
            faults
                .add("units", "between 1 and 16 kinds of unit are needed, such as { card = \"/card/hash\" }");
        }
        let units = unit_slots(&mapping.units, plan, faults);
        fields(Target::Features, "features", &mapping.features, plan, faults);
        fields(Target::Context, "context", &mapping.context, plan, faults);
        let features = match &mapping.features {
            FieldsAt::Members(at) => Some(at.clone()),
            FieldsAt::Each(_) => None,
        };
        Self { id, units, time: time.map(|slot| (slot, mapping.time_format)), features }
    }

    fn event(
        &self,
        plan: &Plan,
        found: &mut Extraction,
        around: Around<'_, '_>,
    ) -> Result<FeatureEvent, DecodeError> {
        let event_id = match self.id {
            Some(slot) => id(plan, slot, &found.slots)?,
            None => around.event_id()?,
        };
        let occurred_at = time(plan, self.time, &found.slots, around)?;
        let units = if self.units.is_empty() {
            std::mem::take(&mut found.units)
        } else {
            let unit = |(kind, slot): &(CompactString, usize)| {
                Ok(Unit { kind: kind.clone(), id: id(plan, *slot, &found.slots)? })
            };
            self.units.iter().map(unit).collect::<Result<_, DecodeError>>()?
        };
        let missing = |field: &str, pointer: &str| DecodeError::Missing {
            field: field.into(),
            pointer: pointer.into(),
        };
        if let Some(pointer) = self.features.as_ref().filter(|_| !found.has_features) {
            return Err(missing("features", pointer));
        }
        if units.iter().any(|unit| unit.id.is_empty() || unit.kind.is_empty()) {
            return Err(missing("units[].id", "/units"));
        }
        let units = Units::new(units).ok_or_else(|| missing("units", "/units"))?;
        let (features, context) = (found.features.finish(), found.context.finish());
        Ok(FeatureEvent { event_id, units, occurred_at, features, context })
    }
}

/// Where the parts of outcomes are found.
#[derive(Debug)]
struct OutcomeSlots {
    id: Option<usize>,
    subject: SubjectSlot,
    time: Option<(usize, TimeFormat)>,
    revision: Option<usize>,
    values: Vec<(CompactString, usize)>,
}

#[derive(Debug)]
enum SubjectSlot {
    Event(usize),
    Prediction(usize),
    Unit(CompactString, usize),
    /// The mapping is faulty, and never used.
    Faulty,
}

impl OutcomeSlots {
    fn new(mapping: &OutcomeMapping, plan: &mut Plan, faults: &mut Faults) -> Self {
        let id = faults.optional_slot(plan, "outcome_id", "id", mapping.id.as_deref());
        let time = faults.optional_slot(plan, "occurred_at", "time", mapping.time.as_deref());
        let revision = faults.optional_slot(plan, "revision", "revision", mapping.revision.as_deref());
        let event = faults.optional_slot(plan, "event_id", "event", mapping.event.as_deref());
        let prediction =
            faults.optional_slot(plan, "prediction_id", "prediction", mapping.prediction.as_deref());
        let mut units = mapping.unit.as_ref().map(|unit| unit_slots(unit, plan, faults)).unwrap_or_default();
        let subject = match (event, prediction, units.pop()) {
            (Some(slot), None, None) => SubjectSlot::Event(slot),
            (None, Some(slot), None) => SubjectSlot::Prediction(slot),
            (None, None, Some((kind, slot))) if units.is_empty() => SubjectSlot::Unit(kind, slot),
            _ => {
                faults.add(
                    "event",
                    "exactly one of `event`, `prediction` and `unit` says what an outcome is about",
                );
                SubjectSlot::Faulty
            }
        };
        if matches!(subject, SubjectSlot::Unit(..)) && id.is_none() {
            faults.add("id", "is needed with `unit`: without it all outcomes of a unit would be one");
        }
        if mapping.values.0.is_empty() {
            faults.add("values", "at least one metric is needed, such as { fraud = \"/is_fraud\" }");
        }
        let values = slots("values", &mapping.values, plan, faults);
        Self { id, subject, time: time.map(|slot| (slot, mapping.time_format)), revision, values }
    }

    fn outcomes(
        &self,
        plan: &Plan,
        found: &Extraction,
        around: Around<'_, '_>,
        kind: Kind,
    ) -> Result<Vec<OutcomeEvent>, DecodeError> {
        let slots = &found.slots;
        let mut values = Vec::new();
        for (metric, slot) in &self.values {
            if let Some(value) = number(plan, *slot, slots)? {
                values.push((metric, value));
            }
        }
        match (values.first(), kind) {
            (None, Kind::Outcome) => return Err(plan.missing(self.values[0].1)),
            (None, _) => return Ok(Vec::new()),
            _ => {}
        }
        let subject = match &self.subject {
            SubjectSlot::Event(slot) => Subject::Event(id(plan, *slot, slots)?),
            SubjectSlot::Prediction(slot) => Subject::Prediction(id(plan, *slot, slots)?),
            SubjectSlot::Unit(kind, slot) => {
                Subject::Unit(Unit { kind: kind.clone(), id: id(plan, *slot, slots)? })
            }
            SubjectSlot::Faulty => unreachable!("a faulty mapping makes no decoder"),
        };
        let own_id = self.id.map(|slot| id(plan, slot, slots)).transpose()?;
        let occurred_at = time(plan, self.time, slots, around)?;
        let revision = self.revision.map(|slot| count(plan, slot, slots)).transpose()?.unwrap_or(0);
        let outcome = |(metric, value): (&CompactString, f64)| OutcomeEvent {
            outcome_id: match &own_id {
                Some(id) => crate::identity::named_outcome_id(id, metric),
                None => crate::outcome_id(&subject, metric),
            },
            subject: subject.clone(),
            metric: metric.clone(),
            value,
            occurred_at,
            revision,
        };
        Ok(values.into_iter().map(outcome).collect())
    }
}

/// All that is wrong with a mapping, collected.
#[derive(Default)]
struct Faults(Vec<MappingError>);

impl Faults {
    fn add(&mut self, field: &str, message: &str) {
        self.0.push(MappingError::Incomplete { field: field.into(), message: message.into() });
    }

    fn pointer(&mut self, field: &str, text: &str) -> Option<Pointer> {
        Pointer::parse(field, text).map_err(|fault| self.0.push(fault)).ok()
    }

    fn optional_slot(&mut self, plan: &mut Plan, name: &str, field: &str, at: Option<&str>) -> Option<usize> {
        let pointer = self.pointer(field, at?)?;
        Some(plan.slot(name, &pointer))
    }

    fn or<T>(self, value: impl FnOnce() -> T) -> Result<T, Vec<MappingError>> {
        if self.0.is_empty() { Ok(value()) } else { Err(self.0) }
    }
}

fn slots(field: &str, pairs: &Pairs, plan: &mut Plan, faults: &mut Faults) -> Vec<(CompactString, usize)> {
    let slot = |(name, at): &(String, String)| {
        let field = format!("{field}.{name}");
        let pointer = faults.pointer(&field, at)?;
        Some((name.into(), plan.slot(field, &pointer)))
    };
    pairs.0.iter().filter_map(slot).collect()
}

fn unit_slots(pairs: &Pairs, plan: &mut Plan, faults: &mut Faults) -> Vec<(CompactString, usize)> {
    slots("units", pairs, plan, faults)
}

fn fields(target: Target, field: &str, at: &FieldsAt, plan: &mut Plan, faults: &mut Faults) {
    match at {
        FieldsAt::Members(at) => match faults.pointer(field, at) {
            Some(Pointer::Attribute(_)) => faults.add(field, "an attribute of a CloudEvent has no members"),
            Some(pointer) => plan.members(target, &pointer),
            None => {}
        },
        FieldsAt::Each(pairs) => {
            for (name, at) in &pairs.0 {
                if let Some(pointer) = faults.pointer(&format!("{field}.{name}"), at) {
                    plan.field(target, name, &pointer);
                }
            }
        }
    }
}

type Slots = [Option<Scalar>];

/// The value of a slot; null is as good as missing.
fn present<'a>(plan: &Plan, slot: usize, slots: &'a Slots) -> Result<&'a Scalar, DecodeError> {
    match &slots[slot] {
        None | Some(Scalar::Null) => Err(plan.missing(slot)),
        Some(value) => Ok(value),
    }
}

/// An id: text or a whole number, exactly as it came.
fn id(plan: &Plan, slot: usize, slots: &Slots) -> Result<CompactString, DecodeError> {
    match present(plan, slot, slots)? {
        Scalar::Text(text) if text.is_empty() => Err(plan.missing(slot)),
        Scalar::Text(text) if text.len() > ID_BYTES_MAX => {
            Err(plan.wrong(slot, "at most 1024 bytes", &Scalar::Text(text.clone())))
        }
        Scalar::Text(text) => Ok(text.clone()),
        Scalar::Signed(number) => Ok(format_compact!("{number}")),
        Scalar::Unsigned(number) => Ok(format_compact!("{number}")),
        other => Err(plan.wrong(slot, "text or a whole number of 64 bits", other)),
    }
}

fn text<'a>(plan: &Plan, slot: usize, slots: &'a Slots) -> Result<&'a str, DecodeError> {
    match present(plan, slot, slots)? {
        Scalar::Text(text) => Ok(text),
        other => Err(plan.wrong(slot, "text", other)),
    }
}

/// A finite number or a truth value; `None` where it is null or not there.
#[expect(clippy::cast_precision_loss, reason = "outcomes are doubles, as `OutcomeEvent::value` says")]
fn number(plan: &Plan, slot: usize, slots: &Slots) -> Result<Option<f64>, DecodeError> {
    let value = match &slots[slot] {
        None | Some(Scalar::Null) => return Ok(None),
        Some(Scalar::Bool(flag)) => f64::from(u8::from(*flag)),
        Some(Scalar::Signed(number)) => *number as f64,
        Some(Scalar::Unsigned(number)) => *number as f64,
        Some(Scalar::Float(number)) if number.is_finite() => *number,
        Some(other) => return Err(plan.wrong(slot, "a finite number, true or false", other)),
    };
    Ok(Some(value))
}

fn count(plan: &Plan, slot: usize, slots: &Slots) -> Result<u64, DecodeError> {
    match &slots[slot] {
        None | Some(Scalar::Null) => Ok(0),
        Some(Scalar::Unsigned(number)) => Ok(*number),
        Some(Scalar::Signed(number)) if *number >= 0 => Ok(number.unsigned_abs()),
        Some(other) => Err(plan.wrong(slot, "a whole number from 0", other)),
    }
}

fn time(
    plan: &Plan,
    at: Option<(usize, TimeFormat)>,
    slots: &Slots,
    around: Around<'_, '_>,
) -> Result<Timestamp, DecodeError> {
    let Some((slot, format)) = at else { return around.time() };
    let value = present(plan, slot, slots)?;
    let moment = match (value, format) {
        (Scalar::Time(moment), _) => Some(*moment),
        (Scalar::Text(text), TimeFormat::Rfc3339) => Timestamp::parse(text),
        (Scalar::Float(seconds), TimeFormat::EpochSeconds) => micros_of(*seconds),
        (Scalar::Signed(_) | Scalar::Unsigned(_), _) => whole(value).and_then(|number| match format {
            TimeFormat::Rfc3339 => None,
            TimeFormat::EpochSeconds => Timestamp::from_micros(number.checked_mul(1_000_000)?),
            TimeFormat::EpochMillis => Timestamp::from_millis(number),
            TimeFormat::EpochMicros => Timestamp::from_micros(number),
        }),
        _ => None,
    };
    moment.ok_or_else(|| plan.wrong(slot, format.expected(), value))
}

fn whole(value: &Scalar) -> Option<i64> {
    match value {
        Scalar::Signed(number) => Some(*number),
        Scalar::Unsigned(number) => i64::try_from(*number).ok(),
        _ => None,
    }
}

/// Seconds with a fraction, to the nearest microsecond.
fn micros_of(seconds: f64) -> Option<Timestamp> {
    let micros = (seconds * 1e6).round();
    if micros.abs() > 1e18 || !micros.is_finite() {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "a whole number within the range, as just checked")]
    Timestamp::from_micros(micros as i64)
}

#[cfg(test)]
mod tests;
