//! Boundaries that a sum crosses with chance alpha at most, ever.

use crate::{
    Alpha, Unavailable,
    numeric::bisect,
    special::{gamma, gamma::stirling_error, normal::LN_SQRT_2PI, zeta::zeta},
};

/// The two-sided normal mixture boundary of a sum with intrinsic time `v`: sqrt((v + rho)(ln(1 + v / rho) - 2 ln
/// alpha)), narrowest near `v_best` (Howard, Ramdas, McAuliffe and Sekhon, Annals of Statistics 49, 2021, equation
/// 14).
///
/// # Errors
/// [`Unavailable::Parameter`] for times that are not positive.
pub fn normal_mixture(v: f64, v_best: f64, alpha: Alpha) -> Result<f64, Unavailable> {
    check_time(v)?;
    check_time(v_best)?;
    let log = -2.0 * alpha.get().ln();
    let rho = v_best / (log + log.ln_1p());
    Ok(((v + rho) * ((v / rho).ln_1p() + log)).sqrt())
}

/// The one-sided boundary by polynomial stitching (the same paper, equation 10), for sums whose increments are
/// sub-gamma with scale `c`: an iterated logarithm in closed form.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PolynomialStitching {
    /// The time from which on it is a boundary of v; before it is flat.
    pub v_least: f64,
    /// The scale of the increments; 0 for normal ones.
    pub c: f64,
    /// How fast epochs' shares of alpha fall; above 1.
    pub s: f64,
    /// How much longer each epoch is than the one before; above 1.
    pub eta: f64,
}

impl PolynomialStitching {
    /// The boundary at time `v`.
    ///
    /// # Errors
    /// [`Unavailable::Parameter`] for a time that is not positive, a negative scale, or an `s` or `eta` not above 1.
    pub fn bound(&self, v: f64, alpha: Alpha) -> Result<f64, Unavailable> {
        check_time(v)?;
        check_time(self.v_least)?;
        if self.c.is_nan() || self.c < 0.0 {
            return Err(Unavailable::Parameter { parameter: "scale", value: self.c });
        }
        for value in [self.s, self.eta] {
            check_above_one(value)?;
        }
        let (v, eta, s) = (v.max(self.v_least), self.eta, self.s);
        let k1 = (eta.powf(0.25) + eta.powf(-0.25)) / std::f64::consts::SQRT_2;
        let k2 = f64::midpoint(eta.sqrt(), 1.0);
        let ell =
            s * (eta * v / self.v_least).ln().ln() + (zeta(s) / eta.ln().powf(s)).ln() - alpha.get().ln();
        let linear = k2 * self.c * ell;
        Ok((k1 * k1 * v * ell + linear * linear).sqrt() + linear)
    }
}

/// The one-sided gamma-exponential mixture boundary, for sums whose increments are sub-exponential with scale `c`:
/// what empirical-Bernstein intervals are made from (the same paper, proposition 9).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GammaExponential {
    c: f64,
    rho: f64,
    alpha: f64,
}

impl GammaExponential {
    /// With scale `c`, narrowest near the time `v_best`.
    ///
    /// # Errors
    /// [`Unavailable::Parameter`] for a scale or a time that is not positive, or an alpha of one half or more.
    pub fn new(c: f64, v_best: f64, alpha: Alpha) -> Result<Self, Unavailable> {
        check_time(v_best)?;
        if !(c > 0.0 && c.is_finite()) {
            return Err(Unavailable::Parameter { parameter: "scale, it must be positive", value: c });
        }
        let log = -2.0 * (2.0 * alpha.get()).ln();
        if log <= 0.0 {
            let parameter = "alpha of a one-sided boundary, it must be below 0.5";
            return Err(Unavailable::Parameter { parameter, value: alpha.get() });
        }
        Ok(Self { c, rho: v_best / (log + log.ln_1p()), alpha: alpha.get() })
    }

    /// The boundary at time `v`.
    ///
    /// # Errors
    /// [`Unavailable::Parameter`] for a time that is negative or not finite.
    pub fn bound(&self, v: f64) -> Result<f64, Unavailable> {
        if !(v >= 0.0 && v.is_finite()) {
            return Err(Unavailable::Parameter { parameter: "intrinsic time", value: v });
        }
        let limit = -self.alpha.ln();
        let mut high = (v + self.rho).sqrt().max(self.c);
        while self.log_e(high, v) < limit {
            high *= 2.0;
        }
        Ok(bisect(0.0, high, |sum| self.log_e(sum, v) < limit))
    }

    /// ln of the mixture's e-value of a sum at time `v`.
    pub fn log_e(&self, sum: f64, v: f64) -> f64 {
        let square = self.c * self.c;
        let (prior, posterior) = (self.rho / square, (v + self.rho) / square);
        let rate = posterior + sum / self.c;
        // ln Gamma(z) = z ln z - z - ln z / 2 + ln sqrt(2 pi) + error: what is large cancels by hand.
        let log_gamma_rest = |z: f64| stirling_error(z) + LN_SQRT_2PI - 0.5 * z.ln();
        let shift = sum / self.c / posterior;
        let gain = posterior * (shift - shift.ln_1p());
        gain + log_gamma_rest(posterior) - log_gamma_rest(prior) + gamma::log_tails(posterior, rate).0
            - gamma::log_tails(prior, prior).0
    }
}

pub(super) fn check_time(value: f64) -> Result<(), Unavailable> {
    if value > 0.0 && value.is_finite() {
        return Ok(());
    }
    Err(Unavailable::Parameter { parameter: "intrinsic time, it must be positive", value })
}

pub(super) fn check_above_one(value: f64) -> Result<(), Unavailable> {
    if value > 1.0 && value.is_finite() {
        return Ok(());
    }
    Err(Unavailable::Parameter { parameter: "parameter of stitching, it must be above 1", value })
}
