//! How long it will take.

use serde::{Deserialize, Serialize};

use crate::{Alpha, Power, Unavailable, special::normal};

/// What a fixed-horizon, two-sided test should promise. Everything here is the normal approximation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The chance of calling a difference where there is none.
    pub alpha: Alpha,
    /// The chance of calling a difference of the size planned for.
    pub power: Power,
    /// Units in treatment for each unit in control; 1 is an even split, and needs the fewest units for equal
    /// variances.
    pub allocation: f64,
}

/// The units that a test needs, rounded up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct RequiredUnits {
    /// In control.
    pub control: u64,
    /// In treatment.
    pub treatment: u64,
}

impl Default for Plan {
    fn default() -> Self {
        Self { alpha: Alpha::USUAL, power: Power::USUAL, allocation: 1.0 }
    }
}

impl Plan {
    /// Units to see a difference of `effect` between means, given the variance of the units in each arm:
    /// n = (z(alpha/2) + z(power))^2 (v_control + v_treatment / allocation) / effect^2 in control.
    ///
    /// # Errors
    /// [`Unavailable::Parameter`] for an effect of zero, a negative variance, an allocation that is not positive, or
    /// a number of units beyond 10^15.
    pub fn units_for_means(
        &self,
        control: f64,
        treatment: f64,
        effect: f64,
    ) -> Result<RequiredUnits, Unavailable> {
        self.units(self.control_for_means(self.alpha.half(), control, treatment, effect)?)
    }

    /// Units to see the share `treatment` where the control has the share `control`, by the score test (Fleiss,
    /// "Statistical Methods for Rates and Proportions", 2nd ed., equation 3.18, without continuity correction).
    ///
    /// # Errors
    /// [`Unavailable::Parameter`] for equal shares, shares outside 0..=1, an allocation that is not positive, or a
    /// number of units beyond 10^15.
    pub fn units_for_proportions(&self, control: f64, treatment: f64) -> Result<RequiredUnits, Unavailable> {
        self.units(self.control_for_proportions(control, treatment)?)
    }

    /// Units to show that a mean is not worse by `margin`, if it truly is the same, given the variance of the units
    /// in each arm. `alpha` is one-sided here.
    ///
    /// # Errors
    /// As those of [`Plan::units_for_means`].
    pub fn units_for_non_inferiority(
        &self,
        control: f64,
        treatment: f64,
        margin: f64,
    ) -> Result<RequiredUnits, Unavailable> {
        self.units(self.control_for_means(self.alpha.get(), control, treatment, margin)?)
    }

    /// The smallest difference that the plan promises to see at this standard error of the difference.
    pub fn detectable_effect(&self, standard_error: f64) -> f64 {
        (normal::isf(self.alpha.half()) + self.reach()) * standard_error
    }

    /// The units of control as a broken number, with alpha in the `tail` given.
    ///
    /// # Errors
    /// As those of [`Plan::units_for_means`].
    pub fn control_for_means(&self, tail: f64, v_a: f64, v_b: f64, effect: f64) -> Result<f64, Unavailable> {
        self.check()?;
        if effect == 0.0 || !effect.is_finite() {
            return Err(Unavailable::Parameter {
                parameter: "effect, it must be finite and not zero",
                value: effect,
            });
        }
        for value in [v_a, v_b] {
            if !(value.is_finite() && value >= 0.0) {
                return Err(Unavailable::Parameter { parameter: "variance", value });
            }
        }
        let standard = (normal::isf(tail) + self.reach()) / effect;
        Ok(standard * standard * (v_a + v_b / self.allocation))
    }

    /// The units of control as a broken number.
    ///
    /// # Errors
    /// As those of [`Plan::units_for_proportions`].
    pub fn control_for_proportions(&self, a: f64, b: f64) -> Result<f64, Unavailable> {
        self.check()?;
        for value in [a, b] {
            if !(0.0..=1.0).contains(&value) {
                return Err(Unavailable::Parameter { parameter: "share, it must be between 0 and 1", value });
            }
        }
        let effect = b - a;
        if effect == 0.0 {
            return Err(Unavailable::Parameter {
                parameter: "effect, the shares must differ",
                value: effect,
            });
        }
        let r = self.allocation;
        let pooled = (a + r * b) / (1.0 + r);
        let under_none = ((1.0 + 1.0 / r) * pooled * (1.0 - pooled)).sqrt();
        let under_effect = (a * (1.0 - a) + b * (1.0 - b) / r).sqrt();
        let standard = (normal::isf(self.alpha.half()) * under_none + self.reach() * under_effect) / effect;
        Ok(standard * standard)
    }

    /// The normal quantile of the power.
    fn reach(&self) -> f64 {
        -normal::isf(self.power.get())
    }

    fn check(&self) -> Result<(), Unavailable> {
        let value = self.allocation;
        if value.is_finite() && value > 0.0 {
            return Ok(());
        }
        Err(Unavailable::Parameter { parameter: "allocation, it must be finite and positive", value })
    }

    fn units(&self, control: f64) -> Result<RequiredUnits, Unavailable> {
        let whole = |units: f64| {
            if units.is_nan() || units > 1e15 {
                return Err(Unavailable::Parameter {
                    parameter: "number of units that anyone has",
                    value: units,
                });
            }
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a whole number up to 1e15"
            )]
            Ok(units.ceil().max(2.0) as u64)
        };
        Ok(RequiredUnits { control: whole(control)?, treatment: whole(control * self.allocation)? })
    }
}
