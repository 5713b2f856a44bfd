//! What must not change while units are pooled.

use std::fmt;

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::{Condition, Definition, Rule, Values};

/// A digest of all that decides who is in which arm, and what the arms are: unit kind, salt, layer, targeting,
/// and the arms' weights and versions. Coverage is not part of it: ramping stays in the epoch, and pools.
///
/// Results of two epochs must not be added up. A new epoch needs a new salt, or units would carry over what the
/// old one did to them. Stable over releases: it is kept beside results.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(into = "String")]
pub struct Epoch(u64);

impl Epoch {
    /// The first 8 bytes, big-endian, of SHA-256 over the parts, each with its length before it. Rules, and the
    /// values in one, are sorted: their order means nothing.
    pub(crate) fn of(definition: &Definition) -> Self {
        let Definition { unit, salt, layer, targeting, arms, .. } = definition;
        let mut hasher = Parts(Sha256::new());
        hasher.part(b"serin epoch 1");
        hasher.part(unit.as_bytes());
        hasher.part(salt.as_str().as_bytes());
        hasher.part(layer.salt.as_str().as_bytes());
        hasher.part(&layer.range.start.to_be_bytes());
        hasher.part(&layer.range.end.to_be_bytes());
        let mut rules: Vec<_> = targeting.iter().map(rule_digest).collect();
        rules.sort_unstable();
        rules.iter().for_each(|rule| hasher.part(rule));
        for arm in arms {
            hasher.part(b"arm");
            hasher.part(&arm.weight.get().to_be_bytes());
            hasher.part(arm.version.as_bytes());
        }
        Self(hasher.finish()[..8].iter().fold(0, |number, &byte| number << 8 | u64::from(byte)))
    }
}

impl From<Epoch> for String {
    fn from(epoch: Epoch) -> Self {
        epoch.to_string()
    }
}

/// Sixteen hexadecimal digits.
impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Epoch({self})")
    }
}

/// A hasher of parts that cannot run into each other.
struct Parts(Sha256);

impl Parts {
    fn part(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
    }

    fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}

fn rule_digest(rule: &Rule) -> [u8; 32] {
    let mut hasher = Parts(Sha256::new());
    hasher.part(rule.field.as_bytes());
    let (name, mut values) = match &rule.condition {
        Condition::In(values) => ("in", value_parts(values)),
        Condition::NotIn(values) => ("not_in", value_parts(values)),
        // Not sorted: the first is the smaller one.
        Condition::Between { min, max } => ("between", vec![number_part(*min), number_part(*max)]),
    };
    if name != "between" {
        values.sort_unstable();
        values.dedup();
    }
    hasher.part(name.as_bytes());
    values.iter().for_each(|value| hasher.part(value));
    hasher.finish()
}

fn value_parts(values: &Values) -> Vec<Vec<u8>> {
    match values {
        Values::Texts(texts) => texts.iter().map(|text| [b"t", text.as_bytes()].concat()).collect(),
        Values::Numbers(numbers) => numbers.iter().map(|&number| number_part(number)).collect(),
        Values::Bools(bools) => bools.iter().map(|&truth| vec![b'b', u8::from(truth)]).collect(),
    }
}

fn number_part(number: f64) -> Vec<u8> {
    // Minus zero is zero in every comparison, so it is here too.
    let bits = (number + 0.0).to_bits();
    [b"n".as_slice(), &bits.to_be_bytes()].concat()
}
