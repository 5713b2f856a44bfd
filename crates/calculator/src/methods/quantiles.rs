//! Quantiles and whole distributions.

use statistics::{QuantileEstimate, sequential::quantile_band};

use super::{arms::both, moments::percent};
use crate::{
    fault::{Fault, Name},
    inputs::Inputs,
    results::{Results, split},
};

type Answer = Result<Results, Fault>;

pub(super) fn order_statistics(inputs: &Inputs<'_>) -> Answer {
    let (mut x, q, alpha) = (inputs.sample("x")?, inputs.share("q")?, inputs.alpha()?);
    x.sort_by(f64::total_cmp);
    let ranks = statistics::order_statistics(x.len() as u64, q, alpha)?;
    let at = |rank: u64| match usize::try_from(rank).unwrap_or(usize::MAX) {
        0 => f64::NEG_INFINITY,
        rank => x.get(rank - 1).copied().unwrap_or(f64::INFINITY),
    };
    Ok(Results::new()
        .with("rank_low", ranks.rank_low)
        .with("rank_high", ranks.rank_high)
        .with("ci_low", at(ranks.rank_low))
        .with("ci_high", at(ranks.rank_high))
        .with("exact_coverage", ranks.coverage)
        .with("quantile_type1", statistics::lower_quantile(&x, q))
        .with("quantile_type7", statistics::linear_quantile(&x, q)))
}

/// `{"q", "low", "high", "n"}`, and `design_effect` where units have several numbers.
fn estimate(arm: &Inputs<'_>) -> Result<QuantileEstimate, Fault> {
    let (value, low, high) = (arm.number("q")?, arm.number("low")?, arm.number("high")?);
    if !(low <= value && value <= high) {
        return Err(arm.out_of_range("q", value, "it must be within `low` and `high`"));
    }
    let design_effect = if arm.has("design_effect") { arm.positive("design_effect")? } else { 1.0 };
    Ok(QuantileEstimate { value, low, high, n: arm.units("n")?, design_effect })
}

pub(super) fn two_sample(inputs: &Inputs<'_>) -> Answer {
    let ((control, treatment), alpha) = (both(inputs, estimate)?, inputs.alpha()?);
    let (result, reason) = split(statistics::quantile_difference(&control, &treatment, alpha))?;
    Ok(Results::new()
        .with("diff", treatment.value - control.value)
        .with("se", result.map(|result| result.difference.standard_error))
        .with("se_growthbook", result.map(|result| result.growthbook_standard_error))
        .with("ci_low", result.map(|result| result.difference.low))
        .with("ci_high", result.map(|result| result.difference.high))
        .with_p("p", result.map(|result| result.log_p))
        .because(reason))
}

pub(super) fn cdf_band(inputs: &Inputs<'_>) -> Answer {
    let (t, alpha) = (inputs.sample("t")?, inputs.alpha()?);
    let a = if inputs.has("A") { inputs.positive("A")? } else { 0.85 };
    let band = quantile_band::IteratedLogarithm::new(inputs.positive("t_min")?, a, alpha)?;
    Ok(Results::new().with("bound", t.into_iter().map(|t| band.bound(t)).collect::<Vec<_>>()))
}

pub(super) fn double_stitching(inputs: &Inputs<'_>) -> Answer {
    let (rows, t_opt, alpha) = (inputs.rows::<2>("p_t")?, inputs.positive("t_opt")?, inputs.alpha()?);
    let bounds = rows.into_iter().map(|[p, t]| quantile_band::double_stitching(p, t, t_opt, alpha));
    Ok(Results::new().with("bound", bounds.collect::<Result<Vec<_>, _>>()?))
}

pub(super) fn same_quantile(inputs: &Inputs<'_>) -> Answer {
    let (a, b, t_opt) = (inputs.sample("a")?, inputs.sample("b")?, inputs.positive("t_opt")?);
    let alpha = if inputs.has("alpha_opt") { inputs.alpha_at("alpha_opt")? } else { inputs.alpha()? };
    let quantiles = if inputs.has("q") { inputs.sample("q")? } else { vec![0.9, 0.5] };
    if quantiles.len() > 100 {
        return Err(inputs.fault(Name::TooLarge, "q", "more than 100 quantiles"));
    }
    let mut results = Results::new();
    for q in quantiles {
        let log_p = quantile_band::same_quantile(&a, &b, q, t_opt, alpha)?;
        results = results.with_p(&format!("p{}", percent(q)), Some(log_p));
    }
    Ok(results)
}
