//! Groups of units: weighted together, and compared with each other.

use crate::{
    Alpha, Estimate, Moments, Unavailable,
    special::{chi_squared, normal},
};

/// A difference in means, weighted over strata.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PostStratified {
    /// The difference.
    pub difference: Estimate,
    /// The part of its variance that comes from units within strata.
    pub within: f64,
    /// The part that comes from the strata's shares being estimated.
    pub weights: f64,
}

/// Post-stratification: the difference in each stratum, weighted by the stratum's share of all units (Miratrix,
/// Sekhon and Yu, Journal of the Royal Statistical Society B 75, 2013). The strata are known before exposure.
///
/// # Errors
/// [`Unavailable::TooFewUnits`] with fewer than two units in an arm of a stratum, or no stratum,
/// [`Unavailable::NotFinite`] after numbers that are not finite.
pub fn post_stratified(strata: &[(Moments, Moments)], alpha: Alpha) -> Result<PostStratified, Unavailable> {
    let n: u64 = strata.iter().map(|(control, treatment)| control.n + treatment.n).sum();
    if n == 0 {
        return Err(Unavailable::TooFewUnits { units: 0, needed: 2 });
    }
    let (mut difference, mut square, mut within) = (0.0, 0.0, 0.0);
    for (control, treatment) in strata {
        let few = |arm: &Moments| Unavailable::TooFewUnits { units: arm.n, needed: 2 };
        let v_a = control.variance().ok_or_else(|| few(control))? / control.n as f64;
        let v_b = treatment.variance().ok_or_else(|| few(treatment))? / treatment.n as f64;
        let weight = (control.n + treatment.n) as f64 / n as f64;
        let own = treatment.mean - control.mean;
        difference += weight * own;
        square += weight * own * own;
        within += weight * weight * (v_a + v_b);
    }
    let weights = ((square - difference * difference) / n as f64).max(0.0);
    if !(within + weights).is_finite() {
        return Err(Unavailable::NotFinite);
    }
    let standard_error = (within + weights).sqrt();
    let difference = Estimate::symmetric(difference, standard_error, normal::isf(alpha.half()));
    Ok(PostStratified { difference, within, weights })
}

/// Effects in several segments, taken together and against each other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Heterogeneity {
    /// The mean weighted by precision.
    pub fixed: Estimate,
    /// Cochran's Q: the weighted squared deviations of the effects from it.
    pub q: f64,
    /// Segments less one.
    pub df: u32,
    /// The natural logarithm of the p-value that all segments have the same effect.
    pub log_p: f64,
    /// The share of the deviations that chance does not explain, 0..1.
    pub i_squared: f64,
    /// The variance of the true effects (DerSimonian and Laird, Controlled Clinical Trials 7, 1986).
    pub tau_squared: f64,
}

/// Do segments have the same effect (Cochran, Biometrics 10, 1954)? Takes an effect and its variance for each.
///
/// # Errors
/// [`Unavailable::Parameter`] for fewer than two segments, or a variance that is not positive and finite.
pub fn heterogeneity(segments: &[(f64, f64)], alpha: Alpha) -> Result<Heterogeneity, Unavailable> {
    if segments.len() < 2 {
        let parameter = "number of segments, there must be two at least";
        return Err(Unavailable::Parameter { parameter, value: segments.len() as f64 });
    }
    for &(effect, variance) in segments {
        if !(variance > 0.0 && variance.is_finite() && effect.is_finite()) {
            return Err(Unavailable::Parameter {
                parameter: "variance, it must be positive",
                value: variance,
            });
        }
    }
    let weights = segments.iter().map(|(_, variance)| 1.0 / variance);
    let total: f64 = weights.clone().sum();
    let squares: f64 = weights.map(|weight| weight * weight).sum();
    let mean = segments.iter().map(|(effect, variance)| effect / variance).sum::<f64>() / total;
    let q: f64 = segments.iter().map(|(effect, variance)| (effect - mean).powi(2) / variance).sum();
    let df = u32::try_from(segments.len() - 1).unwrap_or(u32::MAX);
    let excess = (q - f64::from(df)).max(0.0);
    Ok(Heterogeneity {
        fixed: Estimate::symmetric(mean, total.sqrt().recip(), normal::isf(alpha.half())),
        q,
        df,
        log_p: chi_squared::log_sf(q, f64::from(df)),
        i_squared: if q > 0.0 { excess / q } else { 0.0 },
        tau_squared: excess / (total - squares / total),
    })
}

/// A straight line through effects, by their precision.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trend {
    /// The effect on the first day.
    pub intercept: f64,
    /// What it gains with each unit of ln(day).
    pub slope: f64,
    /// The standard error of the slope.
    pub slope_error: f64,
    /// The slope in its standard errors.
    pub statistic: f64,
    /// The natural logarithm of the two-sided p-value that there is no slope.
    pub log_p: f64,
}

/// Does the effect wear off? Effects by day since a unit's first exposure, on the logarithm of the day, weighted by
/// the inverse of their known variances. A steep slope against the effect's sign is novelty.
///
/// Takes the day (1 or later), the effect and its variance.
///
/// # Errors
/// [`Unavailable::Parameter`] for a day that is not positive or a variance that is not, [`Unavailable::TooFewUnits`]
/// with fewer than two days.
pub fn trend(days: &[(f64, f64, f64)]) -> Result<Trend, Unavailable> {
    for &(day, _, variance) in days {
        if !(day > 0.0 && day.is_finite()) {
            return Err(Unavailable::Parameter { parameter: "day, it must be positive", value: day });
        }
        if !(variance > 0.0 && variance.is_finite()) {
            return Err(Unavailable::Parameter {
                parameter: "variance, it must be positive",
                value: variance,
            });
        }
    }
    let total: f64 = days.iter().map(|(_, _, variance)| 1.0 / variance).sum();
    let mean = |value: &dyn Fn(f64, f64) -> f64| -> f64 {
        days.iter().map(|&(day, effect, variance)| value(day.ln(), effect) / variance).sum::<f64>() / total
    };
    let (mean_x, mean_y) = (mean(&|x, _| x), mean(&|_, y| y));
    let spread = mean(&|x, _| (x - mean_x).powi(2)) * total;
    if spread.is_nan() || spread <= 0.0 {
        return Err(Unavailable::TooFewUnits { units: days.len().min(1) as u64, needed: 2 });
    }
    let slope = mean(&|x, y| (x - mean_x) * (y - mean_y)) * total / spread;
    let slope_error = spread.sqrt().recip();
    let statistic = slope / slope_error;
    let log_p = normal::log_two_sided(statistic.abs());
    Ok(Trend { intercept: mean_y - slope * mean_x, slope, slope_error, statistic, log_p })
}
