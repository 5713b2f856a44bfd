//! An exact interval of one rate at any time.

use super::counts::log_mixture_of_counts;
use crate::{Alpha, Proportion, Unavailable, numeric::bisect, special::beta::logistic};

/// The interval of a rate that may be looked at at any time, exact at every sample size (Howard, Ramdas, McAuliffe
/// and Sekhon, "Time-uniform, nonparametric, nonasymptotic confidence sequences", Annals of Statistics 49, 2021): a
/// beta mixture around each rate, tuned to be narrow after `units`.
///
/// # Errors
/// [`Unavailable::TooFewUnits`] without units, [`Unavailable::Parameter`] for a number to tune for that is not
/// positive.
pub fn bernoulli_interval(seen: Proportion, units: f64, alpha: Alpha) -> Result<(f64, f64), Unavailable> {
    if seen.units() == 0 {
        return Err(Unavailable::TooFewUnits { units: 0, needed: 1 });
    }
    if !(units > 0.0 && units.is_finite()) {
        let parameter = "number of units to tune for, it must be positive";
        return Err(Unavailable::Parameter { parameter, value: units });
    }
    let limit = -alpha.get().ln();
    let is_rejected = |t: f64| log_e(seen, logistic(t), units, alpha) >= limit;
    // On the scale of ln(p / (1 - p)), on which rare rates keep their digits.
    let centre = ((seen.successes as f64 + 0.5) / (seen.failures as f64 + 0.5)).ln();
    let low = if seen.successes == 0 { 0.0 } else { logistic(bisect(-740.0, centre, is_rejected)).0 };
    let high = if seen.failures == 0 { 1.0 } else { logistic(bisect(centre, 740.0, |t| !is_rejected(t))).0 };
    Ok((low, high))
}

/// ln of the mixture's likelihood ratio against the rate p = 1 - q.
fn log_e(seen: Proportion, (p, q): (f64, f64), units: f64, alpha: Alpha) -> f64 {
    let log = -2.0 * alpha.get().ln();
    // How many units the mixture counts for: the normal one's optimum, in units of the variance, less the one that is
    // there anyway.
    let weight = (units / (log + log.ln_1p()) - 1.0).max(1e-3);
    log_mixture_of_counts(&[seen.successes as f64, seen.failures as f64], &[p, q], weight)
}
