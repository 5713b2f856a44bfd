//! A parsed document, JSON or UBJSON alike: what an XGBoost model is written in.
//!
//! Arrays of numbers, nearly all of such a file, are kept packed: eight bytes a number, however it was written.

mod json;
#[cfg(test)]
mod tests;
mod ubjson;

use std::collections::BTreeSet;

use crate::error::shorten;

/// The deepest nesting of arrays and objects. XGBoost needs nine levels.
const DEPTH_MAX: usize = 64;

/// The most values that are no numbers in an array of numbers: names, objects, lists. Each takes up to a hundred
/// bytes of memory, so this bounds what a small file can unfold to.
const VALUES_MAX: usize = 4 * 1024 * 1024;

/// A value of a document.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
    /// An array of numbers and truth values alone; true is 1.
    Numbers(Vec<f64>),
    List(Vec<Value>),
    Object(Vec<(String, Value)>),
}

/// Reads a document in either encoding, told apart by its content.
///
/// Both begin with a brace; behind it, JSON has white space, a quotation mark or the other brace, and UBJSON the
/// type of a key's length.
pub(super) fn parse(bytes: &[u8]) -> Result<Value, String> {
    match bytes {
        [b'{', b'L' | b'l' | b'I' | b'i' | b'U', ..] => ubjson::parse(bytes),
        _ => json::parse(bytes),
    }
}

/// Whether `bytes` are UBJSON rather than JSON.
pub(super) fn is_binary(bytes: &[u8]) -> bool {
    matches!(bytes, [b'{', b'L' | b'l' | b'I' | b'i' | b'U', ..])
}

impl Value {
    /// What it is, for a message.
    fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a truth value",
            Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::Numbers(_) => "an array of numbers",
            Self::List(_) => "an array",
            Self::Object(_) => "an object",
        }
    }

    /// The member `key` of an object, if it is one and has it.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => members.iter().find(|(name, _)| name == key).map(|(_, value)| value),
            _ => None,
        }
    }

    /// The member `key`, which must be there.
    pub(super) fn at(&self, key: &str) -> Result<&Self, String> {
        self.get(key).ok_or_else(|| format!("`{key}` is missing"))
    }

    /// The keys of an object.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        let members = match self {
            Self::Object(members) => members.as_slice(),
            _ => &[],
        };
        members.iter().map(|(name, _)| name.as_str())
    }

    /// The text `key`.
    pub(super) fn text(&self, key: &str) -> Result<&str, String> {
        match self.at(key)? {
            Self::Text(text) => Ok(text),
            other => Err(expected(key, "a text", other)),
        }
    }

    /// The array `key`, if all its elements are numbers or truth values.
    pub(super) fn numbers(&self, key: &str) -> Result<&[f64], String> {
        self.at(key)?.as_numbers().ok_or_else(|| format!("`{key}` is no array of numbers"))
    }

    /// The numbers of an array of numbers.
    pub(super) fn as_numbers(&self) -> Option<&[f64]> {
        match self {
            Self::Numbers(numbers) => Some(numbers),
            _ => None,
        }
    }

    /// The array `key` of values that are no numbers; an empty array is one too.
    pub(super) fn list(&self, key: &str) -> Result<&[Self], String> {
        match self.at(key)? {
            Self::List(values) => Ok(values),
            Self::Numbers(numbers) if numbers.is_empty() => Ok(&[]),
            other => Err(expected(key, "an array of objects or texts", other)),
        }
    }

    /// The whole number `key`, written as a number or, as XGBoost does, as a text.
    pub(super) fn count(&self, key: &str) -> Result<usize, String> {
        let value = self.at(key)?;
        let parsed = match value {
            Self::Number(number) => whole(*number),
            Self::Text(text) => text.trim().parse().ok(),
            _ => None,
        };
        parsed.ok_or_else(|| format!("`{key}` is {}, expected a whole number", value.quote()))
    }

    /// The value itself where it is short, else what it is.
    pub(super) fn quote(&self) -> String {
        match self {
            Self::Bool(flag) => format!("`{flag}`"),
            Self::Number(number) => format!("`{number}`"),
            Self::Text(text) => format!("`{}`", shorten(text)),
            other => other.kind().to_owned(),
        }
    }
}

fn expected(key: &str, what: &str, found: &Value) -> String {
    format!("`{key}` is {}, expected {what}", found.kind())
}

/// A float as a whole number, if it is one that a float holds exactly.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is whole and in range")]
pub(super) fn whole(number: f64) -> Option<usize> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    (number.trunc().total_cmp(&number).is_eq() && (0.0..EXACT).contains(&number)).then_some(number as usize)
}

/// An array under construction: packed as long as all its elements are numbers.
struct Array {
    numbers: Vec<f64>,
    values: Vec<Value>,
}

impl Array {
    fn new() -> Self {
        Self { numbers: Vec::new(), values: Vec::new() }
    }

    fn push(&mut self, value: Value, budget: &mut usize) -> Result<(), String> {
        match value {
            Value::Number(number) if self.values.is_empty() => self.numbers.push(number),
            Value::Bool(flag) if self.values.is_empty() => self.numbers.push(f64::from(u8::from(flag))),
            value => {
                spend(budget, 1 + self.numbers.len())?;
                self.values.extend(self.numbers.drain(..).map(Value::Number));
                self.values.push(value);
            }
        }
        Ok(())
    }

    fn finish(self) -> Value {
        if self.values.is_empty() { Value::Numbers(self.numbers) } else { Value::List(self.values) }
    }
}

/// An object of these members, each of which has a name of its own: of two, readers differ in which one counts.
fn object(members: Vec<(String, Value)>) -> Result<Value, String> {
    let mut names = BTreeSet::new();
    match members.iter().find(|(name, _)| !names.insert(name)) {
        None => Ok(Value::Object(members)),
        Some((name, _)) => Err(format!("`{}` is there twice in one object", shorten(name))),
    }
}

/// Takes `count` values from what a document may still have.
fn spend(budget: &mut usize, count: usize) -> Result<(), String> {
    *budget = budget
        .checked_sub(count)
        .ok_or_else(|| format!("more than {VALUES_MAX} names, objects and arrays, which no model needs"))?;
    Ok(())
}
