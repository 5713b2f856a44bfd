//! A sketch of a distribution: quantiles of a stream in bounded memory.

use serde::{Deserialize, Serialize};
use sketches_ddsketch::{Config, DDSketch};

use crate::{Alpha, QuantileEstimate, Unavailable, order_statistics};

/// A mergeable sketch whose quantiles are within one percent of a number of the right rank (Masson, Rim and Lee,
/// "DDSketch", VLDB 12, 2019).
///
/// It counts numbers in bins whose edges are fixed, so that merging in any order gives the same sketch, and a replay
/// the same report; sketches that bound the error of ranks instead draw random numbers. Some 16 KiB at most for each
/// sign: numbers from 1e-9 to 1e8 fit; beyond that span the smallest ones share a bin.
#[derive(Clone, Serialize, Deserialize)]
pub struct QuantileSketch(DDSketch);

/// The relative error of a quantile.
const ERROR: f64 = 0.01;
/// The most bins for each sign.
const BINS: u32 = 2_048;
/// Numbers nearer to 0 count as 0.
const LEAST: f64 = 1e-9;

impl Default for QuantileSketch {
    fn default() -> Self {
        Self(DDSketch::new(Config::new(ERROR, BINS, LEAST)))
    }
}

impl std::fmt::Debug for QuantileSketch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("QuantileSketch").field("n", &self.n()).field("max", &self.0.max()).finish()
    }
}

impl QuantileSketch {
    /// Adds a number.
    ///
    /// # Errors
    /// [`Unavailable::NotFinite`] for one that is not finite; nothing changes then.
    pub fn push(&mut self, number: f64) -> Result<(), Unavailable> {
        if !number.is_finite() {
            return Err(Unavailable::NotFinite);
        }
        self.0.add(number);
        Ok(())
    }

    /// Adds all numbers of another sketch.
    pub fn merge(&mut self, other: &Self) {
        // All have the same bins; nothing else can fail.
        let merged = self.0.merge(&other.0);
        debug_assert!(merged.is_ok(), "sketches of one kind");
    }

    /// How many numbers there are.
    pub fn n(&self) -> u64 {
        self.0.count() as u64
    }

    /// The quantile `q`, 0..=1, within one percent; nothing without numbers, or for another `q`.
    pub fn quantile(&self, q: f64) -> Option<f64> {
        self.0.quantile(q).ok().flatten()
    }

    /// The quantile with the interval that its ranks give, widened by what the sketch may be off: what
    /// [`quantile_difference`](crate::quantile_difference) compares. The design effect is that of independent
    /// numbers, 1.
    ///
    /// # Errors
    /// [`Unavailable::TooFewUnits`] where there are too few numbers for the interval to have both ends,
    /// [`Unavailable::Parameter`] for `q` outside 0..1.
    pub fn estimate(&self, q: f64, alpha: Alpha) -> Result<QuantileEstimate, Unavailable> {
        let n = self.n();
        let ranks = order_statistics(n, q, alpha)?;
        let few = Unavailable::TooFewUnits { units: n, needed: n + 1 };
        if ranks.rank_low == 0 || ranks.rank_high > n {
            return Err(few);
        }
        let at = |rank: u64| self.quantile((rank - 1) as f64 / (n - 1) as f64);
        let (Some(value), Some(low), Some(high)) =
            (self.quantile(q), at(ranks.rank_low), at(ranks.rank_high))
        else {
            return Err(few);
        };
        let (low, high) = (low - ERROR * low.abs(), high + ERROR * high.abs());
        Ok(QuantileEstimate { value, low: low.min(value), high: high.max(value), n, design_effect: 1.0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sketch(numbers: impl Iterator<Item = f64>) -> QuantileSketch {
        let mut sketch = QuantileSketch::default();
        numbers.for_each(|number| sketch.push(number).unwrap());
        sketch
    }

    /// Latencies from 1 to 10,000, as spread as latencies are.
    fn latency(index: u32) -> f64 {
        (f64::from(index * 7_919 % 10_007) / 10_007.0 * 10_000_f64.ln()).exp()
    }

    #[test]
    fn quantiles_are_within_a_percent_however_they_were_merged() {
        let whole = sketch((0..10_007).map(latency));
        let mut parts = sketch((0..10_007).filter(|index| index % 3 == 0).map(latency));
        parts.merge(&sketch((0..10_007).filter(|index| index % 3 != 0).map(latency)));
        for q in [0.01, 0.5, 0.9, 0.99, 0.999] {
            let truth = (q * 10_000_f64.ln()).exp();
            let got = whole.quantile(q).unwrap();
            assert!((got / truth - 1.0).abs() < 0.011, "{q}: {got} {truth}");
            assert_eq!(parts.quantile(q).map(f64::to_bits), Some(got.to_bits()));
        }
        assert_eq!((whole.n(), parts.n()), (10_007, 10_007));
    }

    #[test]
    fn an_interval_holds_its_quantile_and_needs_enough_numbers() {
        let many = sketch((0..10_007).map(latency)).estimate(0.9, Alpha::USUAL).unwrap();
        let truth = (0.9 * 10_000_f64.ln()).exp();
        assert!(many.low < truth && truth < many.high, "{many:?}");
        let few = sketch((0..20).map(latency)).estimate(0.99, Alpha::USUAL);
        assert_eq!(few, Err(Unavailable::TooFewUnits { units: 20, needed: 21 }));
        assert_eq!(QuantileSketch::default().quantile(0.5), None);
        assert_eq!(QuantileSketch::default().push(f64::NAN), Err(Unavailable::NotFinite));
    }
}
