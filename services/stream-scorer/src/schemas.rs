//! The Avro schemas that the configuration names.

use std::collections::HashMap;
use std::path::Path;

use events::Schemas;

use crate::config::SchemaFile;

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
    let by_id: HashMap<u32, String> =
        texts.iter().filter_map(|(schema, _, text)| Some((schema.id?, text.clone()))).collect();
    let mut schemas = Schemas::new(Box::new(by_id));
    for (_, path, text) in &texts {
        if let Err(error) = schemas.add(text, &path.display().to_string()) {
            problems.push(("input.schemas".into(), error.to_string()));
        }
    }
    if problems.is_empty() { Ok(schemas) } else { Err(problems) }
}
