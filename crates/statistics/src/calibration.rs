//! Do things happen as often as the model says?

use serde::{Deserialize, Serialize};

use crate::{
    Unavailable,
    special::{chi_squared, normal},
};

/// The sums that calibration is judged by, over bins of equal width; mergeable.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// By bin.
    bins: Vec<Bin>,
    /// Sum of (y - p)(1 - 2p).
    lean: f64,
    /// Sum of (1 - 2p)^2 p (1 - p).
    lean_variance: f64,
    /// Sum of p (1 - p).
    variance: f64,
    /// Sum of (y - p)^2.
    squares: f64,
}

/// The events of a bin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Bin {
    /// How many there are.
    pub n: u64,
    /// How many of them happened.
    pub happened: u64,
    /// The sum of their probabilities.
    pub expected: f64,
}

/// What calibration comes to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CalibrationReport {
    /// How many events there are.
    pub n: u64,
    /// The mean squared difference of probability and outcome.
    pub brier: f64,
    /// Spiegelhalter's z (Statistics in Medicine 5, 1986): is the Brier score what calibrated probabilities would
    /// have?
    pub spiegelhalter: f64,
    /// Its two-sided p-value's natural logarithm.
    pub log_p_spiegelhalter: f64,
    /// Calibration in the large: events that happened less those expected, in standard errors.
    pub in_the_large: f64,
    /// The expected calibration error: the mean distance of share and probability over bins, weighted by events.
    pub expected_error: f64,
    /// Hosmer and Lemeshow's statistic over bins with events.
    pub hosmer_lemeshow: f64,
    /// The natural logarithm of its p-value, with bins less two degrees of freedom.
    pub log_p_hosmer_lemeshow: f64,
    /// The same with as many degrees as bins: for a model that was fitted on other data.
    pub log_p_external: f64,
    /// Bins with events.
    pub filled: u32,
}

impl Calibration {
    /// With as many bins of equal width, of which there is at least one.
    pub fn new(bins: usize) -> Self {
        let bins = vec![Bin::default(); bins.max(1)];
        Self { bins, lean: 0.0, lean_variance: 0.0, variance: 0.0, squares: 0.0 }
    }

    /// Adds an event: the probability that the model gave, and whether it happened.
    pub fn push(&mut self, p: f64, happened: bool) {
        let rest = if happened { 1.0 - p } else { -p };
        self.lean += rest * (1.0 - 2.0 * p);
        self.lean_variance += (1.0 - 2.0 * p).powi(2) * p * (1.0 - p);
        self.variance += p * (1.0 - p);
        self.squares += rest * rest;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of the bins")]
        let index = ((p * self.bins.len() as f64) as usize).min(self.bins.len() - 1);
        let bin = &mut self.bins[index];
        bin.n += 1;
        bin.happened += u64::from(happened);
        bin.expected += p;
    }

    /// Adds all events of another summary, which must have as many bins; if it has not, nothing happens.
    pub fn merge(&mut self, other: &Self) {
        if self.bins.len() != other.bins.len() {
            return;
        }
        self.lean += other.lean;
        self.lean_variance += other.lean_variance;
        self.variance += other.variance;
        self.squares += other.squares;
        for (bin, other) in self.bins.iter_mut().zip(&other.bins) {
            bin.n += other.n;
            bin.happened += other.happened;
            bin.expected += other.expected;
        }
    }

    /// The bins, for a reliability diagram.
    pub fn bins(&self) -> &[Bin] {
        &self.bins
    }

    /// The tests. Where nothing was uncertain (all probabilities 0 or 1), statistics are 0 if nothing was wrong, and
    /// infinite otherwise.
    ///
    /// # Errors
    /// [`Unavailable::TooFewUnits`] without events.
    pub fn report(&self) -> Result<CalibrationReport, Unavailable> {
        let n: u64 = self.bins.iter().map(|bin| bin.n).sum();
        if n == 0 {
            return Err(Unavailable::TooFewUnits { units: 0, needed: 1 });
        }
        let over = |sum: f64, variance: f64| if sum == 0.0 { 0.0 } else { sum / variance.sqrt() };
        let filled: Vec<&Bin> = self.bins.iter().filter(|bin| bin.n > 0).collect();
        let rest = filled.iter().map(|bin| bin.happened as f64 - bin.expected);
        let hosmer_lemeshow: f64 = filled.iter().map(|bin| bin.hosmer_lemeshow()).sum();
        let spiegelhalter = over(self.lean, self.lean_variance);
        let degrees = filled.len() as f64;
        let log_p = |df: f64| if df >= 1.0 { chi_squared::log_sf(hosmer_lemeshow, df) } else { 0.0 };
        Ok(CalibrationReport {
            n,
            brier: self.squares / n as f64,
            spiegelhalter,
            log_p_spiegelhalter: normal::log_two_sided(spiegelhalter.abs()),
            in_the_large: over(rest.clone().sum(), self.variance),
            expected_error: rest.map(f64::abs).sum::<f64>() / n as f64,
            hosmer_lemeshow,
            log_p_hosmer_lemeshow: log_p(degrees - 2.0),
            log_p_external: log_p(degrees),
            filled: u32::try_from(filled.len()).unwrap_or(u32::MAX),
        })
    }
}

impl Bin {
    fn hosmer_lemeshow(&self) -> f64 {
        let rest = self.happened as f64 - self.expected;
        let variance = self.expected * (1.0 - self.expected / self.n as f64);
        if rest == 0.0 { 0.0 } else { rest * (rest / variance) }
    }
}
