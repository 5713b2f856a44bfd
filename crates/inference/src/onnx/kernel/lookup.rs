//! Categories: one-hot columns, and values by key.

use std::collections::HashMap;

use compact_str::CompactString;

use super::{Inputs, Rows, by_type};
use crate::onnx::convert::{Number, from_index, narrow};
use crate::onnx::tensor::{Buffer, Element};

/// Where each key is in a list; a key that is there twice is at the first place.
#[derive(Clone, Debug)]
pub(in crate::onnx) enum Keys {
    Text(HashMap<CompactString, u32>),
    Integer(HashMap<i64, u32>),
    /// By bits, with one NaN and one zero.
    Float(HashMap<u64, u32>),
}

impl Keys {
    pub(in crate::onnx) fn new(keys: &Buffer) -> Self {
        match keys {
            Buffer::Text(keys) => Self::Text(places(keys.iter().cloned())),
            Buffer::I64(keys) => Self::Integer(places(keys.iter().copied())),
            Buffer::F32(keys) => Self::Float(places(keys.iter().map(|key| bits(key.f64())))),
            Buffer::F64(keys) => Self::Float(places(keys.iter().map(|key| bits(*key)))),
            Buffer::Bool(keys) => Self::Integer(places(keys.iter().map(|key| i64::from(*key)))),
        }
    }

    /// Without NaN, which is then no key: nothing equals it.
    pub(in crate::onnx) fn without_nan(mut self) -> Self {
        if let Self::Float(keys) = &mut self {
            keys.remove(&bits(f64::NAN));
        }
        self
    }

    /// The place of a value of a buffer.
    fn find(&self, values: &Buffer, at: usize) -> Option<u32> {
        match (self, values) {
            (Self::Text(keys), Buffer::Text(values)) => keys.get(&values[at]).copied(),
            (Self::Integer(keys), Buffer::I64(values)) => keys.get(&values[at]).copied(),
            (Self::Integer(keys), Buffer::F32(values)) => keys.get(&values[at].i64()).copied(),
            (Self::Integer(keys), Buffer::F64(values)) => keys.get(&values[at].i64()).copied(),
            (Self::Integer(keys), Buffer::Bool(values)) => keys.get(&i64::from(values[at])).copied(),
            (Self::Float(keys), Buffer::F32(values)) => keys.get(&bits(values[at].f64())).copied(),
            (Self::Float(keys), Buffer::F64(values)) => keys.get(&bits(values[at])).copied(),
            _ => unreachable!("the plan gives keys the type of values that they are for"),
        }
    }
}

fn places<K: std::hash::Hash + Eq>(keys: impl Iterator<Item = K>) -> HashMap<K, u32> {
    let mut places = HashMap::new();
    for (place, key) in keys.enumerate() {
        places.entry(key).or_insert(narrow(place));
    }
    places
}

fn bits(key: f64) -> u64 {
    if key.is_nan() { f64::NAN.to_bits() } else { (key + 0.0).to_bits() }
}

/// For each value of a row, a 1 among 0s at the place of its category.
#[derive(Clone, Debug)]
pub(in crate::onnx) struct Categories {
    pub(in crate::onnx) keys: Keys,
    pub(in crate::onnx) count: usize,
    pub(in crate::onnx) width: usize,
    /// That an unknown category is all zeros; else a row that has one has no result.
    pub(in crate::onnx) zeros: bool,
}

impl Categories {
    pub(super) fn run(&self, rows: &mut Rows<'_>, inputs: Inputs<'_>, output: &mut Buffer) {
        let output = f32::values_mut(output);
        for at in 0..rows.count * self.width {
            let output = &mut output[at * self.count..][..self.count];
            output.fill(0.0);
            match self.keys.find(inputs.buffer(0), at) {
                Some(place) => output[place as usize] = 1.0,
                None => rows.invalid[at / self.width] |= !self.zeros,
            }
        }
    }
}

/// For each value of a row, the value that goes with it as a key.
#[derive(Clone, Debug)]
pub(in crate::onnx) struct Lookup {
    pub(in crate::onnx) keys: Keys,
    /// By place of the key; and last, what an unknown key gives.
    pub(in crate::onnx) values: Buffer,
    pub(in crate::onnx) width: usize,
}

impl Lookup {
    pub(super) fn run(&self, rows: usize, inputs: Inputs<'_>, output: &mut Buffer) {
        by_type!(output, T => self.translate::<T>(rows, inputs.buffer(0), T::values_mut(output)));
    }

    fn translate<T: Element>(&self, rows: usize, input: &Buffer, output: &mut [T]) {
        let values = T::values(&self.values);
        for (at, output) in output.iter_mut().take(rows * self.width).enumerate() {
            let place = self.keys.find(input, at).map_or(values.len() - 1, |place| place as usize);
            output.clone_from(&values[place]);
        }
    }
}

/// The labels of classes, or other values that a graph chooses among.
#[derive(Clone, Debug, PartialEq)]
pub enum Labels {
    /// Texts.
    Texts(Vec<CompactString>),
    /// Integers.
    Integers(Vec<i64>),
}

impl Labels {
    /// How many there are.
    #[expect(clippy::len_without_is_empty, reason = "there is always one")]
    pub fn len(&self) -> usize {
        match self {
            Self::Texts(labels) => labels.len(),
            Self::Integers(labels) => labels.len(),
        }
    }

    /// Each as a text.
    pub fn names(&self) -> Vec<String> {
        match self {
            Self::Texts(labels) => labels.iter().map(ToString::to_string).collect(),
            Self::Integers(labels) => labels.iter().map(ToString::to_string).collect(),
        }
    }

    /// Puts a label into a row of labels.
    pub(in crate::onnx) fn write(&self, place: usize, output: &mut Buffer, at: usize) {
        match (self, output) {
            (Self::Texts(labels), Buffer::Text(output)) => output[at].clone_from(&labels[place]),
            (Self::Integers(labels), Buffer::I64(output)) => output[at] = labels[place],
            _ => unreachable!("the plan gives labels a buffer of their type"),
        }
    }

    /// The place of a text, as a number for those who read numbers alone.
    pub(in crate::onnx) fn place(&self, text: &str) -> Option<i64> {
        match self {
            Self::Texts(labels) => labels.iter().position(|label| label == text).map(from_index),
            Self::Integers(_) => None,
        }
    }
}
