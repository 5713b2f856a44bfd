//! Proportions of two arms.

use serde::{Deserialize, Serialize};

use crate::{
    Alpha, Comparison, Estimate, Test, Unavailable, fisher_exact,
    relative::{Value, relative},
    special::normal,
};

/// How many units did, and how many did not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proportion {
    /// Units that did.
    pub successes: u64,
    /// Units that did not.
    pub failures: u64,
}

/// Expected counts below this make the normal approximation too rough.
const FEW: f64 = 10.0;

impl Proportion {
    /// Adds a unit.
    pub fn push(&mut self, success: bool) {
        if success {
            self.successes += 1;
        } else {
            self.failures += 1;
        }
    }

    /// Takes a unit out that was pushed before.
    pub fn retract(&mut self, success: bool) {
        if success {
            self.successes = self.successes.saturating_sub(1);
        } else {
            self.failures = self.failures.saturating_sub(1);
        }
    }

    /// Adds all units of another summary.
    pub fn merge(&mut self, other: &Self) {
        self.successes += other.successes;
        self.failures += other.failures;
    }

    /// All units.
    pub fn units(&self) -> u64 {
        self.successes + self.failures
    }

    /// The share of successes; nothing without units.
    pub fn share(&self) -> Option<f64> {
        (self.units() > 0).then(|| self.successes as f64 / self.units() as f64)
    }

    /// The variance of the share, with divisor n.
    fn variance(&self) -> f64 {
        let n = self.units() as f64;
        self.successes as f64 / n * (self.failures as f64 / n) / n
    }

    fn value(&self) -> Value {
        Value {
            value: self.successes as f64 / self.units() as f64,
            variance: self.variance(),
            df: f64::INFINITY,
        }
    }
}

/// A difference in proportions: the score test with the pooled variance, or Fisher's exact test where any of the
/// four expected counts is below 10.
///
/// The arms have Wilson's interval, the difference Newcombe's hybrid of the two (Statistics in Medicine 17, 1998,
/// method 10), which hold with no success at all, where estimate ± standard error collapses. They are not made
/// from the test, so that near alpha the p-value and the interval may disagree.
///
/// # Errors
/// [`Unavailable::TooFewUnits`] if an arm has no unit.
pub fn two_proportions(
    control: Proportion,
    treatment: Proportion,
    alpha: Alpha,
) -> Result<Comparison, Unavailable> {
    let arms = [control, treatment];
    if arms.iter().any(|arm| arm.units() == 0) {
        return Err(Unavailable::TooFewUnits { units: 0, needed: 1 });
    }
    let z = normal::isf(alpha.half());
    let (a, b) = (wilson_at(control, z), wilson_at(treatment, z));
    let (low, high) = newcombe(control, treatment, z);
    let standard_error = (control.variance() + treatment.variance()).sqrt();
    let statistic = score(control, treatment);
    let few = expected(control, treatment).into_iter().any(|count| count < FEW);
    let (test, log_p) = if few {
        (Test::FisherExact, fisher_exact(control, treatment))
    } else {
        (Test::Score, normal::log_two_sided(statistic.abs()))
    };
    let lift = if arms.iter().any(|arm| arm.successes == 0) {
        Err(Unavailable::NoSuccesses)
    } else {
        relative(control.value(), treatment.value(), alpha)
    };
    Ok(Comparison {
        control: a,
        treatment: b,
        difference: Estimate { value: b.value - a.value, standard_error, low, high },
        relative: lift,
        test,
        statistic,
        df: None,
        log_p,
    })
}

/// A proportion with Wilson's interval (JASA 22, 1927), which stays within 0..1 and holds with no success at all.
///
/// # Errors
/// [`Unavailable::TooFewUnits`] without units.
pub fn wilson(proportion: Proportion, alpha: Alpha) -> Result<Estimate, Unavailable> {
    if proportion.units() == 0 {
        return Err(Unavailable::TooFewUnits { units: 0, needed: 1 });
    }
    Ok(wilson_at(proportion, normal::isf(alpha.half())))
}

/// Wilson's interval at the normal quantile `z`, for at least one unit: the roots of (p - x)^2 = z^2 x (1 - x) / n,
/// both in the form that does not cancel.
fn wilson_at(proportion: Proportion, z: f64) -> Estimate {
    let (successes, failures, n) =
        (proportion.successes as f64, proportion.failures as f64, proportion.units() as f64);
    let z2 = z * z;
    let centre = successes + z2 / 2.0;
    let root = z * (z2 / 4.0 + successes * (failures / n)).sqrt();
    Estimate {
        value: successes / n,
        standard_error: proportion.variance().sqrt(),
        // By itself, because at z = 0 it would be zero over zero.
        low: if proportion.successes == 0 { 0.0 } else { successes * (successes / n) / (centre + root) },
        high: ((centre + root) / (n + z2)).min(1.0),
    }
}

/// Newcombe's interval for treatment minus control, at the normal quantile `z`.
pub(crate) fn newcombe(control: Proportion, treatment: Proportion, z: f64) -> (f64, f64) {
    let (a, b) = (wilson_at(control, z), wilson_at(treatment, z));
    let difference = b.value - a.value;
    let low = difference - (b.value - b.low).hypot(a.high - a.value);
    let high = difference + (b.high - b.value).hypot(a.value - a.low);
    (low, high)
}

/// The difference in standard errors under no difference; 0 if all units are alike.
fn score(control: Proportion, treatment: Proportion) -> f64 {
    let mut pooled = control;
    pooled.merge(&treatment);
    let (n_a, n_b, n) = (control.units() as f64, treatment.units() as f64, pooled.units() as f64);
    let variance = pooled.successes as f64 / n * (pooled.failures as f64 / n) * (n / n_a / n_b);
    let difference = treatment.successes as f64 / n_b - control.successes as f64 / n_a;
    if variance == 0.0 { 0.0 } else { difference / variance.sqrt() }
}

/// The four counts expected under no difference.
fn expected(control: Proportion, treatment: Proportion) -> [f64; 4] {
    let n = (control.units() + treatment.units()) as f64;
    let successes = (control.successes + treatment.successes) as f64 / n;
    let failures = (control.failures + treatment.failures) as f64 / n;
    let (n_a, n_b) = (control.units() as f64, treatment.units() as f64);
    [n_a * successes, n_a * failures, n_b * successes, n_b * failures]
}
