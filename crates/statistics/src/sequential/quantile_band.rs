//! Quantiles and whole distributions that may be looked at at any time (Howard and Ramdas, "Sequential estimation of
//! quantiles with applications to A/B testing and best-arm identification", Bernoulli 28, 2022).

use super::{
    boundary::{check_above_one, check_time},
    counts::log_mixture_of_counts,
};
use crate::{
    Alpha, Unavailable,
    numeric::{bisect, lowest},
    special::zeta::zeta,
};

/// The distance of the empirical distribution function from the true one, after `t` numbers, that is ever exceeded
/// with chance alpha at most: A sqrt((ln(1 + ln(t / t_least)) + C) / t). Two arms differ where their bands do not
/// overlap.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct IteratedLogarithm {
    a: f64,
    c: f64,
    t_least: f64,
}

impl IteratedLogarithm {
    /// From `t_least` numbers on, with the leading constant `a`: 0.85 is a good one.
    ///
    /// # Errors
    /// [`Unavailable::Parameter`] for a `t_least` below 1, or an `a` not above the root of one half.
    pub fn new(t_least: f64, a: f64, alpha: Alpha) -> Result<Self, Unavailable> {
        if !(t_least >= 1.0 && t_least.is_finite()) {
            return Err(Unavailable::Parameter {
                parameter: "first time, it must be 1 or later",
                value: t_least,
            });
        }
        if !(a > std::f64::consts::FRAC_1_SQRT_2 && a.is_finite()) {
            let parameter = "leading constant, it must be above the root of 0.5";
            return Err(Unavailable::Parameter { parameter, value: a });
        }
        let c = bisect(1e-3, 1e6, |c| least_log_error(c, a) > alpha.get().ln());
        Ok(Self { a, c, t_least })
    }

    /// The distance after `t` numbers; infinite before the first time.
    pub fn bound(&self, t: f64) -> f64 {
        if t < self.t_least {
            return f64::INFINITY;
        }
        self.a * (((t / self.t_least).ln().ln_1p() + self.c) / t).sqrt()
    }
}

/// The logarithm of the smallest bound of the error, over the epochs' lengths.
fn least_log_error(c: f64, a: f64) -> f64 {
    let room = |eta: f64| a - (2.0 * (eta - 1.0) / c).sqrt();
    let log_error = |eta: f64| {
        let square = 2.0 / eta * room(eta).max(0.0).powi(2);
        if square <= 1.0 {
            // No bound; the search must turn back to where there is one.
            return 1e300 * eta;
        }
        4.0_f64.ln() - square * c + (1.0 / ((square - 1.0) * eta.ln())).ln_1p()
    };
    let longest = bisect(1.0, 2.0 * a * a, |eta| (eta / 2.0).sqrt() < room(eta));
    log_error(lowest(1.0, longest, log_error))
}

/// By how many ranks the quantile `p` of `t` numbers may ever be off, for all quantiles and times at once, with
/// chance alpha: double stitching, tuned to be narrow from `t_best` on. The quantile lies between ranks t p ± this.
///
/// # Errors
/// [`Unavailable::Parameter`] for a quantile outside 0..1 or times that are not positive.
pub fn double_stitching(p: f64, t: f64, t_best: f64, alpha: Alpha) -> Result<f64, Unavailable> {
    const DELTA: f64 = 0.5;
    const S: f64 = 1.4;
    const ETA: f64 = 2.0;
    check_time(t)?;
    check_time(t_best)?;
    check_above_one(ETA)?;
    if !(p > 0.0 && p < 1.0) {
        return Err(Unavailable::Parameter { parameter: "quantile, it must be between 0 and 1", value: p });
    }
    let time = t.max(t_best);
    let logit = p.ln() - (-p).ln_1p();
    let step = 2.0 * DELTA * (t_best * ETA / time).sqrt();
    let r = if p >= 0.5 { p } else { (1.0 / (1.0 + (-logit - step).exp())).min(0.5) };
    let variance = r * (1.0 - r);
    let j = (time / t_best).sqrt() * logit.abs() / (2.0 * DELTA) + 1.0;
    let z = zeta(S);
    let constant = (2.0 * z * (2.0 * z + 1.0) / (alpha.get() * ETA.ln().powf(S))).ln();
    let ell = S * (ETA * time / t_best).ln().ln() + S * j.ln() + constant;
    let (k1, k2) =
        ((ETA.powf(0.25) + ETA.powf(-0.25)) / std::f64::consts::SQRT_2, f64::midpoint(ETA.sqrt(), 1.0));
    let linear = k2 * (1.0 - 2.0 * p) / 3.0 * ell;
    Ok(DELTA * (ETA * time * variance / t_best).sqrt()
        + (k1 * k1 * variance * time * ell + linear * linear).sqrt()
        + linear)
}

/// The always-valid p-value that two samples have the same quantile `q`, as its natural logarithm: the least
/// evidence, over all values that it could be, of the beta-binomial mixtures of both samples. Tuned for `t_best`
/// numbers in each.
///
/// # Errors
/// [`Unavailable::TooFewUnits`] if a sample is empty, [`Unavailable::Parameter`] for a quantile outside 0..1 or a
/// `t_best` that is not positive, [`Unavailable::NotFinite`] for NaN.
pub fn same_quantile(a: &[f64], b: &[f64], q: f64, t_best: f64, tuned: Alpha) -> Result<f64, Unavailable> {
    check_time(t_best)?;
    if !(q > 0.0 && q < 1.0) {
        return Err(Unavailable::Parameter { parameter: "quantile, it must be between 0 and 1", value: q });
    }
    if a.is_empty() || b.is_empty() {
        return Err(Unavailable::TooFewUnits { units: 0, needed: 1 });
    }
    if a.iter().chain(b).any(|number| number.is_nan()) {
        return Err(Unavailable::NotFinite);
    }
    let (a, b) = (Sample::new(a, q, t_best, tuned), Sample::new(b, q, t_best, tuned));
    // The evidence of a sample changes only where it has a number: just before, at, or after one.
    let evidence = a.values.iter().chain(&b.values).map(|&value| a.evidence(value) + b.evidence(value));
    Ok((-evidence.fold(f64::INFINITY, f64::min)).min(0.0))
}

/// A sample whose quantile is asked for.
struct Sample {
    values: Vec<f64>,
    q: f64,
    weight: f64,
    /// The count below at which there is least evidence, near q n.
    best: f64,
}

impl Sample {
    fn new(values: &[f64], q: f64, t_best: f64, tuned: Alpha) -> Self {
        let mut values = values.to_vec();
        values.sort_by(f64::total_cmp);
        let log = -2.0 * tuned.get().ln();
        let weight = (t_best / (log + log.ln_1p()) - 1.0).max(1e-3);
        let n = values.len() as f64;
        let mut sample = Self { values, q, weight, best: 0.0 };
        sample.best = lowest(0.0, n, |count| sample.log_e(count, n - count));
        sample
    }

    /// The least e-value's logarithm that the quantile is `value`: of all shares between those of numbers below it
    /// and of numbers up to it.
    fn evidence(&self, value: f64) -> f64 {
        let below = self.values.partition_point(|number| *number < value) as f64;
        let up_to = self.values.partition_point(|number| *number <= value) as f64;
        let n = self.values.len() as f64;
        let count = self.best.clamp(below, up_to);
        self.log_e(count, n - count)
    }

    fn log_e(&self, below: f64, above: f64) -> f64 {
        log_mixture_of_counts(&[below, above], &[self.q, 1.0 - self.q], self.weight)
    }
}
