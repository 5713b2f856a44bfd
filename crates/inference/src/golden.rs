//! Golden rows: features with the outputs that the trainer computed. A model that does not reproduce them here
//! is not the model that was trained, whatever went wrong on the way.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use events::{Fields, Outputs, Value};
use experiment::Problems;
use serde::Deserialize;

use crate::error::{GoldenMiss, LoadError, ScoreError, complete, shorten};
use crate::model::Model;

/// The most bytes of a file of golden rows: 16 MiB.
pub(crate) const BYTES_MAX: u64 = 16 * 1024 * 1024;

/// The most golden rows. They are scored at every start; thousands belong into the trainer's own tests.
pub const GOLDEN_ROWS_MAX: usize = 10_000;

/// The most faults of one file that are listed.
const LISTED_MAX: usize = 20;

/// A row of the file.
#[derive(Debug)]
pub(crate) struct Row {
    line: usize,
    features: Fields,
    outputs: BTreeMap<String, f64>,
}

/// A row as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    #[expect(dead_code, reason = "for people who look for the row; its type is checked")]
    event_id: Option<String>,
    features: serde_json::Map<String, serde_json::Value>,
    outputs: BTreeMap<String, f64>,
}

/// Reads a file of golden rows for a model with these outputs. Empty lines are passed over.
pub(crate) fn parse(path: &Path, bytes: &[u8], outputs: &[Arc<str>]) -> Result<Vec<Row>, Problems> {
    let mut problems = Problems::new(path.to_string_lossy());
    let mut rows = Vec::new();
    let lines =
        bytes.split(|byte| *byte == b'\n').enumerate().filter(|(_, line)| !line.trim_ascii().is_empty());
    for (at, line) in lines {
        let place = format!("line {}", at + 1);
        if rows.len() == GOLDEN_ROWS_MAX {
            problems.push(place, format!("at most {GOLDEN_ROWS_MAX} rows are allowed"));
            break;
        }
        match parse_row(at + 1, line, outputs) {
            Ok(row) => rows.push(row),
            Err(problem) => problems.push(place, problem),
        }
        if problems.problems.len() == LISTED_MAX {
            problems.push("lines after it", "not read, since so many before are faulty");
            break;
        }
    }
    if rows.is_empty() && problems.problems.is_empty() {
        problems.push("file", "it has no rows");
    }
    complete(Some(rows), problems)
}

fn parse_row(line: usize, text: &[u8], outputs: &[Arc<str>]) -> Result<Row, String> {
    let row: Line = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    if let Some(unknown) = row.outputs.keys().find(|name| !outputs.iter().any(|output| **output == ***name)) {
        return Err(format!("the model has no output `{}`", shorten(unknown)));
    }
    if let Some(missing) = outputs.iter().find(|name| !row.outputs.contains_key(&***name)) {
        return Err(format!("output `{missing}` is missing"));
    }
    let features = row.features.into_iter().map(|(name, value)| Ok((value_of(&name, value)?, name)));
    let features: Vec<(Value, String)> = features.collect::<Result<_, String>>()?;
    let features = features.into_iter().map(|(value, name)| (name, value)).collect();
    Ok(Row { line, features, outputs: row.outputs })
}

fn value_of(name: &str, value: serde_json::Value) -> Result<Value, String> {
    match value {
        serde_json::Value::Null => Ok(Value::Null),
        serde_json::Value::Bool(flag) => Ok(Value::Bool(flag)),
        serde_json::Value::String(text) => Ok(Value::Text(text.into())),
        serde_json::Value::Number(number) => number
            .as_f64()
            .map(Value::Number)
            .ok_or_else(|| format!("feature `{}`: `{number}` is no 64-bit float", shorten(name))),
        _ => Err(format!("feature `{}`: expected null, a truth value, a number or a text", shorten(name))),
    }
}

/// Scores all rows, and gives the model back if every output is within the tolerance.
pub(crate) fn check(model: Model, rows: &[Row], tolerance: f64, path: &Path) -> Result<Model, LoadError> {
    let model = Arc::new(model);
    let mut results = Vec::with_capacity(rows.len());
    model.scorer().score(rows.iter().map(|row| &row.features), &mut results);
    let mut misses = rows.iter().zip(&results).filter_map(|(row, result)| miss(row, result, tolerance));
    if let Some(first) = misses.next() {
        let missed = 1 + misses.count();
        return Err(LoadError::Golden { path: path.to_owned(), missed, rows: rows.len(), first });
    }
    drop(misses);
    #[expect(clippy::expect_used, reason = "the scorer, the only other owner, is gone")]
    Ok(Arc::into_inner(model).expect("nobody else holds a model that is being loaded"))
}

/// How far a row is missed, if it is.
fn miss(row: &Row, result: &Result<Outputs, ScoreError>, tolerance: f64) -> Option<GoldenMiss> {
    let line = row.line;
    let outputs = match result {
        Ok(outputs) => outputs,
        Err(error) => return Some(GoldenMiss::Error { line, error: error.clone() }),
    };
    outputs.iter().find_map(|(output, got)| {
        let expected = row.outputs[output];
        let miss = (got - expected).abs() > tolerance * expected.abs().max(1.0);
        miss.then(|| GoldenMiss::Value { line, output: output.to_owned(), expected, got, tolerance })
    })
}
