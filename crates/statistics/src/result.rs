//! What a test answers, and why it may not.

use serde::{Serialize, Serializer};

/// An estimated number with its uncertainty.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Estimate {
    /// The point estimate.
    pub value: f64,
    /// Its standard error. The interval is not always value ± multiples of it: intervals of proportions and
    /// of relative lifts are asymmetric.
    pub standard_error: f64,
    /// The lower end of the two-sided interval with confidence 1 - alpha.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// Treatment compared with control.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// The control's own value.
    pub control: Estimate,
    /// The treatment's own value.
    pub treatment: Estimate,
    /// Treatment minus control.
    pub difference: Estimate,
    /// The difference as a share of the control's absolute value: 0.02 is 2 % more. Its sign is the difference's.
    #[serde(serialize_with = "value_or_reason")]
    pub relative: Result<Estimate, Unavailable>,
    /// Which test gave the p-value.
    pub test: Test,
    /// The test's statistic: a difference in standard errors.
    pub statistic: f64,
    /// The degrees of freedom of Student's t that the statistic follows without a difference; nothing where it is
    /// the normal distribution.
    pub df: Option<f64>,
    /// The natural logarithm of the two-sided p-value. Never NaN; exact where the p-value itself is zero.
    pub log_p: f64,
}

/// Which test gave a p-value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Test {
    /// Welch's t-test: means of arms that may differ in variance.
    Welch,
    /// Student's t-test: means of arms of equal variance.
    Student,
    /// The delta method: ratios of sums, clustered by unit.
    Delta,
    /// The score test: proportions, with the variance under no difference.
    Score,
    /// Fisher's exact test: proportions with few successes or failures.
    FisherExact,
}

/// Why a number cannot be had.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error, Serialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
pub enum Unavailable {
    /// An arm has too few units to estimate its spread, or none.
    #[error("too few units: {units}, at least {needed} are needed")]
    TooFewUnits {
        /// How many there are.
        units: u64,
        /// How many it takes.
        needed: u64,
    },
    /// All units are alike, so that there is no yardstick for the difference.
    #[error("all units are alike, so nothing can be said about a difference of `{difference}`")]
    ZeroVariance {
        /// The difference that was seen.
        difference: f64,
    },
    /// The control's value is so near zero, measured in its standard errors, that a share of it has no bounds.
    #[error("the control is too near zero to be divided by")]
    ControlNearZero,
    /// An arm has no successes, so a ratio has no bounds.
    #[error("an arm without successes has no relative lift")]
    NoSuccesses,
    /// The denominators of an arm sum to zero (or less): no events, no ratio.
    #[error("the denominators sum to `{sum}`; a ratio needs more than zero")]
    NoDenominator {
        /// What they sum to.
        sum: f64,
    },
    /// A unit's number was infinite or NaN, or so large that its square was.
    #[error("a number is not finite or too large to be squared")]
    NotFinite,
    /// A parameter is outside its range.
    #[error("`{value}` is no {parameter}")]
    Parameter {
        /// Which one, and what it must be.
        parameter: &'static str,
        /// What it was.
        value: f64,
    },
}

impl Comparison {
    /// The two-sided p-value; 0 where it is below 5e-324, see [`Comparison::log_p`].
    pub fn p(&self) -> f64 {
        self.log_p.exp()
    }
}

impl Estimate {
    /// Value ± `critical` standard errors.
    pub(crate) fn symmetric(value: f64, standard_error: f64, critical: f64) -> Self {
        // Not critical * 0 where it is infinite.
        let half = if standard_error == 0.0 { 0.0 } else { critical * standard_error };
        Self { value, standard_error, low: value - half, high: value + half }
    }
}

/// A difference in standard errors: 0 if there is neither difference nor error, and never infinite.
pub(crate) fn in_standard_errors(difference: f64, standard_error: f64) -> f64 {
    if standard_error == 0.0 { 0.0 } else { (difference / standard_error).clamp(f64::MIN, f64::MAX) }
}

/// An estimate as itself, a reason as itself: `{"value": …}` or `{"reason": …}`.
fn value_or_reason<S: Serializer>(
    relative: &Result<Estimate, Unavailable>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match relative {
        Ok(estimate) => estimate.serialize(serializer),
        Err(reason) => reason.serialize(serializer),
    }
}
