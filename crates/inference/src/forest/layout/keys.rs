//! From a row's numbers to the keys that splits compare: one byte for each view.
//!
//! With the thresholds of a column ascending, a number's rank is how many of them it is beyond: above, as LightGBM
//! asks, or at least, as XGBoost does. It goes left at the threshold of rank `r` exactly where its own rank is at
//! most `r`. So the comparison of floats happens here, once a row, and exactly; behind it there are small integers.
//!
//! A view holds [`RANKS`] ranks of a column; a column with more thresholds has more views, each with the ranks
//! clamped to its own range, which changes no answer in it. A missing value has the lowest key where it goes left,
//! and the highest where it goes right. A **turned** view, for splits whose arms were exchanged, has its keys upside
//! down.

use super::super::ensemble::Reading;

/// How many thresholds a view has. Keys go from 0 to this; one more stands for missing values that go right.
pub(super) const RANKS: u32 = 254;

/// The key of missing values that go right, and what turned keys are counted down from.
const HIGHEST: u8 = u8::MAX;

/// LightGBM's band of zero, a 32-bit 1e-35.
const ZERO: f64 = 1e-35_f32 as f64;

/// The first code that is no category to XGBoost.
const SINGLE_CODES_END: f64 = 16_777_216.0;

/// The first code that is no category to LightGBM.
const CODES_END: f64 = 2_147_483_648.0;

/// How the keys of a row are made.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    pub(super) views: usize,
    pub(super) numeric: Vec<Numeric>,
    pub(super) categorical: Vec<Categorical>,
}

/// A column whose numbers are ranked.
#[derive(Debug)]
pub(super) struct Numeric {
    pub(super) column: usize,
    pub(super) reading: Reading,
    pub(super) thresholds: Vec<f64>,
    pub(super) views: Vec<View>,
}

/// A view of ranks.
#[derive(Debug)]
pub(super) struct View {
    pub(super) at: u32,
    /// The rank that has the key 0.
    pub(super) base: u32,
    pub(super) missing_left: bool,
    pub(super) is_turned: bool,
}

/// A column whose numbers are codes of categories.
#[derive(Debug)]
pub(super) struct Categorical {
    pub(super) column: usize,
    pub(super) reading: Reading,
    pub(super) members: Vec<Member>,
}

/// A view of the members of a set.
#[derive(Debug)]
pub(super) struct Member {
    at: u32,
    words: Vec<u32>,
    member: i8,
    other: i8,
    missing: i8,
}

impl Member {
    pub(super) fn new(
        at: u32,
        words: Vec<u32>,
        members_left: bool,
        missing_left: bool,
        is_turned: bool,
    ) -> Self {
        let key = |left: bool| signed(u8::from(!left), is_turned);
        Self { at, words, member: key(members_left), other: key(!members_left), missing: key(missing_left) }
    }
}

/// A split's rank as keys are compared with it: a turned split leads the other way, so its rank is the last key that
/// does not.
pub(super) fn rank(rank: u32, is_turned: bool) -> i8 {
    let rank = u8::try_from(rank).unwrap_or(HIGHEST);
    match is_turned {
        false => biased(rank),
        true => biased(HIGHEST - 1 - rank),
    }
}

/// A key as it is stored. Bytes are compared with their sign: that is what processors have an instruction for.
fn biased(key: u8) -> i8 {
    (key ^ 0x80).cast_signed()
}

fn signed(key: u8, is_turned: bool) -> i8 {
    biased(if is_turned { HIGHEST - key } else { key })
}

impl Keys {
    /// How many keys a row has.
    pub(in super::super) fn views(&self) -> usize {
        self.views
    }

    /// Writes the keys of `rows`, each of `width` numbers, into `keys`: those of one view lie together, `LANES` of
    /// them. Behind the last row they stay what they were.
    #[inline(always)]
    pub(in super::super) fn fill<const LANES: usize>(&self, rows: &[f64], width: usize, keys: &mut [i8]) {
        for column in &self.numeric {
            match column.reading {
                Reading::Plain => {
                    column.fill::<LANES>(rows, width, keys, |x| above(if x.is_nan() { 0.0 } else { x }))
                }
                Reading::ZeroMissing => column.fill::<LANES>(rows, width, keys, |x| match near_zero(x) {
                    0.0 => Read::Missing,
                    x if x.is_nan() => Read::Missing,
                    x => Read::Above(x),
                }),
                Reading::NanMissing => column.fill::<LANES>(rows, width, keys, |x| match x.is_nan() {
                    true => Read::Missing,
                    false => above(x),
                }),
                Reading::Single => column.fill::<LANES>(rows, width, keys, |x| match single(x) {
                    x if x.is_nan() => Read::Missing,
                    x => Read::AtLeast(x),
                }),
            }
        }
        for column in &self.categorical {
            column.fill::<LANES>(rows, width, keys);
        }
    }
}

/// A number as its column reads it.
enum Read {
    Missing,
    /// Its rank is the number of thresholds that it is above.
    Above(f64),
    /// Its rank is the number of thresholds that it is equal to or above.
    AtLeast(f64),
}

fn above(x: f64) -> Read {
    Read::Above(near_zero(x))
}

/// LightGBM keeps no number that is this close to 0.
fn near_zero(x: f64) -> f64 {
    if x.abs() <= ZERO { 0.0 } else { x }
}

/// A number as XGBoost stores it.
#[expect(clippy::cast_possible_truncation, reason = "XGBoost rounds to 32-bit floats")]
fn single(x: f64) -> f64 {
    f64::from(x as f32)
}

impl Numeric {
    #[inline(always)]
    fn fill<const LANES: usize>(
        &self,
        rows: &[f64],
        width: usize,
        keys: &mut [i8],
        read: impl Fn(f64) -> Read,
    ) {
        for (lane, row) in rows.chunks_exact(width).enumerate() {
            let rank = match read(row[self.column]) {
                Read::Missing => None,
                Read::Above(x) => Some(self.thresholds.partition_point(|threshold| *threshold < x)),
                Read::AtLeast(x) => Some(self.thresholds.partition_point(|threshold| *threshold <= x)),
            };
            for view in &self.views {
                keys[view.at as usize * LANES + lane] = view.key(rank);
            }
        }
    }
}

impl View {
    #[inline(always)]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "clamped to a byte, and there are fewer than 2^32 ranks"
    )]
    fn key(&self, rank: Option<usize>) -> i8 {
        let key = match rank {
            Some(rank) => (rank as u32).saturating_sub(self.base).min(RANKS) as u8,
            None if self.missing_left => 0,
            None => HIGHEST,
        };
        signed(key, self.is_turned)
    }
}

impl Categorical {
    #[inline(always)]
    fn fill<const LANES: usize>(&self, rows: &[f64], width: usize, keys: &mut [i8]) {
        for (lane, row) in rows.chunks_exact(width).enumerate() {
            let x = row[self.column];
            let code = self.code(x);
            for member in &self.members {
                let key = match code {
                    Some(code) if member.has(code) => member.member,
                    None if x.is_nan() => member.missing,
                    _ => member.other,
                };
                keys[member.at as usize * LANES + lane] = key;
            }
        }
    }

    /// The code of a category: what is behind the point is cut off, by LightGBM before it looks at the sign and by
    /// XGBoost after.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is in range")]
    fn code(&self, x: f64) -> Option<u32> {
        match self.reading {
            Reading::Single => {
                Some(single(x)).filter(|x| (0.0..SINGLE_CODES_END).contains(x)).map(|x| x as u32)
            }
            _ => Some(x).filter(|x| *x > -1.0 && *x < CODES_END).map(|x| x as u32),
        }
    }
}

impl Member {
    #[inline(always)]
    fn has(&self, code: u32) -> bool {
        self.words.get((code / u32::BITS) as usize).is_some_and(|word| word >> (code % u32::BITS) & 1 == 1)
    }
}
