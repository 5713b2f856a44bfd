//! Two histograms over the same bins.

use crate::{Unavailable, special::chi_squared};

/// The smallest share that a bin counts with in the stability index.
const FLOOR: f64 = 1e-4;

/// How far two histograms are apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HistogramDrift {
    /// The population stability index, sum of (q - p) ln(q / p), shares floored at 1e-4. Below 0.1 is usually called
    /// stable.
    pub psi: f64,
    /// The natural logarithm of its p-value: the index times nm / (n + m) is chi-squared (Yurdakul and Naranjo,
    /// Journal of Risk Model Validation 14, 2020).
    pub log_p_psi: f64,
    /// The Jensen-Shannon divergence, in nats: 0 to ln 2.
    pub jensen_shannon: f64,
    /// Hellinger's distance, 0..1.
    pub hellinger: f64,
    /// The total variation distance: the share that would have to change bins.
    pub total_variation: f64,
    /// The chi-squared statistic that both come from one distribution, neither being taken as exact.
    pub chi_squared: f64,
    /// Bins that are not empty in both, less one.
    pub df: u32,
    /// The natural logarithm of its p-value.
    pub log_p: f64,
}

/// Compares `current` with `reference` over fixed bins, whose edges come from the reference.
///
/// # Errors
/// [`Unavailable::Parameter`] for histograms of different lengths or of fewer than two bins,
/// [`Unavailable::TooFewUnits`] if one is empty.
pub fn histogram_drift(reference: &[u64], current: &[u64]) -> Result<HistogramDrift, Unavailable> {
    if reference.len() != current.len() || reference.len() < 2 {
        let parameter = "number of bins, both histograms must have the same, and two at least";
        return Err(Unavailable::Parameter { parameter, value: current.len() as f64 });
    }
    let total = |counts: &[u64]| counts.iter().map(|&count| count as f64).sum::<f64>();
    let (n, m) = (total(reference), total(current));
    if n == 0.0 || m == 0.0 {
        return Err(Unavailable::TooFewUnits { units: 0, needed: 1 });
    }
    let mut sums = HistogramDrift::default();
    let mut filled = 0_u32;
    for (&r, &c) in reference.iter().zip(current) {
        sums.add_floored(r as f64 / n, c as f64 / m);
        if r + c > 0 {
            filled += 1;
            sums.add_bin(r as f64, c as f64, n, m);
        }
    }
    let df = filled.saturating_sub(1);
    let log_p = |statistic: f64| if df == 0 { 0.0 } else { chi_squared::log_sf(statistic, f64::from(df)) };
    Ok(HistogramDrift {
        hellinger: sums.hellinger.sqrt(),
        log_p_psi: log_p(sums.psi * (n / (n + m) * m)),
        df,
        log_p: log_p(sums.chi_squared),
        ..sums
    })
}

impl Default for HistogramDrift {
    fn default() -> Self {
        Self {
            psi: 0.0,
            log_p_psi: 0.0,
            jensen_shannon: 0.0,
            hellinger: 0.0,
            total_variation: 0.0,
            chi_squared: 0.0,
            df: 0,
            log_p: 0.0,
        }
    }
}

impl HistogramDrift {
    fn add_floored(&mut self, p: f64, q: f64) {
        let (p, q) = (p.max(FLOOR), q.max(FLOOR));
        self.psi += (q - p) * ((q - p) / p).ln_1p();
    }

    /// Adds a bin's counts, of `n` and `m`; the distances stay exact where the shares hardly differ.
    fn add_bin(&mut self, r: f64, c: f64, n: f64, m: f64) {
        let (p, q) = (r / n, c / m);
        let (difference, middle) = (q - p, f64::midpoint(p, q));
        self.jensen_shannon += middle * entropy_gain(difference / (p + q));
        let root = difference / (p.sqrt() + q.sqrt());
        self.hellinger += root * root / 2.0;
        self.total_variation += difference.abs() / 2.0;
        let expected = (r + c) / (n + m);
        self.chi_squared += difference * (difference / expected) * (n / (n + m) * m);
    }
}

/// [(1 + d) ln(1 + d) + (1 - d) ln(1 - d)] / 2, by its series where that would cancel.
fn entropy_gain(d: f64) -> f64 {
    if d.abs() < 0.1 {
        let square = d * d;
        // d^2k / (2k (2k - 1))
        return (1..=8)
            .rev()
            .map(f64::from)
            .fold(0.0, |sum, k| sum * square + 1.0 / (2.0 * k * (2.0 * k - 1.0)))
            * square;
    }
    let part = |x: f64| if x == 0.0 { 0.0 } else { x * x.ln() };
    f64::midpoint(part(1.0 + d), part(1.0 - d))
}
