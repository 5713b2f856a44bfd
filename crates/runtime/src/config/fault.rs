//! The error of reading a configuration: what is wrong, with which value, in the words of whoever wrote it.

use std::fmt;

use serde::de::{self, Expected, Unexpected};

use super::closest;
use super::path::Path;

/// The longest text that a message quotes, in characters.
const QUOTED: usize = 60;

/// What stopped the reading, and where, once a reader on the way up has said so.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) path: Option<Path>,
    pub(super) kind: Kind,
}

#[derive(Debug)]
pub(super) enum Kind {
    /// The struct at the path lacks this field.
    Missing(&'static str),
    /// The struct at the path does not have this field.
    Unknown(String, String),
    /// Anything else, in words.
    Wrong(String),
}

impl Fault {
    /// This fault at `path`, unless it has a place nearer to its cause.
    pub(super) fn at(mut self, path: &Path) -> Self {
        self.path.get_or_insert_with(|| path.clone());
        self
    }

    fn new(kind: Kind) -> Self {
        Self { path: None, kind }
    }

    fn wrong(message: String) -> Self {
        Self::new(Kind::Wrong(message))
    }
}

impl std::error::Error for Fault {}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Missing(field) => write!(f, "missing field `{field}`"),
            Kind::Unknown(_, message) | Kind::Wrong(message) => f.write_str(message),
        }
    }
}

impl de::Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::wrong(message.to_string())
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let expected = plain(&expected.to_string());
        // Where a section should be, a text may be anything, a secret too: its kind says enough.
        let found = match found {
            Unexpected::Str(_) if expected.starts_with("a table") || expected.starts_with("an array") => {
                "text".to_owned()
            }
            found => show(found),
        };
        Self::wrong(format!("expected {expected}, found {found}"))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::wrong(format!("expected {}, found {}", plain(&expected.to_string()), show(found)))
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        let expected = expected.to_string();
        let expected = match expected.strip_prefix("a tuple of size ") {
            Some(size) => format!("{size} elements"),
            None => plain(&expected),
        };
        Self::wrong(format!("expected {expected}, found {length}"))
    }

    fn unknown_variant(variant: &str, known: &'static [&'static str]) -> Self {
        let listed: Vec<_> = known.iter().map(|name| format!("{name:?}")).collect();
        let advice = closest(variant, known.iter().copied())
            .map_or_else(String::new, |name| format!("; did you mean {name:?}?"));
        Self::wrong(format!("expected one of {}, found {}{advice}", listed.join(", "), quote(variant)))
    }

    fn unknown_field(field: &str, known: &'static [&'static str]) -> Self {
        Self::new(Kind::Unknown(field.to_owned(), unknown_field(field, known)))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(Kind::Missing(field))
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::wrong(format!("`{field}` is given twice"))
    }
}

/// What to say of a field that is none. Its value is not quoted: a misspelt `password` is still one.
pub(super) fn unknown_field(field: &str, known: &[&'static str]) -> String {
    match closest(field, known.iter().copied()) {
        Some(meant) => format!("unknown field; did you mean `{meant}`?"),
        None if known.is_empty() => "unknown field; there are none here".to_owned(),
        None => format!("unknown field; there are {}", list(known)),
    }
}

fn list(names: &[&str]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

/// What serde expects, in the words of somebody who writes TOML and no Rust.
fn plain(expected: &str) -> String {
    match expected {
        "u8" => "a whole number from 0 to 255".to_owned(),
        "u16" => format!("a whole number from 0 to {}", u16::MAX),
        "u32" => format!("a whole number from 0 to {}", u32::MAX),
        "u64" | "usize" | "u128" => "a whole number, not negative".to_owned(),
        "i8" => format!("a whole number from {} to {}", i8::MIN, i8::MAX),
        "i16" | "i32" | "i64" | "isize" | "i128" => "a whole number".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "a string" | "string" => "text".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a sequence" => "an array".to_owned(),
        "a map" => "a table".to_owned(),
        other if other.starts_with("struct ") => "a table".to_owned(),
        other if other.starts_with("a nonzero u") => "a whole number, at least 1".to_owned(),
        other => other.to_owned(),
    }
}

fn show(found: Unexpected<'_>) -> String {
    match found {
        Unexpected::Bool(value) => value.to_string(),
        Unexpected::Unsigned(value) => value.to_string(),
        Unexpected::Signed(value) => value.to_string(),
        Unexpected::Float(value) => format!("{value:?}"),
        Unexpected::Str(text) => quote(text),
        Unexpected::Seq => "an array".to_owned(),
        Unexpected::Map => "a table".to_owned(),
        Unexpected::UnitVariant => "a name without content".to_owned(),
        other => other.to_string(),
    }
}

fn quote(text: &str) -> String {
    match text.char_indices().nth(QUOTED) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}
