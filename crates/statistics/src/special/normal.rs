//! The standard normal distribution.

use std::f64::consts::{FRAC_1_SQRT_2, LN_2};

use statrs::distribution::{ContinuousCDF, Normal};

/// ln sqrt(2 pi).
pub(crate) const LN_SQRT_2PI: f64 = 0.918_938_533_204_672_8;

/// The logarithm of the chance to exceed `z`.
///
/// Through erfc up to 30 standard deviations, beyond them by the continued fraction of Mills' ratio (Abramowitz
/// and Stegun 26.2.14), which needs no more than a few terms there and never underflows.
pub fn log_sf(z: f64) -> f64 {
    if z < 0.0 {
        return (-libm::erfc(-z * FRAC_1_SQRT_2) / 2.0).ln_1p();
    }
    if z < 30.0 {
        return libm::erfc(z * FRAC_1_SQRT_2).ln() - LN_2;
    }
    // Beyond this the square overflows; nobody can tell the difference.
    let z = z.min(1e150);
    let mills = (1..=12).rev().fold(z, |tail, k| z + f64::from(k) / tail);
    -z * z / 2.0 - LN_SQRT_2PI - mills.ln()
}

/// The logarithm of the chance to be farther from 0 than `z` >= 0, to all digits also where it is almost certain.
pub fn log_two_sided(z: f64) -> f64 {
    if z < 0.5 { (-libm::erf(z * FRAC_1_SQRT_2)).ln_1p() } else { super::two_sided(log_sf(z)) }
}

/// The value that is exceeded with chance `p`, for p in (0, 1).
pub fn isf(p: f64) -> f64 {
    -Normal::standard().inverse_cdf(p)
}
