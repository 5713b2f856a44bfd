//! One table of a definition, read field by field; what is wrong with it is kept, not thrown.

use std::time::Duration;

use toml::{Table, Value};

use super::{duration::parse_duration, limits};
use crate::Problem;

/// A table that is being read. Every reader returns nothing for a field that is absent or wrong; only the
/// latter is a problem, so a definition is complete if and only if [`Section::finish`] returns no problem.
pub(crate) struct Section<'t> {
    place: String,
    table: &'t Table,
    known: Vec<&'static str>,
    missing: Vec<Problem>,
    problems: Vec<Problem>,
}

/// A word that a field may hold, and what it means.
pub(super) type Choice<T> = (&'static str, T);

/// Something that will exist, and what to do until then.
pub(crate) type NotYet = (&'static str, &'static str);

impl<'t> Section<'t> {
    pub(crate) fn new(place: impl Into<String>, table: &'t Table) -> Self {
        Self { place: place.into(), table, known: Vec::new(), missing: Vec::new(), problems: Vec::new() }
    }

    /// Declares fields that cannot be left out, each with what belongs there.
    pub(crate) fn require(&mut self, fields: &[(&'static str, &str)]) {
        for (field, advice) in fields {
            if !self.table.contains_key(*field) {
                let message = format!("`{field}` is missing; {advice}");
                self.missing.push(Problem { place: self.place.clone(), message });
            }
        }
    }

    /// Notes a fault of the section.
    pub(crate) fn fault(&mut self, message: impl Into<String>) {
        self.problems.push(Problem { place: self.place.clone(), message: message.into() });
    }

    /// Takes over the faults of a part.
    pub(super) fn absorb(&mut self, problems: Vec<Problem>) {
        self.problems.extend(problems);
    }

    pub(crate) fn has(&self, field: &str) -> bool {
        self.table.contains_key(field)
    }

    pub(crate) fn value(&mut self, field: &'static str) -> Option<&'t Value> {
        self.known.push(field);
        self.table.get(field)
    }

    pub(crate) fn text(&mut self, field: &'static str) -> Option<&'t str> {
        let value = self.value(field)?;
        value.as_str().or_else(|| self.wrong_type(field, value, "a text in quotes"))
    }

    /// A finite number; an integer is one too.
    pub(crate) fn number(&mut self, field: &'static str) -> Option<f64> {
        let value = self.value(field)?;
        finite_number(value).or_else(|| self.wrong_type(field, value, "a finite number"))
    }

    pub(super) fn integer(&mut self, field: &'static str) -> Option<i64> {
        let value = self.value(field)?;
        value.as_integer().or_else(|| self.wrong_type(field, value, "a whole number"))
    }

    pub(super) fn table(&mut self, field: &'static str) -> Option<&'t Table> {
        let value = self.value(field)?;
        value.as_table().or_else(|| self.wrong_type(field, value, &format!("a table, `[{field}]`")))
    }

    /// An array of tables, `[[field]]`; empty if absent or wrong.
    pub(super) fn tables(&mut self, field: &'static str) -> Vec<&'t Table> {
        let Some(value) = self.value(field) else { return Vec::new() };
        let tables =
            value.as_array().and_then(|array| array.iter().map(Value::as_table).collect::<Option<Vec<_>>>());
        tables
            .or_else(|| self.wrong_type(field, value, &format!("tables, each under `[[{field}]]`")))
            .unwrap_or_default()
    }

    /// A text that is an identifier.
    pub(super) fn identifier(&mut self, field: &'static str) -> Option<&'t str> {
        let text = self.text(field)?;
        let Some(fault) = identifier_fault(text) else { return Some(text) };
        self.fault(format!("`{field}`: {fault}"));
        None
    }

    /// A short text for people: not empty, no control characters, no spaces at its ends.
    pub(crate) fn label(&mut self, field: &'static str, most: usize) -> Option<&'t str> {
        let text = self.text(field)?;
        let fault = match text.len() {
            0 => Some("is empty".to_owned()),
            length if length > most => Some(format!("has {length} bytes, at most {most} are allowed")),
            _ if text.chars().any(char::is_control) => {
                Some(format!("is {text:?}; control characters are not allowed"))
            }
            _ if text.trim() != text => Some(format!("is {text:?}; leave out the spaces around it")),
            _ => None,
        };
        let Some(fault) = fault else { return Some(text) };
        self.fault(format!("`{field}` {fault}"));
        None
    }

    /// A duration above zero and within the longest window.
    pub(super) fn window(&mut self, field: &'static str) -> Option<Duration> {
        let text = self.text(field)?;
        let fault = match parse_duration(text) {
            Ok(Duration::ZERO) => format!("`{field}` is \"{text}\"; it must be above zero"),
            Ok(window) if window > limits::MAX_WINDOW => {
                format!("`{field}` is \"{text}\"; at most \"366d\" is allowed")
            }
            Ok(window) => return Some(window),
            Err(error) => format!("`{field}`: {error}"),
        };
        self.fault(fault);
        None
    }

    /// One of a few words.
    pub(super) fn choice<T: Copy>(
        &mut self,
        field: &'static str,
        choices: &[Choice<T>],
        not_yet: &[NotYet],
    ) -> Option<T> {
        let word = self.text(field)?;
        if let Some((_, choice)) = choices.iter().find(|(name, _)| *name == word) {
            return Some(*choice);
        }
        if let Some((_, advice)) = not_yet.iter().find(|(name, _)| *name == word) {
            self.fault(format!("`{field}` is \"{word}\", which is not implemented yet; {advice}"));
            return None;
        }
        let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
        let right = match closest(word, &names) {
            Some(name) => format!("did you mean \"{name}\"?"),
            None => format!("it can be {}", alternatives(&names)),
        };
        self.fault(format!("`{field}` is {}; {right}", shown(&Value::from(word))));
        None
    }

    /// Ends the reading: whatever nobody asked for is a fault, and so is what is missing.
    ///
    /// A required field is not called missing if a misspelt one is taken for it: that is one fault, not two.
    pub(crate) fn finish(mut self, not_yet: &[NotYet]) -> Vec<Problem> {
        let unread: Vec<_> = self.table.keys().filter(|key| !self.known.contains(&key.as_str())).collect();
        for key in unread {
            if let Some((_, advice)) = not_yet.iter().find(|(name, _)| name == key) {
                self.fault(format!("`{key}` is not implemented yet; {advice}"));
                continue;
            }
            let absent: Vec<_> = self.known.iter().copied().filter(|name| !self.has(name)).collect();
            let field = format!("unknown field `{}`", key.escape_debug());
            let Some(meant) = closest(key, &absent) else {
                self.fault(format!("{field}; the fields here are {}", backticked(&self.known)));
                continue;
            };
            self.fault(format!("{field}; did you mean `{meant}`?"));
            self.missing.retain(|problem| !problem.message.starts_with(&format!("`{meant}` ")));
        }
        self.missing.append(&mut self.problems);
        self.missing
    }

    fn wrong_type<T>(&mut self, field: &str, value: &Value, expected: &str) -> Option<T> {
        self.fault(format!("`{field}` is {}; it must be {expected}", shown(value)));
        None
    }
}

/// What is wrong with `text` as an identifier, if anything.
pub(super) fn identifier_fault(text: &str) -> Option<String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    match text.chars().next() {
        None => Some("a name cannot be empty".to_owned()),
        Some(_) if text.len() > limits::IDENTIFIER_BYTES => Some(format!(
            "a name has at most {} bytes, this one has {}",
            limits::IDENTIFIER_BYTES,
            text.len()
        )),
        Some(first) if first.is_ascii_alphanumeric() && text.chars().all(allowed) => None,
        Some(_) => Some(format!(
            "{text:?} is not a name; use ASCII letters, digits, `.`, `_` and `-`, a letter or digit first"
        )),
    }
}

/// A number that f64 holds exactly enough: finite, and if written as an integer, not rounded.
pub(crate) fn finite_number(value: &Value) -> Option<f64> {
    const EXACT: i64 = 1 << 53;
    match value {
        Value::Integer(integer) if (-EXACT..=EXACT).contains(integer) => Some(*integer as f64),
        Value::Float(float) if float.is_finite() => Some(*float),
        _ => None,
    }
}

/// A value as it stands in the file, shortened if it is long.
pub(crate) fn shown(value: &Value) -> String {
    const MOST: usize = 80;
    let text = match value {
        Value::String(text) => format!("{text:?}"),
        Value::Table(_) => "a table".to_owned(),
        Value::Array(values) if values.iter().any(Value::is_table) => "an array of tables".to_owned(),
        other => other.to_string().replace('\n', " "),
    };
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// The name that `word` was probably meant to be.
fn closest(word: &str, names: &[&'static str]) -> Option<&'static str> {
    const ALIKE: f64 = 0.8;
    let score = |name: &&'static str| strsim::jaro_winkler(word, name);
    let best = names.iter().copied().max_by(|a, b| score(a).total_cmp(&score(b)))?;
    (score(&best) >= ALIKE).then_some(best)
}

fn alternatives(names: &[&str]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("\"{name}\"")).collect();
    join(&quoted, "or")
}

fn backticked(names: &[&str]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    join(&quoted, "and")
}

fn join(words: &[String], conjunction: &str) -> String {
    match words {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} {conjunction} {last}", first.join(", ")),
    }
}
