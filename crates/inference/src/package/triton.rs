//! The folder of a model in a Triton repository: `config.pbtxt`, and a folder for each version.

use std::path::Path;

use super::folder::{Around, refuse};
use super::mlflow::check_inside;
use super::text::text_proto;
use crate::error::LoadError;
use crate::manifest::MANIFEST_BYTES_MAX;
use crate::model::read as read_file;

/// What says that a folder is Triton's.
pub(super) const FILE: &str = "config.pbtxt";

/// The folder of the version that serves, or its model file, and what is said of it.
pub(super) fn read(folder: &Path) -> Result<(String, Around), LoadError> {
    let path = folder.join(FILE);
    let bytes = read_file(&path, MANIFEST_BYTES_MAX)?;
    let entries = text_proto(&String::from_utf8_lossy(&bytes)).map_err(|fault| refuse(&path, fault))?;
    let get = |key: &str| entries.iter().find(|(path, _)| path == key).map(|(_, value)| value.clone());
    let specific = entries.iter().filter(|(path, _)| path == "version_policy.specific.versions");
    let specific: Vec<u64> = specific.filter_map(|(_, version)| version.parse().ok()).collect();
    let version = latest(folder, &specific).ok_or_else(|| {
        refuse(
            folder,
            "it has no folder of a version, such as 1, with a model in it, that its config.pbtxt serves",
        )
    })?;
    let file = get("default_model_filename");
    if let Some(file) = &file {
        check_inside(file).map_err(|fault| refuse(&path, fault))?;
    }
    let decides = parameter(&entries, "output_class").is_some_and(|value| value == "true");
    let threshold = parameter(&entries, "threshold").and_then(|value| value.parse().ok());
    let around = Around {
        name: get("name").or_else(|| Some(super::folder::name_of(folder))),
        version: Some(version.to_string()),
        threshold: if decides { threshold.or(Some(0.5)) } else { None },
        notes: vec![format!("{FILE}: version {version} is read")],
        ..Around::default()
    };
    let place = version.to_string();
    Ok((file.map_or(place.clone(), |file| format!("{place}/{file}")), around))
}

/// The value of one of the backend's own parameters: `{ key: "threshold" value: { string_value: "0.5" } }`.
fn parameter<'e>(entries: &'e [(String, String)], name: &str) -> Option<&'e str> {
    let at = entries.iter().position(|(path, value)| path == "parameters.key" && value == name)?;
    let (path, value) = entries.get(at + 1)?;
    (path == "parameters.value.string_value").then_some(value.as_str())
}

/// The latest version that has a folder, among `specific` ones where there are any.
fn latest(folder: &Path, specific: &[u64]) -> Option<u64> {
    let entries = std::fs::read_dir(folder).ok()?;
    let folders = entries.flatten().filter(|entry| entry.path().is_dir());
    let versions = folders.filter_map(|entry| entry.file_name().to_str()?.parse::<u64>().ok());
    versions.filter(|version| specific.is_empty() || specific.contains(version)).max()
}
