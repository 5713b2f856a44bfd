//! Empirical-Bernstein confidence sequences: for bounded numbers, at any time, without a model of them.

use serde::{Deserialize, Serialize};

use super::boundary::GammaExponential;
use crate::{Alpha, Unavailable};

/// The sums that the interval of a mean score difference needs; O(1) a pair.
///
/// Each difference is centred on the mean of those that its partition saw before it. Any such centre may be used, so
/// partitions are merged by adding: the interval stays valid, if not the same as that of one stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ScoreDifferences {
    /// How many pairs there are.
    pub n: u64,
    /// The sum of differences.
    pub sum: f64,
    /// The sum of squared distances from the mean before.
    pub v: f64,
}

/// The mean difference with its interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MeanSequence {
    /// The mean.
    pub mean: f64,
    /// The intrinsic time: the sum of squares, at least 1.
    pub v: f64,
    /// The half-width of the interval.
    pub radius: f64,
}

impl ScoreDifferences {
    /// Adds the difference of a pair, second score less first; where a unit brings several pairs, the mean of theirs,
    /// once: what is covered is the mean of each difference as the past would have it, and a unit's earlier pairs
    /// tell of its later ones.
    pub fn push(&mut self, difference: f64) {
        let before = if self.n == 0 { 0.0 } else { self.sum / self.n as f64 };
        self.v += (difference - before).powi(2);
        self.n += 1;
        self.sum += difference;
    }

    /// Adds all pairs of another partition.
    pub fn merge(&mut self, other: &Self) {
        self.n += other.n;
        self.sum += other.sum;
        self.v += other.v;
    }

    /// The interval of the running mean of the true differences, for differences within `low`..`high`, narrowest at
    /// intrinsic time `v_best` (Choe and Ramdas, "Comparing sequential forecasters", Operations Research 72, 2024).
    /// The differences may depend on each other and drift: what is covered is their mean so far.
    ///
    /// # Errors
    /// [`Unavailable::TooFewUnits`] without pairs, [`Unavailable::Parameter`] if `low` is not below `high` or
    /// `v_best` is not positive, [`Unavailable::NotFinite`] after a number that is not finite.
    pub fn interval(
        &self,
        (low, high): (f64, f64),
        v_best: f64,
        alpha: Alpha,
    ) -> Result<MeanSequence, Unavailable> {
        if self.n == 0 {
            return Err(Unavailable::TooFewUnits { units: 0, needed: 1 });
        }
        if low.is_nan() || high.is_nan() || low >= high {
            return Err(Unavailable::Parameter {
                parameter: "lower bound, it must be below the upper one",
                value: low,
            });
        }
        if !(self.sum.is_finite() && self.v.is_finite()) {
            return Err(Unavailable::NotFinite);
        }
        let v = self.v.max(1.0);
        // Half of alpha a side.
        let side = Alpha::new(alpha.half()).unwrap_or(alpha);
        let radius = GammaExponential::new(high - low, v_best, side)?.bound(v)? / self.n as f64;
        Ok(MeanSequence { mean: self.sum / self.n as f64, v, radius })
    }
}

/// The predictable-mixture empirical-Bernstein interval of the mean of numbers within 0..1, after the last of them
/// (Waudby-Smith and Ramdas, Journal of the Royal Statistical Society B 86, 2024, theorem 2). Order matters: it is a
/// stream.
///
/// # Errors
/// [`Unavailable::TooFewUnits`] without numbers, [`Unavailable::Parameter`] for one outside 0..1.
pub fn predictable_mixture(numbers: &[f64], alpha: Alpha) -> Result<(f64, f64), Unavailable> {
    super::betting::check(numbers)?;
    let lower = lower(numbers.iter().copied(), alpha.half());
    let upper = 1.0 - self::lower(numbers.iter().map(|number| 1.0 - number), alpha.half());
    Ok((lower, upper))
}

fn lower(numbers: impl Iterator<Item = f64>, alpha: f64) -> f64 {
    // A bet may not risk more than half.
    const LARGEST: f64 = 0.5;
    let mut bets = super::betting::Bets::new(alpha);
    let (mut weighted, mut total, mut cost) = (0.0, 0.0, -alpha.ln());
    let (mut sum, mut n) = (0.0, 0.0);
    for number in numbers {
        let bet = bets.next().min(LARGEST);
        let mean = if n == 0.0 { 0.0 } else { sum / n };
        cost += (number - mean).powi(2) * (-(-bet).ln_1p() - bet);
        weighted += bet * number;
        total += bet;
        bets.observe(number);
        sum += number;
        n += 1.0;
    }
    ((weighted - cost) / total).max(0.0)
}
