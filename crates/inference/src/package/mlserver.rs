//! An MLServer folder: `model-settings.json`.

use std::path::Path;

use serde::Deserialize;

use super::folder::{Around, refuse};
use super::mlflow::check_inside;
use crate::error::LoadError;
use crate::manifest::MANIFEST_BYTES_MAX;
use crate::model::read as read_file;

/// What says that a folder is MLServer's.
pub(super) const FILE: &str = "model-settings.json";

#[derive(Deserialize)]
struct Settings {
    name: Option<String>,
    #[serde(default)]
    parameters: Parameters,
}

#[derive(Default, Deserialize)]
struct Parameters {
    uri: Option<String>,
    version: Option<String>,
}

/// The file of the model below `folder`, if the settings name one, and what they say of it.
pub(super) fn read(folder: &Path) -> Result<(Option<String>, Around), LoadError> {
    let path = folder.join(FILE);
    let bytes = read_file(&path, MANIFEST_BYTES_MAX)?;
    let settings: Settings =
        serde_json::from_slice(&bytes).map_err(|error| refuse(&path, error.to_string()))?;
    let file = settings.parameters.uri.map(|uri| uri.trim_start_matches("./").to_owned());
    if let Some(file) = &file {
        check_inside(file).map_err(|fault| refuse(&path, fault))?;
    }
    let around = Around {
        name: settings.name,
        version: settings.parameters.version,
        notes: vec![format!("{FILE} names the model")],
        ..Around::default()
    };
    Ok((file.filter(|file| !file.is_empty() && file != "."), around))
}
