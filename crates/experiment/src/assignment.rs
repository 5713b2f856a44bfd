//! Assignment: a pure function of a salt and a unit.

use std::fmt;

use compact_str::CompactString;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::{BasisPoints, Layer};

/// One of 10,000 equally likely places that a salt gives to a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Bucket(u16);

impl Bucket {
    /// How many buckets there are; one is a basis point of the units.
    pub const COUNT: u16 = 10_000;

    /// The bucket's number, 0 to 9,999.
    pub const fn get(self) -> u16 {
        self.0
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A salt, ready to hash: what makes the buckets of one experiment or layer independent of another's.
///
/// It holds the state of SHA-256 after the salt and the NUL that ends it, so that hashing a unit allocates
/// nothing and, for units of up to some 40 bytes, runs the compression function once.
#[derive(Clone)]
pub struct Salt {
    text: CompactString,
    hasher: Sha256,
}

/// Why a text is not a salt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SaltError {
    /// An empty salt is a forgotten one.
    #[error("a salt cannot be empty")]
    Empty,
    /// NUL separates the salt from the unit; with one inside, two pairs could hash the same bytes.
    #[error("a salt cannot contain NUL, which ends it")]
    Nul,
    /// Longer than [`Salt::MAX_LEN`].
    #[error("a salt has at most {max} bytes, this one has {0}", max = Salt::MAX_LEN)]
    TooLong(usize),
}

impl Salt {
    /// The longest salt, in bytes of UTF-8.
    pub const MAX_LEN: usize = 128;

    /// Prepares `text` for hashing. It is taken byte for byte, not normalized.
    ///
    /// # Errors
    /// A salt that is empty, too long or contains NUL.
    pub fn new(text: &str) -> Result<Self, SaltError> {
        match text.len() {
            0 => return Err(SaltError::Empty),
            length if length > Self::MAX_LEN => return Err(SaltError::TooLong(length)),
            _ if text.contains('\0') => return Err(SaltError::Nul),
            _ => {}
        }
        Ok(Self { text: text.into(), hasher: Sha256::new().chain_update(text).chain_update([0]) })
    }

    /// The salt as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The bucket of `unit`: the first 8 bytes, big-endian, of SHA-256(salt, NUL, unit as UTF-8), modulo 10,000.
    ///
    /// The unit is not normalized: two spellings of one accented name are two units. 2^64 is no multiple of
    /// 10,000; the bias is below one part in 10^15.
    pub fn bucket(&self, unit: &str) -> Bucket {
        let digest = self.hasher.clone().chain_update(unit).finalize();
        let first = digest.iter().take(8).fold(0_u64, |number, &byte| number << 8 | u64::from(byte));
        #[expect(clippy::cast_possible_truncation, reason = "a remainder of 10,000 fits")]
        Bucket((first % u64::from(Bucket::COUNT)) as u16)
    }
}

/// Two salts are equal if their texts are.
impl PartialEq for Salt {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Salt {}

impl fmt::Debug for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Salt").field(&self.text).finish()
    }
}

/// Where a unit that takes part was put, and how likely that was.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Assignment<'e> {
    /// The arm's place in the definition; 0 is the control.
    pub arm: usize,
    /// The arm's name.
    pub name: &'e str,
    /// The model version that the arm serves.
    pub version: &'e str,
    /// The unit's bucket under the experiment's own salt (not the layer's).
    pub bucket: Bucket,
    /// The realised probability of this arm for an eligible unit: the layer's share times the arm's width.
    ///
    /// `(range.end - range.start) / 10,000 * width / 10,000`, where width = floor(coverage x weight) in basis
    /// points. "Realised" because of the floor: it is what the assignment does, not what was asked for.
    /// Eligible means that all targeting rules hold. Over the arms it sums to the chance of taking part,
    /// not to 1.
    pub propensity: f64,
}

/// Where each arm's buckets lie: arm i starts at its cumulative weight and spans floor(coverage x weight).
///
/// The start does not depend on coverage, so that ramping adds units to the end of every arm and moves none.
#[derive(Clone, Debug)]
pub(crate) struct Spans(Vec<Span>);

#[derive(Clone, Copy, Debug)]
struct Span {
    start: u16,
    width: BasisPoints,
}

impl Spans {
    pub(crate) fn new(weights: impl Iterator<Item = BasisPoints>, coverage: BasisPoints) -> Self {
        let mut start = 0;
        let spans = weights.map(|weight| {
            let span = Span { start, width: coverage.of(weight) };
            start += weight.get();
            span
        });
        Self(spans.collect())
    }

    /// The arm that `bucket` falls in, if any.
    pub(crate) fn arm(&self, bucket: Bucket) -> Option<usize> {
        let inside = |span: &Span| (span.start..span.start + span.width.get()).contains(&bucket.get());
        self.0.iter().position(inside)
    }

    /// The width of arm `index`.
    pub(crate) fn width(&self, index: usize) -> BasisPoints {
        self.0[index].width
    }
}

impl Layer {
    /// The layer's share of all units that this experiment may use.
    pub fn share(&self) -> f64 {
        f64::from(self.range.end - self.range.start) / f64::from(Bucket::COUNT)
    }

    /// Whether `unit` lies in the experiment's part of the layer.
    pub(crate) fn holds(&self, unit: &str) -> bool {
        // The whole range needs no hash, and it is the usual one.
        self.range == (0..Bucket::COUNT) || self.range.contains(&self.salt.bucket(unit).get())
    }
}
