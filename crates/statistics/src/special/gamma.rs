//! The gamma function, as the corrections that stay small, and the gamma distribution.

use super::{log_complement, normal::LN_SQRT_2PI};

/// Stirling's error: ln Gamma(x) - [(x - 1/2) ln x - x + ln sqrt(2 pi)], for x > 0.
///
/// Differences of ln Gamma at a billion lose nine digits; differences of this lose none (Loader, "Fast and
/// accurate computation of binomial probabilities", 2000).
pub(crate) fn stirling_error(x: f64) -> f64 {
    if x < 16.0 {
        return libm::lgamma(x) - ((x - 0.5) * x.ln() - x + LN_SQRT_2PI);
    }
    // Abramowitz and Stegun 6.1.41.
    const TERMS: [f64; 8] = [
        1.0 / 12.0,
        -1.0 / 360.0,
        1.0 / 1260.0,
        -1.0 / 1680.0,
        1.0 / 1188.0,
        -691.0 / 360_360.0,
        1.0 / 156.0,
        -3617.0 / 122_400.0,
    ];
    let square = 1.0 / (x * x);
    TERMS.iter().rev().fold(0.0, |sum, term| sum * square + term) / x
}

/// ln(1 + x) - x, without the cancellation near 0. For x from -0.7 to 1, beyond which nothing cancels.
///
/// With r = x / (2 + x), ln(1 + x) = 2 atanh(r) and 2 r - x = -x r.
pub(crate) fn log1p_minus(x: f64) -> f64 {
    let r = x / (2.0 + x);
    let square = r * r;
    let (mut sum, mut power, mut odd) = (0.0, 1.0, 3.0);
    loop {
        let term = power / odd;
        sum += term;
        if term <= sum * f64::EPSILON / 4.0 {
            return r * (2.0 * square * sum - x);
        }
        power *= square;
        odd += 2.0;
    }
}

/// ln(Gamma(a + 1/2) / Gamma(a)), for a > 0.
pub(crate) fn log_half_step(a: f64) -> f64 {
    if a < 20.0 {
        return libm::lgamma(a + 0.5) - libm::lgamma(a);
    }
    let square = 1.0 / (a * a);
    let series = -1.0 / 8.0 + square * (1.0 / 192.0 + square * (-1.0 / 640.0 + square * 17.0 / 14_336.0));
    0.5 * a.ln() + series / a
}

/// ln of Gamma(n) / (Gamma(a) Gamma(b)) x^a y^b, but for sqrt(a b / (2 pi n)), where n = a + b and y = 1 - x: what
/// the binomial and the beta share, formed at the saddle point. `shift` is a - n x, by the least cancelling way.
pub(crate) fn log_saddle(a: f64, b: f64, (x, y): (f64, f64), shift: f64) -> f64 {
    let errors = stirling_error(a + b) - stirling_error(a) - stirling_error(b);
    errors + log_likelihood(a, b, (x, y), shift)
}

/// a ln(n x / a) + b ln(n y / b): what the likelihood loses at x against its best.
pub(crate) fn log_likelihood(a: f64, b: f64, (x, y): (f64, f64), shift: f64) -> f64 {
    let n = a + b;
    log_deviance(a, n * x, -shift) + log_deviance(b, n * y, shift)
}

/// a ln(mean / a) - (mean - a), given the mean and its distance from a.
fn log_deviance(a: f64, mean: f64, distance: f64) -> f64 {
    let ratio = mean / a;
    if (0.5..1.5).contains(&ratio) { a * log1p_minus(distance / a) } else { a * ratio.ln() - distance }
}

/// ln P(a, x) and ln Q(a, x), the two tails of the gamma distribution with `shape` a > 0 and scale 1, for x > 0.
///
/// Temme's split: the series below the mean, Legendre's continued fraction above it (Abramowitz and Stegun 6.5.29 and
/// 6.5.31), both with the factor x^a e^-x / Gamma(a + 1) formed at the saddle point, so that they hold at shapes of a
/// billion.
pub fn log_tails(shape: f64, x: f64) -> (f64, f64) {
    if x <= 0.0 {
        return (f64::NEG_INFINITY, 0.0);
    }
    if x == f64::INFINITY {
        return (0.0, f64::NEG_INFINITY);
    }
    let log_factor =
        log_deviance(shape, x, x - shape) - stirling_error(shape) - LN_SQRT_2PI - 0.5 * shape.ln();
    if x < shape + 1.0 {
        let lower = (log_factor + lower_series(shape, x).ln()).min(0.0);
        (lower, log_complement(lower))
    } else {
        let upper = (log_factor + shape.ln() - upper_fraction(shape, x).ln()).min(0.0);
        (log_complement(upper), upper)
    }
}

/// 1 + x / (a + 1) + x^2 / ((a + 1)(a + 2)) + ...
fn lower_series(shape: f64, x: f64) -> f64 {
    let (mut sum, mut term, mut next) = (1.0, 1.0, shape);
    while term > sum * f64::EPSILON / 4.0 {
        next += 1.0;
        term *= x / next;
        sum += term;
    }
    sum
}

/// x + 1 - a - 1 (1 - a) / (x + 3 - a - ...), by Lentz's method; the reciprocal times x^a e^-x is the upper tail.
fn upper_fraction(shape: f64, x: f64) -> f64 {
    const STEPS: u32 = 1_000_000;
    const TINY: f64 = 1e-300;
    let away = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mut value = away(x + 1.0 - shape);
    let (mut c, mut d) = (value, 0.0);
    for k in 1..STEPS {
        let k = f64::from(k);
        let coefficient = k * (shape - k);
        let next = x + 2.0 * k + 1.0 - shape;
        d = 1.0 / away(next + coefficient * d);
        c = away(next + coefficient / c);
        let change = c * d;
        value *= change;
        if (change - 1.0).abs() < f64::EPSILON {
            break;
        }
    }
    value
}
