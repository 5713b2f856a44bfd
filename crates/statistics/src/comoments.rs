//! Counts, means and joint spread of a stream of pairs.

use serde::{Deserialize, Serialize};

use crate::moments::shift;

/// The moments of a stream of pairs (y, x), one pair per unit: what a ratio of sums needs.
///
/// For a ratio metric, y is the unit's sum of values and x its number of events; for a paired comparison, y is
/// the unit's sum of differences and x its number of pairs. Stable and mergeable as [`Moments`](crate::Moments).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Comoments {
    /// How many pairs there are.
    pub n: u64,
    /// The mean of y, the numerator; 0 if there are none.
    pub mean_y: f64,
    /// What is left of the mean of y beyond its last digit.
    pub rest_y: f64,
    /// The mean of x, the denominator; 0 if there are none.
    pub mean_x: f64,
    /// What is left of the mean of x beyond its last digit.
    pub rest_x: f64,
    /// The sum of squared deviations of y.
    pub m2_y: f64,
    /// The sum of squared deviations of x.
    pub m2_x: f64,
    /// The sum of products of the deviations of y and x.
    pub c_yx: f64,
}

impl Comoments {
    /// Adds a unit's pair: numerator, then denominator.
    pub fn push(&mut self, y: f64, x: f64) {
        self.n += 1;
        let n = self.n as f64;
        let (delta_y, delta_x) = (y - self.mean_y - self.rest_y, x - self.mean_x - self.rest_x);
        shift(&mut self.mean_y, &mut self.rest_y, delta_y / n);
        shift(&mut self.mean_x, &mut self.rest_x, delta_x / n);
        let (after_y, after_x) = (y - self.mean_y - self.rest_y, x - self.mean_x - self.rest_x);
        self.m2_y += delta_y * after_y;
        self.m2_x += delta_x * after_x;
        self.c_yx += delta_y * after_x;
    }

    /// Adds all pairs of another summary.
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
        let weight = share * self.n as f64;
        let delta_y = other.mean_y - self.mean_y + (other.rest_y - self.rest_y);
        let delta_x = other.mean_x - self.mean_x + (other.rest_x - self.rest_x);
        shift(&mut self.mean_y, &mut self.rest_y, delta_y * share);
        shift(&mut self.mean_x, &mut self.rest_x, delta_x * share);
        self.m2_y += other.m2_y + delta_y * delta_y * weight;
        self.m2_x += other.m2_x + delta_x * delta_x * weight;
        self.c_yx += other.c_yx + delta_y * delta_x * weight;
        self.n = n;
    }

    /// The covariance of y and x, with divisor n - 1; nothing for fewer than two pairs.
    pub fn covariance(&self) -> Option<f64> {
        (self.n >= 2).then(|| self.c_yx / (self.n - 1) as f64)
    }
}

impl FromIterator<(f64, f64)> for Comoments {
    fn from_iter<I: IntoIterator<Item = (f64, f64)>>(pairs: I) -> Self {
        let mut comoments = Self::default();
        pairs.into_iter().for_each(|(y, x)| comoments.push(y, x));
        comoments
    }
}
