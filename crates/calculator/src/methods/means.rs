//! Means, lifts and ratios.

use statistics::{Comparison, special::student_t};

use super::arms::{Keys, both, comoments, moments, usable, value};
use crate::{
    fault::Fault,
    inputs::Inputs,
    results::{Results, split},
};

type Answer = Result<Results, Fault>;

/// ln of the chance of a larger statistic.
fn log_greater(result: &Comparison) -> f64 {
    student_t::log_sf(result.statistic, result.df.unwrap_or(f64::INFINITY))
}

pub(super) fn welch(inputs: &Inputs<'_>) -> Answer {
    let ((control, treatment), alpha) = (both(inputs, moments)?, inputs.alpha()?);
    let (result, reason) = split(statistics::welch(&control, &treatment, alpha))?;
    let interval = result.map(|result| result.difference);
    Ok(Results::new()
        .with("diff", treatment.mean - control.mean)
        .with("se", interval.map(|interval| interval.standard_error))
        .with("df", result.and_then(|result| result.df))
        .with("t", result.map(|result| result.statistic))
        .with("p_two_sided", result.map(|result| result.p()))
        .with("log_p", result.map(|result| result.log_p))
        .with_p("p_greater", result.as_ref().map(log_greater))
        .with("ci_low", interval.map(|interval| interval.low))
        .with("ci_high", interval.map(|interval| interval.high))
        .because(reason))
}

pub(super) fn student(inputs: &Inputs<'_>) -> Answer {
    let ((control, treatment), alpha) = (both(inputs, moments)?, inputs.alpha()?);
    let (result, reason) = split(statistics::student(&control, &treatment, alpha))?;
    Ok(Results::new()
        .with("diff", treatment.mean - control.mean)
        .with("t", result.map(|result| result.statistic))
        .with("df", result.and_then(|result| result.df))
        .with("p_two_sided", result.map(|result| result.p()))
        .with("log_p", result.map(|result| result.log_p))
        .with("ci_low", result.map(|result| result.difference.low))
        .with("ci_high", result.map(|result| result.difference.high))
        .because(reason))
}

pub(super) fn degenerate(inputs: &Inputs<'_>) -> Answer {
    let arm = |n, mean, variance| {
        Ok::<_, Fault>(statistics::Moments::from_sample(
            inputs.units(n)?,
            inputs.number(mean)?,
            inputs.variance(variance)?,
        ))
    };
    let (control, treatment) = (arm("n1", "m1", "v1")?, arm("n2", "m2", "v2")?);
    let alpha = inputs.alpha()?;
    let (result, reason) = split(statistics::welch(&control, &treatment, alpha))?;
    let log_p = result.map(|result| result.log_p);
    Ok(Results::new()
        .with("significant", log_p.is_some_and(|log_p| log_p < alpha.get().ln()))
        .with("p_two_sided", log_p.map(f64::exp))
        .with("log_p", log_p)
        .because(reason))
}

pub(super) fn lift(inputs: &Inputs<'_>) -> Answer {
    let (((control, _), (treatment, _)), alpha) = (both(inputs, value)?, inputs.alpha()?);
    let result = usable(control)
        .and_then(|a| Ok((a, usable(treatment)?)))
        .and_then(|(a, b)| statistics::lift_intervals(a, b, alpha));
    let (result, reason) = split(result)?;
    let log = result.and_then(|result| result.log);
    Ok(Results::new()
        .with("lift", result.map(|result| result.lift))
        .with("delta_se", result.map(|result| result.standard_error))
        .with("delta_t_ci_low", result.map(|result| result.delta.0))
        .with("delta_t_ci_high", result.map(|result| result.delta.1))
        .with("lift_log_ci_low", log.map(|log| log.0))
        .with("lift_log_ci_high", log.map(|log| log.1))
        .with("fieller_g", result.map(|result| result.fieller_g))
        .with("fieller_z_ci_low", result.map(|result| result.fieller.0))
        .with("fieller_z_ci_high", result.map(|result| result.fieller.1))
        .because(reason))
}

pub(super) fn ratio(inputs: &Inputs<'_>) -> Answer {
    const KEYS: Keys = Keys { means: ["mean_y", "mean_d"], variances: ["var_y", "var_d"], covariance: "cov" };
    let (control, treatment) = both(inputs, |arm| comoments(arm, &KEYS))?;
    let (result, reason) = split(statistics::ratio(&control, &treatment, inputs.alpha()?))?;
    let lift = result.and_then(|result| result.relative.ok());
    Ok(Results::new()
        .with("ratio_control", result.map(|result| result.control.value))
        .with("ratio_treatment", result.map(|result| result.treatment.value))
        .with("diff", result.map(|result| result.difference.value))
        .with("se", result.map(|result| result.difference.standard_error))
        .with("ci_low", result.map(|result| result.difference.low))
        .with("ci_high", result.map(|result| result.difference.high))
        .with("z", result.map(|result| result.statistic))
        .with_p("p_z", result.map(|result| result.log_p))
        .with("lift", lift.map(|lift| lift.value))
        .with("lift_ci_low", lift.map(|lift| lift.low))
        .with("lift_ci_high", lift.map(|lift| lift.high))
        .because(reason.or(result.and_then(|result| result.relative.err()))))
}
