//! The chi-squared distribution.

use super::{gamma, normal};

/// The logarithm of the chance to exceed `x` with `df` > 0 degrees of freedom, whole or not.
pub fn log_sf(x: f64, df: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    // The square of a normal value, and the closed form of two degrees.
    match df {
        1.0 => normal::log_two_sided(x.sqrt()),
        2.0 => -x / 2.0,
        _ => gamma::log_tails(df / 2.0, x / 2.0).1,
    }
}
