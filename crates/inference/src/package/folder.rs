//! Folders: which file in them is the model, and what the folder says of it.

use std::fs;
use std::path::{Path, PathBuf};

use experiment::Problems;

use super::artifact::{Content, Kind, tell};
use super::{mlflow, mlserver, triton};
use crate::error::{LoadError, shorten};
use crate::model::{ARTIFACT_BYTES_MAX, read};

/// The most files of a folder that are looked into.
const FILES_MAX: usize = 256;
/// How many folders deep a model may be.
const DEPTH_MAX: usize = 4;

/// An artifact that was found, and what is known of it from around it.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) path: PathBuf,
    pub(super) bytes: Vec<u8>,
    pub(super) kind: Kind,
    pub(super) around: Around,
}

/// What the folder of a server or a registry says of a model.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Around {
    /// The name of the model.
    pub(super) name: Option<String>,
    /// The version.
    pub(super) version: Option<String>,
    /// The names of the columns, in order.
    pub(super) columns: Vec<String>,
    /// The names of the outputs, in order.
    pub(super) outputs: Vec<String>,
    /// Whether the class that wrote it predicts with the best iteration.
    pub(super) predicts_best: bool,
    /// From which probability on the second class is meant.
    pub(super) threshold: Option<f64>,
    /// What was found out, for a person.
    pub(super) notes: Vec<String>,
}

/// Finds the artifact at `path`, a file or a folder.
pub(super) fn find(path: &Path) -> Result<Found, LoadError> {
    find_below(path, Around::default(), 0)
}

fn find_below(path: &Path, around: Around, depth: usize) -> Result<Found, LoadError> {
    let unreadable = |source| LoadError::Read { path: path.to_owned(), source };
    if !fs::metadata(path).map_err(unreadable)?.is_dir() {
        return find_file(path, around);
    }
    if depth >= DEPTH_MAX {
        return Err(refuse(path, format!("no model was found within {DEPTH_MAX} folders")));
    }
    if path.join(mlflow::FILE).is_file() {
        let (file, around) = mlflow::read(path)?;
        return find_below(&path.join(file), around, depth + 1);
    }
    if path.join(mlserver::FILE).is_file() {
        let (file, around) = mlserver::read(path)?;
        return match file {
            Some(file) => find_below(&path.join(file), around, depth + 1),
            None => find_among(path, around, depth),
        };
    }
    if path.join(triton::FILE).is_file() {
        let (folder, around) = triton::read(path)?;
        return find_below(&path.join(folder), around, depth + 1);
    }
    find_among(path, around, depth)
}

fn find_file(path: &Path, around: Around) -> Result<Found, LoadError> {
    let bytes = read(path, ARTIFACT_BYTES_MAX)?;
    match tell(&bytes) {
        Content::Artifact(kind) => Ok(Found { path: path.to_owned(), bytes, kind, around }),
        Content::Refused(why) => Err(refuse(path, why)),
        Content::Other => {
            let begins =
                shorten(&String::from_utf8_lossy(&bytes[..bytes.len().min(16)]).escape_debug().to_string());
            Err(refuse(
                path,
                format!(
                    "it is no model that is known here, such as LightGBM's text, XGBoost's JSON or UBJSON, ONNX or \
                     safetensors; it begins with \"{begins}\""
                ),
            ))
        }
    }
}

/// Finds the only model among the files of a folder, or else in the only folder or the latest version below it.
fn find_among(path: &Path, around: Around, depth: usize) -> Result<Found, LoadError> {
    let Listing { files, folders } = list(path)?;
    let mut found = Vec::new();
    let mut refused = Vec::new();
    for file in files {
        let bytes = read(&file, ARTIFACT_BYTES_MAX)?;
        match tell(&bytes) {
            Content::Artifact(kind) => {
                found.push(Found { path: file, bytes, kind, around: around.clone() });
            }
            Content::Refused(why) => refused.push((file, why)),
            Content::Other => {}
        }
    }
    if found.len() > 1 && found.iter().all(|each| each.kind == Kind::XgBoost) {
        found = same_model(found);
    }
    match (found.len(), refused.into_iter().next()) {
        (1, _) => found.pop().ok_or_else(|| refuse(path, "it is empty")),
        (0, Some((file, why))) => Err(refuse(&file, why)),
        (0, None) => descend(path, &folders, around, depth),
        _ => {
            let names: Vec<_> = found.iter().map(|each| name_of(&each.path)).collect();
            let message =
                format!("it has {} models, {}: name the one that is meant", names.len(), names.join(", "));
            Err(refuse(path, message))
        }
    }
}

/// One of several files of XGBoost, where all of them are one model written twice: `model.json` and `model.ubj`.
fn same_model(mut found: Vec<Found>) -> Vec<Found> {
    let are_one = found.windows(2).all(|pair| super::draft::are_one_model(&pair[0].bytes, &pair[1].bytes));
    if !are_one {
        return found;
    }
    let names: Vec<_> = found.iter().map(|each| name_of(&each.path)).collect();
    let first = &mut found[0];
    first.around.notes.push(format!("{} are the same model; {} is read", names.join(" and "), names[0]));
    found.truncate(1);
    found
}

fn descend(path: &Path, folders: &[PathBuf], mut around: Around, depth: usize) -> Result<Found, LoadError> {
    let version = |folder: &PathBuf| name_of(folder).parse::<u64>().ok();
    let latest =
        folders.iter().filter(|folder| version(folder).is_some()).max_by_key(|folder| version(folder));
    match (latest, folders) {
        (Some(latest), _) => {
            around.name.get_or_insert_with(|| name_of(path));
            around.version.get_or_insert_with(|| name_of(latest));
            find_below(latest, around, depth + 1)
        }
        (None, [only]) => find_below(only, around, depth + 1),
        (None, _) => Err(refuse(
            path,
            "it has neither a model.toml nor a model: LightGBM's text, XGBoost's JSON or UBJSON, ONNX or safetensors",
        )),
    }
}

struct Listing {
    files: Vec<PathBuf>,
    folders: Vec<PathBuf>,
}

/// The files and folders of a folder that are not hidden, by name.
fn list(path: &Path) -> Result<Listing, LoadError> {
    let unreadable = |source| LoadError::Read { path: path.to_owned(), source };
    let mut paths = Vec::new();
    for entry in fs::read_dir(path).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?.path();
        if paths.len() == FILES_MAX {
            return Err(refuse(path, format!("it has more than {FILES_MAX} files")));
        }
        if !name_of(&entry).starts_with('.') {
            paths.push(entry);
        }
    }
    paths.sort();
    let (folders, files) = paths.into_iter().partition(|path| path.is_dir());
    Ok(Listing { files, folders })
}

pub(super) fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The error that a file or a folder is no model for this reason.
pub(super) fn refuse(path: &Path, why: impl Into<String>) -> LoadError {
    let mut problems = Problems::new(path.to_string_lossy());
    problems.push("model", why);
    problems.into()
}
