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
use super::PLANES_LEAVES_MAX;

/// How many thresholds a view has. Keys go from 0 to this; one more stands for missing values that go right.
pub(super) const RANKS: u32 = 254;

/// Binary searches in lock step.
const SEARCHES: usize = 8;

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
    /// How many keys a row has. There are at least as many as a small tree has leaves: each reads one.
    pub(in super::super) fn views(&self) -> usize {
        self.views.max(PLANES_LEAVES_MAX)
    }

    /// Writes the keys of `rows`, each of `width` numbers, into `keys`: those of one view lie together, `LANES` of
    /// them. Behind the last row they are what they may be.
    #[inline(always)]
    pub(in super::super) fn fill<const LANES: usize>(&self, rows: &[f64], width: usize, keys: &mut [i8]) {
        for column in &self.numeric {
            match column.reading {
                Reading::Plain => column.fill::<LANES>((rows, width), keys, plain, above),
                Reading::ZeroMissing => column.fill::<LANES>((rows, width), keys, zero_missing, above),
                Reading::NanMissing => column.fill::<LANES>((rows, width), keys, nan_missing, above),
                Reading::Single => column.fill::<LANES>((rows, width), keys, single, at_least),
            }
        }
        for column in &self.categorical {
            column.fill::<LANES>(rows, width, keys);
        }
    }
}

/// Zero stands for NaN.
#[inline(always)]
fn plain(x: f64) -> f64 {
    if x.is_nan() { 0.0 } else { near_zero(x) }
}

/// As every reading from here on: NaN stands for what is missing.
#[inline(always)]
fn zero_missing(x: f64) -> f64 {
    if x.abs() <= ZERO { f64::NAN } else { x }
}

#[inline(always)]
fn nan_missing(x: f64) -> f64 {
    near_zero(x)
}

/// LightGBM keeps no number that is this close to 0.
fn near_zero(x: f64) -> f64 {
    if x.abs() <= ZERO { 0.0 } else { x }
}

/// A number as XGBoost stores it.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "XGBoost rounds to 32-bit floats")]
fn single(x: f64) -> f64 {
    f64::from(x as f32)
}

/// LightGBM: whether a number is beyond a threshold.
#[inline(always)]
fn above(x: f64, threshold: f64) -> bool {
    x > threshold
}

/// XGBoost: the same.
#[inline(always)]
fn at_least(x: f64, threshold: f64) -> bool {
    x >= threshold
}

impl Numeric {
    #[inline(always)]
    fn fill<const LANES: usize>(
        &self,
        (rows, width): (&[f64], usize),
        keys: &mut [i8],
        read: impl Fn(f64) -> f64,
        is_beyond: impl Fn(f64, f64) -> bool,
    ) {
        if LANES == 1 {
            let numbers = [read(rows[self.column])];
            self.write::<1, LANES>(numbers, self.ranks(numbers, is_beyond), keys);
            return;
        }
        let mut numbers = rows.iter().skip(self.column).step_by(width);
        for group in 0..(rows.len() / width).div_ceil(SEARCHES) {
            let numbers: [f64; SEARCHES] =
                std::array::from_fn(|_| numbers.next().map_or(f64::NAN, |number| read(*number)));
            let ranks = self.ranks(numbers, &is_beyond);
            self.write::<SEARCHES, LANES>(numbers, ranks, &mut keys[group * SEARCHES..]);
        }
    }

    /// How many thresholds each number is beyond: as many binary searches in lock step, so that one need not wait for
    /// another's memory. A number that is missing is beyond none.
    #[inline(always)]
    fn ranks<const COUNT: usize>(
        &self,
        numbers: [f64; COUNT],
        is_beyond: impl Fn(f64, f64) -> bool,
    ) -> [u32; COUNT] {
        let thresholds = self.thresholds.as_slice();
        let mut ranks = [0; COUNT];
        let mut length = thresholds.len();
        while length > 1 {
            let half = length / 2;
            for (rank, number) in ranks.iter_mut().zip(numbers) {
                let next = *rank + half;
                *rank = std::hint::select_unpredictable(is_beyond(number, thresholds[next - 1]), next, *rank);
            }
            length -= half;
        }
        #[expect(clippy::cast_possible_truncation, reason = "there are fewer than 2^32 thresholds")]
        std::array::from_fn(|at| {
            let is_last =
                thresholds.get(ranks[at]).is_some_and(|threshold| is_beyond(numbers[at], *threshold));
            (ranks[at] + usize::from(is_last)) as u32
        })
    }

    /// Writes the keys of the numbers into each view.
    #[inline(always)]
    fn write<const COUNT: usize, const LANES: usize>(
        &self,
        numbers: [f64; COUNT],
        ranks: [u32; COUNT],
        keys: &mut [i8],
    ) {
        for view in &self.views {
            let keys = &mut keys[view.at as usize * LANES..][..COUNT];
            let missing = if view.missing_left { 0 } else { HIGHEST };
            let turn = if view.is_turned { 0x7f } else { 0x80 };
            for lane in 0..COUNT {
                let key = ranks[lane].saturating_sub(view.base).min(RANKS) as u8;
                let key = if numbers[lane].is_nan() { missing } else { key };
                keys[lane] = (key ^ turn).cast_signed();
            }
        }
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
