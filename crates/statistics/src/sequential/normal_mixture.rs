//! Confidence sequences for estimates that are asymptotically normal.

use crate::{Alpha, Estimate, Proportion, Unavailable, special::normal};

/// Robbins' normal mixture (Annals of Mathematical Statistics 41, 1970), in its asymptotic form (Waudby-Smith,
/// Arbour, Sinha, Kennedy and Ramdas, Annals of Statistics 52, 2024): what GrowthBook, Eppo and Adobe call sequential
/// testing, and, with another name for its parameter, the mixture sequential probability ratio test.
///
/// The guarantee is asymptotic: use it after [`BURN_IN`], and for rare successes in unequal arms take
/// [`counts`](super::counts), which are exact.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NormalMixture {
    /// The mixture's precision: n rho^2 says how far along the test is.
    rho: f64,
    alpha: Alpha,
}

/// The events expected in the smallest cell before a normal mixture may be read.
pub const BURN_IN: f64 = 10.0;

/// An always-valid comparison.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sequential {
    /// The estimate with its always-valid interval.
    pub estimate: Estimate,
    /// The natural logarithm of the e-value against no difference.
    pub log_e: f64,
    /// Whether there are enough events for it to be read: [`BURN_IN`].
    pub is_burnt_in: bool,
}

impl NormalMixture {
    /// The mixture that is narrowest after some `units` in all arms together: set it to the number planned. There its
    /// interval is 1.55 times as wide as the fixed one, and its price in units 2.4 times as many.
    ///
    /// # Errors
    /// [`Unavailable::Parameter`] for a number that is not positive and finite.
    pub fn tuned_for(units: f64, alpha: Alpha) -> Result<Self, Unavailable> {
        Self::with(units, alpha, approximate(alpha.get()))
    }

    /// The same with the exact optimum, by Lambert's W; hardly different.
    ///
    /// # Errors
    /// As those of [`NormalMixture::tuned_for`].
    pub fn tuned_exactly_for(units: f64, alpha: Alpha) -> Result<Self, Unavailable> {
        Self::with(units, alpha, exact(alpha.get()))
    }

    /// The one-sided mixture, which is that of twice alpha.
    ///
    /// # Errors
    /// As those of [`NormalMixture::tuned_for`].
    pub fn one_sided_for(units: f64, alpha: Alpha) -> Result<Self, Unavailable> {
        Self::with(units, alpha, approximate(2.0 * alpha.get()))
    }

    fn with(units: f64, alpha: Alpha, progress: f64) -> Result<Self, Unavailable> {
        if units > 0.0 && units.is_finite() && progress > 0.0 {
            return Ok(Self { rho: (progress / units).sqrt(), alpha });
        }
        Err(Unavailable::Parameter {
            parameter: "number of units to tune for, it must be positive",
            value: units,
        })
    }

    /// The mixture's parameter.
    pub fn rho(&self) -> f64 {
        self.rho
    }

    /// How far along the test is after `n` units.
    fn progress(&self, n: f64) -> f64 {
        n * self.rho * self.rho
    }

    /// The half-width of the interval after `n` units, in standard errors.
    pub fn multiplier(&self, n: f64) -> f64 {
        multiplier(self.progress(n), self.alpha.get())
    }

    /// The half-width of the one-sided interval of confidence 1 - alpha.
    pub fn one_sided_multiplier(&self, n: f64) -> f64 {
        let q = self.progress(n);
        (2.0 * (q + 1.0) / q * ((q + 1.0).sqrt() / (2.0 * self.alpha.get())).ln_1p()).sqrt()
    }

    /// The natural logarithm of the e-value of an estimate that is `z` standard errors from what is tested, after `n`
    /// units.
    pub fn log_e(&self, z: f64, n: f64) -> f64 {
        log_mixture(z * z, self.progress(n))
    }

    /// An estimate after `n` units with its always-valid interval and e-value against zero.
    pub fn watch(&self, value: f64, standard_error: f64, n: f64) -> (Estimate, f64) {
        let z = if standard_error == 0.0 { 0.0 } else { value / standard_error };
        (Estimate::symmetric(value, standard_error, self.multiplier(n)), self.log_e(z, n))
    }
}

/// ln of the mixture's likelihood ratio at a squared z and q = tau^2 / V: what mSPRT computes (Johari, Koomen,
/// Pekelis and Walsh, Operations Research 70, 2022).
pub fn log_mixture(z_squared: f64, q: f64) -> f64 {
    z_squared / 2.0 * (q / (q + 1.0)) - q.ln_1p() / 2.0
}

/// The half-width in standard errors at progress q.
pub(crate) fn multiplier(q: f64, alpha: f64) -> f64 {
    (2.0 * (q + 1.0) / q * (q.ln_1p() / 2.0 - alpha.ln())).sqrt()
}

/// -2 ln a + ln(1 - 2 ln a): where the boundary is nearly the closest.
fn approximate(alpha: f64) -> f64 {
    let log = -2.0 * alpha.ln();
    log + log.ln_1p()
}

/// -W(-a^2 / e) - 1 on the lower branch: y - ln y = 1 - 2 ln a with y > 1, by Newton's method.
fn exact(alpha: f64) -> f64 {
    let target = 1.0 - 2.0 * alpha.ln();
    let mut y = target + target.ln();
    for _ in 0..50 {
        let step = (y - y.ln() - target) / (1.0 - 1.0 / y);
        y -= step;
        if step.abs() < 1e-15 * y {
            break;
        }
    }
    y - 1.0
}

/// A difference in proportions, always valid: the interval from the unpooled standard error, the e-value from the
/// variance pooled over the arms (without a difference it is the better known, and rare successes in a small arm do
/// not fool it).
///
/// # Errors
/// [`Unavailable::TooFewUnits`] if an arm has no unit.
pub fn proportions_sequential(
    control: Proportion,
    treatment: Proportion,
    mixture: NormalMixture,
) -> Result<Sequential, Unavailable> {
    let (Some(a), Some(b)) = (control.share(), treatment.share()) else {
        return Err(Unavailable::TooFewUnits { units: 0, needed: 1 });
    };
    let (n_a, n_b) = (control.units() as f64, treatment.units() as f64);
    let n = n_a + n_b;
    let successes = (control.successes + treatment.successes) as f64;
    let failures = (control.failures + treatment.failures) as f64;
    let pooled = (successes / n) * (failures / n) * (n / n_a / n_b);
    let difference = b - a;
    let unpooled = a * (control.failures as f64 / n_a) / n_a + b * (treatment.failures as f64 / n_b) / n_b;
    let (estimate, _) = mixture.watch(difference, unpooled.sqrt(), n);
    let (_, log_e) = mixture.watch(difference, pooled.sqrt(), n);
    let smallest = n_a.min(n_b) * (successes.min(failures) / n);
    Ok(Sequential { estimate, log_e, is_burnt_in: smallest >= BURN_IN })
}

/// The critical value that Statsig's documents give for sequential tests: V, tau and it. For comparison only: with a
/// fixed split it is a constant, so that it does not hold for ever.
pub fn statsig_critical(
    (variance_a, n_a): (f64, f64),
    (variance_b, n_b): (f64, f64),
    alpha: Alpha,
) -> (f64, f64, f64) {
    let v = variance_a / n_a + variance_b / n_b;
    let z = normal::isf(alpha.half());
    let tau = z * z * (variance_a + variance_b) / (n_a + n_b);
    let log = (v / (v + tau)).ln();
    (v, tau, ((v + tau) / tau * (-2.0 * alpha.half().ln() - log)).sqrt())
}
