//! Student's t that may be looked at at any time.

use crate::{Alpha, Unavailable};

/// An anytime-valid t-test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AnytimeT {
    /// The natural logarithm of the e-value.
    pub log_e: f64,
    /// The half-width of the interval in standard errors; infinite while there are too few units.
    pub radius: f64,
}

/// The anytime-valid t-test of a coefficient of a linear model (Lindon, Ham, Tingley and Bojinov, "Anytime-valid
/// linear models and regression adjusted causal inference in randomized experiments", 2022): exact for normal errors,
/// at every sample size.
///
/// `t_squared` is the squared t statistic, `df` its degrees of freedom, `information` the regressor's squared length
/// once the other regressors are taken out (n/4 for an even split), and `precision` the mixture's.
///
/// # Errors
/// [`Unavailable::Parameter`] for a number that is not positive (t squared: negative).
pub fn anytime_t(
    t_squared: f64,
    df: f64,
    information: f64,
    precision: f64,
    alpha: Alpha,
) -> Result<AnytimeT, Unavailable> {
    for (parameter, value) in [
        ("number of degrees of freedom, it must be positive", df),
        ("information, it must be positive", information),
        ("mixture's precision, it must be positive", precision),
    ] {
        if value.is_nan() || value <= 0.0 {
            return Err(Unavailable::Parameter { parameter, value });
        }
    }
    if t_squared.is_nan() || t_squared < 0.0 {
        return Err(Unavailable::Parameter { parameter: "square", value: t_squared });
    }
    let r = precision / (precision + information);
    let log_r = -(information / precision).ln_1p();
    let power = f64::midpoint(df, 1.0);
    // (1 + u) / (1 + r u) = 1 + (1 - r) u / (1 + r u), which does not cancel.
    let u = t_squared / df;
    let rest = information / (precision + information);
    let gain = if u.is_finite() { (rest * u / (1.0 + r * u)).ln_1p() } else { -log_r };
    let log_e = 0.5 * log_r + power * gain;
    // (1 + u) / (1 + r u) = K solved for u.
    let log_k = (-alpha.get().ln() - 0.5 * log_r) / power;
    let room = 1.0 - r * log_k.exp();
    let radius = if room > 0.0 { (df * log_k.exp_m1() / room).sqrt() } else { f64::INFINITY };
    Ok(AnytimeT { log_e, radius })
}
