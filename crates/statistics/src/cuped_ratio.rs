//! Ratios of sums, adjusted by the same ratio before the experiment.

use serde::{Deserialize, Serialize};

use crate::{Alpha, Estimate, Unavailable, relative::Value, special::normal};

/// What a unit brings to a ratio: numerator and denominator, and both from before the experiment.
pub type Quadruple = [f64; 4];

/// Counts, means and joint spread of quadruples, one a unit; mergeable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct QuadMoments {
    /// How many units there are.
    pub n: u64,
    /// Their means.
    pub mean: Quadruple,
    /// The sums of products of their deviations.
    pub products: [Quadruple; 4],
}

impl QuadMoments {
    /// Adds a unit: numerator, denominator, and both before the experiment.
    pub fn push(&mut self, unit: Quadruple) {
        self.merge(&Self { n: 1, mean: unit, products: [[0.0; 4]; 4] });
    }

    /// Adds all units of another summary.
    pub fn merge(&mut self, other: &Self) {
        if other.n == 0 {
            return;
        }
        let n = self.n + other.n;
        let share = other.n as f64 / n as f64;
        let delta: Quadruple = std::array::from_fn(|i| other.mean[i] - self.mean[i]);
        let weight = share * self.n as f64;
        for (i, row) in self.products.iter_mut().enumerate() {
            for (j, cell) in row.iter_mut().enumerate() {
                *cell += other.products[i][j] + delta[i] * delta[j] * weight;
            }
        }
        for (mean, delta) in self.mean.iter_mut().zip(delta) {
            *mean += delta * share;
        }
        self.n = n;
    }

    /// The covariance, with divisor n - 1, of two linear combinations.
    fn covariance(&self, left: &Quadruple, right: &Quadruple) -> f64 {
        let row = |products: &Quadruple| products.iter().zip(right).map(|(p, r)| p * r).sum::<f64>();
        let sum: f64 = self.products.iter().zip(left).map(|(products, l)| l * row(products)).sum();
        sum / (self.n - 1) as f64
    }

    /// What each part of a unit moves the ratio by, and the ratio before the experiment.
    fn gradients(&self) -> (Quadruple, Quadruple) {
        let [y, d, pre_y, pre_d] = self.mean;
        ([1.0 / d, -y / d / d, 0.0, 0.0], [0.0, 0.0, 1.0 / pre_d, -pre_y / pre_d / pre_d])
    }

    fn check(&self) -> Result<(), Unavailable> {
        if self.n < 2 {
            return Err(Unavailable::TooFewUnits { units: self.n, needed: 2 });
        }
        match [self.mean[1], self.mean[3]].into_iter().find(|mean| mean.is_nan() || *mean <= 0.0) {
            Some(mean) => Err(Unavailable::NoDenominator { sum: mean * self.n as f64 }),
            None => Ok(()),
        }
    }
}

/// CUPED for a ratio of sums: the ratio less theta times the ratio before the experiment, by the delta method in four
/// variables. Theta is the sum of the arms' covariances over the sum of their variances, of both ratios linearised.
///
/// Gives theta and the difference.
///
/// # Errors
/// [`Unavailable::TooFewUnits`] with fewer than two units in an arm, [`Unavailable::NoDenominator`] where
/// denominators do not sum to more than zero, [`Unavailable::NotFinite`] after numbers that are not finite.
pub fn cuped_ratio(
    control: &QuadMoments,
    treatment: &QuadMoments,
    alpha: Alpha,
) -> Result<(f64, Estimate), Unavailable> {
    let arms = [control, treatment];
    arms.iter().try_for_each(|arm| arm.check())?;
    let (mut covariance, mut variance) = (0.0, 0.0);
    for arm in arms {
        let (now, before) = arm.gradients();
        covariance += arm.covariance(&now, &before);
        variance += arm.covariance(&before, &before);
    }
    let theta = if variance > 0.0 { covariance / variance } else { 0.0 };
    let adjusted = |arm: &QuadMoments| {
        let ((now, before), [y, d, pre_y, pre_d]) = (arm.gradients(), arm.mean);
        let gradient: Quadruple = std::array::from_fn(|i| now[i] - theta * before[i]);
        let spread = arm.covariance(&gradient, &gradient) / arm.n as f64;
        (y / d - theta * (pre_y / pre_d), spread.max(0.0))
    };
    let ((a, v_a), (b, v_b)) = (adjusted(control), adjusted(treatment));
    let value = Value::new(b - a, v_a + v_b, f64::INFINITY)?;
    Ok((theta, Estimate::symmetric(value.value, value.variance.sqrt(), normal::isf(alpha.half()))))
}
