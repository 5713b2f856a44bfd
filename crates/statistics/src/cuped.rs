//! Means adjusted by what was known of each unit before the experiment.

use crate::{
    Alpha, Comoments, Comparison, Estimate, Moments, Unavailable, moments::shift, relative::Value,
    special::normal, welch,
};

/// A difference in means, adjusted by a covariate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cuped {
    /// The slope of the outcome on the covariate over all units of both arms.
    pub theta: f64,
    /// The slope within the arms, for comparison: a large difference says that the arms differ in the covariate.
    pub theta_within: f64,
    /// The share of the outcome's variance that the covariate explains, and the adjustment takes away.
    pub explained: f64,
    /// Welch's test of the adjusted means.
    pub comparison: Comparison,
}

/// CUPED (Deng, Xu, Kohavi and Walker, WSDM 2013): the difference in means of y less theta times that of x, a
/// covariate from before the exposure, so that chance differences between the arms' units do not count. Narrows the
/// interval by the root of 1 - correlation squared; never biases it.
///
/// `y` is the outcome and `x` the covariate, one pair a unit. Theta is from centred sums over both arms; it is 0
/// where the covariate does not vary.
///
/// # Errors
/// As those of [`welch`].
pub fn cuped(control: &Comoments, treatment: &Comoments, alpha: Alpha) -> Result<Cuped, Unavailable> {
    let mut all = *control;
    all.merge(treatment);
    let theta = slope(all.c_yx, all.m2_x);
    let (within_c, within_x) = (control.c_yx + treatment.c_yx, control.m2_x + treatment.m2_x);
    // The covariate's mean over all units as the zero point keeps the adjusted means near the arms' own.
    let adjusted = |arm: &Comoments| adjust(arm, theta, all.mean_x);
    let comparison = welch(&adjusted(control), &adjusted(treatment), alpha)?;
    let explained = if all.m2_y > 0.0 { theta * all.c_yx / all.m2_y } else { 0.0 };
    Ok(Cuped { theta, theta_within: slope(within_c, within_x), explained, comparison })
}

/// The moments of y - theta (x - centre).
fn adjust(arm: &Comoments, theta: f64, centre: f64) -> Moments {
    let m2 = arm.m2_y - 2.0 * theta * arm.c_yx + theta * theta * arm.m2_x;
    let (mut mean, mut mean_rest) = (arm.mean_y, arm.rest_y);
    shift(&mut mean, &mut mean_rest, -theta * (arm.mean_x - centre));
    Moments { n: arm.n, mean, mean_rest, m2: m2.max(0.0) }
}

fn slope(covariance: f64, variance: f64) -> f64 {
    if variance > 0.0 { covariance / variance } else { 0.0 }
}

/// Lin's estimate (Annals of Applied Statistics 7, 2013): each arm has its own slope, and both are read off at the
/// covariate's mean over all units. Never worse than no adjustment, and better than one slope where the arms' sizes
/// differ.
///
/// The standard error is that of the delta method, for units drawn from a larger population.
///
/// # Errors
/// [`Unavailable::TooFewUnits`] with fewer than three units in an arm, [`Unavailable::NotFinite`] after numbers that
/// are not finite.
pub fn lin(control: &Comoments, treatment: &Comoments, alpha: Alpha) -> Result<Estimate, Unavailable> {
    if let Some(arm) = [control, treatment].into_iter().find(|arm| arm.n < 3) {
        return Err(Unavailable::TooFewUnits { units: arm.n, needed: 3 });
    }
    let mut all = *control;
    all.merge(treatment);
    let own = |arm: &Comoments| {
        let theta = slope(arm.c_yx, arm.m2_x);
        (theta, adjust(arm, theta, all.mean_x))
    };
    let ((theta_a, a), (theta_b, b)) = (own(control), own(treatment));
    let spread = |arm: &Moments| arm.m2 / (arm.n - 2) as f64 / arm.n as f64;
    let of_covariate = all.m2_x / (all.n - 1) as f64 / all.n as f64;
    let variance = spread(&a) + spread(&b) + (theta_b - theta_a).powi(2) * of_covariate;
    let difference = b.mean - a.mean + (b.mean_rest - a.mean_rest);
    let value = Value::new(difference, variance, f64::INFINITY)?;
    Ok(Estimate::symmetric(value.value, value.variance.sqrt(), normal::isf(alpha.half())))
}

/// The adjusted difference as a share of the control's own (unadjusted) mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CupedLift {
    /// The slope over both arms.
    pub theta: f64,
    /// The share.
    pub lift: f64,
    /// Its standard error, by the delta method with the exact gradient.
    pub standard_error: f64,
    /// The same with the treatment's own mean in place of the control's plus the adjusted difference, as GrowthBook
    /// has it.
    pub growthbook_standard_error: f64,
}

/// The relative lift of [`cuped`], theta taken as known.
///
/// # Errors
/// [`Unavailable::TooFewUnits`] with fewer than two units in an arm, [`Unavailable::ControlNearZero`] for a control
/// mean of 0.
pub fn cuped_lift(control: &Comoments, treatment: &Comoments) -> Result<CupedLift, Unavailable> {
    if let Some(arm) = [control, treatment].into_iter().find(|arm| arm.n < 2) {
        return Err(Unavailable::TooFewUnits { units: arm.n, needed: 2 });
    }
    if control.mean_y == 0.0 {
        return Err(Unavailable::ControlNearZero);
    }
    let mut all = *control;
    all.merge(treatment);
    let theta = slope(all.c_yx, all.m2_x);
    let base = control.mean_y.abs();
    let difference = treatment.mean_y - control.mean_y - theta * (treatment.mean_x - control.mean_x);
    // The variance of by_y y + by_x x.
    let variance = |arm: &Comoments, by_y: f64, by_x: f64| {
        let sum = by_y * by_y * arm.m2_y + 2.0 * by_y * by_x * arm.c_yx + by_x * by_x * arm.m2_x;
        sum / (arm.n - 1) as f64 / arm.n as f64
    };
    let of_treatment = variance(treatment, 1.0 / base, -theta / base);
    let error = |reference: f64| {
        let slope = reference / control.mean_y / base;
        (of_treatment + variance(control, slope, -theta / base)).sqrt()
    };
    Ok(CupedLift {
        theta,
        lift: difference / base,
        standard_error: error(control.mean_y + difference),
        growthbook_standard_error: error(treatment.mean_y),
    })
}
