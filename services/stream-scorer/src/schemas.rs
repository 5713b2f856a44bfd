//! The schemas that records are read and written with.

use std::path::Path;
use std::sync::Arc;

use events::{OutcomeEvent, PredictionEvent, SchemaId, SchemaText, Schemas};
use registry::{Registered, Registry};
use runtime::Shutdown;

use crate::config::{FramingKind, SchemaFile, Topics};
use crate::service::Config;

/// Our own schemas and those in `files`, whose places are relative to `base`. All faults at once.
pub(crate) fn load(files: &[SchemaFile], base: &Path) -> Result<Schemas, Vec<(String, String)>> {
    let mut texts = Vec::new();
    let mut problems = Vec::new();
    for schema in files {
        let path = base.join(&schema.file);
        match std::fs::read_to_string(&path) {
            Ok(text) => texts.push((schema, path, text)),
            Err(error) => problems.push(("input.schemas".into(), format!("{}: {error}", path.display()))),
        }
    }
    let mut schemas = Schemas::default();
    for (schema, path, text) in &texts {
        if let Err(error) = schemas.add(text, &path.display().to_string()) {
            problems.push(("input.schemas".into(), error.to_string()));
        }
        if let Some(id) = schema.id {
            schemas.learn(SchemaId::Number(id), Some(SchemaText::avro(text.as_str())));
        }
    }
    if problems.is_empty() { Ok(schemas) } else { Err(problems) }
}

/// The ids that a registry has for our own schemas, by topic.
#[derive(Clone, Debug, Default)]
pub(crate) struct OwnIds(Vec<(Arc<str>, SchemaId)>);

impl OwnIds {
    /// Looks up what the output's framing needs; nothing where it needs none. `None` where there was a request to stop
    /// while the registry was away.
    pub(crate) async fn look_up(
        config: &Config,
        registry: &Registry,
        topics: &Topics,
        shutdown: &Shutdown,
    ) -> Result<Option<Self>, registry::Error> {
        let framing = config.output.framing;
        let mut ids = Vec::new();
        if framing == FramingKind::SingleObject {
            return Ok(Some(Self::default()));
        }
        for topic in [&topics.predictions, &topics.shadow_predictions] {
            let look_up = || registry.look_up::<PredictionEvent>(topic);
            let Some(found) = registry.until_answered(look_up, shutdown, || {}).await? else {
                return Ok(None);
            };
            ids.push((Arc::clone(topic), id(framing, &found)));
        }
        // Lanes publish only the outcomes that come with the input.
        if config.input.outcome.is_some() {
            let look_up = || registry.look_up::<OutcomeEvent>(&topics.outcomes);
            let Some(found) = registry.until_answered(look_up, shutdown, || {}).await? else {
                return Ok(None);
            };
            ids.push((Arc::clone(&topics.outcomes), id(framing, &found)));
        }
        Ok(Some(Self(ids)))
    }

    /// The id of what goes to `topic`.
    pub(crate) fn get(&self, topic: &Arc<str>) -> Option<SchemaId> {
        self.0.iter().find(|(each, _)| each == topic).map(|(_, id)| *id)
    }
}

/// Headers carry the GUID, as others write them, where the registry knows GUIDs.
fn id(framing: FramingKind, found: &Registered) -> SchemaId {
    let number = SchemaId::Number(found.id);
    if framing == FramingKind::Header { found.guid.unwrap_or(number) } else { number }
}
