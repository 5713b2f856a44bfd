//! Bounded numbers and boundaries.

use statistics::sequential::{
    self, bernstein, betting as bets,
    boundary::{self, GammaExponential, PolynomialStitching},
};

use crate::{fault::Fault, inputs::Inputs, results::Results};

type Answer = Result<Results, Fault>;

pub(super) fn score_differences(inputs: &Inputs<'_>) -> Answer {
    let (d, alpha) = (inputs.sample("d")?, inputs.alpha()?);
    let (low, high) = (inputs.number("lo")?, inputs.number("hi")?);
    if low >= high {
        return Err(inputs.out_of_range("lo", low, "it must be below `hi`"));
    }
    if let Some(outside) = d.iter().find(|d| !(low..=high).contains(*d)) {
        return Err(inputs.out_of_range("d", *outside, "each difference must be within `lo` and `hi`"));
    }
    let mut sums = bernstein::ScoreDifferences::default();
    d.into_iter().for_each(|difference| sums.push(difference));
    let v_best = if inputs.has("v_opt") { inputs.positive("v_opt")? } else { 10.0 };
    let result = sums.interval((low, high), v_best, alpha)?;
    Ok(Results::new()
        .with("mean", result.mean)
        .with("intrinsic_v", result.v)
        .with("radius", result.radius)
        .with("low", result.mean - result.radius)
        .with("high", result.mean + result.radius))
}

pub(super) fn predictable_mixture(inputs: &Inputs<'_>) -> Answer {
    let (low, high) = bernstein::predictable_mixture(&inputs.sample("x")?, inputs.alpha()?)?;
    Ok(Results::new().with("low", low).with("high", high))
}

pub(super) fn betting(inputs: &Inputs<'_>) -> Answer {
    let log = bets::log_capital(&inputs.sample("x")?, inputs.share("m")?, inputs.alpha()?)?;
    Ok(Results::new().with("log_capital", log).with_p("p", Some(sequential::log_p(log))))
}

/// A boundary at each of the times.
fn bounds(
    inputs: &Inputs<'_>,
    bound: impl Fn(f64) -> Result<f64, statistics::Unavailable>,
) -> Result<Results, Fault> {
    let times = inputs.sample("v")?;
    if let Some(time) = times.iter().find(|time| **time <= 0.0) {
        return Err(inputs.out_of_range("v", *time, "an intrinsic time must be positive"));
    }
    Ok(Results::new().with("bound", times.into_iter().map(bound).collect::<Result<Vec<_>, _>>()?))
}

pub(super) fn normal_mixture(inputs: &Inputs<'_>) -> Answer {
    let (best, alpha) = (inputs.positive("v_opt")?, inputs.alpha()?);
    bounds(inputs, |v| boundary::normal_mixture(v, best, alpha))
}

pub(super) fn gamma_exponential(inputs: &Inputs<'_>) -> Answer {
    let boundary = GammaExponential::new(inputs.positive("c")?, inputs.positive("v_opt")?, inputs.alpha()?)?;
    bounds(inputs, |v| boundary.bound(v))
}

pub(super) fn polynomial_stitching(inputs: &Inputs<'_>) -> Answer {
    let stitching = PolynomialStitching {
        v_least: inputs.positive("v_min")?,
        c: inputs.number_or("c", 0.0)?,
        s: inputs.number_or("s", 1.4)?,
        eta: inputs.number_or("eta", 2.0)?,
    };
    let alpha = inputs.alpha()?;
    bounds(inputs, |v| stitching.bound(v, alpha))
}
