//! A normal prior for an effect, and a normal estimate of it.

use crate::{Alpha, Unavailable, special::normal};

/// The posterior of an effect.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NormalPosterior {
    /// Its mean.
    pub mean: f64,
    /// Its standard deviation.
    pub deviation: f64,
    /// The lower end of the credible interval.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    /// The natural logarithm of the chance that the effect is positive.
    pub log_chance_to_win: f64,
    /// What is lost on average by keeping the control: the mean of the effect where it is positive, 0 elsewhere.
    pub loss_of_control: f64,
    /// What is lost on average by taking the treatment: the mean of minus the effect where it is negative.
    pub loss_of_treatment: f64,
}

/// Combines a normal prior of an effect, mean and variance, with an estimate and its standard error. An infinite
/// prior variance is no prior at all.
///
/// # Errors
/// [`Unavailable::Parameter`] for a standard error or a prior variance that is not positive.
pub fn normal_posterior(
    (estimate, standard_error): (f64, f64),
    (prior_mean, prior_variance): (f64, f64),
    alpha: Alpha,
) -> Result<NormalPosterior, Unavailable> {
    for (parameter, value) in [
        ("standard error, it must be positive", standard_error),
        ("prior variance, it must be positive", prior_variance),
    ] {
        if value.is_nan() || value <= 0.0 {
            return Err(Unavailable::Parameter { parameter, value });
        }
    }
    let (of_data, of_prior) = ((standard_error * standard_error).recip(), prior_variance.recip());
    let precision = of_data + of_prior;
    let mean = (estimate * of_data + prior_mean * of_prior) / precision;
    let deviation = precision.sqrt().recip();
    if !(mean.is_finite() && deviation.is_finite() && deviation > 0.0) {
        return Err(Unavailable::NotFinite);
    }
    let (z, half) = (mean / deviation, normal::isf(alpha.half()) * deviation);
    Ok(NormalPosterior {
        mean,
        deviation,
        low: mean - half,
        high: mean + half,
        log_chance_to_win: normal::log_sf(-z),
        loss_of_control: deviation * loss(-z),
        loss_of_treatment: deviation * loss(z),
    })
}

/// The mean of a standard normal's excess over `z`: phi(z) - z Q(z).
fn loss(z: f64) -> f64 {
    let density = (-z * z / 2.0 - normal::LN_SQRT_2PI).exp();
    if z < 3.0 {
        return density - z * normal::log_sf(z).exp();
    }
    // With Mills' ratio as 1 / (z + K): phi K / (z + K), in which nothing cancels.
    let rest = (2..=200).rev().fold(z, |tail, k| z + f64::from(k) / tail);
    let k = 1.0 / rest;
    density * k / (z + k)
}
