//! Relative lift: the difference as a share of the control.

use crate::{Estimate, Unavailable};

/// An arm's value and the variance of that value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Value {
    pub(crate) value: f64,
    pub(crate) variance: f64,
}

/// Above this, the interval on the log scale is no longer close to Fieller's, which is exact for normal values.
const LOG_IS_CLOSE: f64 = 0.1;

/// (treatment - control) / |control|, with `critical` as the normal quantile of the interval.
///
/// The standard error is that of the delta method. The interval is that of the log ratio where both values are
/// positive and the control is well away from zero, and Fieller's (Journal of the Royal Statistical Society B
/// 16, 1954) otherwise. Where the control is within `critical` standard errors of zero there is no bounded
/// interval, and none is made up.
pub(crate) fn relative(control: Value, treatment: Value, critical: f64) -> Result<Estimate, Unavailable> {
    let (a, b) = (control.value, treatment.value);
    // Fieller's g: how far zero is from the control, as a share of the interval.
    let g = critical * critical * control.variance / (a * a);
    if a == 0.0 || g >= 1.0 {
        return Err(Unavailable::ControlNearZero);
    }
    let ratio = b / a;
    let standard_error = (treatment.variance + ratio * ratio * control.variance).sqrt() / a.abs();
    let (low, high) = if a > 0.0 && b > 0.0 && g < LOG_IS_CLOSE {
        log_interval(ratio, control, treatment, critical)
    } else {
        fieller(control, treatment, critical, g)
    };
    // With a negative control, more is a smaller ratio.
    let (value, low, high) =
        if a > 0.0 { (ratio - 1.0, low - 1.0, high - 1.0) } else { (1.0 - ratio, 1.0 - high, 1.0 - low) };
    let estimate = Estimate { value, standard_error, low, high };
    let finite = [value, standard_error, low, high].into_iter().all(f64::is_finite);
    if finite { Ok(estimate) } else { Err(Unavailable::ControlNearZero) }
}

/// The interval of the ratio of two positive values.
fn log_interval(ratio: f64, control: Value, treatment: Value, critical: f64) -> (f64, f64) {
    let share = |arm: Value| arm.variance / (arm.value * arm.value);
    let half = critical * (share(control) + share(treatment)).sqrt();
    (ratio * (-half).exp(), ratio * half.exp())
}

/// The interval of the ratio of two independent normal values, for g below 1.
fn fieller(control: Value, treatment: Value, critical: f64, g: f64) -> (f64, f64) {
    let ratio = treatment.value / control.value;
    let spread = (1.0 - g) * treatment.variance + ratio * ratio * control.variance;
    let half = critical * spread.sqrt() / control.value.abs();
    ((ratio - half) / (1.0 - g), (ratio + half) / (1.0 - g))
}
