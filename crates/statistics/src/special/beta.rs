//! The regularised incomplete beta function.

use super::{
    gamma::{log_likelihood, log_saddle},
    log_complement, normal,
    normal::LN_SQRT_2PI,
};

/// ln I_x(a, b) and ln(1 - I_x(a, b)), for a, b > 0 and y = 1 - x, both given because the smaller has digits that
/// one minus the other has lost.
///
/// Both tails, because one minus the other has no digits left where it matters. The fraction is DiDonato and
/// Morris's ("Algorithm 708", ACM TOMS 18, 1992), on the side of the mean where it converges; its factor is
/// formed at the saddle point, so that it holds at shapes of a billion. Shapes below 1 have the classical fraction.
pub fn log_tails(a: f64, b: f64, x: f64, y: f64) -> (f64, f64) {
    if x <= 0.0 || y <= 0.0 {
        return if x <= 0.0 { (f64::NEG_INFINITY, 0.0) } else { (0.0, f64::NEG_INFINITY) };
    }
    // The distance of x from the mean, times a + b, without cancellation where one of x and y is tiny.
    let shift = if y < x { (a + b) * y - b } else { a - (a + b) * x };
    if a.min(b) > MANY {
        let z = normal_equivalent(a, b, (x, y), shift);
        return (normal::log_sf(-z), normal::log_sf(z));
    }
    if shift < 0.0 {
        let (upper, lower) = log_tails(b, a, y, x);
        return (lower, upper);
    }
    let log_factor = log_saddle(a, b, (x, y), shift) + 0.5 * (a / (a + b) * b).ln() - LN_SQRT_2PI;
    let log_fraction =
        if a < 1.0 || b < 1.0 { a.ln() - classical(a, b, x).ln() } else { fraction(a, b, x, shift).ln() };
    let lower = (log_factor - log_fraction).min(0.0);
    (lower, log_complement(lower))
}

/// The logarithm of the density at x = 1 - y, for x in (0, 1).
pub fn log_density(a: f64, b: f64, x: f64, y: f64) -> f64 {
    let shift = if y < x { (a + b) * y - b } else { a - (a + b) * x };
    let log_factor = log_saddle(a, b, (x, y), shift) + 0.5 * (a / (a + b) * b).ln() - LN_SQRT_2PI;
    log_factor - x.ln() - y.ln()
}

/// The number below which a beta variable is with chance e^`log_p`.
///
/// Newton's method on the logarithm of the tail as a function of ln(x / (1 - x)), safeguarded by bisection, so that
/// shares near 0 have all their digits. 0 and 1 where the answer is beyond the smallest float.
pub fn quantile(a: f64, b: f64, log_p: f64) -> f64 {
    let upper_wanted = log_p > -std::f64::consts::LN_2;
    let target = if upper_wanted { log_complement(log_p) } else { log_p };
    // Negative to the left of the answer; the smaller tail has the digits.
    let distance = |t: f64| {
        let (x, y) = logistic(t);
        let (lower, upper) = log_tails(a, b, x, y);
        let tail = if upper_wanted { upper } else { lower };
        let slope = (log_density(a, b, x, y) + x.ln() + y.ln() - tail).exp();
        if upper_wanted { (target - tail, slope) } else { (tail - target, slope) }
    };
    let (mut low, mut high) = (-740.0, 740.0);
    let mut t = (a / b).ln().clamp(low, high);
    for _ in 0..400 {
        let (error, slope) = distance(t);
        if error < 0.0 {
            low = t;
        } else {
            high = t;
        }
        let newton = t - error / slope;
        let next = if newton > low && newton < high { newton } else { f64::midpoint(low, high) };
        let step = (next - t).abs();
        t = next;
        if step <= 2.0 * f64::EPSILON * t.abs().max(1e-3) {
            break;
        }
    }
    logistic(t).0
}

/// 1 / (1 + e^-t) and 1 / (1 + e^t).
pub(crate) fn logistic(t: f64) -> (f64, f64) {
    let small = (-t.abs()).exp();
    let (small, large) = (small / (1.0 + small), 1.0 / (1.0 + small));
    if t < 0.0 { (small, large) } else { (large, small) }
}

/// Where both shapes are larger, the normal equivalent has all digits, and the fraction would take too long.
const MANY: f64 = 1e9;

/// The normal value with the same tails: the signed root of the deviance, corrected (Barndorff-Nielsen's r*; the
/// relative error of the tails, measured at smaller shapes, falls as 5e-4 over the smaller shape).
fn normal_equivalent(a: f64, b: f64, (x, y): (f64, f64), shift: f64) -> f64 {
    let deviance = -2.0 * log_likelihood(a, b, (x, y), shift);
    let root = deviance.max(0.0).sqrt().copysign(-shift);
    let linear = -shift / (a / (a + b) * b).sqrt();
    // Both vanish at the mean, where their ratio is 1 up to the skewness.
    if root.abs() < 1e-3 { root + skewness_step(a, b) } else { root + (linear / root).ln() / root }
}

/// The limit of ln(linear / root) / root at the mean.
fn skewness_step(a: f64, b: f64) -> f64 {
    (b - a) / (3.0 * (a / (a + b) * b).sqrt() * (a + b))
}

/// The denominator of the fraction, by Lentz's method. Some 10 steps for small shapes, 6,000 at a billion.
fn fraction(a: f64, b: f64, x: f64, shift: f64) -> f64 {
    const STEPS: u32 = 100_000;
    let partial = |m: f64| {
        m + m * (b - m) * x / (a + 2.0 * m - 1.0)
            + (a + m) * (shift + 1.0 + m * (2.0 - x)) / (a + 2.0 * m + 1.0)
    };
    // The first one by itself: with a = 1 the common form would be zero over zero.
    let mut value = a * (shift + 1.0) / (a + 1.0);
    let (mut c, mut d) = (value, 0.0);
    for m in 1..STEPS {
        let m = f64::from(m);
        let root = x / (a + 2.0 * m - 1.0);
        let coefficient = (a + m - 1.0) * root * (a + b + m - 1.0) * root * m * (b - m);
        let next = partial(m);
        d = 1.0 / (next + coefficient * d);
        c = next + coefficient / c;
        let change = c * d;
        value *= change;
        if (change - 1.0).abs() < f64::EPSILON {
            break;
        }
    }
    value
}

/// The classical fraction of I_x(a, b) over x^a y^b / (a B(a, b)) (Abramowitz and Stegun 26.5.8), by Lentz's method,
/// for x below the mean.
fn classical(a: f64, b: f64, x: f64) -> f64 {
    const STEPS: u32 = 100_000;
    const TINY: f64 = 1e-300;
    let away = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / away(1.0 - (a + b) * x / (a + 1.0));
    let mut value = d;
    for m in 1..STEPS {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut change = 1.0;
        for coefficient in [even, odd] {
            d = 1.0 / away(1.0 + coefficient * d);
            c = away(1.0 + coefficient / c);
            change = c * d;
            value *= change;
        }
        if (change - 1.0).abs() < f64::EPSILON {
            break;
        }
    }
    value
}
