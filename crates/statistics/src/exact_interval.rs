//! Exact and Bayesian intervals of one proportion.

use crate::{Alpha, Proportion, Unavailable, special::beta};

/// Clopper and Pearson's interval (Biometrika 26, 1934): never too narrow, and often too wide.
///
/// # Errors
/// [`Unavailable::TooFewUnits`] without units.
pub fn clopper_pearson(proportion: Proportion, alpha: Alpha) -> Result<(f64, f64), Unavailable> {
    let (successes, failures) = counts(proportion)?;
    let low = if successes == 0.0 { 0.0 } else { lower(successes, failures + 1.0, alpha) };
    let high = if failures == 0.0 { 1.0 } else { upper(successes + 1.0, failures, alpha) };
    Ok((low, high))
}

/// Jeffreys' interval: the middle of the posterior with half a success and half a failure before (Brown, Cai and
/// DasGupta, Statistical Science 16, 2001), with the ends at 0 and 1 where nothing or everything succeeded.
///
/// # Errors
/// [`Unavailable::TooFewUnits`] without units.
pub fn jeffreys(proportion: Proportion, alpha: Alpha) -> Result<(f64, f64), Unavailable> {
    let (successes, failures) = counts(proportion)?;
    let (a, b) = (successes + 0.5, failures + 0.5);
    let low = if successes == 0.0 { 0.0 } else { lower(a, b, alpha) };
    let high = if failures == 0.0 { 1.0 } else { upper(a, b, alpha) };
    Ok((low, high))
}

fn counts(proportion: Proportion) -> Result<(f64, f64), Unavailable> {
    if proportion.units() == 0 {
        return Err(Unavailable::TooFewUnits { units: 0, needed: 1 });
    }
    Ok((proportion.successes as f64, proportion.failures as f64))
}

fn lower(a: f64, b: f64, alpha: Alpha) -> f64 {
    beta::quantile(a, b, alpha.half().ln())
}

fn upper(a: f64, b: f64, alpha: Alpha) -> f64 {
    beta::quantile(a, b, (-alpha.half()).ln_1p())
}
