//! Configuration: one TOML file under the environment, checked whole, with every fault reported at once.
//!
//! A section is a plain struct with `serde::Deserialize`. [`load`] finds what is wrong with the file as a whole:
//! misspelt fields (with a suggestion, and without `deny_unknown_fields`), wrong types, wrong values, missing
//! fields, each with its line. What serde cannot know, ranges and rules across fields, the service checks after
//! that and reports in the same form through [`Document::problems`].
//!
//! # The environment
//!
//! `SERIN__BROKER__URL` goes before the field `url` of the section `[broker]`: the prefix, then the path of the
//! field in capitals, each step after two underscores. Keys of a user's own with dashes are reached with
//! underscores: `SERIN__MODEL__CARD_FRAUD__STORE` is `[model.card-fraud] store`. The value is read as the field
//! needs it: text as it stands, numbers and `true`/`false` as in TOML, arrays and tables as TOML literals, such as
//! `[{ version = "14" }]`; single elements of an array cannot be reached. A variable that names no field is a
//! fault like a misspelt field. Variables with one underscore, `SERIN_LOG` say, are none of the configuration's.
//!
//! # Its limits
//!
//! Inside `#[serde(flatten)]`, `untagged` and internally tagged enums serde hides the fields: faults there have the
//! place of the whole, and a misspelt field is found only with `deny_unknown_fields`. A fault in a struct may hide
//! further *missing* fields of that same struct where no stand-in for the faulty value can be found.

mod fault;
mod overlay;
mod path;
mod problems;
mod quantity;
mod reader;
mod repair;
mod secret;
mod stand_in;
mod tree;

use std::collections::BTreeMap;
use std::path::Path as FilePath;
use std::{fmt, fs, io::Read as _};

use serde::de::DeserializeOwned;

pub use problems::{MAX_PROBLEMS, Place, Problem, Problems};
pub use quantity::{Duration, QuantityError, Size};
pub use secret::{MAX_SECRET_BYTES, Secret, SecretError};

use path::Path;
use tree::Node;

/// The largest configuration, in bytes. A hundred times what a long one has; what is larger is another file.
pub const MAX_BYTES: usize = 1024 * 1024;

/// What the names of variables that overlay the configuration begin with.
pub const PREFIX: &str = "SERIN__";

/// The environment of this process, to be taken once, in `main`, and passed on.
///
/// Bytes that are no UTF-8 become U+FFFD: other programs' variables may hold anything, and must not stop us.
pub fn environment() -> BTreeMap<String, String> {
    let text = |raw: std::ffi::OsString| raw.to_string_lossy().into_owned();
    std::env::vars_os().map(|(name, value)| (text(name), text(value))).collect()
}

/// Reads a configuration from `text`, overlaid by `environment`, into `T`.
///
/// `place` is the name of the file, for the report only: nothing is opened.
///
/// # Errors
///
/// All faults of the file and the environment together, up to [`MAX_PROBLEMS`].
pub fn load<T: DeserializeOwned>(
    text: &str,
    place: &str,
    environment: &BTreeMap<String, String>,
) -> Result<T, Problems> {
    Document::parse(text, place, environment)?.read()
}

/// A configuration that is well-formed TOML, overlaid by the environment, and not yet read into a type.
pub struct Document {
    place: String,
    root: Node,
}

impl Document {
    /// Opens the file at `path`, of at most [`MAX_BYTES`], and goes on as [`parse`](Self::parse) does.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, and as in [`parse`](Self::parse).
    pub fn open(path: &FilePath, environment: &BTreeMap<String, String>) -> Result<Self, Problems> {
        let place = path.display().to_string();
        let limit = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX).saturating_add(1);
        let mut text = String::new();
        match fs::File::open(path).and_then(|file| file.take(limit).read_to_string(&mut text)) {
            Ok(_) => Self::parse(&text, &place, environment),
            Err(error) => Err(Problems::one(place, Problem::whole(format!("cannot be read: {error}")))),
        }
    }

    /// Parses `text` as TOML and lays `environment` over it.
    ///
    /// # Errors
    ///
    /// Every syntax error, or every variable that cannot be laid over the file.
    pub fn parse(text: &str, place: &str, environment: &BTreeMap<String, String>) -> Result<Self, Problems> {
        if text.len() > MAX_BYTES {
            let message = format!("is larger than {MAX_BYTES} bytes, the most a configuration may have");
            return Err(Problems::one(place, Problem::whole(message)));
        }
        let (mut root, mut problems) = tree::parse(text);
        if problems.is_empty() {
            problems = overlay::lay(&mut root, environment);
        }
        Problems::new(place, problems).or(Self { place: place.to_owned(), root })
    }

    /// Reads the whole into `T`.
    ///
    /// # Errors
    ///
    /// All faults together, up to [`MAX_PROBLEMS`].
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Problems> {
        repair::read(&self.root).map_err(|problems| Problems::new(&self.place, problems))
    }

    /// A report without problems yet, for rules that only the service knows.
    pub fn problems(&self) -> Problems {
        Problems::new(&self.place, Vec::new())
    }

    /// A problem with the field at `path`, such as `broker.url` or `model.fraud.shadows[1].share`, with the place
    /// of the field, or of the section it is missing from.
    pub fn problem(&self, path: &str, message: impl Into<String>) -> Problem {
        let steps = Path::parse(path);
        Problem { place: self.root.place_of(&steps), path: path.to_owned(), message: message.into() }
    }
}

/// Shows the place only: the values may be secrets.
impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Document").field("place", &self.place).finish_non_exhaustive()
    }
}

/// The word of `known` that `word` was most likely meant to be: at most a third of it mistyped.
pub fn closest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let distance = |other: &str| strsim::damerau_levenshtein(&word.to_lowercase(), &other.to_lowercase());
    let ranked = known.into_iter().map(|other| (distance(other), other));
    let (distance, best) = ranked.min_by_key(|(distance, _)| *distance)?;
    (distance <= word.chars().count().max(best.chars().count()) / 3).then_some(best)
}

#[cfg(test)]
mod tests;
