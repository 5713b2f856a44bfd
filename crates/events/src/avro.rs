//! Avro schemas: ours, and those that users write with.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use apache_avro::Schema;
use apache_avro::rabin::Rabin;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::types::Value;

use crate::{DecodeError, MappingError};

/// The most schemas that one process reads with. Each is kept for good, so an endless stream of new ones must
/// end somewhere; a topic has a handful.
const SCHEMAS_MAX: usize = 4_096;

/// Finds the schema behind an id of the Confluent wire format: a registry's client, or a table.
pub trait SchemaSource: Send + Sync {
    /// The schema's JSON text, or `None` where the id is not known.
    fn schema(&self, id: u32) -> Option<String>;
}

/// A table of ids and schema texts.
impl SchemaSource for HashMap<u32, String> {
    fn schema(&self, id: u32) -> Option<String> {
        self.get(&id).cloned()
    }
}

/// The schemas that payloads may be written with.
pub struct Schemas {
    source: Box<dyn SchemaSource>,
    by_fingerprint: HashMap<[u8; 8], &'static Writer>,
    by_id: Mutex<HashMap<u32, &'static Writer>>,
}

/// A schema that somebody writes with, ready to read by.
#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) schema: Schema,
    fingerprint: [u8; 8],
}

impl std::fmt::Debug for Schemas {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Schemas").field("known", &self.by_fingerprint.len()).finish_non_exhaustive()
    }
}

impl Default for Schemas {
    fn default() -> Self {
        Self::new(Box::new(HashMap::new()))
    }
}

impl Schemas {
    /// Our own schemas, and those that `source` finds by id.
    pub fn new(source: Box<dyn SchemaSource>) -> Self {
        let mut schemas = Self { source, by_fingerprint: HashMap::new(), by_id: Mutex::default() };
        for own in crate::native::schemas() {
            schemas.insert(own);
        }
        schemas
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
        let writer = Writer::parse(text).map_err(|error| bad(error.to_string()))?;
        self.insert(Box::leak(Box::new(writer)));
        Ok(())
    }

    fn insert(&mut self, writer: &'static Writer) {
        self.by_fingerprint.insert(writer.fingerprint, writer);
    }

    pub(crate) fn by_fingerprint(&self, fingerprint: [u8; 8]) -> Result<&'static Writer, DecodeError> {
        self.by_fingerprint.get(&fingerprint).copied().ok_or_else(|| DecodeError::UnknownSchema {
            schema: format!("with fingerprint {:016x}", u64::from_le_bytes(fingerprint)),
        })
    }

    pub(crate) fn by_id(&self, id: u32) -> Result<&'static Writer, DecodeError> {
        let unknown = || DecodeError::UnknownSchema { schema: format!("id {id}") };
        let mut known = self.by_id.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(writer) = known.get(&id) {
            return Ok(writer);
        }
        if known.len() >= SCHEMAS_MAX {
            return Err(unknown());
        }
        let text = self.source.schema(id).ok_or_else(unknown)?;
        let writer = Writer::parse(&text).map_err(|error| DecodeError::UnknownSchema {
            schema: format!("id {id}: it is not an Avro schema: {error}"),
        })?;
        let writer = &*Box::leak(Box::new(writer));
        known.insert(id, writer);
        Ok(writer)
    }
}

impl Writer {
    pub(crate) fn parse(text: &str) -> apache_avro::AvroResult<Self> {
        let schema = Schema::parse_str(text)?;
        let mut fingerprint = [0; 8];
        fingerprint.copy_from_slice(&schema.fingerprint::<Rabin>().bytes);
        Ok(Self { schema, fingerprint })
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
