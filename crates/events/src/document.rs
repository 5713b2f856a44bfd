//! Takes the wanted values out of a document in one pass, without building the document.
//!
//! A mapping compiles to a [`Plan`], a tree of member names with what is wanted where. A JSON text or an Avro
//! value is walked along it once; what is wanted goes into an [`Extraction`], everything else is passed over.

mod json;
mod pointer;
mod value;

use compact_str::CompactString;
use smallvec::SmallVec;

pub(crate) use pointer::Pointer;

use crate::envelope::Envelope;
use crate::{DecodeError, FieldsBuilder, Timestamp, Unit, Units, Value};

/// The most features, and the most context fields, that one event may have.
const FIELDS_MAX: usize = 4_096;
/// How deep a document may nest; serde_json's own limit, held for Avro too.
const DEPTH_MAX: usize = 128;

/// Which of the two sets of fields a value goes into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Features,
    Context,
}

/// What is wanted at one place of a document.
#[derive(Clone, Debug)]
enum Want {
    /// A single value, into this slot.
    Slot(usize),
    /// A single value, as the field of this name.
    Field(Target, CompactString),
    /// All scalar members of an object, by their dotted names.
    Members(Target),
    /// A list of `{kind, id}`, the units of our own envelope.
    UnitList,
}

#[derive(Debug, Default)]
struct Node {
    children: Vec<(CompactString, usize)>,
    wants: SmallVec<[Want; 1]>,
}

/// What is wanted, and where.
#[derive(Debug)]
pub(crate) struct Plan {
    nodes: Vec<Node>,
    slots: Vec<Slot>,
    /// What is wanted of the envelope around the document.
    attributes: Vec<(CompactString, Want)>,
}

/// The name and place of a single value that is wanted; for messages.
#[derive(Debug)]
struct Slot {
    field: String,
    pointer: String,
}

const ROOT: usize = 0;
const OBJECT: &str = "an object";
const ARRAY: &str = "an array";

impl Plan {
    pub(crate) fn new() -> Self {
        Self { nodes: vec![Node::default()], slots: Vec::new(), attributes: Vec::new() }
    }

    /// Wants a single value; returns the slot that it will be in.
    pub(crate) fn slot(&mut self, field: impl Into<String>, pointer: &Pointer) -> usize {
        let slot = self.slots.len();
        self.slots.push(Slot { field: field.into(), pointer: pointer.to_string() });
        self.want(pointer, Want::Slot(slot));
        slot
    }

    pub(crate) fn field(&mut self, target: Target, name: &str, pointer: &Pointer) {
        self.want(pointer, Want::Field(target, name.into()));
    }

    pub(crate) fn members(&mut self, target: Target, pointer: &Pointer) {
        self.want(pointer, Want::Members(target));
    }

    pub(crate) fn unit_list(&mut self, pointer: &Pointer) {
        self.want(pointer, Want::UnitList);
    }

    fn want(&mut self, pointer: &Pointer, want: Want) {
        let names = match pointer {
            Pointer::Member(names) => names,
            Pointer::Attribute(name) => return self.attributes.push((name.clone(), want)),
        };
        let mut at = ROOT;
        for name in names {
            at = match self.child(at, name) {
                Some(child) => child,
                None => {
                    let child = self.nodes.len();
                    self.nodes.push(Node::default());
                    self.nodes[at].children.push((name.clone(), child));
                    child
                }
            };
        }
        self.nodes[at].wants.push(want);
    }

    fn child(&self, node: usize, name: &str) -> Option<usize> {
        self.nodes[node].children.iter().find(|(each, _)| each == name).map(|(_, child)| *child)
    }

    fn wants(&self, node: Option<usize>) -> &[Want] {
        node.map_or(&[], |node| &self.nodes[node].wants)
    }

    /// What is missing where slot `slot` is empty.
    pub(crate) fn missing(&self, slot: usize) -> DecodeError {
        let Slot { field, pointer } = &self.slots[slot];
        DecodeError::Missing { field: field.clone(), pointer: pointer.clone() }
    }

    /// The fault of a value of the wrong kind in slot `slot`.
    pub(crate) fn wrong(&self, slot: usize, expected: &'static str, found: &Scalar) -> DecodeError {
        let Slot { field, pointer } = &self.slots[slot];
        DecodeError::WrongType {
            field: field.clone(),
            pointer: pointer.clone(),
            expected,
            found: found.describe(),
        }
    }
}

/// A single value as the document has it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Scalar {
    Null,
    Bool(bool),
    Signed(i64),
    Unsigned(u64),
    Float(f64),
    Text(CompactString),
    Time(Timestamp),
    /// Not a single value: an object, an array, or bytes.
    Composite(&'static str),
}

impl Scalar {
    fn describe(&self) -> String {
        match self {
            Self::Null => "null".into(),
            Self::Bool(flag) => flag.to_string(),
            Self::Signed(number) => format!("the number {number}"),
            Self::Unsigned(number) => format!("the number {number}"),
            Self::Float(number) => format!("the number {number}"),
            Self::Text(text) => format!("the text \"{}\"", shorten(text)),
            Self::Time(moment) => format!("the time {moment}"),
            Self::Composite(what) => (*what).into(),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "features are doubles, as `Value::Number` says")]
    fn into_value(self) -> Option<Value> {
        Some(match self {
            Self::Null => Value::Null,
            Self::Bool(flag) => Value::Bool(flag),
            Self::Signed(number) => Value::Number(number as f64),
            Self::Unsigned(number) => Value::Number(number as f64),
            Self::Float(number) => Value::Number(number),
            Self::Text(text) => Value::Text(text),
            Self::Time(moment) => Value::Number(moment.as_micros() as f64),
            Self::Composite(_) => return None,
        })
    }
}

/// The first 64 characters: enough to recognize a value, not enough to fill a log.
pub(crate) fn shorten(text: &str) -> String {
    const SHOWN: usize = 64;
    match text.char_indices().nth(SHOWN) {
        None => text.into(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

/// What one document held of what is wanted. Reused from event to event.
#[derive(Debug, Default)]
pub(crate) struct Extraction {
    pub(crate) slots: Vec<Option<Scalar>>,
    pub(crate) features: FieldsBuilder,
    pub(crate) context: FieldsBuilder,
    pub(crate) units: Vec<Unit>,
    /// Whether the object was met whose members are the features.
    pub(crate) has_features: bool,
    /// Dotted path below the object whose members are wanted.
    path: String,
    /// The first thing that was wrong with the values, as opposed to the syntax.
    fault: Option<DecodeError>,
}

/// Where a walk is: inside which collecting objects, and how long the path was when it entered them.
#[derive(Clone, Copy, Debug, Default)]
struct Inside {
    features: Option<usize>,
    context: Option<usize>,
}

impl Inside {
    fn enter(mut self, wants: &[Want], path_length: usize) -> Self {
        for want in wants {
            match want {
                Want::Members(Target::Features) => self.features = Some(path_length),
                Want::Members(Target::Context) => self.context = Some(path_length),
                _ => {}
            }
        }
        self
    }

    fn is_outside(self) -> bool {
        self.features.is_none() && self.context.is_none()
    }
}

/// The walk was given up; [`Extraction::fault`] says why.
struct Fault;

impl Extraction {
    /// Reads a JSON text along `plan`.
    pub(crate) fn read_json(&mut self, plan: &Plan, text: &[u8]) -> Result<(), DecodeError> {
        self.start(plan);
        // Once for the whole text: the parser then need not check each string by itself.
        let text = std::str::from_utf8(text).map_err(|error| {
            let message = format!("invalid UTF-8 at byte {}", error.valid_up_to() + 1);
            DecodeError::Malformed { encoding: "JSON", message }
        })?;
        let read = json::walk(plan, self, text);
        match (self.fault.take(), read) {
            (Some(fault), _) => Err(fault),
            (None, Err(error)) => {
                Err(DecodeError::Malformed { encoding: "JSON", message: error.to_string() })
            }
            (None, Ok(())) => Ok(()),
        }
    }

    /// Reads an Avro value along `plan`.
    pub(crate) fn read_avro(
        &mut self,
        plan: &Plan,
        value: &apache_avro::types::Value,
    ) -> Result<(), DecodeError> {
        self.start(plan);
        let walked = value::walk(plan, self, value);
        match self.fault.take() {
            Some(fault) => Err(fault),
            None if walked.is_err() => unreachable!("a walk is given up only with its fault noted"),
            None => Ok(()),
        }
    }

    /// Takes what `plan` wants of the envelope around the document; after the document, which makes a fresh start.
    pub(crate) fn read_attributes(
        &mut self,
        plan: &Plan,
        envelope: &Envelope<'_>,
    ) -> Result<(), DecodeError> {
        for (name, want) in &plan.attributes {
            let value = match name.as_str() {
                "time" => envelope.time()?.map(Scalar::Time),
                name => envelope.get(name)?.map(|text| Scalar::Text(CompactString::from(text))),
            };
            if let Some(value) = value
                && self.put(plan, want, value).is_err()
            {
                return Err(self.fault.take().unwrap_or(DecodeError::Empty));
            }
        }
        Ok(())
    }

    fn start(&mut self, plan: &Plan) {
        self.slots.clear();
        self.slots.resize(plan.slots.len(), None);
        self.features.discard();
        self.context.discard();
        self.units.clear();
        self.has_features = false;
        self.path.clear();
        self.fault = None;
    }

    fn fail(&mut self, fault: DecodeError) -> Fault {
        self.fault.get_or_insert(fault);
        Fault
    }

    /// A single value was met at `node`.
    fn scalar(
        &mut self,
        plan: &Plan,
        node: Option<usize>,
        inside: Inside,
        value: Scalar,
    ) -> Result<(), Fault> {
        for want in plan.wants(node) {
            self.put(plan, want, value.clone())?;
        }
        if let Some(base) = inside.features {
            self.add_member(Target::Features, base, value.clone())?;
        }
        if let Some(base) = inside.context {
            self.add_member(Target::Context, base, value)?;
        }
        Ok(())
    }

    /// A single value was met where `want` is wanted.
    fn put(&mut self, plan: &Plan, want: &Want, value: Scalar) -> Result<(), Fault> {
        match want {
            Want::Slot(slot) => self.fill(plan, *slot, value),
            Want::Field(target, name) => self.add_field(*target, name, value),
            Want::UnitList => Err(self.fail(bad_units(&value.describe()))),
            Want::Members(target) if value != Scalar::Null => {
                Err(self.fail(bad_members(*target, &value.describe())))
            }
            Want::Members(_) => Ok(()),
        }
    }

    /// An object or an array was met at `node`, where perhaps a single value is wanted.
    fn composite(&mut self, plan: &Plan, node: Option<usize>, what: &'static str) -> Result<(), Fault> {
        for want in plan.wants(node) {
            match want {
                Want::Slot(slot) => self.fill(plan, *slot, Scalar::Composite(what))?,
                Want::UnitList => return Err(self.fail(bad_units(what))),
                Want::Members(target) if what != OBJECT => return Err(self.fail(bad_members(*target, what))),
                Want::Members(target) => self.has_features |= *target == Target::Features,
                // An array or an object is no feature: the field is simply not there.
                Want::Field(..) => {}
            }
        }
        Ok(())
    }

    fn fill(&mut self, plan: &Plan, slot: usize, value: Scalar) -> Result<(), Fault> {
        if self.slots[slot].replace(value).is_some() {
            return Err(self.fail(DecodeError::Duplicate { field: plan.slots[slot].field.clone() }));
        }
        Ok(())
    }

    fn add_field(&mut self, target: Target, name: &str, value: Scalar) -> Result<(), Fault> {
        let Some(value) = value.into_value() else { return Ok(()) };
        let fields = match target {
            Target::Features => &mut self.features,
            Target::Context => &mut self.context,
        };
        if fields.len() >= FIELDS_MAX {
            return Err(self.fail(DecodeError::TooManyFields { limit: FIELDS_MAX }));
        }
        if !fields.push(name, value) {
            return Err(self.fail(DecodeError::Duplicate { field: shorten(name) }));
        }
        Ok(())
    }

    fn add_member(&mut self, target: Target, base: usize, value: Scalar) -> Result<(), Fault> {
        let path = std::mem::take(&mut self.path);
        // The path below the collecting object begins with the dot that joins it to what is above.
        let added = self.add_field(target, path[base..].strip_prefix('.').unwrap_or_default(), value);
        self.path = path;
        added
    }

    /// Goes down into the member `name`; returns what [`Extraction::leave`] needs to come back.
    fn enter(&mut self, name: &str) -> usize {
        let above = self.path.len();
        self.path.push('.');
        self.path.push_str(name);
        above
    }

    fn leave(&mut self, above: usize) {
        self.path.truncate(above);
    }

    /// A list of units was met.
    fn unit(&mut self, unit: Unit) -> Result<(), Fault> {
        if self.units.len() >= Units::MAX {
            return Err(self.fail(bad_units(&format!("more than {} of them", Units::MAX))));
        }
        self.units.push(unit);
        Ok(())
    }
}

fn bad_units(found: &str) -> DecodeError {
    DecodeError::WrongType {
        field: "units".into(),
        pointer: "/units".into(),
        expected: "a list of {kind, id}, both text",
        found: found.into(),
    }
}

fn bad_members(target: Target, found: &str) -> DecodeError {
    let field = match target {
        Target::Features => "features",
        Target::Context => "context",
    };
    DecodeError::WrongType {
        field: field.into(),
        pointer: "where the mapping says".into(),
        expected: "an object",
        found: found.into(),
    }
}
