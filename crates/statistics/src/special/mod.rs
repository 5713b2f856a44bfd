//! Distribution functions that stay accurate in far tails and at a billion units.
//!
//! All tails are natural logarithms. statrs 0.19 is the source of the normal quantile only: its Student's t and
//! beta functions lose digits from some 1e5 on, and for still larger parameters do not return.

pub mod beta;
pub mod chi_squared;
pub mod gamma;
pub mod kolmogorov;
pub mod noncentral_t;
pub mod normal;
pub mod student_t;
#[cfg(test)]
#[expect(clippy::float_cmp, reason = "zero is exact in these cases")]
mod tests;
pub(crate) mod zeta;

use std::f64::consts::LN_2;

/// ln(1 - e^x) for x <= 0, with all digits at both ends (Mächler, "Accurately computing log(1 - exp(-|a|))", 2012).
pub(crate) fn log_complement(x: f64) -> f64 {
    if x > -LN_2 { (-x.exp_m1()).ln() } else { (-x.exp()).ln_1p() }
}

/// ln(e^x + e^y).
pub(crate) fn log_add(x: f64, y: f64) -> f64 {
    let (small, large) = if x < y { (x, y) } else { (y, x) };
    if large == f64::NEG_INFINITY { large } else { large + (small - large).exp().ln_1p() }
}

/// The two-sided p-value of a symmetric statistic, from its upper tail. At most 1 despite rounding.
pub(crate) fn two_sided(log_sf: f64) -> f64 {
    (LN_2 + log_sf).min(0.0)
}
