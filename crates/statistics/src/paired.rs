//! Two models on the same events.

use std::f64::consts::LN_2;

use serde::Serialize;

use crate::{
    Alpha, Comoments, Estimate, Unavailable,
    binomial::Binomial,
    ratio::ratio_value,
    result::in_standard_errors,
    special::{student_t, two_sided},
};

/// A mean compared with zero.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct OneSample {
    /// The mean, over all pairs.
    pub mean: Estimate,
    /// The mean in standard errors.
    pub statistic: f64,
    /// The degrees of freedom of Student's t: units - 1.
    pub df: f64,
    /// The natural logarithm of the two-sided p-value.
    pub log_p: f64,
}

/// How two classifiers differ where exactly one of them is right.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct McNemar {
    /// The natural logarithm of the exact two-sided p-value. Never too small, and often too large.
    pub log_p: f64,
    /// The natural logarithm of the mid-p-value, which counts what was seen by half. The one to read.
    pub log_mid_p: f64,
}

impl OneSample {
    /// The two-sided p-value; 0 where it is below 5e-324.
    pub fn p(&self) -> f64 {
        self.log_p.exp()
    }
}

impl McNemar {
    /// The mid-p-value; 0 where it is below 5e-324.
    pub fn p(&self) -> f64 {
        self.log_mid_p.exp()
    }
}

/// The mean paired difference over all events, clustered by unit: is it zero?
///
/// `units` holds each unit's sum of differences (y) and number of pairs (x). The estimate is the sum of differences
/// over the number of pairs; its variance is that between units (the cluster-robust one with factor n / (n - 1)),
/// and Student's t has units - 1 degrees of freedom. With one pair in each unit it is the paired t-test.
///
/// If all differences are zero, as those of two identical models are, the p-value is 1.
///
/// # Errors
/// As those of [`ratio`](crate::ratio()): too few units, no pairs, zero variance at another mean than zero, numbers
/// that are not finite.
pub fn clustered_mean(units: &Comoments, alpha: Alpha) -> Result<OneSample, Unavailable> {
    let mean = ratio_value(units)?;
    if mean.variance == 0.0 && mean.value != 0.0 {
        return Err(Unavailable::ZeroVariance { difference: mean.value });
    }
    let df = (units.n - 1) as f64;
    let standard_error = mean.variance.sqrt();
    let statistic = in_standard_errors(mean.value, standard_error);
    Ok(OneSample {
        mean: Estimate::symmetric(mean.value, standard_error, student_t::isf(alpha.half(), df)),
        statistic,
        df,
        log_p: two_sided(student_t::log_sf(statistic.abs(), df)),
    })
}

/// McNemar's test (Psychometrika 12, 1947): of the events on which exactly one of two models is right, is it one of
/// them more often? `first` counts those on which only the first is right, `second` the others.
///
/// Valid for decisions only if events are independent, one per unit say; otherwise it is a read-out, and
/// [`clustered_mean`] of the differences in correctness decides. Without such events the p-value is 1.
pub fn mcnemar(first: u64, second: u64) -> McNemar {
    let (fewer, n) = (first.min(second), first + second);
    if first == second {
        return McNemar { log_p: 0.0, log_mid_p: 0.0 };
    }
    let fair = Binomial { n, p: 0.5 };
    let tail = fair.log_cdf(fewer);
    // 2 P(X <= k) - P(X = k)
    let log_mid_p = LN_2 + tail + (-0.5 * (fair.log_pmf(fewer) - tail).exp()).ln_1p();
    McNemar { log_p: two_sided(tail), log_mid_p }
}
