//! A model as it is found: a directory with a manifest, or what a trainer, a registry or another server left.
//!
//! Where there is a manifest, it counts. Where there is none, one is drafted from what the artifact says of itself and
//! from what stands beside it, and read like one that a person wrote; so what works without a manifest works the same
//! with the one that `serin model init` writes.

mod artifact;
mod beside;
mod draft;
mod folder;
mod mlflow;
mod mlserver;
mod text;
mod triton;

use std::path::{Path, PathBuf};

use experiment::Problems;

pub use self::draft::{Draft, Names};
use crate::error::LoadError;
use crate::manifest::{MANIFEST_BYTES_MAX, MANIFEST_FILE, Manifest};
use crate::model::read;

/// A model that can be loaded: its manifest, and where the files are that it names.
#[derive(Debug)]
pub(crate) struct Package {
    pub(crate) manifest: Manifest,
    pub(crate) directory: PathBuf,
}

impl Package {
    /// Opens the model at `path`; `names` are for a manifest that has to be drafted.
    pub(crate) fn open(path: &Path, names: &Names) -> Result<Self, LoadError> {
        if let Some(directory) = with_manifest(path) {
            let path = directory.join(MANIFEST_FILE);
            let bytes = read(&path, MANIFEST_BYTES_MAX)?;
            let manifest = Manifest::parse(&path.to_string_lossy(), &String::from_utf8_lossy(&bytes))?;
            return Ok(Self { manifest, directory });
        }
        let draft = Draft::of(path, names)?;
        if let Some(open) = draft.open_question() {
            let mut problems = Problems::new(path.to_string_lossy());
            let message = format!("{open}; `serin model init` drafts a manifest in which to say it");
            problems.push("without a model.toml", message);
            return Err(problems.into());
        }
        let place = format!("{} (drafted)", path.display());
        Ok(Self { manifest: Manifest::parse(&place, &draft.text)?, directory: draft.directory })
    }
}

/// The directory of the manifest that `path` has or is.
fn with_manifest(path: &Path) -> Option<PathBuf> {
    if path.join(MANIFEST_FILE).is_file() {
        return Some(path.to_owned());
    }
    let is_manifest = path.is_file() && path.file_name().is_some_and(|name| name == MANIFEST_FILE);
    is_manifest.then(|| path.parent().map(Path::to_owned).unwrap_or_default())
}
