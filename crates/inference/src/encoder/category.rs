//! Where a category stands among those of a model.

use std::collections::HashMap;

use compact_str::CompactString;
use events::Value;

use super::Fault;
use crate::manifest::Categories;

/// The places of a model's categories. Only values of their own type are compared with them.
#[derive(Debug)]
pub(super) enum Lookup {
    Text(HashMap<CompactString, usize>),
    /// By the bits of the number, where -0 is 0.
    Number(HashMap<u64, usize>),
    /// The places of false and of true.
    Bool([Option<usize>; 2]),
}

impl Lookup {
    pub(super) fn new(categories: &Categories) -> Self {
        let mut texts = HashMap::new();
        let mut numbers = HashMap::new();
        let mut flags = [None; 2];
        for (place, category) in categories.iter().enumerate() {
            match category {
                Value::Text(text) => drop(texts.insert(text.clone(), place)),
                Value::Number(number) => drop(numbers.insert(bits(*number), place)),
                Value::Bool(flag) => flags[usize::from(*flag)] = Some(place),
                Value::Null => {}
            }
        }
        // The manifest has checked that all are of one type.
        if !texts.is_empty() {
            Self::Text(texts)
        } else if !numbers.is_empty() {
            Self::Number(numbers)
        } else {
            Self::Bool(flags)
        }
    }

    /// The place of `value`. NaN is a missing number, as it is everywhere in an event.
    pub(super) fn place(&self, value: &Value) -> Result<usize, Fault> {
        match (self, value) {
            (_, Value::Null) => Err(Fault::Missing),
            (Self::Text(places), Value::Text(text)) => places.get(text).copied().ok_or(Fault::Unknown),
            (Self::Number(_), Value::Number(number)) if number.is_nan() => Err(Fault::Missing),
            (Self::Number(places), Value::Number(number)) => {
                places.get(&bits(*number)).copied().ok_or(Fault::Unknown)
            }
            (Self::Bool(places), Value::Bool(flag)) => places[usize::from(*flag)].ok_or(Fault::Unknown),
            (Self::Text(_), _) => Err(Fault::WrongType("a text")),
            (Self::Number(_), _) => Err(Fault::WrongType("a number")),
            (Self::Bool(_), _) => Err(Fault::WrongType("a truth value")),
        }
    }
}

fn bits(number: f64) -> u64 {
    (number + 0.0).to_bits()
}
