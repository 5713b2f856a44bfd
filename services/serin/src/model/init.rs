//! `serin model init`: a manifest for what a trainer left.

use std::fs::{self, File};
use std::io::{Read as _, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use inference::{ARTIFACT_BYTES_MAX, Draft, MANIFEST_FILE, Names};
use runtime::Output;

use super::golden;
use crate::cli::ModelInitArguments;

/// Drafts the manifest, writes it, and says what was guessed and what comes next.
pub(crate) fn init(arguments: &ModelInitArguments) -> anyhow::Result<()> {
    let names = Names {
        model: arguments.name.clone(),
        version: arguments.model_version.clone(),
        outputs: arguments.output_names.clone(),
        features: arguments.feature_names.clone(),
    };
    let place = arguments.path.display().to_string();
    let draft = Draft::of(&arguments.path, &names).map_err(|error| super::problems(&place, error))?;
    if arguments.print {
        return print(&draft);
    }
    let directory = arguments.output.clone().unwrap_or_else(|| draft.directory.clone());
    let manifest = write(&draft, &directory)?;
    let rows = match &arguments.events {
        Some(events) => golden::add(&draft, &directory, events).map(Some)?,
        None => None,
    };
    tell(&draft, &manifest, &directory, rows)
}

fn print(draft: &Draft) -> anyhow::Result<()> {
    let mut out = Output::stdout();
    out.write_all(draft.text.as_bytes())?;
    Ok(out.flush()?)
}

/// Writes the manifest into `directory`, with a copy of the artifact where that is another one.
fn write(draft: &Draft, directory: &Path) -> anyhow::Result<PathBuf> {
    let manifest = directory.join(MANIFEST_FILE);
    if manifest.exists() {
        bail!(
            "{} is there already: it is never overwritten; remove it, or name another --output",
            manifest.display()
        );
    }
    fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
    let (from, to) = (draft.directory.join(&draft.file), directory.join(&draft.file));
    if !to.exists() {
        copy(&from, &to).with_context(|| format!("cannot write {}", to.display()))?;
    } else if fs::canonicalize(&from)? != fs::canonicalize(&to)? {
        bail!("{} is there already, and is not {}", to.display(), from.display());
    }
    let mut file = File::create_new(&manifest)
        .with_context(|| format!("cannot write {}; see --output", manifest.display()))?;
    file.write_all(draft.text.as_bytes()).with_context(|| format!("cannot write {}", manifest.display()))?;
    Ok(manifest)
}

/// A copy that can be written to, though the artifact be not.
fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    File::open(from)?.take(ARTIFACT_BYTES_MAX).read_to_end(&mut bytes)?;
    File::create_new(to)?.write_all(&bytes)
}

fn tell(draft: &Draft, manifest: &Path, directory: &Path, golden: Option<usize>) -> anyhow::Result<()> {
    let mut out = Output::stdout();
    writeln!(out, "wrote {}", manifest.display())?;
    for note in &draft.notes {
        writeln!(out, "  {note}")?;
    }
    match golden {
        Some(rows) => writeln!(out, "  {rows} golden rows, which every load will score")?,
        None => writeln!(out, "  no golden rows: see --events")?,
    }
    for question in draft.open_questions() {
        writeln!(out, "to say in {}: {question}", manifest.display())?;
    }
    writeln!(out, "next: serin model check {}", directory.display())?;
    Ok(out.flush()?)
}
