//! What is wrong with a request.

use serde_json::{Value, json};
use statistics::Unavailable;

/// What is wrong, where, and what would be right.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// The kind of fault.
    pub name: Name,
    /// Where it is: `inputs.control.n`. Empty if it is the request itself.
    pub at: String,
    /// What is wrong, and what would be right.
    pub message: String,
}

/// The kinds of faults, by the names that answers carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name {
    /// The line is not JSON.
    NotJson,
    /// The line is JSON, but no object.
    NotAnObject,
    /// The line is longer than allowed.
    LineTooLong,
    /// There is no method of that name.
    UnknownMethod,
    /// A member is missing.
    MissingKey,
    /// A member is none that the method knows.
    UnknownKey,
    /// A member is of another type: text where a number belongs.
    WrongType,
    /// A number is NaN or infinite.
    NotFinite,
    /// A count is negative or broken.
    NotACount,
    /// There are no units, events or numbers at all.
    ZeroUnits,
    /// More successes than units.
    CountAboveUnits,
    /// A variance is below zero.
    NegativeVariance,
    /// An alpha, or a power, is not strictly between 0 and 1.
    AlphaOutOfRange,
    /// Another number is outside its range.
    OutOfRange,
    /// Two lists, or tables, do not fit together.
    LengthMismatch,
    /// A list or a number is larger than allowed.
    TooLarge,
}

impl Name {
    /// The name as answers have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotJson => "not-json",
            Self::NotAnObject => "not-an-object",
            Self::LineTooLong => "line-too-long",
            Self::UnknownMethod => "unknown-method",
            Self::MissingKey => "missing-key",
            Self::UnknownKey => "unknown-key",
            Self::WrongType => "wrong-type",
            Self::NotFinite => "not-finite",
            Self::NotACount => "not-a-count",
            Self::ZeroUnits => "zero-units",
            Self::CountAboveUnits => "count-above-units",
            Self::NegativeVariance => "negative-variance",
            Self::AlphaOutOfRange => "alpha-out-of-range",
            Self::OutOfRange => "out-of-range",
            Self::LengthMismatch => "length-mismatch",
            Self::TooLarge => "too-large",
        }
    }
}

impl Fault {
    /// A fault at a place.
    pub fn new(name: Name, at: impl Into<String>, message: impl Into<String>) -> Self {
        Self { name, at: at.into(), message: message.into() }
    }

    pub(crate) fn not_json(error: &serde_json::Error) -> Self {
        Self::new(Name::NotJson, "", format!("the line is not JSON: {error}"))
    }

    pub(crate) fn not_an_object() -> Self {
        let message = "the line is JSON, but not an object with `method` and `inputs`";
        Self::new(Name::NotAnObject, "", message)
    }

    /// The line was longer than `limit` bytes, and was passed over.
    pub fn line_too_long(limit: u64) -> Self {
        Self::new(Name::LineTooLong, "", format!("the line is longer than {limit} bytes; split the request"))
    }

    /// As answers have it.
    pub fn to_json(&self) -> Value {
        json!({ "name": self.name.as_str(), "at": self.at, "message": self.message })
    }
}

/// Where a method takes a parameter for wrong that only it can judge, or cannot do without what is not there.
impl From<Unavailable> for Fault {
    fn from(unavailable: Unavailable) -> Self {
        let name = match unavailable {
            Unavailable::TooFewUnits { .. } => Name::ZeroUnits,
            Unavailable::NotFinite => Name::NotFinite,
            _ => Name::OutOfRange,
        };
        Self::new(name, "inputs", unavailable.to_string())
    }
}
