//! Riemann's zeta function.

/// The sum of k^-s for s > 1, by Euler and Maclaurin's formula from 16 on.
pub(crate) fn zeta(s: f64) -> f64 {
    const FROM: f64 = 16.0;
    let head: f64 = (1..16).map(|k| f64::from(k).powf(-s)).sum();
    let edge = FROM.powf(-s);
    // B_2k / (2k)! times the rising factorial of s.
    let corrections = [1.0 / 12.0, -1.0 / 720.0, 1.0 / 30_240.0, -1.0 / 1_209_600.0, 1.0 / 47_900_160.0];
    let (mut tail, mut rising, mut order) = (FROM * edge / (s - 1.0) + edge / 2.0, s, 1.0);
    for correction in corrections {
        tail += correction * rising * edge * FROM.powf(-order);
        rising *= (s + order) * (s + order + 1.0);
        order += 2.0;
    }
    head + tail
}
