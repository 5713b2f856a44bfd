//! Gamma priors for rates.

use crate::{Rate, Unavailable, special::beta};

/// Which of two rates is higher.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RatePosteriors {
    /// The natural logarithm of the chance that treatment's rate is higher.
    pub log_treatment_higher: f64,
    /// That control's is.
    pub log_control_higher: f64,
    /// The mean of control's rate.
    pub control: f64,
    /// The mean of treatment's rate.
    pub treatment: f64,
}

/// The chance that one of two rates of independent events is higher, each with the same gamma prior of some shape and
/// rate. The share of one among both is beta.
///
/// # Errors
/// [`Unavailable::Parameter`] for a shape or a rate of the prior, or an exposure, that is not positive.
pub fn gamma_poisson(
    control: Rate,
    treatment: Rate,
    shape: f64,
    rate: f64,
) -> Result<RatePosteriors, Unavailable> {
    for (parameter, value) in [
        ("shape of a prior, it must be positive", shape),
        ("rate of a prior, it must be positive", rate),
        ("exposure, it must be positive", control.exposure),
        ("exposure, it must be positive", treatment.exposure),
    ] {
        if !(value > 0.0 && value.is_finite()) {
            return Err(Unavailable::Parameter { parameter, value });
        }
    }
    let (shape_a, shape_b) = (shape + control.events as f64, shape + treatment.events as f64);
    let (rate_a, rate_b) = (rate + control.exposure, rate + treatment.exposure);
    let total = rate_a + rate_b;
    let (lower, upper) = beta::log_tails(shape_b, shape_a, rate_b / total, rate_a / total);
    Ok(RatePosteriors {
        log_treatment_higher: upper,
        log_control_higher: lower,
        control: shape_a / rate_a,
        treatment: shape_b / rate_b,
    })
}
