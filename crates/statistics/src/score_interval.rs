//! Miettinen and Nurminen's score interval.

use crate::{
    Alpha, Proportion, Unavailable,
    numeric::bisect,
    special::{beta::logistic, normal},
};

/// Miettinen and Nurminen's interval and test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScoreInterval {
    /// The lower end, for treatment minus control.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    /// The difference in standard errors under no difference.
    pub statistic: f64,
    /// The natural logarithm of the two-sided p-value.
    pub log_p: f64,
}

/// The difference in proportions by the score test at each possible difference (Miettinen and Nurminen, Statistics in
/// Medicine 4, 1985): the interval holds what the test does not reject, so that the two always agree.
///
/// The variance is that under the difference tested, with the factor N / (N - 1); the shares under it are found by
/// bisection of the likelihood on a scale on which rare ones keep their digits.
///
/// # Errors
/// [`Unavailable::TooFewUnits`] if an arm has no unit.
pub fn miettinen_nurminen(
    control: Proportion,
    treatment: Proportion,
    alpha: Alpha,
) -> Result<ScoreInterval, Unavailable> {
    let (Some(a), Some(b)) = (control.share(), treatment.share()) else {
        return Err(Unavailable::TooFewUnits { units: 0, needed: 1 });
    };
    let difference = b - a;
    let score = |tested: f64| {
        let distance = difference - tested;
        let variance = variance_at(control, treatment, tested);
        if distance == 0.0 { 0.0 } else { distance / variance.sqrt() }
    };
    let critical = normal::isf(alpha.half());
    // At a bound that cannot be beaten the variance is zero and the score infinite.
    let low = bisect(-1.0, difference, |tested| score(tested) > critical);
    let high = bisect(difference, 1.0, |tested| score(tested) > -critical);
    let statistic = score(0.0).clamp(f64::MIN, f64::MAX);
    Ok(ScoreInterval { low, high, statistic, log_p: normal::log_two_sided(statistic.abs()) })
}

/// The variance of the difference seen, were `tested` the true one.
fn variance_at(control: Proportion, treatment: Proportion, tested: f64) -> f64 {
    let (n_a, n_b) = (control.units() as f64, treatment.units() as f64);
    let ((p_a, q_a), (p_b, q_b)) = constrained(control, treatment, tested);
    let n = n_a + n_b;
    (p_a * q_a / n_a + p_b * q_b / n_b) * (n / (n - 1.0))
}

/// A share and what is left to one.
type Share = (f64, f64);

/// The likeliest shares of the arms whose difference is `tested`.
fn constrained(control: Proportion, treatment: Proportion, tested: f64) -> (Share, Share) {
    let width = 1.0 - tested.abs();
    let shares = |t: f64| {
        let (below, above) = logistic(t);
        let (small, left) = (width * below, width * above);
        if tested >= 0.0 {
            ((small, left + tested), (small + tested, left))
        } else {
            ((small - tested, left), (small, left - tested))
        }
    };
    let part = |count: u64, share: f64| if count == 0 { 0.0 } else { count as f64 / share };
    // The slope of the log-likelihood falls from one end to the other.
    let slope = |t: f64| {
        let ((p_a, q_a), (p_b, q_b)) = shares(t);
        part(control.successes, p_a) - part(control.failures, q_a) + part(treatment.successes, p_b)
            - part(treatment.failures, q_b)
    };
    shares(bisect(-700.0, 700.0, |t| slope(t) > 0.0))
}
