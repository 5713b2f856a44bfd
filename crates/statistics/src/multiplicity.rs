//! Several comparisons at once.

use crate::special::log_complement;

/// Holm's adjustment (Scandinavian Journal of Statistics 6, 1979): compare the result with alpha, and the chance of
/// any false alarm stays below it, whatever the dependence.
///
/// Takes and returns natural logarithms of p-values, in the order given. For the few metrics that decide.
pub fn holm(log_p: &[f64]) -> Vec<f64> {
    let mut adjusted = vec![0.0; log_p.len()];
    let mut largest = f64::NEG_INFINITY;
    for (rank, index) in ascending(log_p).into_iter().enumerate() {
        let remaining = (log_p.len() - rank) as f64;
        largest = f64::max(largest, log_p[index] + remaining.ln());
        adjusted[index] = largest.min(0.0);
    }
    adjusted
}

/// Benjamini and Hochberg's adjustment (Journal of the Royal Statistical Society B 57, 1995): compare the result with
/// a level, and the expected share of false alarms among the alarms stays below it, for comparisons that are
/// independent or positively dependent.
///
/// Takes and returns natural logarithms of p-values, in the order given. For exploring.
pub fn benjamini_hochberg(log_p: &[f64]) -> Vec<f64> {
    let count = log_p.len() as f64;
    let mut adjusted = vec![0.0; log_p.len()];
    let mut smallest = 0.0;
    for (rank, index) in ascending(log_p).into_iter().enumerate().rev() {
        smallest = f64::min(smallest, log_p[index] + (count / (rank + 1) as f64).ln());
        adjusted[index] = smallest;
    }
    adjusted
}

/// Bonferroni's adjustment: each p-value times their number.
pub fn bonferroni(log_p: &[f64]) -> Vec<f64> {
    let factor = (log_p.len() as f64).ln();
    log_p.iter().map(|log_p| (log_p + factor).min(0.0)).collect()
}

/// Šidák's adjustment: 1 - (1 - p)^m, for independent comparisons.
pub fn sidak(log_p: &[f64]) -> Vec<f64> {
    let count = log_p.len() as f64;
    let adjust = |log_p: f64| {
        // Below this p, m p is the same to all digits, and does not underflow.
        if log_p < -50.0 {
            return (log_p + count.ln()).min(0.0);
        }
        log_complement(count * log_complement(log_p.min(0.0)))
    };
    log_p.iter().map(|&log_p| if log_p >= 0.0 { 0.0 } else { adjust(log_p) }).collect()
}

/// Hochberg's adjustment (Biometrika 75, 1988): Holm's steps from the top, for comparisons that are independent or
/// positively dependent.
pub fn hochberg(log_p: &[f64]) -> Vec<f64> {
    let mut adjusted = vec![0.0; log_p.len()];
    let mut smallest = 0.0;
    for (rank, index) in ascending(log_p).into_iter().enumerate().rev() {
        smallest = f64::min(smallest, log_p[index] + ((log_p.len() - rank) as f64).ln());
        adjusted[index] = smallest;
    }
    adjusted
}

/// Hommel's adjustment (Biometrika 75, 1988): the sharpest of those that need no more than Simes' inequality.
///
/// By Wright's algorithm (Biometrics 48, 1992), in squared time: for some thousands of comparisons at most.
pub fn hommel(log_p: &[f64]) -> Vec<f64> {
    let order = ascending(log_p);
    let sorted: Vec<f64> = order.iter().map(|&index| log_p[index]).collect();
    let n = sorted.len();
    let mut adjusted = sorted.clone();
    for m in (2..=n).rev() {
        // The m - 1 largest against the others.
        let split = n - m + 1;
        let parts = (split..n).map(|index| sorted[index] + (m as f64 / (index - split + 2) as f64).ln());
        let least = parts.fold(f64::INFINITY, f64::min);
        for (index, own) in adjusted.iter_mut().enumerate() {
            let bound = least.min(sorted[index.min(split - 1)] + (m as f64).ln());
            *own = own.max(bound);
        }
    }
    let mut result = vec![0.0; n];
    for (index, value) in order.into_iter().zip(adjusted) {
        result[index] = value.min(0.0);
    }
    result
}

/// Benjamini and Yekutieli's adjustment (Annals of Statistics 29, 2001): as Benjamini and Hochberg's, whatever the
/// dependence.
pub fn benjamini_yekutieli(log_p: &[f64]) -> Vec<f64> {
    let harmonic: f64 = (1..=log_p.len()).map(|rank| 1.0 / rank as f64).sum();
    let widened: Vec<f64> = log_p.iter().map(|log_p| log_p + harmonic.ln()).collect();
    benjamini_hochberg(&widened)
}

fn ascending(log_p: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..log_p.len()).collect();
    order.sort_by(|&a, &b| log_p[a].total_cmp(&log_p[b]));
    order
}
