//! A table of a TOML file, read field by field. Faults are gathered rather than returned, so that all of them
//! are reported in one go.

use experiment::Problems;

use crate::error::{closest, shorten};

/// A table being read: what has not been read yet, and the names that were asked for.
pub(super) struct Section<'p> {
    table: toml::Table,
    /// Where the table is, in front of every problem.
    place: String,
    asked: Vec<&'static str>,
    problems: &'p mut Problems,
}

impl<'p> Section<'p> {
    pub(super) fn new(table: toml::Table, place: impl Into<String>, problems: &'p mut Problems) -> Self {
        Self { table, place: place.into(), asked: Vec::new(), problems }
    }

    /// Notes a fault of this table.
    pub(super) fn fault(&mut self, message: impl Into<String>) {
        self.problems.push(&self.place, message);
    }

    /// More about where the table is, once it is known.
    pub(super) fn rename(&mut self, place: String) {
        self.place = place;
    }

    pub(super) fn take(&mut self, key: &'static str) -> Option<toml::Value> {
        self.asked.push(key);
        self.table.remove(key)
    }

    /// The value of `key`, which must be there.
    pub(super) fn require(&mut self, key: &'static str) -> Option<toml::Value> {
        let value = self.take(key);
        if value.is_none() {
            self.fault(format!("`{key}` is missing"));
        }
        value
    }

    /// The text of `key`, if it is there.
    pub(super) fn text(&mut self, key: &'static str) -> Option<String> {
        let value = self.take(key)?;
        self.as_text(key, value)
    }

    /// The text of `key`, which must be there.
    pub(super) fn require_text(&mut self, key: &'static str) -> Option<String> {
        let value = self.require(key)?;
        self.as_text(key, value)
    }

    fn as_text(&mut self, key: &'static str, value: toml::Value) -> Option<String> {
        match value {
            toml::Value::String(text) => Some(text),
            other => self.wrong_type(key, "a text", &other),
        }
    }

    /// The number of `key`, if it is there: finite.
    pub(super) fn number(&mut self, key: &'static str) -> Option<f64> {
        let value = self.take(key)?;
        match as_number(&value) {
            Some(number) if number.is_finite() => Some(number),
            Some(number) => {
                self.fault(format!("`{key}` is `{number}`: expected a finite number"));
                None
            }
            None => self.wrong_type(key, "a number", &value),
        }
    }

    /// The truth value of `key`, if it is there.
    pub(super) fn flag(&mut self, key: &'static str) -> Option<bool> {
        match self.take(key)? {
            toml::Value::Boolean(flag) => Some(flag),
            other => self.wrong_type(key, "true or false", &other),
        }
    }

    /// The values of the array `key`, which must be there, have a value, and have at most `limit`.
    pub(super) fn require_array(&mut self, key: &'static str, limit: usize) -> Option<Vec<toml::Value>> {
        match self.require(key)? {
            toml::Value::Array(values) if values.is_empty() => {
                self.fault(format!("`{key}` is empty"));
                None
            }
            toml::Value::Array(values) if values.len() > limit => {
                self.fault(format!("`{key}` has {} values; at most {limit} are allowed", values.len()));
                None
            }
            toml::Value::Array(values) => Some(values),
            other => self.wrong_type(key, "an array", &other),
        }
    }

    /// The word of `key` if it is there, as what `words` says that it means.
    pub(super) fn word<T: Copy>(&mut self, key: &'static str, words: &[(&'static str, T)]) -> Option<T> {
        let text = self.text(key)?;
        self.lookup(key, &text, words)
    }

    /// What `words` says that `text` means.
    pub(super) fn lookup<T: Copy>(
        &mut self,
        key: &str,
        text: &str,
        words: &[(&'static str, T)],
    ) -> Option<T> {
        let found = words.iter().find(|(word, _)| *word == text);
        if found.is_none() {
            let known = words.iter().map(|(word, _)| format!("\"{word}\"")).collect::<Vec<_>>().join(", ");
            self.fault(format!("`{key}` is \"{}\": expected one of {known}", shorten(text)));
        }
        found.map(|(_, meaning)| *meaning)
    }

    /// Notes a value of a wrong type.
    pub(super) fn wrong_type<T>(&mut self, key: &str, expected: &str, found: &toml::Value) -> Option<T> {
        self.fault(format!("`{key}`: expected {expected}, found {}", describe(found)));
        None
    }

    /// Notes every field that nobody asked for, with the name that was probably meant.
    pub(super) fn finish(mut self) {
        let unknown: Vec<String> = std::mem::take(&mut self.table).into_iter().map(|(key, _)| key).collect();
        for key in unknown {
            let quoted = shorten(&key);
            match closest(&key, self.asked.iter().copied()) {
                Some(known) => self.fault(format!("unknown field `{quoted}`; did you mean `{known}`?")),
                None => {
                    let known =
                        self.asked.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ");
                    self.fault(format!("unknown field `{quoted}`; expected one of {known}"));
                }
            }
        }
    }
}

/// The number that a TOML value is, whether it is written with a point or without.
pub(super) fn as_number(value: &toml::Value) -> Option<f64> {
    match value {
        #[expect(
            clippy::cast_precision_loss,
            reason = "whole numbers beyond 2^53 round, as a double in JSON does"
        )]
        toml::Value::Integer(number) => Some(*number as f64),
        toml::Value::Float(number) => Some(*number),
        _ => None,
    }
}

/// A TOML value for a message, with its type.
pub(super) fn describe(value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) => format!("the text \"{}\"", shorten(text)),
        toml::Value::Integer(number) => format!("the number `{number}`"),
        toml::Value::Float(number) => format!("the number `{number}`"),
        toml::Value::Boolean(flag) => format!("the truth value `{flag}`"),
        toml::Value::Datetime(moment) => format!("the time `{moment}`"),
        toml::Value::Array(_) => "an array".to_owned(),
        toml::Value::Table(_) => "a table".to_owned(),
    }
}
