//! Outcomes that take their time: what share has happened by when, with windows still open.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Unavailable, special::chi_squared};

/// Events and ends of watching by age, in whole ticks (days, say); mergeable, and kept up to date in O(1) per unit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Survival {
    /// By age: units to which it happened, and units last seen at that age to which it had not.
    ages: BTreeMap<u64, (u64, u64)>,
}

/// The share to which nothing has happened, just after an age.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// The age, in ticks.
    pub age: u64,
    /// Kaplan and Meier's estimate of that share.
    pub share: f64,
    /// Greenwood's standard error; nothing where the share is 0.
    pub standard_error: Option<f64>,
}

/// The log-rank test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LogRank {
    /// Chi-squared with one degree of freedom.
    pub chi_squared: f64,
    /// The natural logarithm of the p-value.
    pub log_p: f64,
}

impl Survival {
    /// Adds a unit: its age when it happened, or its age now if it has not.
    pub fn push(&mut self, age: u64, happened: bool) {
        let (events, open) = self.ages.entry(age).or_default();
        *(if happened { events } else { open }) += 1;
    }

    /// Takes a unit out that was pushed before.
    pub fn retract(&mut self, age: u64, happened: bool) {
        if let Some((events, open)) = self.ages.get_mut(&age) {
            let count = if happened { events } else { open };
            *count = count.saturating_sub(1);
        }
        self.ages.retain(|_, counts| *counts != (0, 0));
    }

    /// Adds all units of another summary.
    pub fn merge(&mut self, other: &Self) {
        for (&age, (events, open)) in &other.ages {
            let own = self.ages.entry(age).or_default();
            own.0 += events;
            own.1 += open;
        }
    }

    /// All units.
    pub fn units(&self) -> u64 {
        self.ages.values().map(|(events, open)| events + open).sum()
    }

    /// The product-limit estimate at each age at which something happened (Kaplan and Meier, JASA 53, 1958;
    /// Greenwood, 1926). Units whose window is still open count for as long as they were seen, so that an immature
    /// outcome is not taken for none.
    pub fn steps(&self) -> Vec<Step> {
        let (mut at_risk, mut share, mut sum) = (self.units(), 1.0, 0.0);
        let mut steps = Vec::new();
        for (&age, &(events, open)) in &self.ages {
            if events > 0 {
                let (d, n) = (events as f64, at_risk as f64);
                let left = n - d;
                share *= left / n;
                sum += d / n / left;
                let standard_error = (left > 0.0).then(|| share * f64::sqrt(sum));
                steps.push(Step { age, share, standard_error });
            }
            at_risk -= events + open;
        }
        steps
    }
}

/// Does it happen as fast in both arms (Mantel, Cancer Chemotherapy Reports 50, 1966)? Without any event the p-value
/// is 1.
///
/// # Errors
/// [`Unavailable::TooFewUnits`] if an arm has no unit.
pub fn log_rank(control: &Survival, treatment: &Survival) -> Result<LogRank, Unavailable> {
    let (mut a, mut b) = (control.units(), treatment.units());
    if a == 0 || b == 0 {
        return Err(Unavailable::TooFewUnits { units: 0, needed: 1 });
    }
    let mut all = control.clone();
    all.merge(treatment);
    let (mut distance, mut variance) = (0.0, 0.0);
    for (age, (events, _)) in all.ages {
        let own = |arm: &Survival| arm.ages.get(&age).copied().unwrap_or_default();
        let ((events_a, open_a), (events_b, open_b)) = (own(control), own(treatment));
        let (d, n_a, n_b) = (events as f64, a as f64, b as f64);
        let n = n_a + n_b;
        distance += events_b as f64 - d * n_b / n;
        if n > 1.0 {
            variance += d * (n_a / n) * (n_b / n) * ((n - d) / (n - 1.0));
        }
        a -= events_a + open_a;
        b -= events_b + open_b;
    }
    let chi_squared = if variance > 0.0 { distance * (distance / variance) } else { 0.0 };
    Ok(LogRank { chi_squared, log_p: chi_squared::log_sf(chi_squared, 1.0) })
}
