//! Two arms compared at any time: means, ratios and conversions.

use super::{
    BURN_IN, NormalMixture, Sequential, counts::multinomial, normal_mixture::proportions_sequential,
};
use crate::{Comoments, Moments, Proportion, Unavailable, ratio::ratio_value};

/// The ratio of rates that the exact part of [`conversions_sequential`] is tuned to find.
const TUNED_RATIO: f64 = 1.2;

/// A difference in means, always valid: the interval from the arms' own variances, the e-value from these or from
/// the variance of all units pooled, whichever is larger. Pooled, a lucky small arm cannot fool it; unpooled, an arm
/// that varies more cannot.
///
/// # Errors
/// [`Unavailable::TooFewUnits`] with fewer than two units in an arm, [`Unavailable::ZeroVariance`] if each arm is
/// constant at another mean, [`Unavailable::NotFinite`] after a number that is not finite.
pub fn means_sequential(
    control: &Moments,
    treatment: &Moments,
    mixture: NormalMixture,
) -> Result<Sequential, Unavailable> {
    let (Some(v_a), Some(v_b)) = (control.variance(), treatment.variance()) else {
        return Err(Unavailable::TooFewUnits { units: control.n.min(treatment.n), needed: 2 });
    };
    let mut all = *control;
    all.merge(treatment);
    let (n_a, n_b) = (control.n as f64, treatment.n as f64);
    let pooled = all.variance().unwrap_or(0.0) * (1.0 / n_a + 1.0 / n_b);
    watch(treatment.mean - control.mean, (v_a / n_a + v_b / n_b, pooled), (n_a, n_b), mixture)
}

/// A difference in ratios of sums, clustered by unit, always valid; otherwise as [`means_sequential`], with the
/// variances of [`ratio`](crate::ratio()).
///
/// # Errors
/// As those of [`ratio`](crate::ratio()).
pub fn ratios_sequential(
    control: &Comoments,
    treatment: &Comoments,
    mixture: NormalMixture,
) -> Result<Sequential, Unavailable> {
    let (a, b) = (ratio_value(control)?, ratio_value(treatment)?);
    let mut all = *control;
    all.merge(treatment);
    let (n_a, n_b) = (control.n as f64, treatment.n as f64);
    // The variance of all residuals about the common ratio, at each arm's own denominators.
    let residual = ratio_value(&all)?.variance * all.n as f64 * all.mean_x * all.mean_x;
    let pooled = residual * (1.0 / (n_a * control.mean_x.powi(2)) + 1.0 / (n_b * treatment.mean_x.powi(2)));
    watch(b.value - a.value, (a.variance + b.variance, pooled), (n_a, n_b), mixture)
}

fn watch(
    difference: f64,
    (unpooled, pooled): (f64, f64),
    (n_a, n_b): (f64, f64),
    mixture: NormalMixture,
) -> Result<Sequential, Unavailable> {
    if !(difference.is_finite() && unpooled.is_finite() && pooled.is_finite()) {
        return Err(Unavailable::NotFinite);
    }
    if unpooled == 0.0 && difference != 0.0 {
        return Err(Unavailable::ZeroVariance { difference });
    }
    let n = n_a + n_b;
    let (estimate, _) = mixture.watch(difference, unpooled.sqrt(), n);
    let (_, log_e) = mixture.watch(difference, unpooled.max(pooled).sqrt(), n);
    Ok(Sequential { estimate, log_e, is_burnt_in: n_a.min(n_b) >= BURN_IN })
}

/// A difference in proportions of units that come into the arms in the shares `split`, always valid from the first
/// unit on.
///
/// Its e-value is the mean of two, which is one: that of the exact test of counts ([`multinomial`]), which holds for
/// the rarest successes, and that of [`proportions_sequential`], which finds more where they are common and joins in
/// after its burn-in. For the interval to be as valid, `mixture` has half of alpha; before the burn-in it is -1 to 1.
///
/// # Errors
/// [`Unavailable::TooFewUnits`] if an arm has no unit, [`Unavailable::Parameter`] for a share that is not positive.
pub fn conversions_sequential(
    control: Proportion,
    treatment: Proportion,
    split: [f64; 2],
    mixture: NormalMixture,
) -> Result<Sequential, Unavailable> {
    let mut seen = proportions_sequential(control, treatment, mixture)?;
    let [a, b] = split.map(|share| share / (split[0] + split[1]));
    let concentration = 1.0 / (a * b * TUNED_RATIO.ln().powi(2));
    let exact = multinomial(&[control.successes, treatment.successes], &split, concentration)?;
    if seen.is_burnt_in {
        let (low, high) = (exact.min(seen.log_e), exact.max(seen.log_e));
        seen.log_e = high + (low - high).exp().ln_1p() - std::f64::consts::LN_2;
    } else {
        seen.log_e = exact - std::f64::consts::LN_2;
        (seen.estimate.low, seen.estimate.high) = (-1.0, 1.0);
    }
    Ok(seen)
}
