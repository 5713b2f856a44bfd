//! Means of two arms.

use crate::{
    Alpha, Comparison, Estimate, Moments, Test, Unavailable,
    relative::{Value, relative, welch_df},
    result::in_standard_errors,
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
    // With what is left of each mean beyond its last digit: at a large offset the difference is small.
    let difference = treatment.mean - control.mean + (treatment.mean_rest - control.mean_rest);
    let variance = a.variance + b.variance;
    if variance == 0.0 && difference != 0.0 {
        return Err(Unavailable::ZeroVariance { difference });
    }
    let df = welch_df(a.variance, a.df, b.variance, b.df);
    let standard_error = variance.sqrt();
    let statistic = in_standard_errors(difference, standard_error);
    let arm = |arm: Value| {
        Estimate::symmetric(arm.value, arm.variance.sqrt(), student_t::isf(alpha.half(), arm.df))
    };
    Ok(Comparison {
        control: arm(a),
        treatment: arm(b),
        difference: Estimate::symmetric(difference, standard_error, student_t::isf(alpha.half(), df)),
        relative: relative(a, b, alpha),
        test: Test::Welch,
        statistic,
        df: Some(df),
        log_p: two_sided(student_t::log_sf(statistic.abs(), df)),
    })
}

fn mean_value(moments: &Moments) -> Result<Value, Unavailable> {
    let Some(variance) = moments.variance() else {
        return Err(Unavailable::TooFewUnits { units: moments.n, needed: 2 });
    };
    Value::new(moments.mean, variance / moments.n as f64, (moments.n - 1) as f64)
}

/// Student's t-test with the pooled variance, for arms that are known to have the same variance; [`welch`] costs
/// nearly nothing and does not need to know.
///
/// # Errors
/// As those of [`welch`].
pub fn student(control: &Moments, treatment: &Moments, alpha: Alpha) -> Result<Comparison, Unavailable> {
    let welch = welch(control, treatment, alpha)?;
    let (n_a, n_b) = (control.n as f64, treatment.n as f64);
    let df = n_a + n_b - 2.0;
    let standard_error = ((control.m2 + treatment.m2) / df * (1.0 / n_a + 1.0 / n_b)).sqrt();
    let difference = welch.difference.value;
    let statistic = in_standard_errors(difference, standard_error);
    Ok(Comparison {
        difference: Estimate::symmetric(difference, standard_error, student_t::isf(alpha.half(), df)),
        test: Test::Student,
        statistic,
        df: Some(df),
        log_p: two_sided(student_t::log_sf(statistic.abs(), df)),
        ..welch
    })
}

/// The difference treatment - (1 + `shift`) control in its standard errors, and that error: what a margin that is a
/// share of the control's mean is tested by, to first order without treating that mean as known.
///
/// # Errors
/// [`Unavailable::TooFewUnits`] with fewer than two units in an arm, [`Unavailable::ZeroVariance`] if each arm is
/// constant.
pub fn contrast(control: &Moments, treatment: &Moments, shift: f64) -> Result<Estimate, Unavailable> {
    let (a, b) = (mean_value(control)?, mean_value(treatment)?);
    let factor = 1.0 + shift;
    let value = b.value - factor * a.value;
    let variance = b.variance + factor * factor * a.variance;
    if variance == 0.0 {
        return Err(Unavailable::ZeroVariance { difference: value });
    }
    Ok(Estimate::symmetric(value, variance.sqrt(), normal::isf(Alpha::USUAL.half())))
}
