//! What is asked of a registry.

mod references;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, OnceLock};

use events::{Event, SchemaId, SchemaKind, SchemaText};
use runtime::{Gate, Health};
use serde::Deserialize;
use serde_json::json;

use crate::config::Config;
use crate::error::Error;
use crate::http::{Http, No};
use crate::subject::{SubjectStrategy, encoded};

/// A schema registry. Clones are cheap and stand for the same one.
#[derive(Clone, Debug)]
pub struct Registry {
    pub(crate) shared: Arc<Shared>,
}

#[derive(Debug)]
pub(crate) struct Shared {
    http: Http,
    pub(crate) config: Config,
    /// How many lanes wait for an answer.
    pub(crate) waiting: AtomicUsize,
    /// Readiness, once the process watches it.
    pub(crate) gate: OnceLock<Gate>,
}

/// A schema of ours in the registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    /// The subject that it stands under.
    pub subject: String,
    /// Its id.
    pub id: u32,
    /// Its GUID, where the registry gives one.
    pub guid: Option<SchemaId>,
    /// Its version within the subject.
    pub version: u32,
}

/// How a schema of ours stands to those that a subject has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Compatibility {
    /// It is there.
    Registered(Registered),
    /// The subject has none yet.
    New,
    /// It would be let in.
    Compatible,
    /// It would not: why, as far as the registry says.
    Incompatible(Vec<String>),
}

/// A schema as the API has it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Schema {
    schema: String,
    schema_type: Option<String>,
    #[serde(default)]
    references: Option<Vec<references::Reference>>,
}

#[derive(Debug, Deserialize)]
struct Found {
    id: u32,
    guid: Option<String>,
    version: Option<u32>,
}

#[derive(Debug, Deserialize)]
struct Checked {
    is_compatible: bool,
    #[serde(default)]
    messages: Vec<String>,
}

impl Registry {
    /// A client of the configured registry; `base` is where relative paths start, and `environment` where secrets may
    /// be. Asks nothing yet.
    ///
    /// # Errors
    /// All that is wrong with the section: fields and messages.
    pub fn new(
        config: &Config,
        base: &Path,
        environment: &BTreeMap<String, String>,
    ) -> Result<Self, Vec<(String, String)>> {
        let mut problems = config.problems();
        match Http::new(config, base, environment.clone()) {
            Ok(http) if problems.is_empty() => {
                let shared = Shared {
                    http,
                    config: config.clone(),
                    waiting: AtomicUsize::new(0),
                    gate: OnceLock::new(),
                };
                return Ok(Self { shared: Arc::new(shared) });
            }
            Ok(_) => {}
            Err(problem) => problems.push(problem),
        }
        Err(problems)
    }

    /// Has the process be unready while a lane waits for the registry.
    pub fn watch(&self, health: &Health) {
        let gate = self.shared.gate.get_or_init(|| health.gate("schema registry"));
        if self.shared.waiting.load(std::sync::atomic::Ordering::Acquire) == 0 {
            gate.open();
        }
    }

    /// The rule by which subjects are named.
    pub fn strategy(&self) -> SubjectStrategy {
        self.shared.config.subjects
    }

    /// The schema behind an id, with the types that it uses; `None` where the registry says that there is none.
    ///
    /// # Errors
    /// Where the registry cannot say, or refuses us.
    pub async fn schema(&self, id: SchemaId) -> Result<Option<SchemaText>, Error> {
        self.run(move |shared| shared.schema(id)).await
    }

    /// The schema of our events of type `E`, if it stands under the subject of `topic`.
    ///
    /// # Errors
    /// [`Error::NotRegistered`] where it does not; else as [`Registry::schema`].
    pub async fn look_up<E: Event>(&self, topic: &str) -> Result<Registered, Error> {
        let subject = self.strategy().subject::<E>(topic);
        self.run(move |shared| shared.find(&subject, E::SCHEMA)?.ok_or(Error::NotRegistered { subject }))
            .await
    }

    /// Puts the schema of our events of type `E` under the subject of `topic`, unless it is there.
    ///
    /// # Errors
    /// [`Error::Refused`] where it does not fit the schemas before it; else as [`Registry::schema`].
    pub async fn register<E: Event>(&self, topic: &str) -> Result<Registered, Error> {
        let subject = self.strategy().subject::<E>(topic);
        self.run(move |shared| shared.register(&subject, E::SCHEMA)).await
    }

    /// Says how the schema of our events of type `E` stands to the subject of `topic`. Changes nothing.
    ///
    /// # Errors
    /// As [`Registry::schema`].
    pub async fn check<E: Event>(&self, topic: &str) -> Result<Compatibility, Error> {
        let subject = self.strategy().subject::<E>(topic);
        self.run(move |shared| shared.check(&subject, E::SCHEMA)).await
    }

    /// Asks on a thread that may block.
    async fn run<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&Shared) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let shared = Arc::clone(&self.shared);
        tokio::task::spawn_blocking(move || ask(&shared)).await.unwrap_or(Err(Error::GivenUp))
    }
}

impl Shared {
    pub(crate) fn schema(&self, id: SchemaId) -> Result<Option<SchemaText>, Error> {
        let kind = match id {
            SchemaId::Number(_) => "ids",
            SchemaId::Guid(_) => "guids",
        };
        let path = format!("/schemas/{kind}/{}", id.path());
        let found = self.http.ask::<Schema>(&path, None)?;
        let Some(schema) = present(found, &id.to_string())? else { return Ok(None) };
        let references = references::resolve(&self.http, schema.references.unwrap_or_default())?;
        let kind = match schema.schema_type.as_deref() {
            None | Some("AVRO") => SchemaKind::Avro,
            Some("JSON") => SchemaKind::Json,
            Some(other) => SchemaKind::Other(other.into()),
        };
        Ok(Some(SchemaText { kind, text: schema.schema, references }))
    }

    fn find(&self, subject: &str, schema: &str) -> Result<Option<Registered>, Error> {
        present(self.ask_for(subject, schema)?, subject)
    }

    /// Asks for a schema of ours under a subject.
    fn ask_for(&self, subject: &str, schema: &str) -> Result<Result<Registered, No>, Error> {
        let path = format!("/subjects/{}", encoded(subject));
        let found = self.http.ask::<Found>(&path, Some(&json!({ "schema": schema })))?;
        Ok(found.map(|found| Registered {
            subject: subject.into(),
            id: found.id,
            guid: found.guid.as_deref().and_then(SchemaId::parse_guid),
            version: found.version.unwrap_or_default(),
        }))
    }

    fn register(&self, subject: &str, schema: &str) -> Result<Registered, Error> {
        let path = format!("/subjects/{}/versions", encoded(subject));
        match self.http.ask::<Found>(&path, Some(&json!({ "schema": schema })))? {
            Ok(_) => {}
            Err(no) => return Err(refused(no, subject)),
        }
        // Older registries answer with the id alone.
        self.find(subject, schema)?.ok_or_else(|| Error::NotRegistered { subject: subject.into() })
    }

    fn check(&self, subject: &str, schema: &str) -> Result<Compatibility, Error> {
        match self.ask_for(subject, schema)? {
            Ok(found) => return Ok(Compatibility::Registered(found)),
            // Asked whether something fits into nothing, some registries say yes and others that there is nothing.
            Err(no) if no.is_without_subject() => return Ok(Compatibility::New),
            Err(no) if no.is_absent() => {}
            Err(no) => return Err(refused(no, subject)),
        }
        let path = format!("/compatibility/subjects/{}/versions/latest?verbose=true", encoded(subject));
        let checked = self.http.ask::<Checked>(&path, Some(&json!({ "schema": schema })))?;
        Ok(match present(checked, subject)? {
            None => Compatibility::New,
            Some(checked) if checked.is_compatible => Compatibility::Compatible,
            Some(checked) => Compatibility::Incompatible(checked.messages),
        })
    }
}

/// The answer, or none where what was asked for is not there.
pub(crate) fn present<T>(answer: Result<T, No>, subject: &str) -> Result<Option<T>, Error> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(no) if no.is_absent() => Ok(None),
        Err(no) => Err(refused(no, subject)),
    }
}

fn refused(No { code, message }: No, subject: &str) -> Error {
    Error::Refused { subject: subject.into(), code, message }
}
