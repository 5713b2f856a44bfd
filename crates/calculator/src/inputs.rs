//! The members of a request, read with their places.

use std::cell::RefCell;

use serde_json::{Map, Value};
use statistics::{Alpha, Power};

use crate::fault::{Fault, Name};

/// The most numbers in a list.
pub(crate) const NUMBERS_MAX: usize = 2_000_000;
/// The largest count: beyond it not every whole number is a float.
const COUNT_MAX: f64 = 9_007_199_254_740_992.0;

type Read<T> = Result<T, Fault>;

/// An object whose members are asked for one by one; what nobody asked for is a fault in the end.
pub(crate) struct Inputs<'a> {
    at: String,
    members: &'a Map<String, Value>,
    asked: RefCell<Vec<&'static str>>,
}

impl<'a> Inputs<'a> {
    pub(crate) fn new(at: impl Into<String>, members: &'a Map<String, Value>) -> Self {
        Self { at: at.into(), members, asked: RefCell::default() }
    }

    /// Whether there is such a member that is not null.
    pub(crate) fn has(&self, key: &'static str) -> bool {
        self.asked.borrow_mut().push(key);
        self.members.get(key).is_some_and(|value| !value.is_null())
    }

    /// Itself, with members that are read elsewhere.
    pub(crate) fn passes_over(&self, keys: &[&'static str]) -> &Self {
        self.asked.borrow_mut().extend(keys);
        self
    }

    pub(crate) fn number(&self, key: &'static str) -> Read<f64> {
        finite(self.get(key)?, &self.place(key))
    }

    pub(crate) fn number_or(&self, key: &'static str, default: f64) -> Read<f64> {
        if self.has(key) { self.number(key) } else { Ok(default) }
    }

    pub(crate) fn positive(&self, key: &'static str) -> Read<f64> {
        match self.number(key)? {
            number if number > 0.0 => Ok(number),
            number => Err(self.out_of_range(key, number, "it must be positive")),
        }
    }

    /// Strictly between 0 and 1.
    pub(crate) fn share(&self, key: &'static str) -> Read<f64> {
        match self.number(key)? {
            number if number > 0.0 && number < 1.0 => Ok(number),
            number => Err(self.out_of_range(key, number, "it must be between 0 and 1, both exclusive")),
        }
    }

    pub(crate) fn variance(&self, key: &'static str) -> Read<f64> {
        match self.number(key)? {
            // Not -0, whose root is -0.
            number if number >= 0.0 => Ok(number + 0.0),
            number => {
                let message = format!("`{number}`: a variance is 0 or more");
                Err(Fault::new(Name::NegativeVariance, self.place(key), message))
            }
        }
    }

    /// `alpha`, 0.05 if it is not there.
    pub(crate) fn alpha(&self) -> Read<Alpha> {
        if self.has("alpha") { self.alpha_at("alpha") } else { Ok(Alpha::USUAL) }
    }

    pub(crate) fn alpha_at(&self, key: &'static str) -> Read<Alpha> {
        let number = self.number(key)?;
        Alpha::new(number).ok_or_else(|| self.not_between(key, number))
    }

    pub(crate) fn power(&self, key: &'static str) -> Read<Power> {
        let number = self.number(key)?;
        Power::new(number).ok_or_else(|| self.not_between(key, number))
    }

    fn not_between(&self, key: &str, number: f64) -> Fault {
        let message = format!("`{number}` is no {key}: it must be between 0 and 1, both exclusive");
        Fault::new(Name::AlphaOutOfRange, self.place(key), message)
    }

    pub(crate) fn count(&self, key: &'static str) -> Read<u64> {
        count(self.get(key)?, &self.place(key))
    }

    /// A count of units, of which there must be some.
    pub(crate) fn units(&self, key: &'static str) -> Read<u64> {
        match self.count(key)? {
            0 => Err(Fault::new(Name::ZeroUnits, self.place(key), "`0` units: there must be one at least")),
            units => Ok(units),
        }
    }

    pub(crate) fn text(&self, key: &'static str) -> Read<&'a str> {
        let value = self.get(key)?;
        value.as_str().ok_or_else(|| wrong_type(value, &self.place(key), "text"))
    }

    pub(crate) fn numbers(&self, key: &'static str) -> Read<Vec<f64>> {
        self.each(key, finite)
    }

    /// A list of numbers that is not empty.
    pub(crate) fn sample(&self, key: &'static str) -> Read<Vec<f64>> {
        let numbers = self.numbers(key)?;
        if numbers.is_empty() {
            return Err(Fault::new(Name::ZeroUnits, self.place(key), "the list is empty"));
        }
        Ok(numbers)
    }

    /// Numbers from 0 to 1, both inclusive.
    pub(crate) fn probabilities(&self, key: &'static str) -> Read<Vec<f64>> {
        self.each(key, |value, at| match finite(value, at)? {
            number if (0.0..=1.0).contains(&number) => Ok(number),
            number => {
                let message = format!("`{number}` is no probability: it must be from 0 to 1");
                Err(Fault::new(Name::OutOfRange, at, message))
            }
        })
    }

    pub(crate) fn counts(&self, key: &'static str) -> Read<Vec<u64>> {
        self.each(key, count)
    }

    /// Outcomes as 0 and 1, or false and true.
    pub(crate) fn outcomes(&self, key: &'static str) -> Read<Vec<bool>> {
        self.each(key, |value, at| match value.as_f64().or(value.as_bool().map(f64::from)) {
            Some(0.0) => Ok(false),
            Some(1.0) => Ok(true),
            _ => Err(wrong_type(value, at, "an outcome, 0 or 1")),
        })
    }

    /// Labels, as text.
    pub(crate) fn labels(&self, key: &'static str) -> Read<Vec<String>> {
        self.each(key, |value, at| match value {
            Value::String(text) => Ok(text.clone()),
            Value::Number(number) => Ok(number.to_string()),
            _ => Err(wrong_type(value, at, "a name or a number")),
        })
    }

    /// Rows of so many numbers.
    pub(crate) fn rows<const N: usize>(&self, key: &'static str) -> Read<Vec<[f64; N]>> {
        self.each(key, |value, at| row(value, at, finite))
    }

    /// Rows of so many counts.
    pub(crate) fn count_rows<const N: usize>(&self, key: &'static str) -> Read<Vec<[u64; N]>> {
        self.each(key, |value, at| row(value, at, count))
    }

    /// Lists of numbers.
    pub(crate) fn lists(&self, key: &'static str) -> Read<Vec<Vec<f64>>> {
        self.each(key, |value, at| list(value, at, &finite))
    }

    /// Lists of counts.
    pub(crate) fn count_lists(&self, key: &'static str) -> Read<Vec<Vec<u64>>> {
        self.each(key, |value, at| list(value, at, &count))
    }

    /// So many numbers.
    pub(crate) fn array<const N: usize>(&self, key: &'static str) -> Read<[f64; N]> {
        row(self.get(key)?, &self.place(key), finite)
    }

    /// What is in an object, all of whose members are asked for.
    pub(crate) fn within<T>(&self, key: &'static str, read: impl Fn(&Inputs<'a>) -> Read<T>) -> Read<T> {
        object(self.get(key)?, self.place(key), &read)
    }

    /// What is in a list of objects.
    pub(crate) fn all_within<T>(
        &self,
        key: &'static str,
        read: impl Fn(&Inputs<'a>) -> Read<T>,
    ) -> Read<Vec<T>> {
        let value = self.get(key)?;
        let place = self.place(key);
        let items = value.as_array().ok_or_else(|| wrong_type(value, &place, "a list of objects"))?;
        items
            .iter()
            .enumerate()
            .map(|(index, item)| object(item, format!("{place}[{index}]"), &read))
            .collect()
    }

    /// An object, its members as they are.
    pub(crate) fn any_member<T>(
        &self,
        key: &'static str,
        read: impl Fn(&'a Map<String, Value>) -> Read<T>,
    ) -> Read<T> {
        let value = self.get(key)?;
        read(value.as_object().ok_or_else(|| wrong_type(value, &self.place(key), "an object"))?)
    }

    /// Complains of a member that nobody asked for.
    pub(crate) fn finish(&self) -> Read<()> {
        let asked = self.asked.borrow();
        let Some(unknown) = self.members.keys().find(|key| !asked.contains(&key.as_str())) else {
            return Ok(());
        };
        let hint = nearest(unknown, asked.iter().copied()).map_or_else(
            || format!("there are {}", listed(&asked)),
            |near| format!("did you mean `{near}`?"),
        );
        let message = format!("`{unknown}` is not known here; {hint}");
        Err(Fault::new(Name::UnknownKey, self.place(unknown), message))
    }

    /// A fault at a member, by the number that it has.
    pub(crate) fn out_of_range(&self, key: &str, number: f64, right: &str) -> Fault {
        Fault::new(Name::OutOfRange, self.place(key), format!("`{number}`: {right}"))
    }

    /// A fault of two members that do not fit together.
    pub(crate) fn mismatch(&self, key: &str, message: impl Into<String>) -> Fault {
        Fault::new(Name::LengthMismatch, self.place(key), message)
    }

    pub(crate) fn fault(&self, name: Name, key: &str, message: impl Into<String>) -> Fault {
        Fault::new(name, self.place(key), message)
    }

    /// That lists have the same length.
    pub(crate) fn same_length(&self, lists: &[(&str, usize)]) -> Read<()> {
        let [(first, length), rest @ ..] = lists else { return Ok(()) };
        match rest.iter().find(|(_, other)| other != length) {
            Some((key, other)) => {
                Err(self.mismatch(key, format!("{other} items, but `{first}` has {length}")))
            }
            None => Ok(()),
        }
    }

    fn get(&self, key: &'static str) -> Read<&'a Value> {
        self.asked.borrow_mut().push(key);
        self.members.get(key).ok_or_else(|| {
            let known = self.asked.borrow();
            let others = self.members.keys().map(String::as_str).filter(|other| !known.contains(other));
            let hint =
                nearest(key, others).map_or(String::new(), |near| format!("; is it meant by `{near}`?"));
            Fault::new(Name::MissingKey, self.place(key), format!("`{key}` is missing{hint}"))
        })
    }

    fn place(&self, key: &str) -> String {
        if self.at.is_empty() { key.to_owned() } else { format!("{}.{key}", self.at) }
    }

    fn each<T>(&self, key: &'static str, read: impl Fn(&Value, &str) -> Read<T>) -> Read<Vec<T>> {
        list(self.get(key)?, &self.place(key), &read)
    }
}

fn object<'a, T>(value: &'a Value, at: String, read: &impl Fn(&Inputs<'a>) -> Read<T>) -> Read<T> {
    let members = value.as_object().ok_or_else(|| wrong_type(value, &at, "an object"))?;
    let inputs = Inputs::new(at, members);
    let read = read(&inputs)?;
    inputs.finish()?;
    Ok(read)
}

fn list<T>(value: &Value, at: &str, read: &impl Fn(&Value, &str) -> Read<T>) -> Read<Vec<T>> {
    let items = value.as_array().ok_or_else(|| wrong_type(value, at, "a list"))?;
    if items.len() > NUMBERS_MAX {
        let message = format!("{} items, more than {NUMBERS_MAX}; summarise them", items.len());
        return Err(Fault::new(Name::TooLarge, at, message));
    }
    items
        .iter()
        .enumerate()
        // The place is made for a fault alone.
        .map(|(index, item)| read(item, at).map_err(|fault| fault_at(fault, at, index)))
        .collect()
}

fn fault_at(mut fault: Fault, at: &str, index: usize) -> Fault {
    let inner = fault.at.strip_prefix(at).unwrap_or_default();
    fault.at = format!("{at}[{index}]{inner}");
    fault
}

fn row<T: Copy, const N: usize>(
    value: &Value,
    at: &str,
    read: impl Fn(&Value, &str) -> Read<T>,
) -> Read<[T; N]> {
    let items = list(value, at, &read)?;
    let length = items.len();
    items
        .try_into()
        .map_err(|_| Fault::new(Name::LengthMismatch, at, format!("{length} items where {N} belong")))
}

fn finite(value: &Value, at: &str) -> Read<f64> {
    match value {
        Value::Number(number) => match number.as_f64() {
            Some(number) if number.is_finite() => Ok(number),
            _ => Err(Fault::new(Name::NotFinite, at, format!("`{number}` is not finite"))),
        },
        Value::String(text)
            if ["nan", "inf", "-inf", "infinity", "-infinity"].contains(&&*text.to_lowercase()) =>
        {
            Err(Fault::new(Name::NotFinite, at, format!("`{text}` is not finite; a number is needed")))
        }
        _ => Err(wrong_type(value, at, "a number")),
    }
}

fn count(value: &Value, at: &str) -> Read<u64> {
    let number = finite(value, at)?;
    if number > COUNT_MAX {
        return Err(Fault::new(
            Name::TooLarge,
            at,
            format!("`{value}` is more than 2^53, the largest count"),
        ));
    }
    if number < 0.0 || number.fract() != 0.0 {
        return Err(Fault::new(
            Name::NotACount,
            at,
            format!("`{value}` is no count: it must be a whole number, 0 or more"),
        ));
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole, and 0 to 2^53")]
    Ok(number as u64)
}

fn wrong_type(value: &Value, at: &str, wanted: &str) -> Fault {
    let is = match value {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => format!("`{flag}`"),
        Value::Number(number) => format!("the number `{number}`"),
        Value::String(text) => format!("the text `{}`", shortened(text)),
        Value::Array(items) => format!("a list of {}", items.len()),
        Value::Object(_) => "an object".to_owned(),
    };
    Fault::new(Name::WrongType, at, format!("{is} where {wanted} belongs"))
}

/// A text that may be anything, as far as a message has room.
pub(crate) fn shortened(text: &str) -> String {
    const ROOM: usize = 60;
    match text.char_indices().nth(ROOM) {
        Some((end, _)) => text.get(..end).map_or_else(String::new, |start| format!("{start}…")),
        None => text.to_owned(),
    }
}

/// The one of `names` that was probably meant.
pub(crate) fn nearest<'n>(name: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    const ALIKE: f64 = 0.75;
    names
        .map(|known| (strsim::jaro_winkler(name, known), known))
        .filter(|(likeness, _)| *likeness > ALIKE)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| known)
}

fn listed(names: &[&str]) -> String {
    let mut names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.sort();
    names.dedup();
    names.join(", ")
}
