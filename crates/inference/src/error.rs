//! What can go wrong, and whose fault it is: the event's ([`ScoreError`]) or the model's ([`LoadError`]).

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use events::{Fallback, Value};
use experiment::Problems;

/// Why a model gave no outputs for one event. Its neighbours in the batch are not touched by it.
///
/// Deterministic but for the last two, which no event of production's meets: the same event fails in the same way however
/// often it is scored. So a stream makes a dead
/// letter of it, and a request is answered with "bad request", rather than being tried again.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ScoreError {
    /// A feature is absent, null or NaN, and the manifest has nothing that stands in for it.
    #[error("feature `{feature}` is missing, and the model has nothing that stands in for it")]
    MissingFeature {
        /// The feature.
        feature: Arc<str>,
    },
    /// A feature has a value of another type than the model was trained on.
    #[error("feature `{feature}`: expected {expected}, found {found}")]
    WrongType {
        /// The feature.
        feature: Arc<str>,
        /// What the model reads, with its article.
        expected: &'static str,
        /// What the event has, with its article; shortened.
        found: String,
    },
    /// A category that the model was not trained on, where the manifest refuses such.
    #[error("feature `{feature}`: the model does not know {found}")]
    UnknownCategory {
        /// The feature.
        feature: Arc<str>,
        /// The category, shortened.
        found: String,
    },
    /// A number that is infinite, or becomes so as the 32-bit float that the model computes with.
    #[error("feature `{feature}`: `{value:?}` is infinite, or too large for the model's 32-bit floats")]
    InfiniteFeature {
        /// The feature.
        feature: Arc<str>,
        /// The number as it came.
        value: f64,
    },
    /// The model computed NaN or infinity.
    #[error("output `{output}` is `{value}`, not a finite number")]
    NotFinite {
        /// The output; the first one, where there are several.
        output: Arc<str>,
        /// NaN or an infinity.
        value: f64,
    },
    /// The model's code panicked on this event.
    #[error("the model panicked: {message}")]
    Panicked {
        /// The message of the panic, shortened.
        message: String,
    },
    /// The version did not score its part of the batch in time. Of a canary, variant or shadow alone.
    #[error("the version did not answer within {deadline:?}")]
    Late {
        /// What it had for its part of the batch.
        deadline: Duration,
    },
    /// The version has missed its deadline again and again, and is not asked. Of a canary, variant or shadow alone.
    #[error("the version is left alone after it missed its deadline")]
    Unavailable,
}

impl ScoreError {
    /// All reasons that [`ScoreError::reason`] gives.
    pub const REASONS: [&'static str; 8] = [
        "missing_feature",
        "wrong_type",
        "unknown_category",
        "infinite_feature",
        "not_finite",
        "panicked",
        "late",
        "unavailable",
    ];

    /// The reason as a label of a metric or a header: one word of a fixed set.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::MissingFeature { .. } => "missing_feature",
            Self::WrongType { .. } => "wrong_type",
            Self::UnknownCategory { .. } => "unknown_category",
            Self::InfiniteFeature { .. } => "infinite_feature",
            Self::NotFinite { .. } => "not_finite",
            Self::Panicked { .. } => "panicked",
            Self::Late { .. } => "late",
            Self::Unavailable => "unavailable",
        }
    }

    /// The reason that goes on the record when production answers in the failing version's place.
    pub fn fallback(&self) -> Fallback {
        match self {
            Self::NotFinite { .. } => Fallback::NotFinite,
            Self::Panicked { .. } => Fallback::Panic,
            Self::Late { .. } => Fallback::Deadline,
            Self::Unavailable => Fallback::Unavailable,
            _ => Fallback::Error,
        }
    }
}

/// The most characters of a user's value that go into a message.
pub(crate) const QUOTED_CHARS_MAX: usize = 64;

/// The first [`QUOTED_CHARS_MAX`] characters of `text`, with an ellipsis where there are more.
pub(crate) fn shorten(text: &str) -> String {
    match text.char_indices().nth(QUOTED_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// How alike two names must be to suggest one for the other, from 0 to 1 in Jaro-Winkler's measure.
const LIKENESS_MIN: f64 = 0.8;

/// The most names that one is compared with: a search is for a person, who has mistyped one of few.
const COMPARED_MAX: usize = 4_096;

/// The name of `known` that `name` was most likely meant to be.
pub(crate) fn closest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // The measure takes time quadratic in the length.
    if name.len() > QUOTED_CHARS_MAX {
        return None;
    }
    let name = name.to_lowercase();
    let known = known.into_iter().filter(|known| known.len() <= QUOTED_CHARS_MAX).take(COMPARED_MAX);
    known
        .map(|known| (strsim::jaro_winkler(&name, &known.to_lowercase()), known))
        .filter(|(likeness, _)| *likeness >= LIKENESS_MIN)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, known)| known)
}

/// A value for a message, with its type: "the text `12.5`".
pub(crate) fn describe(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Bool(flag) => format!("the truth value `{flag}`"),
        Value::Number(number) => format!("the number `{number}`"),
        Value::Text(text) => format!("the text `{}`", shorten(text)),
    }
}

/// Why a model directory was refused. A refused model never serves: fix the directory, then load it again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// A file cannot be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// A file is larger than files of its kind may be.
    #[error("{}: larger than the limit of {limit} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit for its kind.
        limit: u64,
    },
    /// A file says something that it should not; all that was found wrong in it.
    #[error(transparent)]
    Invalid(#[from] Problems),
    /// The artifact is not the one that the manifest was written for.
    #[error("{}: sha256 is `{found}`, but the manifest says `{expected}`", path.display())]
    Digest {
        /// The artifact.
        path: PathBuf,
        /// What the manifest says.
        expected: String,
        /// What the file has.
        found: String,
    },
    /// The model does not reproduce its golden rows.
    #[error("{}: {missed} of {rows} golden rows miss: {first}", path.display())]
    Golden {
        /// The file of golden rows.
        path: PathBuf,
        /// How many rows miss.
        missed: usize,
        /// How many rows there are.
        rows: usize,
        /// The first row that misses.
        first: GoldenMiss,
    },
}

/// How a golden row was missed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum GoldenMiss {
    /// An output is further from the expected value than the tolerance.
    #[error("line {line}: output `{output}` is {got}, expected {expected} within {tolerance}")]
    Value {
        /// The line in the file, from 1.
        line: usize,
        /// The output.
        output: String,
        /// What the trainer computed.
        expected: f64,
        /// What this model computes here.
        got: f64,
        /// The absolute difference that is still accepted.
        tolerance: f64,
    },
    /// The row was not scored at all.
    #[error("line {line}: {error}")]
    Error {
        /// The line in the file, from 1.
        line: usize,
        /// Why.
        error: ScoreError,
    },
}

/// `value`, if nothing was found wrong with it.
pub(crate) fn complete<T>(value: Option<T>, problems: Problems) -> Result<T, Problems> {
    match value {
        Some(value) if problems.problems.is_empty() => Ok(value),
        _ => Err(problems),
    }
}
