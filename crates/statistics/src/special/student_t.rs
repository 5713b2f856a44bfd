//! Student's t distribution, for any degrees of freedom above 0, infinity being the normal.

use std::f64::consts::{LN_2, PI};

use super::{gamma::log_half_step, log_complement, normal};

/// From here on Hill's expansion has all digits, and the continued fraction would need more terms.
const MANY: f64 = 1e4;
/// Larger statistics overflow when squared.
const LARGE: f64 = 1e150;

/// The logarithm of the chance to exceed `t`.
pub fn log_sf(t: f64, df: f64) -> f64 {
    if df == f64::INFINITY {
        return normal::log_sf(t);
    }
    if t < 0.0 {
        return log_complement(log_sf(-t, df));
    }
    let t = t.min(f64::MAX);
    if df > MANY { normal::log_sf(normal_equivalent(t, df)) } else { log_sf_exact(t, df) }
}

/// The value that is exceeded with chance `p`, for p in (0, 1).
///
/// Newton's method on ln sf as a function of ln t, which is concave and, in the heavy tails of few degrees of
/// freedom, nearly straight. The start is the normal quantile, which is never too large.
pub fn isf(p: f64, df: f64) -> f64 {
    if p > 0.5 {
        return -isf(1.0 - p, df);
    }
    let mut t = normal::isf(p);
    if df == f64::INFINITY || t <= 0.0 {
        return t.max(0.0);
    }
    let target = p.ln();
    for _ in 0..200 {
        let log_tail = log_sf(t, df);
        let slope = (log_density(t, df) - log_tail).exp() * t;
        let step = (log_tail - target) / slope;
        // A start deep on the flat side, where p is near 1/2, must not leap over the whole tail.
        t *= step.clamp(-40.0, 40.0).exp();
        // Steps shrink by the square: the next one would be below the last digit.
        if step.abs() < 1e-9 {
            break;
        }
    }
    t
}

fn log_density(t: f64, df: f64) -> f64 {
    log_half_step(df / 2.0) - 0.5 * (PI * df).ln() - (df + 1.0) / 2.0 * log1p_square(t, df)
}

/// ln(1 + t^2 / df), also where t^2 overflows.
fn log1p_square(t: f64, df: f64) -> f64 {
    if t < LARGE { (t * t / df).ln_1p() } else { 2.0 * t.ln() - df.ln() }
}

/// The normal value that has the same tail (Hill, "Algorithm 395: Student's t-distribution", CACM 13, 1970).
fn normal_equivalent(t: f64, df: f64) -> f64 {
    let a = df - 0.5;
    let b = 48.0 * a * a;
    let z2 = a * log1p_square(t, df);
    let numerator = ((-0.4 * z2 - 3.3) * z2 - 24.0) * z2 - 85.5;
    let correction = (numerator / (0.8 * z2 * z2 + 100.0 + b) + z2 + 3.0) / b;
    (1.0 + correction) * z2.sqrt()
}

/// Half the regularised incomplete beta function I_x(df/2, 1/2) at x = df / (df + t^2).
fn log_sf_exact(t: f64, df: f64) -> f64 {
    let a = df / 2.0;
    let u = t.min(LARGE) * t.min(LARGE) / df;
    let (x, y) = (1.0 / (1.0 + u), u / (1.0 + u));
    // x^a y^(1/2) Gamma(a + 1/2) / (Gamma(a) sqrt(pi))
    let log_front = -a * log1p_square(t, df) + 0.5 * y.ln() + log_half_step(a) - 0.5 * PI.ln();
    if x > (a + 1.0) / (a + 2.5) {
        // Near the middle: one half less a series of positive terms.
        return (0.5 - log_front.exp() * middle_series(a, y)).ln();
    }
    log_front - a.ln() + tail_fraction(a, x).ln() - LN_2
}

/// 2F1(1, a + 1/2; 3/2; y), for y below 1.5 / (a + 2.5).
fn middle_series(a: f64, y: f64) -> f64 {
    let (mut sum, mut term, mut k) = (1.0, 1.0, 0.0);
    while term > sum * f64::EPSILON / 4.0 {
        term *= y * (a + 0.5 + k) / (1.5 + k);
        sum += term;
        k += 1.0;
    }
    sum
}

/// The continued fraction of I_x(a, 1/2) (Abramowitz and Stegun 26.5.8), by Lentz's method.
fn tail_fraction(a: f64, x: f64) -> f64 {
    const TINY: f64 = 1e-300;
    const B: f64 = 0.5;
    let away = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / away(1.0 - (a + B) * x / (a + 1.0));
    let mut fraction = d;
    for m in 1..1_000 {
        let m = f64::from(m);
        let even = m * (B - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + B + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut change = 1.0;
        for coefficient in [even, odd] {
            d = 1.0 / away(1.0 + coefficient * d);
            c = away(1.0 + coefficient / c);
            change = c * d;
            fraction *= change;
        }
        if (change - 1.0).abs() < f64::EPSILON {
            break;
        }
    }
    fraction
}
