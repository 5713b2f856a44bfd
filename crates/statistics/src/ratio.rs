//! Ratios of sums in two arms, clustered by unit.

use crate::{
    Alpha, Comoments, Comparison, Estimate, Test, Unavailable,
    relative::{Value, relative},
    result::in_standard_errors,
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
    let statistic = in_standard_errors(difference, standard_error);
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

/// The share of a sum of squares that rounding can leave of nothing.
const ROUNDING: f64 = 64.0 * f64::EPSILON;

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
    let (of_y, of_both, of_x) = (m2_y, 2.0 * value * c_yx, value * value * m2_x);
    let residual = match of_y - of_both + of_x {
        sum if sum.is_nan() => return Err(Unavailable::NotFinite),
        // Where every unit has the same ratio, rounding alone is left, and would pass for a tiny spread.
        sum if sum <= ROUNDING * (of_y + of_both.abs() + of_x) => 0.0,
        sum => sum,
    };
    let variance = residual / (n - 1) as f64 / n as f64 / (mean_x * mean_x);
    Value::new(value, variance, f64::INFINITY)
}
