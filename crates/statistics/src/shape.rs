//! Moments up to the third: how lopsided a stream of numbers is.

use serde::{Deserialize, Serialize};

use crate::Moments;

/// Moments with the sum of cubed deviations, mergeable as they are (Pébay, Sandia report SAND2008-6212, 2008).
///
/// Skewness says how many units a test of means needs before it can be trusted: some 355 times its square (Kohavi et
/// al., "Seven rules of thumb for web site experimenters", KDD 2014).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Shape {
    /// Count, mean and squared deviations.
    pub moments: Moments,
    /// The sum of cubed deviations from the mean.
    pub m3: f64,
}

impl Shape {
    /// Adds a number.
    pub fn push(&mut self, number: f64) {
        self.merge(&Self { moments: [number].into_iter().collect(), m3: 0.0 });
    }

    /// Adds all numbers of another summary.
    pub fn merge(&mut self, other: &Self) {
        let (a, b) = (self.moments, other.moments);
        if a.n > 0 && b.n > 0 {
            let n = (a.n + b.n) as f64;
            let (share_a, share_b) = (a.n as f64 / n, b.n as f64 / n);
            let delta = b.mean - a.mean + (b.mean_rest - a.mean_rest);
            self.m3 += other.m3
                + delta * delta * delta * share_a * share_b * (a.n as f64 - b.n as f64)
                + 3.0 * delta * (share_a * b.m2 - share_b * a.m2);
        } else if b.n > 0 {
            self.m3 = other.m3;
        }
        self.moments.merge(&b);
    }

    /// The skewness of the numbers themselves (not of a population they are drawn from); nothing if they are all
    /// alike.
    pub fn skewness(&self) -> Option<f64> {
        let n = self.moments.n as f64;
        let variance = self.moments.m2 / n;
        (variance > 0.0).then(|| self.m3 / n / variance / variance.sqrt())
    }
}

impl FromIterator<f64> for Shape {
    fn from_iter<I: IntoIterator<Item = f64>>(numbers: I) -> Self {
        let mut shape = Self::default();
        numbers.into_iter().for_each(|number| shape.push(number));
        shape
    }
}
