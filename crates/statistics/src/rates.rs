//! Counts of independent events over exposures.

use serde::{Deserialize, Serialize};

use crate::{Alpha, Comparison, Estimate, Test, Unavailable, binomial::Binomial, special::normal};

/// Events counted over an exposure: hours, requests, units.
///
/// Only for events that come independently (errors, say). Where some units bring many events, compare the units'
/// means instead.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Rate {
    /// How many events there were.
    pub events: u64,
    /// How much there was to count over.
    pub exposure: f64,
}

/// Two rates compared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rates {
    /// The score test, with intervals from the unpooled standard error.
    pub comparison: Comparison,
    /// The difference in unpooled standard errors.
    pub wald: f64,
    /// The natural logarithm of the exact two-sided p-value, given the sum of events.
    pub log_p_exact: f64,
    /// The natural logarithm of the exact p-value that treatment's rate is higher.
    pub log_p_greater: f64,
}

impl Rate {
    /// Adds events and exposure of another summary.
    pub fn merge(&mut self, other: &Self) {
        self.events += other.events;
        self.exposure += other.exposure;
    }

    /// Takes those of another summary out.
    pub fn retract(&mut self, other: &Self) {
        self.events = self.events.saturating_sub(other.events);
        self.exposure -= other.exposure;
    }

    fn estimate(&self, critical: f64) -> Estimate {
        let (events, exposure) = (self.events as f64, self.exposure);
        Estimate::symmetric(events / exposure, events.sqrt() / exposure, critical)
    }
}

/// Compares two rates of independent events: the score test with the pooled rate, and the exact test given the sum of
/// events, in which treatment's share is binomial (Przyborowski and Wilenski, Biometrika 31, 1940).
///
/// Without any event the difference is 0 and the p-values 1.
///
/// # Errors
/// [`Unavailable::Parameter`] for an exposure that is not positive and finite.
pub fn rates(control: Rate, treatment: Rate, alpha: Alpha) -> Result<Rates, Unavailable> {
    for value in [control.exposure, treatment.exposure] {
        if !(value > 0.0 && value.is_finite()) {
            return Err(Unavailable::Parameter { parameter: "exposure, it must be positive", value });
        }
    }
    let critical = normal::isf(alpha.half());
    let (a, b) = (control.estimate(critical), treatment.estimate(critical));
    let (n, total) = (control.events + treatment.events, control.exposure + treatment.exposure);
    let difference = b.value - a.value;
    let pooled = n as f64 / control.exposure / treatment.exposure;
    let unpooled = a.standard_error.hypot(b.standard_error);
    let over = |error: f64| if n == 0 { 0.0 } else { difference / error };
    let statistic = over(pooled.sqrt());
    let split = Binomial { n, p: treatment.exposure / total };
    let (log_p_exact, log_p_greater) = if n == 0 {
        (0.0, 0.0)
    } else {
        (split.log_p(treatment.events), split.log_at_least(treatment.events))
    };
    let comparison = Comparison {
        control: a,
        treatment: b,
        difference: Estimate::symmetric(difference, unpooled, critical),
        relative: Err(Unavailable::ControlNearZero),
        test: Test::Score,
        statistic,
        df: None,
        log_p: normal::log_two_sided(statistic.abs()),
    };
    Ok(Rates { comparison, wald: over(unpooled), log_p_exact, log_p_greater })
}
