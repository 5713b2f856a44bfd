//! The largest distance between two distribution functions.

use crate::{Unavailable, special::kolmogorov};

/// The most pairs for which the exact p-value is computed.
const PAIRS_MAX: u64 = 25_000_000;

/// The two-sample Kolmogorov-Smirnov test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KolmogorovSmirnov {
    /// The largest distance between the two empirical distribution functions.
    pub d: f64,
    /// The exact p-value of numbers without ties (with them, never too small); nothing for more than 25 million
    /// pairs.
    pub p_exact: Option<f64>,
    /// The p-value of many numbers.
    pub p_limit: f64,
}

/// Do two samples come from one distribution (Smirnov, 1939)?
///
/// The exact p-value counts the paths through the lattice of both samples that go as far from the diagonal, as
/// chances, so that small ones have digits (as in Hodges, Arkiv för Matematik 3, 1958).
///
/// # Errors
/// [`Unavailable::TooFewUnits`] if a sample is empty, [`Unavailable::NotFinite`] for NaN.
pub fn kolmogorov_smirnov(a: &[f64], b: &[f64]) -> Result<KolmogorovSmirnov, Unavailable> {
    if a.is_empty() || b.is_empty() {
        return Err(Unavailable::TooFewUnits { units: 0, needed: 1 });
    }
    if a.iter().chain(b).any(|number| number.is_nan()) {
        return Err(Unavailable::NotFinite);
    }
    let (m, n) = (a.len() as u64, b.len() as u64);
    let far = farthest(&sorted(a), &sorted(b));
    let d = far as f64 / m as f64 / n as f64;
    let size = m as f64 / (m + n) as f64 * n as f64;
    let is_few = m.checked_mul(n).is_some_and(|pairs| pairs <= PAIRS_MAX);
    Ok(KolmogorovSmirnov {
        d,
        p_exact: is_few.then(|| chance_outside(m, n, far)),
        p_limit: kolmogorov::limit_sf(d * size.sqrt()),
    })
}

/// As [`kolmogorov_smirnov`], of numbers in bins: what a stream keeps. The distance is that at the bins' edges, so it
/// is too small rather than too large, and there is no exact p-value.
///
/// # Errors
/// [`Unavailable::TooFewUnits`] if a histogram is empty, [`Unavailable::Parameter`] for histograms of different
/// lengths.
pub fn kolmogorov_smirnov_binned(a: &[u64], b: &[u64]) -> Result<KolmogorovSmirnov, Unavailable> {
    if a.len() != b.len() {
        let parameter = "number of bins, both histograms must have the same";
        return Err(Unavailable::Parameter { parameter, value: b.len() as f64 });
    }
    let total = |counts: &[u64]| counts.iter().map(|&count| count as f64).sum::<f64>();
    let (m, n) = (total(a), total(b));
    if m == 0.0 || n == 0.0 {
        return Err(Unavailable::TooFewUnits { units: 0, needed: 1 });
    }
    let (mut up_to_a, mut up_to_b, mut d) = (0.0, 0.0, 0.0);
    for (&in_a, &in_b) in a.iter().zip(b) {
        up_to_a += in_a as f64;
        up_to_b += in_b as f64;
        d = f64::max(d, f64::abs(up_to_a / m - up_to_b / n));
    }
    let size = m / (m + n) * n;
    Ok(KolmogorovSmirnov { d, p_exact: None, p_limit: kolmogorov::limit_sf(d * size.sqrt()) })
}

fn sorted(numbers: &[f64]) -> Vec<f64> {
    let mut sorted: Vec<f64> = numbers.iter().map(|number| number + 0.0).collect();
    sorted.sort_by(f64::total_cmp);
    sorted
}

/// The largest |i n - j m| over the values, i and j being how many of each sample are at or below one.
fn farthest(a: &[f64], b: &[f64]) -> u128 {
    let (m, n) = (a.len() as u128, b.len() as u128);
    let (mut i, mut j, mut far) = (0, 0, 0);
    while i < a.len() && j < b.len() {
        let value = a[i].min(b[j]);
        while i < a.len() && a[i] <= value {
            i += 1;
        }
        while j < b.len() && b[j] <= value {
            j += 1;
        }
        far = far.max((i as u128 * n).abs_diff(j as u128 * m));
    }
    far
}

/// The chance that a path from one corner to the other is somewhere at least `far` from the diagonal.
fn chance_outside(m: u64, n: u64, far: u128) -> f64 {
    let is_outside =
        |i: u64, j: u64| (u128::from(i) * u128::from(n)).abs_diff(u128::from(j) * u128::from(m)) >= far;
    let mut row = vec![0.0; usize::try_from(n + 1).unwrap_or(usize::MAX)];
    for i in 0..=m {
        let mut left = 0.0;
        for (j, cell) in (0..=n).zip(row.iter_mut()) {
            *cell = if is_outside(i, j) {
                1.0
            } else if i + j == 0 {
                0.0
            } else {
                let (from_above, from_left) = (if i > 0 { *cell } else { 0.0 }, left);
                (i as f64 * from_above + j as f64 * from_left) / (i + j) as f64
            };
            left = *cell;
        }
    }
    row.last().copied().unwrap_or(1.0)
}

/// How far numbers are from being uniform.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UniformTest {
    /// The largest distance between their distribution function and the uniform one.
    pub d: f64,
    /// The p-value: exact up to 4,000 numbers, that of many beyond.
    pub p: f64,
}

/// Are the numbers uniform between 0 and 1? The p-values of A/A experiments must be (Kolmogorov, 1933).
///
/// # Errors
/// [`Unavailable::TooFewUnits`] without numbers, [`Unavailable::Parameter`] for one outside 0..1.
pub fn uniform(numbers: &[f64]) -> Result<UniformTest, Unavailable> {
    if numbers.is_empty() {
        return Err(Unavailable::TooFewUnits { units: 0, needed: 1 });
    }
    if let Some(&value) = numbers.iter().find(|number| !(0.0..=1.0).contains(*number)) {
        return Err(Unavailable::Parameter { parameter: "p-value, it must be between 0 and 1", value });
    }
    let n = numbers.len() as f64;
    let distances = sorted(numbers).into_iter().enumerate();
    let far =
        |(index, number): (usize, f64)| ((index + 1) as f64 / n - number).max(number - index as f64 / n);
    let d = distances.map(far).fold(0.0, f64::max);
    Ok(UniformTest { d, p: kolmogorov::one_sample_sf(d, numbers.len()) })
}
