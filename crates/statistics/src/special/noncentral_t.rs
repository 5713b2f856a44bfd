//! The noncentral t distribution: what Student's t is where there is an effect.

use super::{gamma::stirling_error, normal};
use crate::numeric::integrate;

/// The chance that |T| exceeds `critical`, where T has `df` >= 1 degrees of freedom and noncentrality `shift`.
///
/// As the mean, over the spread that the sample shows, of the normal chance at that spread; by Gauss and Legendre's
/// rule over fourteen standard deviations of the spread on either side.
pub fn two_sided_power(critical: f64, df: f64, shift: f64) -> f64 {
    let chance = |z: f64| normal::log_sf(z - shift).exp() + normal::log_sf(z + shift).exp();
    mean_over_spread(df, |spread| chance(critical * spread))
}

/// The chance that T exceeds `critical`, likewise.
pub fn upper_power(critical: f64, df: f64, shift: f64) -> f64 {
    mean_over_spread(df, |spread| normal::log_sf(critical * spread - shift).exp())
}

/// The mean of `value` over the ratio of the sample's standard deviation to the true one.
fn mean_over_spread(df: f64, value: impl Fn(f64) -> f64) -> f64 {
    let half = df / 2.0;
    // ln of 2 h^h e^-h / Gamma(h): the density at 1, in the form that does not cancel at many degrees.
    let log_constant = std::f64::consts::LN_2 + 0.5 * half.ln() - stirling_error(half) - normal::LN_SQRT_2PI;
    let density = |spread: f64| {
        let square = spread * spread;
        // s^(df - 1) e^(-df s^2 / 2), relative to its value at s = 1.
        (log_constant + (df - 1.0) * spread.ln() - half * (square - 1.0)).exp()
    };
    let reach = 10.0 / df.sqrt();
    integrate((1.0 - reach).max(0.0), 1.0 + reach, 64, |spread| density(spread) * value(spread))
}
