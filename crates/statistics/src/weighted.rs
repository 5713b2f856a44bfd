//! Numbers of unequal weight, and numbers that are capped.

use serde::{Deserialize, Serialize};

use crate::Unavailable;

/// The sums of a weighted mean; mergeable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Weighted {
    /// The sum of weights.
    pub weight: f64,
    /// The sum of their squares.
    pub squares: f64,
    /// The weighted mean.
    pub mean: f64,
    /// The sum of squared weight times squared deviation from the mean.
    pub m2: f64,
    /// The sum of squared weight times deviation from the mean.
    pub m1: f64,
}

impl Weighted {
    /// Adds a number of some weight, which is not negative.
    pub fn push(&mut self, number: f64, weight: f64) {
        self.merge(&Self { weight, squares: weight * weight, mean: number, m2: 0.0, m1: 0.0 });
    }

    /// Adds all numbers of another summary.
    pub fn merge(&mut self, other: &Self) {
        let weight = self.weight + other.weight;
        if other.weight == 0.0 || weight == 0.0 {
            return;
        }
        let mean = self.mean + (other.mean - self.mean) * (other.weight / weight);
        let (a, b) = (self.about(mean), other.about(mean));
        *self = Self { weight, squares: self.squares + other.squares, mean, m2: a.1 + b.1, m1: a.0 + b.0 };
    }

    /// The first and second weighted deviations about another centre.
    fn about(&self, centre: f64) -> (f64, f64) {
        let shift = self.mean - centre;
        (self.m1 + shift * self.squares, self.m2 + 2.0 * shift * self.m1 + shift * shift * self.squares)
    }

    /// The variance of the mean (linearised): the squared weighted deviations over the squared sum of weights.
    /// Hájek's self-normalised estimate, with weights that are inverse chances to be seen.
    ///
    /// # Errors
    /// [`Unavailable::TooFewUnits`] if all weights are 0.
    pub fn variance_of_mean(&self) -> Result<f64, Unavailable> {
        if self.weight == 0.0 {
            return Err(Unavailable::TooFewUnits { units: 0, needed: 1 });
        }
        Ok(self.m2.max(0.0) / self.weight / self.weight)
    }

    /// How many numbers of equal weight would tell as much (Kish, 1965). Below some 30 nothing should be concluded.
    pub fn effective_size(&self) -> f64 {
        if self.squares == 0.0 { 0.0 } else { self.weight / self.squares * self.weight }
    }
}

/// The numbers with the largest `share` of them set to the largest of the rest (Tukey), in their order.
///
/// For a look back only: in a running experiment a cap is fixed before it starts, the same in all arms.
///
/// # Errors
/// [`Unavailable::Parameter`] for a share outside 0..1, [`Unavailable::TooFewUnits`] without numbers.
pub fn winsorized(numbers: &[f64], share: f64) -> Result<Vec<f64>, Unavailable> {
    if !(0.0..1.0).contains(&share) {
        return Err(Unavailable::Parameter { parameter: "share, it must be between 0 and 1", value: share });
    }
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a length")]
    let capped = (share * numbers.len() as f64) as usize;
    let Some(&cap) = sorted.len().checked_sub(capped + 1).and_then(|last| sorted.get(last)) else {
        return Err(Unavailable::TooFewUnits { units: 0, needed: 1 });
    };
    Ok(numbers.iter().map(|number| number.min(cap)).collect())
}
