//! Fisher's exact test.

use crate::{
    Proportion,
    binomial::{Binomial, TIE, first},
    special::{log_add, log_complement},
};

/// The logarithm of the two-sided p-value of Fisher's exact test: the chance, given all margins of the two-by-two
/// table, of the tables that are no likelier than the one seen.
///
/// Conservative: with few successes the true rate of false alarms is well below alpha. The tails are summed
/// outwards from the table in ratios of neighbours, so the cost is the width of a tail, not the number of units.
pub fn fisher_exact(control: Proportion, treatment: Proportion) -> f64 {
    let tables = Tables::new(control, treatment);
    let seen = treatment.successes;
    let log_seen = tables.log_pmf(seen);
    let mode = tables.mode();
    let unlikely = |count: u64| tables.log_pmf(count) <= log_seen + TIE;
    let p = if unlikely(mode) {
        0.0
    } else if seen < mode {
        log_add(tables.log_lower(seen), tables.log_upper(first(mode, tables.most + 1, unlikely)))
    } else {
        let distance = first(0, mode - tables.least + 1, |distance| unlikely(mode - distance));
        let lower = if distance > mode - tables.least {
            f64::NEG_INFINITY
        } else {
            tables.log_lower(mode - distance)
        };
        log_add(tables.log_upper(seen), lower)
    };
    p.min(0.0)
}

/// One-sided tails of Fisher's test, as natural logarithms.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FisherTails {
    /// The chance of as many successes in treatment, or more.
    pub log_greater: f64,
    /// The chance of as many, or fewer.
    pub log_less: f64,
    /// The chance of more, and half that of as many: the mid-p-value of "greater".
    pub log_mid_greater: f64,
}

/// The one-sided p-values of Fisher's exact test.
pub fn fisher_tails(control: Proportion, treatment: Proportion) -> FisherTails {
    let tables = Tables::new(control, treatment);
    let seen = treatment.successes;
    let (greater, less) = (tables.log_at_least(seen), tables.log_at_most(seen));
    let more = if seen == tables.most { f64::NEG_INFINITY } else { tables.log_at_least(seen + 1) };
    let log_mid_greater = log_add(more, tables.log_pmf(seen) - std::f64::consts::LN_2);
    FisherTails { log_greater: greater.min(0.0), log_less: less.min(0.0), log_mid_greater }
}

/// All tables with the same margins, each known by the treatment's successes: the hypergeometric distribution.
struct Tables {
    /// Units in treatment, in control.
    treatment: u64,
    control: u64,
    /// Successes in both.
    successes: u64,
    /// The fewest and the most successes that treatment can have.
    least: u64,
    most: u64,
}

impl Tables {
    fn new(control: Proportion, treatment: Proportion) -> Self {
        let successes = control.successes + treatment.successes;
        let (treatment, control) = (treatment.units(), control.units());
        Self {
            treatment,
            control,
            successes,
            least: successes.saturating_sub(control),
            most: successes.min(treatment),
        }
    }

    fn mode(&self) -> u64 {
        let product = u128::from(self.successes + 1) * u128::from(self.treatment + 1);
        let mode = product / (u128::from(self.treatment) + u128::from(self.control) + 2);
        // The quotient is at most successes + 1.
        u64::try_from(mode).unwrap_or(u64::MAX).clamp(self.least, self.most)
    }

    /// As three binomials, whose common chance of success cancels (Loader, 2000). Exact at a billion units.
    fn log_pmf(&self, count: u64) -> f64 {
        if count < self.least || count > self.most {
            return f64::NEG_INFINITY;
        }
        let n = self.treatment + self.control;
        if self.successes == 0 || self.successes == n {
            return 0.0;
        }
        let p = self.successes as f64 / n as f64;
        let part = |n, k| Binomial { n, p }.log_pmf(k);
        part(self.treatment, count) + part(self.control, self.successes - count) - part(n, self.successes)
    }

    /// The chance of `count` or fewer, for counts below the mode.
    fn log_lower(&self, count: u64) -> f64 {
        self.log_pmf(count) + log_sum((self.least..count).rev().map(|k| self.ratio(k as f64).recip()))
    }

    /// The chance of `count` or more, for counts above the mode.
    fn log_upper(&self, count: u64) -> f64 {
        if count > self.most {
            return f64::NEG_INFINITY;
        }
        self.log_pmf(count) + log_sum((count..self.most).map(|k| self.ratio(k as f64)))
    }

    /// The chance of `count` or more, summed on the side of the mode that is shorter.
    fn log_at_least(&self, count: u64) -> f64 {
        if count <= self.least {
            0.0
        } else if count > self.mode() {
            self.log_upper(count)
        } else {
            log_complement(self.log_lower(count - 1).min(0.0))
        }
    }

    /// The chance of `count` or fewer, likewise.
    fn log_at_most(&self, count: u64) -> f64 {
        if count >= self.most {
            0.0
        } else if count < self.mode() {
            self.log_lower(count)
        } else {
            log_complement(self.log_upper(count + 1).min(0.0))
        }
    }

    /// The chance of k + 1 over that of k.
    fn ratio(&self, k: f64) -> f64 {
        let (treatment, control, successes) =
            (self.treatment as f64, self.control as f64, self.successes as f64);
        (treatment - k) * (successes - k) / ((k + 1.0) * (control - successes + k + 1.0))
    }
}

/// ln of 1 + r1 + r1 r2 + ..., for ratios that fall; it stops when the rest no longer counts.
fn log_sum(ratios: impl Iterator<Item = f64>) -> f64 {
    let (mut sum, mut term) = (1.0, 1.0);
    for ratio in ratios {
        term *= ratio;
        sum += term;
        if term < sum * 1e-18 {
            break;
        }
    }
    f64::ln(sum)
}
