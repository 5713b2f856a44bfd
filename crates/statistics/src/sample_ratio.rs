//! Is the split what it was meant to be?

use serde::Serialize;

use crate::{Unavailable, binomial::Binomial, special::chi_squared};

/// The counts of units in the arms compared with the shares they should have.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SampleRatio {
    /// The count expected in each arm.
    pub expected: Vec<f64>,
    /// Pearson's chi-squared statistic over arms that should have units.
    pub statistic: f64,
    /// Its degrees of freedom: arms that should have units, less one.
    pub df: u32,
    /// Whether the p-value is that of the exact binomial test.
    pub exact: bool,
    /// The natural logarithm of the p-value; negative infinity if an arm without weight has units.
    pub log_p: f64,
}

impl SampleRatio {
    /// Below this, something is broken and no result should be read (Fabijan et al., "Diagnosing sample ratio
    /// mismatch in online controlled experiments", KDD 2019). For one look; a check at every look needs a
    /// sequential test.
    pub const ALARM: f64 = 0.0005;

    /// The p-value.
    pub fn p(&self) -> f64 {
        self.log_p.exp()
    }

    /// Whether the p-value is below [`SampleRatio::ALARM`].
    pub fn is_mismatch(&self) -> bool {
        self.p() < Self::ALARM
    }
}

/// Expected counts below this make chi-squared too rough.
const FEW: f64 = 10.0;

/// Compares the `observed` units of each arm with `weights`, which need not sum to anything.
///
/// Pearson's chi-squared test. Where an expected count is below 10 the exact binomial test takes its place: with two
/// arms directly, with more of them for each arm against the rest, the smallest p-value times their number
/// (Bonferroni: valid, and cautious).
///
/// Weights are the realised widths of the arms, not the weights asked for. An arm of weight zero that has units is
/// broken beyond any doubt.
///
/// # Errors
/// [`Unavailable::TooFewUnits`] without units, [`Unavailable::Parameter`] for lists of different lengths, a weight
/// that is negative or not finite, or fewer than two positive ones.
pub fn sample_ratio(observed: &[u64], weights: &[f64]) -> Result<SampleRatio, Unavailable> {
    check(observed, weights)?;
    let n: u64 = observed.iter().sum();
    let total: f64 = weights.iter().sum();
    let arms: Vec<Arm> = observed
        .iter()
        .zip(weights)
        .map(|(&observed, weight)| Arm { observed, share: weight / total })
        .collect();
    let expected: Vec<f64> = arms.iter().map(|arm| arm.share * n as f64).collect();
    let intended: Vec<Arm> = arms.iter().copied().filter(|arm| arm.share > 0.0).collect();
    let statistic = intended.iter().map(|arm| arm.chi_squared(n)).sum();
    let df = u32::try_from(intended.len() - 1).unwrap_or(u32::MAX);
    let exact = intended.iter().any(|arm| arm.share * (n as f64) < FEW);
    let log_p = if arms.iter().any(|arm| arm.share == 0.0 && arm.observed > 0) {
        f64::NEG_INFINITY
    } else if exact {
        exact_log_p(&intended, n)
    } else {
        chi_squared::log_sf(statistic, f64::from(df))
    };
    Ok(SampleRatio { expected, statistic, df, exact, log_p })
}

#[derive(Clone, Copy)]
struct Arm {
    observed: u64,
    share: f64,
}

impl Arm {
    fn chi_squared(&self, n: u64) -> f64 {
        let expected = self.share * n as f64;
        let deviation = self.observed as f64 - expected;
        deviation * (deviation / expected)
    }
}

fn exact_log_p(arms: &[Arm], n: u64) -> f64 {
    let one_against_rest = |arm: &Arm| Binomial { n, p: arm.share }.log_p(arm.observed);
    if let [first, _] = arms {
        return one_against_rest(first);
    }
    let least = arms.iter().map(one_against_rest).fold(0.0, f64::min);
    (least + (arms.len() as f64).ln()).min(0.0)
}

fn check(observed: &[u64], weights: &[f64]) -> Result<(), Unavailable> {
    if observed.len() != weights.len() {
        let parameter = "number of weights, there must be one for each arm";
        return Err(Unavailable::Parameter { parameter, value: weights.len() as f64 });
    }
    if let Some(&value) = weights.iter().find(|weight| !weight.is_finite() || **weight < 0.0) {
        return Err(Unavailable::Parameter {
            parameter: "weight, it must be finite and not negative",
            value,
        });
    }
    let positive = weights.iter().filter(|weight| **weight > 0.0).count();
    if positive < 2 {
        let parameter = "number of arms with weight, there must be two at least";
        return Err(Unavailable::Parameter { parameter, value: positive as f64 });
    }
    match observed.iter().sum() {
        0 => Err(Unavailable::TooFewUnits { units: 0, needed: 1 }),
        _ => Ok(()),
    }
}
