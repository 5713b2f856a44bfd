//! The chi-squared distribution with whole degrees of freedom.

use super::{log_add, normal};

/// The logarithm of the chance to exceed `x` >= 0 with `df` >= 1 degrees of freedom.
///
/// By the recurrence in steps of two degrees (Abramowitz and Stegun 26.4.4 and 26.4.5), whose terms are all
/// positive: exact in the far tail, and of `df` / 2 steps.
pub(crate) fn log_sf(x: f64, df: u32) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    let half = x / 2.0;
    let odd = !df.is_multiple_of(2);
    let mut sum = if odd { normal::log_two_sided(x.sqrt()) } else { -half };
    let mut shape = if odd { 0.5 } else { 1.0 };
    while 2.0 * shape < f64::from(df) {
        sum = log_add(sum, shape * half.ln() - half - libm::lgamma(shape + 1.0));
        shape += 1.0;
    }
    sum.min(0.0)
}
