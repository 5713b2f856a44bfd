//! What stands beside an artifact and tells what the artifact does not: how features were prepared, which codes
//! categories have, what the scores are called.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::folder::refuse;
use crate::error::LoadError;
use crate::manifest::MANIFEST_BYTES_MAX;
use crate::model::read;

/// How the features of a network were prepared.
const PREPROCESSING: &str = "preprocessing.json";
/// The codes of categories.
const CATEGORIES: &str = "categories.json";
/// The trainer's own scores, a JSON object a line.
pub(crate) const EXPECTED: &str = "expected.ndjson";
/// The most bytes of a line of scores.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// All of it.
#[derive(Debug, Default)]
pub(super) struct Beside {
    pub(super) preprocessing: Option<Preprocessing>,
    pub(super) categories: Option<CategoryCodes>,
    /// The names of the scores.
    pub(super) outputs: Vec<String>,
    /// The files that this was read from.
    pub(super) files: Vec<&'static str>,
}

/// `preprocessing.json`: numeric columns first, then those of the categories, as they were joined in training.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Preprocessing {
    /// What the network does: `linear, relu, linear, sigmoid`, perhaps with its name and a colon before it.
    pub(super) architecture: Option<String>,
    #[serde(default)]
    pub(super) numeric: Vec<Numeric>,
    #[serde(default)]
    pub(super) categorical: Vec<Categorical>,
}

/// A number: missing values filled, the mean subtracted, divided by the scale.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Numeric {
    pub(super) name: String,
    pub(super) fill: Option<f64>,
    pub(super) mean: Option<f64>,
    pub(super) scale: Option<f64>,
}

/// A category: a column for each value.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Categorical {
    pub(super) name: String,
    pub(super) one_hot: Vec<serde_json::Value>,
}

/// `categories.json`: for each feature its categories in the order of their codes.
#[derive(Debug, Deserialize)]
pub(super) struct CategoryCodes {
    pub(super) categories: BTreeMap<String, Vec<serde_json::Value>>,
    /// The code of a category that is not among them.
    pub(super) unknown: Option<f64>,
}

impl Beside {
    /// Reads what stands in `directory`.
    pub(super) fn read(directory: &Path) -> Result<Self, LoadError> {
        let mut beside = Self::default();
        if let Some((path, bytes)) = beside.open(directory, PREPROCESSING)? {
            beside.preprocessing = Some(parse(&path, &bytes)?);
        }
        if let Some((path, bytes)) = beside.open(directory, CATEGORIES)? {
            let plain =
                serde_json::from_slice(&bytes).map(|categories| CategoryCodes { categories, unknown: None });
            beside.categories = Some(plain.or_else(|_| parse(&path, &bytes))?);
        }
        beside.outputs = outputs(&directory.join(EXPECTED)).unwrap_or_default();
        if !beside.outputs.is_empty() {
            beside.files.push(EXPECTED);
        }
        Ok(beside)
    }

    fn open(
        &mut self,
        directory: &Path,
        file: &'static str,
    ) -> Result<Option<(PathBuf, Vec<u8>)>, LoadError> {
        let path = directory.join(file);
        if !path.is_file() {
            return Ok(None);
        }
        let bytes = read(&path, MANIFEST_BYTES_MAX)?;
        self.files.push(file);
        Ok(Some((path, bytes)))
    }
}

fn parse<'b, T: Deserialize<'b>>(path: &Path, bytes: &'b [u8]) -> Result<T, LoadError> {
    serde_json::from_slice(bytes).map_err(|error| refuse(path, error.to_string()))
}

/// The names of the numbers in the first line of a file of scores.
fn outputs(path: &Path) -> Option<Vec<String>> {
    use std::io::{BufRead, BufReader, Read};
    let file = BufReader::new(std::fs::File::open(path).ok()?);
    let mut line = Vec::new();
    file.take(LINE_BYTES_MAX as u64).read_until(b'\n', &mut line).ok()?;
    let line: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(&line).ok()?;
    let names = line.into_iter().filter(|(_, value)| value.is_number()).map(|(name, _)| name);
    Some(names.filter(|name| name != "event_id").collect())
}
