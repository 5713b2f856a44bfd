//! Ratios of sums in two arms, clustered by unit.

use crate::{
    Alpha, Comoments, Comparison, Estimate, Test, Unavailable,
    relative::{Value, relative},
    special::normal,
};

/// The delta method for a difference in ratios of sums, such as approvals over payments, clustered by unit (Deng,
/// Knoblich and Lu, "Applying the delta method in metric analytics", KDD 2018).
///
/// Each unit gives a numerator and a denominator. Every event counts alike, so units with many events weigh more;
/// the variance is nevertheless that between units, because events of one unit are not independent. Normal
/// quantiles: it takes some dozens of units for them to hold.
///
/// # Errors
/// [`Unavailable::TooFewUnits`] with fewer than two units in an arm, [`Unavailable::NoDenominator`] if an arm's
/// denominators sum to nothing, [`Unavailable::ZeroVariance`] if each arm is constant at another ratio,
/// [`Unavailable::NotFinite`] after a number that is not finite.
pub fn ratio(control: &Comoments, treatment: &Comoments, alpha: Alpha) -> Result<Comparison, Unavailable> {
    let (a, b) = (ratio_value(control)?, ratio_value(treatment)?);
    let difference = b.value - a.value;
    let variance = a.variance + b.variance;
    if variance == 0.0 && difference != 0.0 {
        return Err(Unavailable::ZeroVariance { difference });
    }
    let critical = normal::isf(alpha.half());
    let standard_error = variance.sqrt();
    let statistic = if variance == 0.0 { 0.0 } else { difference / standard_error };
    Ok(Comparison {
        control: Estimate::symmetric(a.value, a.variance.sqrt(), critical),
        treatment: Estimate::symmetric(b.value, b.variance.sqrt(), critical),
        difference: Estimate::symmetric(difference, standard_error, critical),
        relative: relative(a, b, alpha),
        test: Test::Delta,
        statistic,
        df: None,
        log_p: normal::log_two_sided(statistic.abs()),
    })
}

/// A ratio of sums, and its variance: that of the units' residuals y - ratio x, over n times the mean of x squared.
pub(crate) fn ratio_value(units: &Comoments) -> Result<Value, Unavailable> {
    let Comoments { n, mean_y, mean_x, m2_y, m2_x, c_yx, .. } = *units;
    if n < 2 {
        return Err(Unavailable::TooFewUnits { units: n, needed: 2 });
    }
    if !(mean_y.is_finite() && mean_x.is_finite() && m2_y.is_finite() && m2_x.is_finite()) {
        return Err(Unavailable::NotFinite);
    }
    if mean_x <= 0.0 {
        return Err(Unavailable::NoDenominator { sum: mean_x * n as f64 });
    }
    let value = mean_y / mean_x;
    // Rounding can make a sum of squares that is zero slightly negative.
    let residual = (m2_y - 2.0 * value * c_yx + value * value * m2_x).max(0.0);
    let variance = residual / (n - 1) as f64 / n as f64 / (mean_x * mean_x);
    if value.is_finite() && variance.is_finite() {
        Ok(Value { value, variance, df: f64::INFINITY })
    } else {
        Err(Unavailable::NotFinite)
    }
}
