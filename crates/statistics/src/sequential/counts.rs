//! Exact tests of counts at any time.

use crate::{
    Alpha, Unavailable,
    numeric::bisect,
    special::{gamma::stirling_error, normal::LN_SQRT_2PI},
};

/// The natural logarithm of the e-value of `counts` against the shares `expected`, by a Dirichlet mixture of total
/// weight `concentration` around those shares (Lindon and Malek, "Anytime-valid inference for multinomial count
/// data", NeurIPS 2022).
///
/// Exact at every moment, whatever the counts; order does not matter. With a split of units it is the sequential
/// check of the sample ratio; with conversions (one a unit) or errors by arm it compares their rates, which may
/// change over time, as long as the split does not. A concentration of 100 finds differences of some 20 %; to find a
/// ratio r take some 1 / (share share' ln^2 r).
///
/// # Errors
/// [`Unavailable::Parameter`] for lists of different lengths, fewer than two shares, a share that is not positive and
/// finite, or a concentration that is not.
pub fn multinomial(counts: &[u64], expected: &[f64], concentration: f64) -> Result<f64, Unavailable> {
    let shares = shares(counts, expected)?;
    if !(concentration > 0.0 && concentration.is_finite()) {
        let parameter = "concentration, it must be positive";
        return Err(Unavailable::Parameter { parameter, value: concentration });
    }
    let counts: Vec<f64> = counts.iter().map(|&count| count as f64).collect();
    Ok(log_mixture_of_counts(&counts, &shares, concentration))
}

fn shares(counts: &[u64], expected: &[f64]) -> Result<Vec<f64>, Unavailable> {
    if counts.len() != expected.len() || counts.len() < 2 {
        let parameter = "number of shares, there must be one for each count, and two at least";
        return Err(Unavailable::Parameter { parameter, value: expected.len() as f64 });
    }
    if let Some(&value) = expected.iter().find(|share| !(**share > 0.0 && share.is_finite())) {
        return Err(Unavailable::Parameter { parameter: "share, it must be positive", value });
    }
    let total: f64 = expected.iter().sum();
    Ok(expected.iter().map(|share| share / total).collect())
}

/// ln of the ratio of Dirichlet-multinomial and multinomial chances, in the form that keeps its digits at billions of
/// counts: what is large in the gamma functions cancels between them and is never formed.
pub(super) fn log_mixture_of_counts(counts: &[f64], shares: &[f64], k: f64) -> f64 {
    let n: f64 = counts.iter().sum();
    let total = k + n;
    let mut sum = excess(total) - excess(k);
    for (&count, &share) in counts.iter().zip(shares) {
        let before = k * share;
        let after = before + count;
        // after - total share = count - n share
        let surplus = (count - n * share) / (total * share);
        sum += after * surplus.ln_1p() + excess(before) - excess(after);
    }
    sum
}

/// -[ln Gamma(z) - (z ln z - z)], with half a logarithm left over.
fn excess(z: f64) -> f64 {
    0.5 * z.ln() - stirling_error(z) - LN_SQRT_2PI
}

/// The interval of the ratio of two rates at any time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RatioSequence {
    /// The natural logarithm of the e-value of equal rates.
    pub log_e: f64,
    /// The lower end of the interval of ln(treatment / control).
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// Compares the rates of two streams of conversions or errors, control first, that get the shares `split` of the
/// units; only the counts of what happened are needed. As [`multinomial`], with the always-valid interval of the
/// logarithm of the ratio.
///
/// # Errors
/// As those of [`multinomial`].
pub fn conversions(
    counts: [u64; 2],
    split: [f64; 2],
    concentration: f64,
    alpha: Alpha,
) -> Result<RatioSequence, Unavailable> {
    let log_e_equal = multinomial(&counts, &split, concentration)?;
    let shares = shares(&counts, &split)?;
    let [x, y] = counts.map(|count| count as f64);
    // The same mixture against other shares: only the chances of what was seen change.
    let at = |log_ratio: f64| {
        let log_total = (shares[0] + shares[1] * log_ratio.exp()).ln();
        log_e_equal + (x + y) * log_total - y * log_ratio
    };
    let limit = -alpha.get().ln();
    let centre = ((y + 0.5) / (x + 0.5)).ln() - (shares[1] / shares[0]).ln();
    let end = |far: f64| {
        let is_inside = |distance: f64| at(centre + far * distance) < limit;
        if !is_inside(0.0) {
            centre
        } else if is_inside(600.0) {
            far * f64::INFINITY
        } else {
            centre + far * bisect(0.0, 600.0, is_inside)
        }
    };
    Ok(RatioSequence { log_e: log_e_equal, low: end(-1.0), high: end(1.0) })
}

/// The natural logarithm of the e-value of discordant pairs against a fair coin, by a Beta(`shape`, `shape`) mixture:
/// McNemar's test at any time.
///
/// # Errors
/// [`Unavailable::Parameter`] for a shape that is not positive.
pub fn mcnemar(first: u64, second: u64, shape: f64) -> Result<f64, Unavailable> {
    multinomial(&[first, second], &[0.5, 0.5], 2.0 * shape)
}
