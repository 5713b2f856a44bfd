//! The areas under two ROC curves over the same events.

use crate::{Alpha, Estimate, Unavailable, rank::midranks, special::normal};

/// Two correlated areas under the curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DeLong {
    /// The chance that the first model scores an event that happened above one that did not, ties by half.
    pub first: f64,
    /// The second model's.
    pub second: f64,
    /// The variance of the first.
    pub variance_first: f64,
    /// The variance of the second.
    pub variance_second: f64,
    /// Their covariance.
    pub covariance: f64,
    /// Second minus first.
    pub difference: Estimate,
    /// The difference in standard errors.
    pub statistic: f64,
    /// The natural logarithm of the two-sided p-value.
    pub log_p: f64,
}

/// DeLong's test (Biometrics 44, 1988) of two models' scores of the same events, in n log n steps by shared ranks
/// (Sun and Xu, IEEE Signal Processing Letters 21, 2014). Events must be independent, one per unit say.
///
/// `happened` is the outcome of each event. Models that rank alike have no difference, and a p-value of 1.
///
/// # Errors
/// [`Unavailable::TooFewUnits`] with fewer than two events that happened, or that did not; [`Unavailable::NotFinite`]
/// for a score that is NaN; [`Unavailable::Parameter`] for lists of different lengths.
pub fn delong(happened: &[bool], first: &[f64], second: &[f64], alpha: Alpha) -> Result<DeLong, Unavailable> {
    if happened.len() != first.len() || happened.len() != second.len() {
        let parameter = "number of scores, there must be one of each model for each outcome";
        return Err(Unavailable::Parameter { parameter, value: first.len().min(second.len()) as f64 });
    }
    if first.iter().chain(second).any(|score| score.is_nan()) {
        return Err(Unavailable::NotFinite);
    }
    let few = |count: usize| Unavailable::TooFewUnits { units: count as u64, needed: 2 };
    let positives = happened.iter().filter(|happened| **happened).count();
    let negatives = happened.len() - positives;
    if positives.min(negatives) < 2 {
        return Err(few(positives.min(negatives)));
    }
    let (a, b) = (placements(happened, first), placements(happened, second));
    let mut sums = [Placements::default(), Placements::default()];
    for (sum, (x, y)) in sums.iter_mut().zip([(&a.0, &b.0), (&a.1, &b.1)]) {
        x.iter().zip(y).for_each(|(&x, &y)| sum.push(x, y, 1.0));
    }
    let [positive, negative] = sums;
    Ok(positive.compare(&negative, alpha))
}

/// As [`delong`], of scores in bins: `negative` and `positive` count the events that did not happen and that did, by
/// the first model's bin (row) and the second's (column). Exact for the binned scores; 512 bins on the scale of ln(p
/// / (1 - p)) cost less than a hundredth of the standard error, unless the models are nearly the same. What a stream
/// keeps: histograms add up, and an event is taken out by counting down.
///
/// # Errors
/// As those of [`delong`]; [`Unavailable::Parameter`] for histograms that are not square and alike.
pub fn delong_binned(
    negative: &[Vec<u64>],
    positive: &[Vec<u64>],
    alpha: Alpha,
) -> Result<DeLong, Unavailable> {
    let bins = negative.len();
    let ragged =
        |histogram: &[Vec<u64>]| histogram.len() != bins || histogram.iter().any(|row| row.len() != bins);
    if ragged(negative) || ragged(positive) {
        let parameter = "number of bins, both histograms must be square and alike";
        return Err(Unavailable::Parameter { parameter, value: bins as f64 });
    }
    let (of_negative, of_positive) = (Margins::of(negative), Margins::of(positive));
    let few = of_negative.total.min(of_positive.total);
    if few < 2.0 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 or 1")]
        return Err(Unavailable::TooFewUnits { units: few as u64, needed: 2 });
    }
    let mut sums = [Placements::default(), Placements::default()];
    for row in 0..bins {
        for column in 0..bins {
            let above = [of_negative.below(row, 0), of_negative.below(column, 1)];
            let below = [1.0 - of_positive.below(row, 0), 1.0 - of_positive.below(column, 1)];
            sums[0].push(above[0], above[1], positive[row][column] as f64);
            sums[1].push(below[0], below[1], negative[row][column] as f64);
        }
    }
    let [positive, negative] = sums;
    Ok(positive.compare(&negative, alpha))
}

/// For each event that happened, the share of the others scored below; for each other, the share of those above.
fn placements(happened: &[bool], scores: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let of = |wanted: bool| -> Vec<f64> {
        scores
            .iter()
            .zip(happened)
            .filter(|(_, happened)| **happened == wanted)
            .map(|(score, _)| *score)
            .collect()
    };
    let (positive, negative) = (of(true), of(false));
    let (m, n) = (positive.len() as f64, negative.len() as f64);
    let (mut together, _) = midranks(&[positive.as_slice(), &negative].concat());
    let of_negative = together.split_off(positive.len());
    let own = |list: &[f64]| midranks(list).0;
    let above = together.iter().zip(own(&positive)).map(|(all, own)| (all - own) / n).collect();
    let below = of_negative.iter().zip(own(&negative)).map(|(all, own)| 1.0 - (all - own) / m).collect();
    (above, below)
}

/// The running counts of a histogram by either model's bins.
struct Margins {
    total: f64,
    /// By model and bin: the count in bins before, and the count in the bin.
    counts: [Vec<(f64, f64)>; 2],
}

impl Margins {
    fn of(histogram: &[Vec<u64>]) -> Self {
        let rows = histogram.iter().map(|row| row.iter().map(|&count| count as f64).sum());
        let columns = (0..histogram.len()).map(|column| histogram.iter().map(|row| row[column] as f64).sum());
        let running = |counts: &mut dyn Iterator<Item = f64>| {
            let mut before = 0.0;
            let mut list = Vec::new();
            for count in counts {
                list.push((before, count));
                before += count;
            }
            (before, list)
        };
        let (mut rows, mut columns) = (rows, columns);
        let ((total, by_first), (_, by_second)) = (running(&mut rows), running(&mut columns));
        Self { total, counts: [by_first, by_second] }
    }

    /// The share of events in bins below, and half of those in the bin.
    fn below(&self, bin: usize, model: usize) -> f64 {
        let (before, within) = self.counts[model][bin];
        (before + within / 2.0) / self.total
    }
}

/// Means and joint spread of the placements by both models, weighted by counts.
#[derive(Clone, Copy, Debug, Default)]
struct Placements {
    n: f64,
    mean: [f64; 2],
    products: [f64; 3],
}

impl Placements {
    fn push(&mut self, first: f64, second: f64, count: f64) {
        if count == 0.0 {
            return;
        }
        let n = self.n + count;
        let (a, b) = (first - self.mean[0], second - self.mean[1]);
        let weight = count * (self.n / n);
        for (sum, product) in self.products.iter_mut().zip([a * a, a * b, b * b]) {
            *sum += weight * product;
        }
        self.mean[0] += a * (count / n);
        self.mean[1] += b * (count / n);
        self.n = n;
    }

    fn compare(&self, negative: &Self, alpha: Alpha) -> DeLong {
        let part = |index: usize| {
            let of = |side: &Self| side.products[index] / (side.n - 1.0) / side.n;
            of(self) + of(negative)
        };
        let (variance_first, covariance, variance_second) = (part(0), part(1), part(2));
        let [first, second] = self.mean;
        let variance = variance_first + variance_second - 2.0 * covariance;
        // Where both rank alike only rounding is left.
        let rounding = 64.0 * f64::EPSILON * (variance_first + variance_second);
        let standard_error = if variance <= rounding { 0.0 } else { variance.sqrt() };
        let difference = second - first;
        let statistic = if standard_error == 0.0 { 0.0 } else { difference / standard_error };
        DeLong {
            first,
            second,
            variance_first,
            variance_second,
            covariance,
            difference: Estimate::symmetric(difference, standard_error, normal::isf(alpha.half())),
            statistic,
            log_p: normal::log_two_sided(statistic.abs()),
        }
    }
}
