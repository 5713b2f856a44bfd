//! Count, mean and spread of a stream of numbers.

use serde::{Deserialize, Serialize};

/// Count, mean and sum of squared deviations of a stream of numbers, one per unit.
///
/// Deviations are taken from the running mean (Welford, Technometrics 4, 1962), so that a large offset costs no
/// digits as sums of squares do, and two summaries merge into that of both streams (Chan, Golub and LeVeque,
/// American Statistician 37, 1983). Merging in another order gives the same numbers up to rounding, not bit for
/// bit. Numbers cannot be taken out again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Moments {
    /// How many numbers there are.
    pub n: u64,
    /// Their mean; 0 if there are none.
    pub mean: f64,
    /// What is left of the mean beyond its last digit.
    pub mean_rest: f64,
    /// The sum of their squared deviations from the mean.
    pub m2: f64,
}

impl Moments {
    /// Of a published sample: its size, mean and variance (with divisor n - 1).
    pub fn from_sample(n: u64, mean: f64, variance: f64) -> Self {
        Self { n, mean, mean_rest: 0.0, m2: variance * n.saturating_sub(1) as f64 }
    }

    /// Adds a number. One that is not finite makes every test [`Unavailable`](crate::Unavailable::NotFinite).
    pub fn push(&mut self, number: f64) {
        self.n += 1;
        let delta = number - self.mean - self.mean_rest;
        shift(&mut self.mean, &mut self.mean_rest, delta / self.n as f64);
        self.m2 += delta * (number - self.mean - self.mean_rest);
    }

    /// Adds all numbers of another summary.
    pub fn merge(&mut self, other: &Self) {
        if other.n == 0 {
            return;
        }
        if self.n == 0 {
            *self = *other;
            return;
        }
        let n = self.n + other.n;
        let share = other.n as f64 / n as f64;
        let delta = other.mean - self.mean + (other.mean_rest - self.mean_rest);
        shift(&mut self.mean, &mut self.mean_rest, delta * share);
        self.m2 += other.m2 + delta * delta * share * self.n as f64;
        self.n = n;
    }

    /// The sample variance, with divisor n - 1; nothing for fewer than two numbers.
    pub fn variance(&self) -> Option<f64> {
        (self.n >= 2).then(|| self.m2 / (self.n - 1) as f64)
    }
}

impl FromIterator<f64> for Moments {
    fn from_iter<I: IntoIterator<Item = f64>>(numbers: I) -> Self {
        let mut moments = Self::default();
        numbers.into_iter().for_each(|number| moments.push(number));
        moments
    }
}

/// Adds `by` to a mean and its remainder, losing nothing (Knuth's two-sum).
pub(crate) fn shift(mean: &mut f64, rest: &mut f64, by: f64) {
    let by = by + *rest;
    let sum = *mean + by;
    let added = sum - *mean;
    *rest = (*mean - (sum - added)) + (by - added);
    *mean = sum;
}
