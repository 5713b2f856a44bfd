//! Several p-values, or several e-values, for one answer.

use std::f64::consts::{FRAC_PI_2, PI};

use crate::{
    Alpha, Unavailable,
    special::{chi_squared, normal},
};

/// Fisher's combination of independent p-values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FisherCombination {
    /// Minus twice the sum of logarithms.
    pub statistic: f64,
    /// The natural logarithm of the combined p-value.
    pub log_p: f64,
}

/// Minus twice the sum of ln p is chi-squared with twice as many degrees of freedom (Fisher, 1932), for independent
/// p-values.
///
/// # Errors
/// [`Unavailable::TooFewUnits`] without any.
pub fn fisher_combined(log_p: &[f64]) -> Result<FisherCombination, Unavailable> {
    some(log_p)?;
    let statistic = -2.0 * log_p.iter().sum::<f64>();
    Ok(FisherCombination { statistic, log_p: chi_squared::log_sf(statistic, 2.0 * log_p.len() as f64) })
}

/// Stouffer's z: the weighted sum of normal quantiles of independent one-sided p-values, and its upper tail's
/// logarithm.
///
/// # Errors
/// [`Unavailable::TooFewUnits`] without any, [`Unavailable::Parameter`] for weights that are not one each, or all
/// zero.
pub fn stouffer(p: &[f64], weights: &[f64]) -> Result<(f64, f64), Unavailable> {
    some(p)?;
    let squares: f64 = weights.iter().map(|weight| weight * weight).sum();
    if weights.len() != p.len() || squares.is_nan() || squares <= 0.0 {
        let parameter = "number of weights, there must be one for each p-value, and one that is not zero";
        return Err(Unavailable::Parameter { parameter, value: weights.len() as f64 });
    }
    let sum: f64 = p.iter().zip(weights).map(|(&p, weight)| weight * normal::isf(p)).sum();
    let z = sum / squares.sqrt();
    Ok((z, normal::log_sf(z)))
}

/// The Cauchy combination (Liu and Xie, JASA 115, 2020): holds nearly whatever the dependence, for a light that says
/// "something changed".
///
/// # Errors
/// [`Unavailable::TooFewUnits`] without any.
pub fn cauchy_combined(p: &[f64]) -> Result<f64, Unavailable> {
    some(p)?;
    // tan((1/2 - p) pi) as a cotangent, which keeps the digits of small p-values.
    let mean = p.iter().map(|&p| 1.0 / (p * PI).tan()).sum::<f64>() / p.len() as f64;
    Ok(if mean > 0.0 { (1.0 / mean).atan() / PI } else { (FRAC_PI_2 - mean.atan()) / PI })
}

fn some(list: &[f64]) -> Result<(), Unavailable> {
    if list.is_empty() { Err(Unavailable::TooFewUnits { units: 0, needed: 1 }) } else { Ok(()) }
}

/// What the e-value procedure of Benjamini and Hochberg rejects.
#[derive(Clone, Debug, PartialEq)]
pub struct EBenjaminiHochberg {
    /// Whether each is rejected, in the order given.
    pub rejected: Vec<bool>,
    /// The e-value that had to be reached; nothing if none was.
    pub threshold: Option<f64>,
}

/// e-BH (Wang and Ramdas, Journal of the Royal Statistical Society B 84, 2022): rejects the k largest e-values, for
/// the largest k whose k-th is at least K / (k alpha). Keeps the false discovery rate whatever the dependence, at any
/// time one looks: the procedure for live metrics.
///
/// Takes natural logarithms of e-values.
pub fn e_benjamini_hochberg(log_e: &[f64], alpha: Alpha) -> EBenjaminiHochberg {
    let mut sorted = log_e.to_vec();
    sorted.sort_by(|a, b| b.total_cmp(a));
    let count = log_e.len() as f64;
    let needed = |rank: usize| count / (rank as f64 * alpha.get());
    // Equal logarithms can differ in the last digit.
    let reached = |rank: &usize| sorted[rank - 1] >= needed(*rank).ln() - 1e-12;
    let threshold = (1..=sorted.len()).rev().find(reached).map(needed);
    let is_rejected = |log_e: &f64| threshold.is_some_and(|least| *log_e >= least.ln() - 1e-12);
    EBenjaminiHochberg { rejected: log_e.iter().map(is_rejected).collect(), threshold }
}
