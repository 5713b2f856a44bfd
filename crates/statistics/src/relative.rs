//! Relative lift: the difference as a share of the control.

use crate::{
    Alpha, Estimate, Unavailable,
    special::{normal, student_t},
};

/// An arm's value, the variance of that value, and the degrees of freedom of that variance.
#[derive(Clone, Copy, Debug)]
pub struct Value {
    /// The value.
    pub value: f64,
    /// The variance of the value, not of the units.
    pub variance: f64,
    /// The degrees of freedom of that variance.
    pub df: f64,
}

impl Value {
    /// A value that can be computed with: it, its variance and its square are finite.
    ///
    /// # Errors
    /// [`Unavailable::NotFinite`] otherwise.
    pub fn new(value: f64, variance: f64, df: f64) -> Result<Self, Unavailable> {
        let usable = variance.is_finite() && (value * value).is_finite();
        if usable { Ok(Self { value, variance, df }) } else { Err(Unavailable::NotFinite) }
    }
}

/// Above this, the interval on the log scale is no longer close to Fieller's, which is exact for normal values.
const LOG_IS_CLOSE: f64 = 0.1;

/// (treatment - control) / |control|, with an interval of confidence 1 - alpha.
///
/// The standard error is that of the delta method. The interval is that of the log ratio where both values are
/// positive and the control is well away from zero (with Welch's degrees of freedom on that scale), and Fieller's
/// (Journal of the Royal Statistical Society B 16, 1954) otherwise. Where zero is within the control's own interval
/// there is no bounded interval, and none is made up.
///
/// # Errors
/// [`Unavailable::ControlNearZero`] where there is no bounded interval.
pub fn relative(control: Value, treatment: Value, alpha: Alpha) -> Result<Estimate, Unavailable> {
    let critical = normal::isf(alpha.half());
    let (a, b) = (control.value, treatment.value);
    // Fieller's g: how far zero is from the control, as a share of the interval.
    let g = critical * critical * control.variance / (a * a);
    if a == 0.0 || g >= 1.0 {
        return Err(Unavailable::ControlNearZero);
    }
    let ratio = b / a;
    let standard_error = (treatment.variance + ratio * ratio * control.variance).sqrt() / a.abs();
    let (low, high) = if a > 0.0 && b > 0.0 && g < LOG_IS_CLOSE {
        log_interval(control, treatment, alpha)
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

/// Satterthwaite's degrees of freedom for the sum of two estimated variances (Biometrics Bulletin 2, 1946); those of
/// both if there is no variance.
pub(crate) fn welch_df(a: f64, df_a: f64, b: f64, df_b: f64) -> f64 {
    let total = a + b;
    if total == 0.0 {
        return df_a + df_b;
    }
    // Shares rather than squares of variances, which may be too small to square.
    let (a, b) = (a / total, b / total);
    1.0 / (a * a / df_a + b * b / df_b)
}

/// The interval of the ratio of two positive values.
pub(crate) fn log_interval(control: Value, treatment: Value, alpha: Alpha) -> (f64, f64) {
    let share = |arm: Value| arm.variance / (arm.value * arm.value);
    let (a, b) = (share(control), share(treatment));
    let df = welch_df(a, control.df, b, treatment.df);
    let half = student_t::isf(alpha.half(), df) * (a + b).sqrt();
    let ratio = treatment.value / control.value;
    (ratio * (-half).exp(), ratio * half.exp())
}

/// The interval of the ratio of two independent normal values, for g below 1.
pub(crate) fn fieller(control: Value, treatment: Value, critical: f64, g: f64) -> (f64, f64) {
    let ratio = treatment.value / control.value;
    let spread = (1.0 - g) * treatment.variance + ratio * ratio * control.variance;
    let half = critical * spread.sqrt() / control.value.abs();
    ((ratio - half) / (1.0 - g), (ratio + half) / (1.0 - g))
}

/// All intervals of a relative lift, for those who want a certain one; [`relative`] takes the fitting one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LiftIntervals {
    /// Treatment over control, less one.
    pub lift: f64,
    /// Its standard error by the delta method.
    pub standard_error: f64,
    /// The interval of the delta method, with the degrees of freedom of Welch's test of the difference.
    pub delta: (f64, f64),
    /// The interval on the scale of the logarithm; nothing unless both values have the same sign.
    pub log: Option<(f64, f64)>,
    /// Fieller's g: from 1 on zero is within the control's interval, and his interval is unbounded.
    pub fieller_g: f64,
    /// Fieller's interval, with normal quantiles; infinite from g = 1 on.
    pub fieller: (f64, f64),
}

/// The relative lift with its intervals by all methods.
///
/// # Errors
/// [`Unavailable::ControlNearZero`] for a control of 0.
pub fn lift_intervals(control: Value, treatment: Value, alpha: Alpha) -> Result<LiftIntervals, Unavailable> {
    if control.value == 0.0 {
        return Err(Unavailable::ControlNearZero);
    }
    let ratio = treatment.value / control.value;
    let standard_error = (treatment.variance + ratio * ratio * control.variance).sqrt() / control.value.abs();
    let df = welch_df(control.variance, control.df, treatment.variance, treatment.df);
    let half = if standard_error == 0.0 { 0.0 } else { student_t::isf(alpha.half(), df) * standard_error };
    let critical = normal::isf(alpha.half());
    let fieller_g = critical * critical * control.variance / (control.value * control.value);
    let less_one = |(low, high): (f64, f64)| (low - 1.0, high - 1.0);
    Ok(LiftIntervals {
        lift: (treatment.value - control.value) / control.value,
        standard_error,
        delta: (ratio - 1.0 - half, ratio - 1.0 + half),
        log: (ratio > 0.0).then(|| less_one(log_interval(control, treatment, alpha))),
        fieller_g,
        fieller: if fieller_g < 1.0 {
            less_one(fieller(control, treatment, critical, fieller_g))
        } else {
            (f64::NEG_INFINITY, f64::INFINITY)
        },
    })
}
