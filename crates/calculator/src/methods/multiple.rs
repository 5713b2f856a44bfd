//! Several p-values and e-values.

use crate::{
    fault::{Fault, Name},
    inputs::Inputs,
    results::Results,
};

type Answer = Result<Results, Fault>;

/// The most p-values for which Hommel's adjustment, whose time grows with their square, is made.
const HOMMEL_MAX: usize = 5_000;

fn some_p(inputs: &Inputs<'_>) -> Result<Vec<f64>, Fault> {
    let p = inputs.probabilities("p")?;
    if p.is_empty() {
        return Err(inputs.fault(Name::ZeroUnits, "p", "the list is empty"));
    }
    Ok(p)
}

pub(super) fn adjusted(inputs: &Inputs<'_>) -> Answer {
    let log_p: Vec<f64> = some_p(inputs)?.into_iter().map(f64::ln).collect();
    let p =
        |adjust: fn(&[f64]) -> Vec<f64>| -> Vec<f64> { adjust(&log_p).into_iter().map(f64::exp).collect() };
    let is_few = log_p.len() <= HOMMEL_MAX;
    Ok(Results::new()
        .with("bonferroni", p(statistics::bonferroni))
        .with("holm", p(statistics::holm))
        .with("hochberg", p(statistics::hochberg))
        .with("hommel", is_few.then(|| p(statistics::hommel)))
        .with("bh", p(statistics::benjamini_hochberg))
        .with("by", p(statistics::benjamini_yekutieli))
        .with("sidak", p(statistics::sidak)))
}

pub(super) fn combined(inputs: &Inputs<'_>) -> Answer {
    let p = some_p(inputs)?;
    let log_p: Vec<f64> = p.iter().map(|p| p.ln()).collect();
    let fisher = statistics::fisher_combined(&log_p)?;
    let weights =
        if inputs.has("stouffer_weights") { inputs.numbers("stouffer_weights")? } else { vec![1.0; p.len()] };
    inputs.same_length(&[("p", p.len()), ("stouffer_weights", weights.len())])?;
    let (z, log_stouffer) = statistics::stouffer(&p, &weights)?;
    let cauchy = statistics::cauchy_combined(&p)?;
    // Nothing is between a certain yes and a certain no.
    let known = !(p.contains(&0.0) && p.contains(&1.0));
    Ok(Results::new()
        .with("fisher_stat", fisher.statistic)
        .with_p("fisher_p", Some(fisher.log_p))
        .with("stouffer_z", known.then_some(z))
        .with_p("stouffer_p", known.then_some(log_stouffer))
        .with("cauchy_p", known.then_some(cauchy)))
}

pub(super) fn e_benjamini_hochberg(inputs: &Inputs<'_>) -> Answer {
    let (e, alpha) = (inputs.sample("e")?, inputs.alpha()?);
    if let Some(negative) = e.iter().find(|e| **e < 0.0) {
        return Err(inputs.out_of_range("e", *negative, "an e-value is 0 or more"));
    }
    let log_e: Vec<f64> = e.into_iter().map(f64::ln).collect();
    let result = statistics::e_benjamini_hochberg(&log_e, alpha);
    let count = result.rejected.iter().filter(|rejected| **rejected).count();
    Ok(Results::new()
        .with("n_rejected", count as u64)
        .with("threshold", result.threshold)
        .with("rejected", result.rejected))
}
