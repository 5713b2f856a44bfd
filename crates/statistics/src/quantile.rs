//! Quantiles: their intervals from order statistics, and two of them compared.

use crate::{
    Alpha, Estimate, Unavailable,
    binomial::{Binomial, first},
    special::normal,
};

/// The interval of a quantile from the ranks of the numbers around it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OrderStatistics {
    /// The rank of the lower end, from 1; 0 if it is below all numbers.
    pub rank_low: u64,
    /// The rank of the upper end; n + 1 if it is above all numbers.
    pub rank_high: u64,
    /// The chance that the interval holds the quantile, for a continuous distribution.
    pub coverage: f64,
}

/// The ranks between which the quantile `q` of `n` numbers lies with confidence of at least 1 - alpha, whatever the
/// distribution (David and Nagaraja, "Order Statistics", 7.1). Needs no numbers: with a sketch, look the ranks up in
/// it.
///
/// # Errors
/// [`Unavailable::Parameter`] for `q` outside 0..1, [`Unavailable::TooFewUnits`] without numbers.
pub fn order_statistics(n: u64, q: f64, alpha: Alpha) -> Result<OrderStatistics, Unavailable> {
    check_share(q)?;
    if n == 0 {
        return Err(Unavailable::TooFewUnits { units: 0, needed: 1 });
    }
    let below = Binomial { n, p: q };
    let tail = alpha.half().ln();
    let rank_low = first(0, n, |k| below.log_cdf(k) >= tail);
    let rank_high = 1 + first(0, n, |k| below.log_at_least(k + 1) <= tail);
    let miss = |log: f64| log.exp();
    let under = if rank_low == 0 { 0.0 } else { miss(below.log_cdf(rank_low - 1)) };
    let coverage = 1.0 - under - miss(below.log_at_least(rank_high));
    Ok(OrderStatistics { rank_low, rank_high, coverage })
}

/// The quantile `q` of sorted numbers: the first one with at least that share at or below it (type 1 of Hyndman and
/// Fan, American Statistician 50, 1996). Nothing without numbers.
pub fn lower_quantile(sorted: &[f64], q: f64) -> Option<f64> {
    let place = (q * sorted.len() as f64).ceil().max(1.0);
    // The share times the length may be just above the whole number that it is.
    let place = if place - q * sorted.len() as f64 > 1.0 - 1e-9 { (place - 1.0).max(1.0) } else { place };
    sorted.get(index(place - 1.0)).copied()
}

/// The quantile by interpolation between neighbours (type 7, what most programs print). Nothing without numbers.
pub fn linear_quantile(sorted: &[f64], q: f64) -> Option<f64> {
    let place = q * (sorted.len().checked_sub(1)?) as f64;
    let (low, share) = (index(place.floor()), place.fract());
    let (a, b) = (sorted[low], sorted[(low + 1).min(sorted.len() - 1)]);
    Some(a + share * (b - a))
}

fn index(place: f64) -> usize {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole, and within the list")]
    let index = place as usize;
    index
}

/// A quantile with the interval that its ranks give.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct QuantileEstimate {
    /// The quantile.
    pub value: f64,
    /// The lower end of its interval.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    /// How many numbers it is of.
    pub n: u64,
    /// By what the variance of the share below is larger than that of independent numbers: see [`design_effect`]. 1
    /// if each unit has one number.
    pub design_effect: f64,
}

/// Two quantiles compared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct QuantileDifference {
    /// Treatment minus control.
    pub difference: Estimate,
    /// The standard error with the factor (n - 1) / n in each arm, as GrowthBook has it.
    pub growthbook_standard_error: f64,
    /// The natural logarithm of the two-sided p-value.
    pub log_p: f64,
}

/// Compares quantiles of two arms, whose standard errors are taken from their intervals (Deng, Knoblich and Lu,
/// "Applying the delta method in metric analytics", KDD 2018, section 4): no density is estimated.
///
/// The arms' intervals are those for independent numbers at 1 - `alpha`; several numbers a unit come in by the design
/// effect.
///
/// # Errors
/// [`Unavailable::Parameter`] for an interval that does not hold its quantile or a design effect that is not
/// positive, [`Unavailable::ZeroVariance`] if both intervals are points at different values.
pub fn quantile_difference(
    control: &QuantileEstimate,
    treatment: &QuantileEstimate,
    alpha: Alpha,
) -> Result<QuantileDifference, Unavailable> {
    let critical = normal::isf(alpha.half());
    let variance = |arm: &QuantileEstimate| {
        if !(arm.low <= arm.value && arm.value <= arm.high) {
            let parameter = "quantile, it must be within its interval";
            return Err(Unavailable::Parameter { parameter, value: arm.value });
        }
        if !(arm.design_effect > 0.0 && arm.design_effect.is_finite()) {
            let parameter = "design effect, it must be positive";
            return Err(Unavailable::Parameter { parameter, value: arm.design_effect });
        }
        Ok(((arm.high - arm.low) / (2.0 * critical)).powi(2) * arm.design_effect)
    };
    let (a, b) = (variance(control)?, variance(treatment)?);
    let difference = treatment.value - control.value;
    if a + b == 0.0 && difference != 0.0 {
        return Err(Unavailable::ZeroVariance { difference });
    }
    let standard_error = (a + b).sqrt();
    let shrunk = |variance: f64, n: u64| variance * (n.saturating_sub(1) as f64 / n.max(1) as f64);
    let z = if standard_error == 0.0 { 0.0 } else { difference / standard_error };
    Ok(QuantileDifference {
        difference: Estimate::symmetric(difference, standard_error, critical),
        growthbook_standard_error: (shrunk(a, control.n) + shrunk(b, treatment.n)).sqrt(),
        log_p: normal::log_two_sided(z.abs()),
    })
}

/// By what the variance of the share of numbers below a value is larger than that of independent ones: `units` holds
/// each unit's count below (y) and count (x), the value being fixed before. Where a unit's requests are alike this is
/// many times 1.
///
/// # Errors
/// As those of [`ratio`](crate::ratio()); [`Unavailable::ZeroVariance`] where all numbers are on one side.
pub fn design_effect(units: &crate::Comoments) -> Result<f64, Unavailable> {
    let share = crate::ratio::ratio_value(units)?;
    let numbers = units.mean_x * units.n as f64;
    let independent = share.value * (1.0 - share.value) / numbers;
    if independent > 0.0 {
        Ok(share.variance / independent)
    } else {
        Err(Unavailable::ZeroVariance { difference: 0.0 })
    }
}

fn check_share(q: f64) -> Result<(), Unavailable> {
    if q > 0.0 && q < 1.0 {
        return Ok(());
    }
    Err(Unavailable::Parameter {
        parameter: "quantile, it must be between 0 and 1, both exclusive",
        value: q,
    })
}
