//! Golden rows for a drafted manifest: the trainer's own scores, joined by event id to the features that they are of.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;

use anyhow::{Context, bail};
use inference::{Draft, MANIFEST_FILE};
use serde_json::{Map, Value};

use crate::lines::{Line, Lines};

/// The trainer's scores, beside the artifact.
const EXPECTED: &str = "expected.ndjson";
/// Where the golden rows go.
const FILE: &str = "golden.ndjson";
/// How many golden rows are taken: they are scored at every load.
const ROWS_MAX: usize = 100;
/// The longest line that is read.
const LINE_BYTES_MAX: u64 = 1 << 20;

/// Writes the golden rows of a draft into `directory` and names them in its manifest; returns how many there are.
pub(super) fn add(draft: &Draft, directory: &Path, events: &Path) -> anyhow::Result<usize> {
    let mut scores = scores(&draft.directory.join(EXPECTED))?;
    let path = directory.join(FILE);
    let mut file = File::create_new(&path).with_context(|| format!("cannot write {}", path.display()))?;
    let mut lines = Lines::open(events, LINE_BYTES_MAX)?;
    let mut rows = 0;
    while rows < ROWS_MAX && !scores.is_empty() {
        let Some(line) = lines.next()? else { break };
        let Line::Whole(line) = line else { continue };
        let Some((id, features)) = parse(&line) else { continue };
        if let Some(outputs) = scores.remove(&id) {
            writeln!(
                file,
                "{}",
                serde_json::json!({ "event_id": id, "features": features, "outputs": outputs })
            )?;
            rows += 1;
        }
    }
    if rows == 0 {
        bail!("no event of {} has its score in {EXPECTED}", events.display());
    }
    let manifest = directory.join(MANIFEST_FILE);
    let mut manifest = OpenOptions::new().append(true).open(&manifest)?;
    write!(manifest, "\n[golden]\nfile = \"{FILE}\"\ntolerance = 1e-5\n")?;
    Ok(rows)
}

/// The first scores by event id.
fn scores(path: &Path) -> anyhow::Result<BTreeMap<String, Map<String, Value>>> {
    let mut lines = Lines::open(path, LINE_BYTES_MAX).context(
        "--events needs the trainer's scores, {\"event_id\": …, \"<output>\": …} a line, beside the artifact",
    )?;
    let mut scores = BTreeMap::new();
    while scores.len() < ROWS_MAX {
        let Some(line) = lines.next()? else { break };
        let Line::Whole(line) = line else { continue };
        let mut score: Map<String, Value> = serde_json::from_slice(&line)
            .with_context(|| format!("{}, line {}", path.display(), lines.number))?;
        let id = score.remove("event_id").and_then(|id| id.as_str().map(str::to_owned));
        score.retain(|_, value| value.is_number());
        if let Some(id) = id {
            scores.insert(id, score);
        }
    }
    Ok(scores)
}

fn parse(line: &[u8]) -> Option<(String, Value)> {
    let mut event: Map<String, Value> = serde_json::from_slice(line).ok()?;
    let id = event.get("event_id")?.as_str()?.to_owned();
    Some((id, event.remove("features")?))
}
