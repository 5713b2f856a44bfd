//! Power by Student's t, for small samples, and of sequential designs.

use serde::Serialize;

use crate::{
    Alpha, Plan, Power, Unavailable,
    numeric::bisect,
    sequential::NormalMixture,
    special::{noncentral_t, normal, student_t},
};

/// The power of the two-sided t-test of a difference of `effect` standard deviations, with `control` units in one arm
/// and `allocation` times as many in the other, by the noncentral t distribution.
///
/// # Errors
/// [`Unavailable::Parameter`] for numbers that are not finite, an allocation that is not positive, or fewer than
/// three units in all.
pub fn t_test_power(effect: f64, control: f64, allocation: f64, alpha: Alpha) -> Result<f64, Unavailable> {
    check_effect(effect)?;
    check_allocation(allocation)?;
    let df = control * (1.0 + allocation) - 2.0;
    if !(df >= 1.0 && df.is_finite()) {
        let parameter = "number of units, there must be three in all at least";
        return Err(Unavailable::Parameter { parameter, value: control });
    }
    Ok(power_at(effect, control, allocation, alpha))
}

fn power_at(effect: f64, control: f64, allocation: f64, alpha: Alpha) -> f64 {
    let df = control * (1.0 + allocation) - 2.0;
    let shift = effect.abs() * (control * allocation / (1.0 + allocation)).sqrt();
    if df > 1e7 {
        let critical = normal::isf(alpha.half());
        return normal::log_sf(critical - shift).exp() + normal::log_sf(critical + shift).exp();
    }
    noncentral_t::two_sided_power(student_t::isf(alpha.half(), df), df, shift).min(1.0)
}

/// The units of control, a broken number, with which the t-test of a difference of `effect` standard deviations has
/// the power planned.
///
/// # Errors
/// [`Unavailable::Parameter`] for an effect of zero, or one that takes more than 1e15 units, or less than three
/// units.
pub fn t_test_units(effect: f64, plan: &Plan) -> Result<f64, Unavailable> {
    check_effect(effect)?;
    check_allocation(plan.allocation)?;
    let least = 3.0 / (1.0 + plan.allocation);
    let reaches = |units: f64| power_at(effect, units, plan.allocation, plan.alpha) >= plan.power.get();
    if effect == 0.0 || !reaches(1e15) {
        let parameter = "effect that any number of units can find";
        return Err(Unavailable::Parameter { parameter, value: effect });
    }
    if reaches(least) {
        return Ok(least);
    }
    // On the scale of the logarithm.
    Ok(bisect(least.ln(), 1e15_f64.ln(), |log| !reaches(log.exp())).exp())
}

/// The smallest difference that the t-test of two arms of the same `variance` finds with the power planned.
///
/// # Errors
/// [`Unavailable::Parameter`] for a variance that is not positive, or fewer than three units in all.
pub fn t_test_detectable(
    variance: f64,
    control: f64,
    treatment: f64,
    (alpha, power): (Alpha, Power),
) -> Result<f64, Unavailable> {
    if !(variance > 0.0 && variance.is_finite()) {
        return Err(Unavailable::Parameter { parameter: "variance, it must be positive", value: variance });
    }
    let allocation = treatment / control;
    t_test_power(0.0, control, allocation, alpha)?;
    let is_missed = |effect: f64| power_at(effect, control, allocation, alpha) < power.get();
    let scale = (1.0 / control + 1.0 / treatment).sqrt();
    Ok(bisect(0.0, 100.0 * scale + 1e4 * scale, is_missed) * variance.sqrt())
}

/// What it costs to be allowed to look at any time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct SequentialPrice {
    /// The half-width of the always-valid interval in standard errors.
    pub multiplier: f64,
    /// By what it is wider than the fixed one.
    pub ratio: f64,
    /// By what the test takes more units for an interval of the same width.
    pub inflation: f64,
}

/// The price of the always-valid interval after `n` units in all, if it was tuned for `tuned` of them.
///
/// # Errors
/// [`Unavailable::Parameter`] for numbers that are not positive.
pub fn sequential_price(n: f64, tuned: f64, alpha: Alpha) -> Result<SequentialPrice, Unavailable> {
    if !(n > 0.0 && n.is_finite()) {
        return Err(Unavailable::Parameter { parameter: "number of units, it must be positive", value: n });
    }
    let multiplier = NormalMixture::tuned_for(tuned, alpha)?.multiplier(n);
    let ratio = multiplier / normal::isf(alpha.half());
    Ok(SequentialPrice { multiplier, ratio, inflation: ratio * ratio })
}

impl Plan {
    /// The smallest difference that an always-valid test, tuned for `n` units in all, sees by then with the power
    /// planned, at this standard error then.
    ///
    /// # Errors
    /// [`Unavailable::Parameter`] for a number of units that is not positive.
    pub fn detectable_sequentially(&self, standard_error: f64, n: f64) -> Result<f64, Unavailable> {
        let multiplier = NormalMixture::tuned_for(n, self.alpha)?.multiplier(n);
        Ok((multiplier - normal::isf(self.power.get())) * standard_error)
    }

    /// By what an always-valid test takes more units than a fixed one to have the same power at its end, tuned for
    /// that end.
    ///
    /// # Errors
    /// None for a valid plan.
    pub fn sequential_inflation(&self) -> Result<f64, Unavailable> {
        let fixed = normal::isf(self.alpha.half()) - normal::isf(self.power.get());
        Ok((self.detectable_sequentially(1.0, 1.0)? / fixed).powi(2))
    }

    /// Units of control by Cohen's h, the difference on the scale of the arcsine of the root, on which shares have
    /// the same variance.
    ///
    /// # Errors
    /// [`Unavailable::Parameter`] for equal shares or shares outside 0..=1.
    pub fn cohen_units(&self, control: f64, treatment: f64) -> Result<f64, Unavailable> {
        for value in [control, treatment] {
            if !(0.0..=1.0).contains(&value) {
                return Err(Unavailable::Parameter { parameter: "share, it must be between 0 and 1", value });
            }
        }
        let h = 2.0 * (treatment.sqrt().asin() - control.sqrt().asin());
        self.control_for_means(self.alpha.half(), 1.0, 1.0, h)
    }
}

fn check_effect(effect: f64) -> Result<(), Unavailable> {
    if effect.is_finite() {
        return Ok(());
    }
    Err(Unavailable::Parameter { parameter: "effect, it must be finite", value: effect })
}

fn check_allocation(allocation: f64) -> Result<(), Unavailable> {
    if allocation > 0.0 && allocation.is_finite() {
        return Ok(());
    }
    Err(Unavailable::Parameter { parameter: "allocation, it must be finite and positive", value: allocation })
}
