//! Sums of whole numbers: exact, in any order, and numbers can be taken out again.

use serde::{Deserialize, Serialize};

use crate::{Comoments, Moments};

/// How many steps there are to one: numbers are kept in millionths.
const STEPS: f64 = 1e6;
/// The largest number, either way. Its square, in millionths, times ten billion numbers is within 128 bits.
const LARGEST: f64 = 1e8;

/// A number that cannot be kept in millionths.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("`{0}` is not a finite number between -1e8 and 1e8")]
pub struct OutOfRange(pub f64);

/// Count, sum and sum of squares of numbers in millionths, in 128-bit whole numbers.
///
/// Merging is addition: exact to the last digit in any order, so that a replay gives the same report, and a number
/// can be retracted. Numbers are rounded to a millionth; up to ten billion numbers between -1e8 and 1e8 fit. For what
/// does not, there is [`Moments`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExactMoments {
    n: u64,
    sum: i128,
    squares: i128,
}

/// As [`ExactMoments`], of pairs (y, x), with the sum of products.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExactComoments {
    y: ExactMoments,
    x: ExactMoments,
    products: i128,
}

impl ExactMoments {
    /// How many numbers there are.
    pub fn n(&self) -> u64 {
        self.n
    }

    /// Adds a number.
    ///
    /// # Errors
    /// [`OutOfRange`] for one that is not finite or too large; nothing changes then.
    pub fn push(&mut self, number: f64) -> Result<(), OutOfRange> {
        self.add(steps(number)?);
        Ok(())
    }

    /// Takes a number out that was pushed before.
    ///
    /// # Errors
    /// As [`ExactMoments::push`].
    pub fn retract(&mut self, number: f64) -> Result<(), OutOfRange> {
        self.remove(steps(number)?);
        Ok(())
    }

    /// Adds all numbers of another summary.
    pub fn merge(&mut self, other: &Self) {
        self.n += other.n;
        self.sum += other.sum;
        self.squares += other.squares;
    }

    /// The same summary in floating point, with its mean and the squared deviations from it to all digits.
    pub fn moments(&self) -> Moments {
        let mean = self.mean();
        Moments { n: self.n, mean: mean.0, mean_rest: mean.1, m2: self.deviations(self, self.squares) }
    }

    fn add(&mut self, steps: i128) {
        self.n += 1;
        self.sum += steps;
        self.squares += steps * steps;
    }

    fn remove(&mut self, steps: i128) {
        self.n = self.n.saturating_sub(1);
        self.sum -= steps;
        self.squares -= steps * steps;
    }

    /// The mean and what is left of it beyond the last digit.
    fn mean(&self) -> (f64, f64) {
        let n = i128::from(self.n.max(1));
        let (whole, rest) = (self.sum / n, self.sum % n);
        let mean = (whole as f64 + rest as f64 / n as f64) / STEPS;
        (mean, 0.0)
    }

    /// `products` - sum of self * sum of other / n, whose parts are exact but for the last.
    fn deviations(&self, other: &Self, products: i128) -> f64 {
        let n = i128::from(self.n.max(1));
        let (mean, rest) = (self.sum / n, self.sum % n);
        let (of_mean, of_rest) = (other.sum / n, other.sum % n);
        // sum * sum / n = n m m' + m r' + m' r + r r' / n
        let exact = products - n * mean * of_mean - mean * of_rest - of_mean * rest;
        (exact as f64 - rest as f64 * (of_rest as f64 / n as f64)) / (STEPS * STEPS)
    }
}

impl ExactComoments {
    /// How many pairs there are.
    pub fn n(&self) -> u64 {
        self.y.n
    }

    /// Adds a pair.
    ///
    /// # Errors
    /// [`OutOfRange`] for a number that is not finite or too large; nothing changes then.
    pub fn push(&mut self, y: f64, x: f64) -> Result<(), OutOfRange> {
        let (y, x) = (steps(y)?, steps(x)?);
        self.y.add(y);
        self.x.add(x);
        self.products += y * x;
        Ok(())
    }

    /// Takes a pair out that was pushed before.
    ///
    /// # Errors
    /// As [`ExactComoments::push`].
    pub fn retract(&mut self, y: f64, x: f64) -> Result<(), OutOfRange> {
        let (y, x) = (steps(y)?, steps(x)?);
        self.y.remove(y);
        self.x.remove(x);
        self.products -= y * x;
        Ok(())
    }

    /// Adds all pairs of another summary.
    pub fn merge(&mut self, other: &Self) {
        self.y.merge(&other.y);
        self.x.merge(&other.x);
        self.products += other.products;
    }

    /// The same summary in floating point.
    pub fn comoments(&self) -> Comoments {
        let ((mean_y, rest_y), (mean_x, rest_x)) = (self.y.mean(), self.x.mean());
        Comoments {
            n: self.y.n,
            mean_y,
            rest_y,
            mean_x,
            rest_x,
            m2_y: self.y.deviations(&self.y, self.y.squares),
            m2_x: self.x.deviations(&self.x, self.x.squares),
            c_yx: self.y.deviations(&self.x, self.products),
        }
    }
}

/// A number in millionths.
fn steps(number: f64) -> Result<i128, OutOfRange> {
    if number.is_nan() || number.abs() > LARGEST {
        return Err(OutOfRange(number));
    }
    #[expect(clippy::cast_possible_truncation, reason = "whole and below 1e14")]
    let steps = (number * STEPS).round() as i64;
    Ok(i128::from(steps))
}
