//! Ratios of risks and of odds.

use crate::{Alpha, Proportion, Unavailable, special::normal};

/// A ratio of two shares or two odds with its interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ratio {
    /// Treatment over control.
    pub value: f64,
    /// The lower end of the interval.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// The ratio of the shares of successes, with Katz's interval on the scale of its logarithm (Biometrics 34, 1978).
///
/// # Errors
/// [`Unavailable::TooFewUnits`] if an arm has no unit, [`Unavailable::NoSuccesses`] if one has no success.
pub fn risk_ratio(control: Proportion, treatment: Proportion, alpha: Alpha) -> Result<Ratio, Unavailable> {
    let (Some(a), Some(b)) = (control.share(), treatment.share()) else {
        return Err(Unavailable::TooFewUnits { units: 0, needed: 1 });
    };
    if control.successes == 0 || treatment.successes == 0 {
        return Err(Unavailable::NoSuccesses);
    }
    // 1 / successes - 1 / units, in the form that does not cancel.
    let part = |arm: Proportion| arm.failures as f64 / arm.units() as f64 / arm.successes as f64;
    Ok(around(b / a, part(control) + part(treatment), alpha))
}

/// The ratio of the odds, with Woolf's interval (Annals of Human Genetics 19, 1955).
///
/// # Errors
/// [`Unavailable::TooFewUnits`] if an arm has no unit, [`Unavailable::NoSuccesses`] if one has no success, or no
/// failure.
pub fn odds_ratio(control: Proportion, treatment: Proportion, alpha: Alpha) -> Result<Ratio, Unavailable> {
    if control.units() == 0 || treatment.units() == 0 {
        return Err(Unavailable::TooFewUnits { units: 0, needed: 1 });
    }
    let cells = [control.successes, control.failures, treatment.successes, treatment.failures];
    if cells.contains(&0) {
        return Err(Unavailable::NoSuccesses);
    }
    let [x_a, f_a, x_b, f_b] = cells.map(|count| count as f64);
    let variance = cells.into_iter().map(|count| 1.0 / count as f64).sum();
    Ok(around((x_b / f_b) / (x_a / f_a), variance, alpha))
}

fn around(value: f64, log_variance: f64, alpha: Alpha) -> Ratio {
    let half = normal::isf(alpha.half()) * log_variance.sqrt();
    Ratio { value, low: value * (-half).exp(), high: value * half.exp() }
}
