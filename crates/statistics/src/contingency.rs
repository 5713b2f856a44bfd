//! Several arms at once.

use crate::{Proportion, Unavailable, special::chi_squared};

/// Pearson's and the likelihood ratio's test that several arms have the same share of successes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Homogeneity {
    /// Pearson's chi-squared statistic.
    pub chi_squared: f64,
    /// The natural logarithm of its p-value.
    pub log_p: f64,
    /// The likelihood ratio statistic, G.
    pub g: f64,
    /// The natural logarithm of its p-value.
    pub log_p_g: f64,
    /// Degrees of freedom: arms less one.
    pub df: u32,
}

/// Do all `arms` have the same share (Pearson, 1900)? Two arms give the square of the score test's statistic.
/// Expected counts should be 5 or more.
///
/// If all units are alike, the statistic is 0 and the p-value 1.
///
/// # Errors
/// [`Unavailable::TooFewUnits`] if an arm has no unit, [`Unavailable::Parameter`] for fewer than two arms.
pub fn homogeneous(arms: &[Proportion]) -> Result<Homogeneity, Unavailable> {
    if arms.len() < 2 {
        let parameter = "number of arms, there must be two at least";
        return Err(Unavailable::Parameter { parameter, value: arms.len() as f64 });
    }
    if arms.iter().any(|arm| arm.units() == 0) {
        return Err(Unavailable::TooFewUnits { units: 0, needed: 1 });
    }
    let mut all = Proportion::default();
    arms.iter().for_each(|arm| all.merge(arm));
    let n = all.units() as f64;
    let shares = [all.successes as f64 / n, all.failures as f64 / n];
    let (mut chi_squared, mut g) = (0.0, 0.0);
    for arm in arms {
        for (count, share) in [arm.successes, arm.failures].into_iter().zip(shares) {
            let (count, expected) = (count as f64, share * arm.units() as f64);
            if expected > 0.0 {
                let deviation = count - expected;
                chi_squared += deviation * (deviation / expected);
                g += likelihood_part(count, expected, deviation);
            }
        }
    }
    let df = u32::try_from(arms.len() - 1).unwrap_or(u32::MAX);
    let log_p = |statistic| chi_squared::log_sf(statistic, f64::from(df));
    Ok(Homogeneity { chi_squared, log_p: log_p(chi_squared), g, log_p_g: log_p(g), df })
}

/// 2 (count ln(count / expected) - deviation): deviations sum to nothing, and without them little would be left of
/// the sum.
fn likelihood_part(count: f64, expected: f64, deviation: f64) -> f64 {
    if count == 0.0 {
        return 2.0 * expected;
    }
    2.0 * (count * (deviation / expected).ln_1p() - deviation)
}
