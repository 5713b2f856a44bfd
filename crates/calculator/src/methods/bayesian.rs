//! Posteriors.

use statistics::bayes::{self, Prior};

use super::arms::{both, proportion, rate, usable, value};
use crate::{
    fault::Fault,
    inputs::Inputs,
    results::{Results, split},
};

type Answer = Result<Results, Fault>;

/// A pair of positive numbers; both 1 if they are not there.
fn prior(inputs: &Inputs<'_>, key: &'static str) -> Result<[f64; 2], Fault> {
    let prior = if inputs.has(key) { inputs.array::<2>(key)? } else { [1.0, 1.0] };
    match prior.into_iter().find(|number| *number <= 0.0) {
        Some(number) => Err(inputs.out_of_range(key, number, "a prior is positive")),
        None => Ok(prior),
    }
}

pub(super) fn beta_binomial(inputs: &Inputs<'_>) -> Answer {
    let (control, treatment) = both(inputs, proportion)?;
    let [successes, failures] = prior(inputs, "prior")?;
    let result = bayes::beta_binomial(control, treatment, Prior { successes, failures })?;
    Ok(Results::new()
        .with_p("prob_b_beats_a", Some(result.log_treatment_higher))
        .with_p("prob_a_beats_b", Some(result.log_control_higher))
        .with("expected_loss_b", result.loss_of_treatment)
        .with("expected_loss_a", result.loss_of_control)
        .with("mean_a", result.control)
        .with("mean_b", result.treatment))
}

pub(super) fn gamma_poisson(inputs: &Inputs<'_>) -> Answer {
    let (control, treatment) = both(inputs, rate)?;
    let [shape, rate] = prior(inputs, "prior_shape_rate")?;
    let result = bayes::gamma_poisson(control, treatment, shape, rate)?;
    Ok(Results::new()
        .with_p("prob_b_beats_a", Some(result.log_treatment_higher))
        .with_p("prob_a_beats_b", Some(result.log_control_higher))
        .with("mean_a", result.control)
        .with("mean_b", result.treatment))
}

pub(super) fn gaussian_effect(inputs: &Inputs<'_>) -> Answer {
    let (((control, _), (treatment, _)), alpha) = (both(inputs, value)?, inputs.alpha()?);
    let prior = (inputs.number_or("prior_mean", 0.0)?, inputs.positive("prior_var")?);
    let lift = usable(control)
        .and_then(|a| Ok((a, usable(treatment)?)))
        .and_then(|(a, b)| statistics::lift_intervals(a, b, alpha));
    let result = lift.and_then(|lift| {
        let data = (lift.lift, lift.standard_error);
        if lift.standard_error == 0.0 {
            return Err(statistics::Unavailable::ZeroVariance { difference: lift.lift });
        }
        bayes::normal_posterior(data, prior, alpha)
    });
    let (result, reason) = split(result)?;
    Ok(Results::new()
        .with("posterior_mean", result.map(|result| result.mean))
        .with("posterior_sd", result.map(|result| result.deviation))
        .with_p("chance_to_win", result.map(|result| result.log_chance_to_win))
        .with("ci_low", result.map(|result| result.low))
        .with("ci_high", result.map(|result| result.high))
        .with("risk_control", result.map(|result| result.loss_of_control))
        .with("risk_treatment", result.map(|result| result.loss_of_treatment))
        .because(reason))
}
