//! Guardrails: not worse by more than a margin.

use serde::{Deserialize, Serialize};

use crate::{
    Alpha, Comparison, Proportion, Unavailable,
    proportion::newcombe,
    special::{normal, student_t},
};

/// Which direction of a metric is an improvement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// More is better.
    Higher,
    /// Less is better.
    Lower,
}

/// Whether the treatment is shown not to be worse by as much as a margin.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct NonInferiority {
    /// How much worse the treatment may be at confidence 1 - alpha (one-sided): the bound of the loss, on the scale
    /// of the metric. Negative if it is even shown to be better.
    pub worst_loss: f64,
    /// The loss that is still acceptable.
    pub margin: f64,
    /// The distance between the loss seen and the margin, in standard errors.
    pub statistic: f64,
    /// The natural logarithm of the one-sided p-value of "worse by the margin or more".
    pub log_p: f64,
}

impl NonInferiority {
    /// Whether a loss as large as the margin is excluded. If not, that is no proof of a loss.
    pub fn passes(&self) -> bool {
        self.worst_loss < self.margin
    }

    /// The one-sided p-value.
    pub fn p(&self) -> f64 {
        self.log_p.exp()
    }
}

impl Comparison {
    /// Tests means or ratios against an absolute `margin` above zero, on the scale of the metric, one-sided at
    /// `alpha`.
    ///
    /// For proportions take [`non_inferior_proportions`]: this uses the standard error, which collapses without
    /// successes.
    ///
    /// # Errors
    /// [`Unavailable::Parameter`] if the margin is not a positive, finite number.
    pub fn non_inferior(
        &self,
        margin: f64,
        better: Direction,
        alpha: Alpha,
    ) -> Result<NonInferiority, Unavailable> {
        check(margin)?;
        let loss = better.loss(self.difference.value);
        let standard_error = self.difference.standard_error;
        let df = self.df.unwrap_or(f64::INFINITY);
        if standard_error == 0.0 {
            // Only where all units of both arms are equal; then there is no loss at all.
            let statistic = f64::MAX;
            return Ok(NonInferiority { worst_loss: loss, margin, statistic, log_p: f64::NEG_INFINITY });
        }
        let statistic = (margin - loss) / standard_error;
        let worst_loss = loss + student_t::isf(alpha.get(), df) * standard_error;
        Ok(NonInferiority { worst_loss, margin, statistic, log_p: student_t::log_sf(statistic, df) })
    }
}

/// Tests proportions against an absolute `margin` above zero and below one, one-sided at `alpha`.
///
/// The bound is Newcombe's; the p-value is the level at which that bound meets the margin, so the two always agree.
///
/// # Errors
/// [`Unavailable::TooFewUnits`] if an arm has no unit, [`Unavailable::Parameter`] for a margin that is not between
/// 0 and 1.
pub fn non_inferior_proportions(
    control: Proportion,
    treatment: Proportion,
    margin: f64,
    better: Direction,
    alpha: Alpha,
) -> Result<NonInferiority, Unavailable> {
    check(margin)?;
    if margin >= 1.0 {
        return Err(Unavailable::Parameter {
            parameter: "margin of a proportion, it must be below 1",
            value: margin,
        });
    }
    if control.units() == 0 || treatment.units() == 0 {
        return Err(Unavailable::TooFewUnits { units: 0, needed: 1 });
    }
    // The bound of the loss that is `z` standard errors away from the loss seen, on either side.
    let bound = |z: f64| {
        let (low, high) = newcombe(control, treatment, z.abs());
        match (better, z >= 0.0) {
            (Direction::Higher, true) => -low,
            (Direction::Higher, false) => -high,
            (Direction::Lower, true) => high,
            (Direction::Lower, false) => low,
        }
    };
    let statistic = crossing(&bound, margin);
    let worst_loss = bound(normal::isf(alpha.get()));
    Ok(NonInferiority { worst_loss, margin, statistic, log_p: normal::log_sf(statistic) })
}

impl Direction {
    /// How much worse a difference makes things; negative for an improvement.
    fn loss(self, difference: f64) -> f64 {
        match self {
            Self::Higher => -difference,
            Self::Lower => difference,
        }
    }
}

/// Where `bound`, which rises, meets `margin`, by bisection; one of the ends if it does not.
fn crossing(bound: &impl Fn(f64) -> f64, margin: f64) -> f64 {
    let (mut low, mut high) = (-1e5, 1e5);
    for _ in 0..100 {
        let middle = (low + high) / 2.0;
        if bound(middle) < margin {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}

fn check(margin: f64) -> Result<(), Unavailable> {
    if margin.is_finite() && margin > 0.0 {
        return Ok(());
    }
    Err(Unavailable::Parameter { parameter: "margin, it must be positive", value: margin })
}
