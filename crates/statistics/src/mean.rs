//! Means of two arms.

use crate::{
    Alpha, Comparison, Estimate, Moments, Test, Unavailable,
    relative::{Value, relative},
    special::{normal, student_t, two_sided},
};

/// Welch's t-test for a difference in means (Biometrika 34, 1947). The arms may differ in size and in variance.
///
/// One number per unit, never per event. The test rests on the arms' means being near normal: with skewed numbers
/// such as money that takes thousands of units.
///
/// If all units of both arms are equal, the difference is 0 and the p-value 1.
///
/// # Errors
/// [`Unavailable::TooFewUnits`] with fewer than two units in an arm, [`Unavailable::ZeroVariance`] if each arm is
/// constant at another value, [`Unavailable::NotFinite`] after a number that is not finite.
pub fn welch(control: &Moments, treatment: &Moments, alpha: Alpha) -> Result<Comparison, Unavailable> {
    let (a, b) = (mean_value(control)?, mean_value(treatment)?);
    let difference = b.value - a.value;
    let variance = a.variance + b.variance;
    if !(difference.is_finite() && variance.is_finite()) {
        return Err(Unavailable::NotFinite);
    }
    if variance == 0.0 && difference != 0.0 {
        return Err(Unavailable::ZeroVariance { difference });
    }
    let (df_a, df_b) = (df(control), df(treatment));
    let df = welch_df(a.variance, df_a, b.variance, df_b);
    let standard_error = variance.sqrt();
    let statistic = if variance == 0.0 { 0.0 } else { difference / standard_error };
    let arm = |value: Value, df| {
        Estimate::symmetric(value.value, value.variance.sqrt(), student_t::isf(alpha.half(), df))
    };
    Ok(Comparison {
        control: arm(a, df_a),
        treatment: arm(b, df_b),
        difference: Estimate::symmetric(difference, standard_error, student_t::isf(alpha.half(), df)),
        relative: relative(a, b, normal::isf(alpha.half())),
        test: Test::Welch,
        statistic,
        df: Some(df),
        log_p: two_sided(student_t::log_sf(statistic.abs(), df)),
    })
}

/// Satterthwaite's degrees of freedom for the sum of two estimated variances; those of both if there is none.
fn welch_df(a: f64, df_a: f64, b: f64, df_b: f64) -> f64 {
    let total = a + b;
    if total == 0.0 {
        return df_a + df_b;
    }
    // Shares rather than squares of variances, which may be too small to square.
    let (a, b) = (a / total, b / total);
    1.0 / (a * a / df_a + b * b / df_b)
}

fn df(moments: &Moments) -> f64 {
    (moments.n - 1) as f64
}

fn mean_value(moments: &Moments) -> Result<Value, Unavailable> {
    let Some(variance) = moments.variance() else {
        return Err(Unavailable::TooFewUnits { units: moments.n, needed: 2 });
    };
    Ok(Value { value: moments.mean, variance: variance / moments.n as f64 })
}
