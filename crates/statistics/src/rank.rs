//! Tests on ranks: is one arm's number larger more often than not?

use crate::{
    Unavailable,
    special::{normal, student_t, two_sided},
};

/// The Mann-Whitney test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MannWhitney {
    /// Pairs in which treatment's number is larger, ties by half.
    pub u: f64,
    /// The share of such pairs: the chance that a unit of treatment has the larger number.
    pub auc: f64,
    /// U less its mean without a difference, in standard errors corrected for ties.
    pub statistic: f64,
    /// The natural logarithm of the two-sided p-value.
    pub log_p: f64,
    /// The same with the continuity correction.
    pub log_p_corrected: f64,
}

/// The Brunner-Munzel test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BrunnerMunzel {
    /// The statistic; positive where treatment's numbers are larger.
    pub statistic: f64,
    /// The degrees of freedom of Student's t.
    pub df: f64,
    /// The natural logarithm of the two-sided p-value.
    pub log_p: f64,
}

impl MannWhitney {
    /// From U, the units of control and treatment, and the sum of t^3 - t over groups of t tied numbers.
    fn of(u: f64, (m, n): (f64, f64), ties: f64) -> Self {
        let total = m + n;
        let variance = m * n / 12.0 * (total + 1.0 - ties / (total * (total - 1.0)));
        let (distance, error) = (u - m * n / 2.0, variance.max(0.0).sqrt());
        let in_errors = |distance: f64| if error == 0.0 { 0.0 } else { distance / error };
        let statistic = in_errors(distance);
        Self {
            u,
            auc: u / (m * n),
            statistic,
            log_p: normal::log_two_sided(statistic.abs()),
            log_p_corrected: normal::log_two_sided(in_errors((distance.abs() - 0.5).max(0.0))),
        }
    }
}

/// The Mann-Whitney test (Annals of Mathematical Statistics 18, 1947), normal, with the correction for ties. What it
/// tests is whether the distributions are equal; with unequal spreads take [`brunner_munzel`]. The estimand is the
/// chance that treatment's number is larger, not a difference in means.
///
/// If all numbers are tied, the statistic is 0 and the p-value 1.
///
/// # Errors
/// [`Unavailable::TooFewUnits`] if an arm is empty, [`Unavailable::NotFinite`] for NaN.
pub fn mann_whitney(control: &[f64], treatment: &[f64]) -> Result<MannWhitney, Unavailable> {
    let ranks = Ranks::of(control, treatment)?;
    let (m, n) = (control.len() as f64, treatment.len() as f64);
    let u = ranks.treatment.iter().sum::<f64>() - n * (n + 1.0) / 2.0;
    Ok(MannWhitney::of(u, (m, n), ranks.ties))
}

/// As [`mann_whitney`], of numbers in bins, from the lowest bin to the highest: what a stream keeps. Exact for the
/// binned numbers, ties and all; histograms add up, and a number is taken out by counting down.
///
/// # Errors
/// [`Unavailable::TooFewUnits`] if an arm is empty, [`Unavailable::Parameter`] for histograms of different lengths.
pub fn mann_whitney_binned(control: &[u64], treatment: &[u64]) -> Result<MannWhitney, Unavailable> {
    if control.len() != treatment.len() {
        let parameter = "number of bins, both histograms must have the same";
        return Err(Unavailable::Parameter { parameter, value: treatment.len() as f64 });
    }
    let (mut below, mut above, mut u, mut ties) = (0.0, 0.0, 0.0, 0.0);
    for (&a, &b) in control.iter().zip(treatment) {
        let (a, b) = (a as f64, b as f64);
        u += b * (below + a / 2.0);
        ties += (a + b) * ((a + b) * (a + b) - 1.0);
        below += a;
        above += b;
    }
    if below == 0.0 || above == 0.0 {
        return Err(Unavailable::TooFewUnits { units: 0, needed: 1 });
    }
    Ok(MannWhitney::of(u, (below, above), ties))
}

/// The Brunner-Munzel test (Biometrical Journal 42, 2000) that the chance of the larger number is one half, for
/// unequal spreads too. Student's t with Satterthwaite's degrees of freedom: some ten units an arm.
///
/// # Errors
/// [`Unavailable::TooFewUnits`] with fewer than two units in an arm, [`Unavailable::ZeroVariance`] where the arms do
/// not overlap, [`Unavailable::NotFinite`] for NaN.
pub fn brunner_munzel(control: &[f64], treatment: &[f64]) -> Result<BrunnerMunzel, Unavailable> {
    let few = control.len().min(treatment.len());
    if few < 2 {
        return Err(Unavailable::TooFewUnits { units: few as u64, needed: 2 });
    }
    let ranks = Ranks::of(control, treatment)?;
    let (m, n) = (control.len() as f64, treatment.len() as f64);
    let mean = |list: &[f64]| list.iter().sum::<f64>() / list.len() as f64;
    let difference = mean(&ranks.treatment) - mean(&ranks.control);
    let spread = |ranks: &[f64], own: &[f64]| {
        let centre = mean(ranks) - mean(own);
        let squares = ranks.iter().zip(own).map(|(rank, own)| (rank - own - centre).powi(2));
        squares.sum::<f64>() / (ranks.len() as f64 - 1.0)
    };
    let s_a = m * spread(&ranks.control, &midranks(control).0);
    let s_b = n * spread(&ranks.treatment, &midranks(treatment).0);
    if s_a + s_b == 0.0 {
        return Err(Unavailable::ZeroVariance { difference: difference / (m + n) });
    }
    let statistic = m * n * difference / (m + n) / (s_a + s_b).sqrt();
    let df = (s_a + s_b).powi(2) / (s_a * s_a / (m - 1.0) + s_b * s_b / (n - 1.0));
    Ok(BrunnerMunzel { statistic, df, log_p: two_sided(student_t::log_sf(statistic.abs(), df)) })
}

/// The ranks of all numbers together, by arm.
pub(crate) struct Ranks {
    pub(crate) control: Vec<f64>,
    pub(crate) treatment: Vec<f64>,
    /// The sum of t^3 - t over groups of t tied numbers.
    ties: f64,
}

impl Ranks {
    pub(crate) fn of(control: &[f64], treatment: &[f64]) -> Result<Self, Unavailable> {
        if control.is_empty() || treatment.is_empty() {
            return Err(Unavailable::TooFewUnits { units: 0, needed: 1 });
        }
        let all = [control, treatment].concat();
        if all.iter().any(|number| number.is_nan()) {
            return Err(Unavailable::NotFinite);
        }
        let (mut ranks, ties) = midranks(&all);
        let treatment = ranks.split_off(control.len());
        Ok(Self { control: ranks, treatment, ties })
    }
}

/// The rank of each number from 1, ties sharing the mean of theirs, and the sum of t^3 - t over groups of ties.
pub(crate) fn midranks(numbers: &[f64]) -> (Vec<f64>, f64) {
    let mut order: Vec<usize> = (0..numbers.len()).collect();
    order.sort_by(|&a, &b| numbers[a].total_cmp(&numbers[b]));
    let (mut ranks, mut ties, mut before) = (vec![0.0; numbers.len()], 0.0, 0.0);
    // Not by bits: 0 and -0 are tied.
    #[expect(clippy::float_cmp, reason = "ties are numbers that are the same")]
    for group in order.chunk_by(|&a, &b| numbers[a] == numbers[b]) {
        let size = group.len() as f64;
        group.iter().for_each(|&index| ranks[index] = before + (size + 1.0) / 2.0);
        ties += size * (size * size - 1.0);
        before += size;
    }
    (ranks, ties)
}

/// Wilcoxon's signed-rank test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SignedRank {
    /// The smaller of the sums of ranks of positive and of negative differences.
    pub statistic: f64,
    /// The natural logarithm of the two-sided p-value.
    pub log_p: f64,
}

/// Wilcoxon's signed-rank test that paired differences are symmetric about 0 (Biometrics Bulletin 1, 1945): normal,
/// without continuity correction, zeros dropped, corrected for ties. With no difference left the p-value is 1.
///
/// # Errors
/// [`Unavailable::NotFinite`] for NaN, [`Unavailable::TooFewUnits`] without differences.
pub fn signed_rank(differences: &[f64]) -> Result<SignedRank, Unavailable> {
    if differences.is_empty() {
        return Err(Unavailable::TooFewUnits { units: 0, needed: 1 });
    }
    if differences.iter().any(|difference| difference.is_nan()) {
        return Err(Unavailable::NotFinite);
    }
    let kept: Vec<f64> = differences.iter().copied().filter(|difference| *difference != 0.0).collect();
    let sizes: Vec<f64> = kept.iter().map(|difference| difference.abs()).collect();
    let (ranks, ties) = midranks(&sizes);
    let n = kept.len() as f64;
    let positive: f64 = kept.iter().zip(&ranks).filter(|(d, _)| **d > 0.0).map(|(_, rank)| rank).sum();
    let total = n * (n + 1.0) / 2.0;
    let variance = n * (n + 1.0) * (2.0 * n + 1.0) / 24.0 - ties / 48.0;
    let statistic = positive.min(total - positive);
    let z = if variance > 0.0 { (positive - total / 2.0).abs() / variance.sqrt() } else { 0.0 };
    Ok(SignedRank { statistic, log_p: normal::log_two_sided(z) })
}

/// The median of all differences of a number of treatment and one of control (Hodges and Lehmann, Annals of
/// Mathematical Statistics 34, 1963): the shift between the arms that outliers do not move.
///
/// The pairs are counted, not made: time grows as n log n.
///
/// # Errors
/// [`Unavailable::TooFewUnits`] if an arm is empty, [`Unavailable::NotFinite`] for numbers that are not finite.
pub fn hodges_lehmann(control: &[f64], treatment: &[f64]) -> Result<f64, Unavailable> {
    if control.is_empty() || treatment.is_empty() {
        return Err(Unavailable::TooFewUnits { units: 0, needed: 1 });
    }
    if control.iter().chain(treatment).any(|number| !number.is_finite()) {
        return Err(Unavailable::NotFinite);
    }
    let sorted = |list: &[f64]| {
        let mut sorted = list.to_vec();
        sorted.sort_by(f64::total_cmp);
        sorted
    };
    let (a, b) = (sorted(control), sorted(treatment));
    let pairs = a.len() as u128 * b.len() as u128;
    let (lower, upper) = (kth_difference(&a, &b, (pairs - 1) / 2), kth_difference(&a, &b, pairs / 2));
    Ok(f64::midpoint(lower, upper))
}

/// The difference with `rank` smaller ones, by bisection over the floats in their order.
fn kth_difference(a: &[f64], b: &[f64], rank: u128) -> f64 {
    let at_most = |limit: f64| {
        let mut first = 0;
        let mut count = 0_u128;
        // As b grows, fewer of a are near enough.
        for number in b {
            while first < a.len() && number - a[first] > limit {
                first += 1;
            }
            count += (a.len() - first) as u128;
        }
        count
    };
    let (mut low, mut high) = (ordered(b[0] - a[a.len() - 1]), ordered(b[b.len() - 1] - a[0]));
    while low < high {
        let middle = low + (high - low) / 2;
        if at_most(unordered(middle)) > rank {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    unordered(low)
}

/// A float as a whole number that keeps its order.
fn ordered(number: f64) -> i128 {
    let bits = i128::from((number + 0.0).to_bits() & (u64::MAX >> 1));
    if number < 0.0 { -bits } else { bits }
}

fn unordered(order: i128) -> f64 {
    let bits = u64::try_from(order.unsigned_abs()).unwrap_or(u64::MAX);
    f64::from_bits(bits).copysign(if order < 0 { -1.0 } else { 1.0 })
}
