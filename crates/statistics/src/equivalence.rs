//! Equivalence: no farther apart than a margin, either way.

use crate::{Comparison, Unavailable, special::student_t};

/// The two one-sided tests that a difference lies between two bounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Equivalence {
    /// The natural logarithm of the p-value that the difference is above the lower bound.
    pub log_p_low: f64,
    /// That it is below the upper bound.
    pub log_p_high: f64,
}

impl Equivalence {
    /// The natural logarithm of the p-value of equivalence: the larger of the two.
    pub fn log_p(&self) -> f64 {
        self.log_p_low.max(self.log_p_high)
    }
}

impl Comparison {
    /// Two one-sided tests (Schuirmann, Journal of Pharmacokinetics and Biopharmaceutics 15, 1987): equivalent at
    /// alpha if the difference is within `low`..`high`, each side tested at alpha; the interval of confidence 1 - 2
    /// alpha is then within.
    ///
    /// # Errors
    /// [`Unavailable::Parameter`] if `low` is not below `high`.
    pub fn equivalent(&self, low: f64, high: f64) -> Result<Equivalence, Unavailable> {
        if low.is_nan() || high.is_nan() || low >= high {
            return Err(Unavailable::Parameter {
                parameter: "lower bound, it must be below the upper one",
                value: low,
            });
        }
        let df = self.df.unwrap_or(f64::INFINITY);
        let error = self.difference.standard_error;
        let log_p = |distance: f64| match distance {
            d if error > 0.0 => student_t::log_sf((d / error).clamp(f64::MIN, f64::MAX), df),
            d if d > 0.0 => f64::NEG_INFINITY,
            _ => 0.0,
        };
        Ok(Equivalence {
            log_p_low: log_p(self.difference.value - low),
            log_p_high: log_p(high - self.difference.value),
        })
    }
}
