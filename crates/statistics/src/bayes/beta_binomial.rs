//! Beta priors for proportions.

use crate::{
    Proportion, Unavailable,
    special::beta::{log_density, log_tails, logistic},
};

/// A beta prior: successes and failures seen before, as it were.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prior {
    /// Successes.
    pub successes: f64,
    /// Failures.
    pub failures: f64,
}

/// Two posteriors compared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BetaPosteriors {
    /// The natural logarithm of the chance that treatment's share is larger.
    pub log_treatment_higher: f64,
    /// That control's is.
    pub log_control_higher: f64,
    /// What is lost on average by taking the treatment: the mean of control's share less treatment's where that is
    /// positive.
    pub loss_of_treatment: f64,
    /// What is lost on average by keeping the control.
    pub loss_of_control: f64,
    /// The mean of control's share.
    pub control: f64,
    /// The mean of treatment's share.
    pub treatment: f64,
}

/// The chance that one of two shares is larger, and the expected loss of either choice, each share with the same beta
/// prior.
///
/// Both chances, and the smaller loss, are integrals of positive functions by themselves, around their own peaks, so
/// that a chance of 1e-16 has its digits. On the scale of ln(p / (1 - p)) those functions fall off exponentially, for
/// which the trapezoidal rule is as good as exact.
///
/// # Errors
/// [`Unavailable::Parameter`] for a prior that is not positive.
pub fn beta_binomial(
    control: Proportion,
    treatment: Proportion,
    prior: Prior,
) -> Result<BetaPosteriors, Unavailable> {
    for value in [prior.successes, prior.failures] {
        if !(value > 0.0 && value.is_finite()) {
            return Err(Unavailable::Parameter {
                parameter: "parameter of a prior, it must be positive",
                value,
            });
        }
    }
    let (a, b) = (Beta::after(control, prior), Beta::after(treatment, prior));
    let (log_treatment_higher, log_control_higher) = (log_higher(&b, &a), log_higher(&a, &b));
    let (control, treatment) = (a.mean(), b.mean());
    // The smaller loss is an integral over two tails; the larger one would be over a plateau, and is the smaller one
    // more than the difference.
    let (loss_of_treatment, loss_of_control) = if treatment >= control {
        let loss = log_excess(&a, &b).exp();
        (loss, loss + (treatment - control))
    } else {
        let loss = log_excess(&b, &a).exp();
        (loss + (control - treatment), loss)
    };
    Ok(BetaPosteriors {
        log_treatment_higher,
        log_control_higher,
        loss_of_treatment,
        loss_of_control,
        control,
        treatment,
    })
}

struct Beta {
    a: f64,
    b: f64,
}

impl Beta {
    fn after(seen: Proportion, prior: Prior) -> Self {
        Self { a: seen.successes as f64 + prior.successes, b: seen.failures as f64 + prior.failures }
    }

    fn mean(&self) -> f64 {
        self.a / (self.a + self.b)
    }

    /// The logarithm of the density on the scale of ln(p / (1 - p)).
    fn log_density(&self, (x, y): (f64, f64)) -> f64 {
        log_density(self.a, self.b, x, y) + x.ln() + y.ln()
    }

    fn log_tails(&self, (x, y): (f64, f64)) -> (f64, f64) {
        log_tails(self.a, self.b, x, y)
    }

    /// Where it is on that scale, and how wide.
    fn centre(&self) -> (f64, f64) {
        ((self.a / self.b).ln(), (1.0 / self.a + 1.0 / self.b).sqrt())
    }
}

/// ln P(high > low): the chance that the second is below the first, over the first.
fn log_higher(high: &Beta, low: &Beta) -> f64 {
    let log = log_integral(high, low, |place| high.log_density(place) + low.log_tails(place).0);
    log.min(0.0)
}

/// ln of the mean of high - low where that is positive: the integral of P(low < x) P(high > x).
fn log_excess(high: &Beta, low: &Beta) -> f64 {
    log_integral(high, low, |place| {
        low.log_tails(place).0 + high.log_tails(place).1 + place.0.ln() + place.1.ln()
    })
}

/// ln of the integral of e^`log_value` over the whole scale: around its peak, as far as it is above e^-45 of it.
fn log_integral(one: &Beta, other: &Beta, log_value: impl Fn((f64, f64)) -> f64) -> f64 {
    const FALL: f64 = 45.0;
    const STEPS: u32 = 320;
    let at = |t: f64| log_value(logistic(t));
    let ((c1, w1), (c2, w2)) = (one.centre(), other.centre());
    let width = w1.min(w2);
    let peak = crate::numeric::lowest(c1.min(c2) - 40.0 * w1.max(w2), c1.max(c2) + 40.0 * w1.max(w2), |t| {
        -at(t.clamp(-700.0, 700.0))
    })
    .clamp(-700.0, 700.0);
    let top = at(peak);
    let edge = |side: f64| {
        let mut far = width;
        while at((peak + side * far).clamp(-740.0, 740.0)) > top - FALL && far < 1500.0 {
            far *= 2.0;
        }
        let inside = |distance: f64| at((peak + side * distance).clamp(-740.0, 740.0)) > top - FALL;
        peak + side * crate::numeric::bisect_roughly(0.0, far, inside)
    };
    let (low, high) = (edge(-1.0).max(-740.0), edge(1.0).min(740.0));
    let step = (high - low) / f64::from(STEPS);
    let sum: f64 = (0..=STEPS).map(|i| (at(low + step * f64::from(i)) - top).exp()).sum();
    top + (sum * step).ln()
}
