//! Avro schemas: ours, and those that users write with.

mod recursion;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use apache_avro::Schema;
use apache_avro::rabin::Rabin;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::types::Value;

use crate::{DecodeError, MappingError, SchemaId, Undecoded};

/// The most schemas that one process reads with. Each is kept for good, so an endless stream of new ones must
/// end somewhere; a topic has a handful.
const SCHEMAS_MAX: usize = 4_096;

/// How long it is taken for granted that a registry does not know an id. Long enough that a stream of bad records
/// does not become a stream of requests; short enough that a schema that is registered late is found.
const ABSENT_FOR: Duration = Duration::from_secs(60);

/// A schema as a registry has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaText {
    /// What the schema describes.
    pub kind: SchemaKind,
    /// The schema itself.
    pub text: String,
    /// The schemas of the named types that it uses without defining them.
    pub references: Vec<String>,
}

/// The languages of schemas that a registry may hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SchemaKind {
    /// Avro: what is written with it is read.
    Avro,
    /// JSON Schema: what is written with it is JSON, and is read as such. It is not held against the schema.
    Json,
    /// Anything else, by the registry's name for it, such as `PROTOBUF`.
    Other(String),
}

impl SchemaText {
    /// An Avro schema that has all its types within.
    pub fn avro(text: impl Into<String>) -> Self {
        Self { kind: SchemaKind::Avro, text: text.into(), references: Vec::new() }
    }
}

/// The schemas that payloads may be written with.
///
/// Ids are looked up in a table. What a table lacks is either unknown for good, or, where [`Schemas::ask`] says so,
/// for somebody else to find: decoders then return [`Undecoded::NeedsSchema`], and go on once the schema has
/// been [learned](Schemas::learn).
#[derive(Debug, Default)]
pub struct Schemas {
    by_fingerprint: HashMap<[u8; 8], &'static Writer>,
    by_id: Mutex<HashMap<SchemaId, Known>>,
    is_asking: bool,
}

/// What is known about an id.
#[derive(Clone, Debug)]
pub(crate) enum Known {
    /// An Avro schema.
    Avro(&'static Writer),
    /// Payloads are JSON.
    Json,
    /// There is such a schema, and nothing can be read with it: why.
    Unusable(Arc<str>),
    /// There was no such schema at that time.
    Absent(Instant),
}

/// A schema that somebody writes with, ready to read by.
#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) schema: Schema,
    /// Named types that it uses without defining them.
    references: Vec<Schema>,
    fingerprint: [u8; 8],
}

impl Schemas {
    /// Has ids that are not in the table be asked for, rather than be unknown for good.
    #[must_use]
    pub fn ask(mut self) -> Self {
        self.is_asking = true;
        self
    }

    /// Adds a schema for payloads in the single-object encoding, which name it by fingerprint.
    ///
    /// # Errors
    /// Where `text` is not an Avro schema; `place` says where it came from.
    pub fn add(&mut self, text: &str, place: &str) -> Result<(), MappingError> {
        let bad = |message: String| MappingError::BadSchema { place: place.into(), message };
        if self.by_fingerprint.len() >= SCHEMAS_MAX {
            return Err(bad(format!("more than {SCHEMAS_MAX} schemas")));
        }
        let writer = Writer::parse(text).map_err(bad)?;
        self.by_fingerprint.insert(writer.fingerprint, Box::leak(Box::new(writer)));
        Ok(())
    }

    /// Notes what is behind an id; `None` where its registry says that there is nothing. An Avro schema that cannot
    /// be read by is noted as such: records that are written with it are bad, and always will be.
    pub fn learn(&self, id: SchemaId, found: Option<SchemaText>) {
        let mut known = self.known();
        if known.len() >= SCHEMAS_MAX {
            known.retain(|_, each| !matches!(each, Known::Absent(_)));
        }
        let what = match found {
            None => Known::Absent(Instant::now()),
            Some(_) if known.len() >= SCHEMAS_MAX => {
                Known::Unusable(format!("there are {SCHEMAS_MAX} schemas already").into())
            }
            Some(found) => Known::from(found),
        };
        known.insert(id, what);
    }

    pub(crate) fn by_fingerprint(&self, fingerprint: [u8; 8]) -> Result<&'static Writer, DecodeError> {
        let found = self.by_fingerprint.get(&fingerprint).copied();
        found.or_else(|| crate::native::schema(fingerprint)).ok_or_else(|| DecodeError::UnknownSchema {
            schema: format!("with fingerprint {:016x}", u64::from_le_bytes(fingerprint)),
        })
    }

    pub(crate) fn by_id(&self, id: SchemaId) -> Result<Known, Undecoded> {
        let unknown = |why: &str| {
            let schema = if why.is_empty() { id.to_string() } else { format!("{id}: {why}") };
            Err(DecodeError::UnknownSchema { schema }.into())
        };
        match self.known().get(&id) {
            Some(Known::Unusable(why)) => unknown(why),
            Some(Known::Absent(since)) if since.elapsed() < ABSENT_FOR => unknown(""),
            Some(known @ (Known::Avro(_) | Known::Json)) => Ok(known.clone()),
            None | Some(Known::Absent(_)) if self.is_asking => Err(Undecoded::NeedsSchema(id)),
            None | Some(Known::Absent(_)) => unknown(""),
        }
    }

    /// The table is whole after every statement that changes it, so a panic elsewhere leaves nothing to mend.
    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<SchemaId, Known>> {
        self.by_id.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<SchemaText> for Known {
    fn from(SchemaText { kind, text, references }: SchemaText) -> Self {
        match kind {
            SchemaKind::Json => Self::Json,
            SchemaKind::Other(kind) => Self::Unusable(format!("it is in {kind}, not in Avro").into()),
            SchemaKind::Avro => match Writer::with_references(&text, &references) {
                Ok(writer) => Self::Avro(Box::leak(Box::new(writer))),
                Err(why) => Self::Unusable(why.into()),
            },
        }
    }
}

impl Writer {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        Self::with_references(text, &[])
    }

    fn with_references(text: &str, references: &[String]) -> Result<Self, String> {
        let (schema, references) = Schema::parse_str_with_list(text, references)
            .map_err(|error| format!("it is not an Avro schema: {error}"))?;
        if let Some(name) = recursion::find(&schema, &references) {
            // A short payload could nest without end, and the reader has no limit to its depth.
            return Err(format!("`{name}` contains itself, and such types are not read"));
        }
        let mut fingerprint = [0; 8];
        fingerprint.copy_from_slice(&schema.fingerprint::<Rabin>().bytes);
        Ok(Self { schema, references, fingerprint })
    }

    /// All named types of the schema, for a reader.
    fn schemata(&self) -> Vec<&Schema> {
        self.references.iter().chain([&self.schema]).collect()
    }

    pub(crate) fn fingerprint(&self) -> [u8; 8] {
        self.fingerprint
    }
}

/// Reads values of one writer's schema, resolved against a reader's schema once and not for each event.
#[derive(Default)]
pub(crate) struct Readers {
    /// By address: writers live for good.
    readers: HashMap<usize, GenericDatumReader<'static>>,
}

impl Readers {
    /// Reads `body`, written with `writer`, as `reader` has it; without `reader` as it was written.
    pub(crate) fn read(
        &mut self,
        writer: &'static Writer,
        reader: Option<&'static Writer>,
        body: &[u8],
    ) -> Result<Value, DecodeError> {
        let malformed = |message: String| DecodeError::Malformed { encoding: "Avro", message };
        let resolved = match self.readers.entry(std::ptr::from_ref(writer) as usize) {
            std::collections::hash_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::hash_map::Entry::Vacant(entry) => entry.insert(
                GenericDatumReader::builder(&writer.schema)
                    .writer_schemata(writer.schemata())
                    .map_err(|error| malformed(error.to_string()))?
                    .maybe_reader_schema(reader.map(|reader| &reader.schema))
                    .build()
                    .map_err(|error| malformed(error.to_string()))?,
            ),
        };
        let mut rest = body;
        let value = resolved.read_value(&mut rest).map_err(|error| malformed(error.to_string()))?;
        if rest.is_empty() {
            Ok(value)
        } else {
            Err(malformed(format!("{} bytes are left over after the value", rest.len())))
        }
    }
}

impl std::fmt::Debug for Readers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Readers").field("writers", &self.readers.len()).finish()
    }
}
