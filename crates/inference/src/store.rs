//! A store of models: a folder for each version of each model, `name/version/`, put there once and never changed.
//!
//! Beside the files of a version stands `SHA256SUMS`, as `sha256sum` writes it and `sha256sum -c` checks it; every load
//! checks it too. Its own SHA-256 is the digest of the version's content.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use experiment::Problems;

use crate::error::{LoadError, shorten};
use crate::manifest::{MANIFEST_FILE, NAME_BYTES_MAX};
use crate::model::{ARTIFACT_BYTES_MAX, Model, digest, read};

/// The file with the digests of all others.
pub const SUMS_FILE: &str = "SHA256SUMS";

/// The most files of a version.
pub const FILES_MAX: usize = 1_000;
/// The most versions that are listed.
pub const VERSIONS_MAX: usize = 100_000;
/// The most bytes of `SHA256SUMS`.
const SUMS_BYTES_MAX: u64 = 1024 * 1024;

/// Where models are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Store {
    /// A folder.
    Folder(PathBuf),
}

/// A version in a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The logical model.
    pub name: String,
    /// The version.
    pub version: String,
    /// The digest of its content; none where it was put there by hand.
    pub digest: Option<String>,
    /// Where it is.
    pub place: PathBuf,
}

impl Store {
    /// The store at `place`, a folder's path.
    ///
    /// # Errors
    /// Where it is a place that is not supported.
    pub fn at(place: &str) -> Result<Self, Problems> {
        match place.split_once("://") {
            None => Ok(Self::Folder(place.into())),
            Some(("file", path)) => Ok(Self::Folder(path.into())),
            Some((scheme, _)) => {
                let mut problems = Problems::new(place);
                let scheme = shorten(scheme);
                problems.push("store", format!("\"{scheme}://\" is not implemented; a folder is"));
                Err(problems)
            }
        }
    }

    /// All versions of all models, by name and version.
    ///
    /// # Errors
    /// Where the folder cannot be read.
    pub fn list(&self) -> Result<Vec<Stored>, LoadError> {
        let Self::Folder(root) = self;
        let mut stored = Vec::new();
        for name in folders(root)? {
            for version in folders(&root.join(&name))? {
                let place = root.join(&name).join(&version);
                if place.join(MANIFEST_FILE).is_file() && stored.len() < VERSIONS_MAX {
                    let digest = sums(&place)?.map(|sums| digest(sums.text.as_bytes()));
                    stored.push(Stored { name: name.clone(), version, digest, place });
                }
            }
        }
        Ok(stored)
    }

    /// Puts the model in `directory` into the store, under the name and version of its manifest, after it has proven
    /// itself. What is there already is never touched.
    ///
    /// # Errors
    /// Where the model does not load, where it has folders or too many files, where the version is there already, and
    /// where the store cannot be written.
    pub fn publish(&self, directory: &Path) -> Result<Stored, LoadError> {
        let Self::Folder(root) = self;
        if !directory.join(MANIFEST_FILE).is_file() {
            return Err(refuse(directory, "it has no model.toml; `serin model init` drafts one"));
        }
        let model = Model::load(directory)?;
        let (name, version) = (model.name(), model.version());
        let place = root.join(&**name).join(&**version);
        if place.exists() {
            return Err(taken(&place));
        }
        let files = files(directory)?;
        let beside = Beside::new(root, name, version)?;
        let mut sums = String::new();
        for file in &files {
            let bytes = read(&directory.join(file), ARTIFACT_BYTES_MAX)?;
            beside.write(file, &bytes)?;
            sums.push_str(&format!("{}  {file}\n", digest(&bytes)));
        }
        beside.write(SUMS_FILE, sums.as_bytes())?;
        beside.put(&place)?;
        let (name, version) = (name.to_string(), version.to_string());
        Ok(Stored { name, version, digest: Some(digest(sums.as_bytes())), place })
    }
}

/// A version on its way into a store. Dropped before it is there, it leaves nothing behind.
struct Beside {
    folder: PathBuf,
    is_done: std::cell::Cell<bool>,
}

impl Beside {
    fn new(root: &Path, name: &Arc<str>, version: &Arc<str>) -> Result<Self, LoadError> {
        // Hidden, so that no listing shows it, and in the same folder, so that moving it is one step.
        let folder = root.join(&**name).join(format!(".{version}.{}.partial", std::process::id()));
        fs::create_dir_all(&folder).map_err(|source| LoadError::Write { path: folder.clone(), source })?;
        Ok(Self { folder, is_done: false.into() })
    }

    fn write(&self, file: &str, bytes: &[u8]) -> Result<(), LoadError> {
        let path = self.folder.join(file);
        let write = || {
            let mut file = File::create_new(&path)?;
            file.write_all(bytes)?;
            file.sync_all()
        };
        write().map_err(|source| LoadError::Write { path: path.clone(), source })
    }

    /// Moves the whole to its place, where nothing is yet.
    fn put(&self, place: &Path) -> Result<(), LoadError> {
        // A folder with files in it is not replaced by a move: of two that publish at once, one is told.
        match fs::rename(&self.folder, place) {
            Ok(()) => {
                self.is_done.set(true);
                Ok(())
            }
            Err(_) if place.exists() => Err(taken(place)),
            Err(source) => Err(LoadError::Write { path: place.to_owned(), source }),
        }
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        if !self.is_done.get() {
            // What cannot be removed either is hidden.
            drop(fs::remove_dir_all(&self.folder));
        }
    }
}

/// What a version's `SHA256SUMS` says.
struct Sums {
    text: String,
    digests: BTreeMap<String, String>,
}

/// The digests on record of the version in `directory`, if there are any.
fn sums(directory: &Path) -> Result<Option<Sums>, LoadError> {
    let path = directory.join(SUMS_FILE);
    if !path.exists() {
        return Ok(None);
    }
    let text = String::from_utf8_lossy(&read(&path, SUMS_BYTES_MAX)?).into_owned();
    let line = |line: &str| {
        let (digest, file) = line.split_once("  ")?;
        Some((file.to_owned(), digest.to_lowercase()))
    };
    let digests: Option<BTreeMap<_, _>> = text.lines().map(line).collect();
    let digests =
        digests.ok_or_else(|| refuse(&path, "expected lines of a digest, two spaces and a file's name"))?;
    Ok(Some(Sums { text, digests }))
}

/// Checks that the files of a directory are those that its `SHA256SUMS` has on record, if it has one.
pub(crate) fn verify(directory: &Path) -> Result<(), LoadError> {
    let Some(Sums { mut digests, .. }) = sums(directory)? else { return Ok(()) };
    let mut problems = Problems::new(directory.to_string_lossy());
    for file in files(directory)? {
        match digests.remove(&file) {
            None => {
                problems.push(&file, format!("{SUMS_FILE} does not know it: a version is never added to"))
            }
            Some(expected) => {
                let found = digest(&read(&directory.join(&file), ARTIFACT_BYTES_MAX)?);
                if found != expected {
                    let message =
                        format!("its sha256 is `{found}`, but {SUMS_FILE} says `{}`", shorten(&expected));
                    problems.push(&file, message);
                }
            }
        }
    }
    for file in digests.keys() {
        problems.push(shorten(file), format!("it is missing, but {SUMS_FILE} has it"));
    }
    Ok(problems.into_result()?)
}

/// The files of a version, by name: flat, since a manifest names files beside it.
fn files(directory: &Path) -> Result<Vec<String>, LoadError> {
    let mut files = Vec::new();
    for (name, path) in entries(directory)? {
        if name == SUMS_FILE || name.starts_with('.') {
            continue;
        }
        if !path.is_file() {
            return Err(refuse(&path, "it is no file, and a version has files alone"));
        }
        if name.contains(['\n', '\r', '\\']) {
            return Err(refuse(&path, "its name has a line break or a backslash"));
        }
        files.push(name);
    }
    if files.len() > FILES_MAX {
        return Err(refuse(
            directory,
            format!("it has {} files; at most {FILES_MAX} are allowed", files.len()),
        ));
    }
    Ok(files)
}

/// The folders that may be names of models or versions.
fn folders(directory: &Path) -> Result<Vec<String>, LoadError> {
    let is_name = |name: &String| !name.starts_with('.') && name.len() <= NAME_BYTES_MAX;
    let folders = entries(directory)?.into_iter().filter(|(name, path)| is_name(name) && path.is_dir());
    Ok(folders.map(|(name, _)| name).collect())
}

fn entries(directory: &Path) -> Result<BTreeMap<String, PathBuf>, LoadError> {
    let unreadable = |source| LoadError::Read { path: directory.to_owned(), source };
    let entries = fs::read_dir(directory).map_err(unreadable)?;
    entries
        .map(|entry| entry.map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path())))
        .collect::<Result<_, _>>()
        .map_err(unreadable)
}

fn taken(place: &Path) -> LoadError {
    refuse(place, "the version is there already, and is never changed: publish another version")
}

fn refuse(place: &Path, message: impl Into<String>) -> LoadError {
    let mut problems = Problems::new(place.to_string_lossy());
    problems.push("store", message);
    problems.into()
}
