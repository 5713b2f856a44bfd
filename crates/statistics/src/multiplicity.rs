//! Several comparisons at once.

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

fn ascending(log_p: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..log_p.len()).collect();
    order.sort_by(|&a, &b| log_p[a].total_cmp(&log_p[b]));
    order
}
