//! The regularised incomplete beta function.

use super::{gamma::log_saddle, log_complement, normal::LN_SQRT_2PI};

/// ln I_x(a, b) and ln(1 - I_x(a, b)), for a, b >= 1 and y = 1 - x in (0, 1).
///
/// Both tails, because one minus the other has no digits left where it matters. The fraction is DiDonato and
/// Morris's ("Algorithm 708", ACM TOMS 18, 1992), on the side of the mean where it converges; its factor is
/// formed at the saddle point, so that it holds at shapes of a billion.
pub(crate) fn log_tails(a: f64, b: f64, x: f64, y: f64) -> (f64, f64) {
    // The distance of x from the mean, times a + b, without cancellation where one of x and y is tiny.
    let shift = if y < x { (a + b) * y - b } else { a - (a + b) * x };
    if shift < 0.0 {
        let (upper, lower) = log_tails(b, a, y, x);
        return (lower, upper);
    }
    let log_factor = log_saddle(a, b, (x, y), shift) + 0.5 * (a / (a + b) * b).ln() - LN_SQRT_2PI;
    let lower = (log_factor - fraction(a, b, x, shift).ln()).min(0.0);
    (lower, log_complement(lower))
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
