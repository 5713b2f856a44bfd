//! Summaries of numbers.

use statistics::{Comoments, Shape, Weighted};

use crate::{
    fault::Fault,
    inputs::Inputs,
    results::{Results, split},
};

type Answer = Result<Results, Fault>;

pub(super) fn merge(inputs: &Inputs<'_>) -> Answer {
    let mut whole = Shape::default();
    for part in inputs.lists("partitions")? {
        whole.merge(&part.into_iter().collect());
    }
    let moments = whole.moments;
    if moments.n > 0 && !moments.m2.is_finite() {
        return Err(statistics::Unavailable::NotFinite.into());
    }
    let of_some = |number: f64| (moments.n > 0).then_some(number);
    Ok(Results::new()
        .with("n", moments.n)
        .with("mean", of_some(moments.mean))
        .with("m2", of_some(moments.m2))
        .with("variance", moments.variance())
        .with("skewness_population", whole.skewness()))
}

pub(super) fn covariance(inputs: &Inputs<'_>) -> Answer {
    let (x, y) = (inputs.sample("x")?, inputs.sample("y")?);
    inputs.same_length(&[("x", x.len()), ("y", y.len())])?;
    let at = if inputs.has("split_at") { inputs.count("split_at")? } else { 0 };
    let pairs: Vec<_> = y.into_iter().zip(x).collect();
    let (left, right) = pairs.split_at(usize::try_from(at).map_or(pairs.len(), |at| at.min(pairs.len())));
    let mut whole: Comoments = left.iter().copied().collect();
    whole.merge(&right.iter().copied().collect());
    let per_df = |sum: f64| (whole.n >= 2).then(|| sum / (whole.n - 1) as f64);
    Ok(Results::new()
        .with("n", whole.n)
        .with("cov", whole.covariance())
        .with("var_x", per_df(whole.m2_x))
        .with("var_y", per_df(whole.m2_y)))
}

pub(super) fn weighted(inputs: &Inputs<'_>) -> Answer {
    let (x, w) = (inputs.sample("x")?, inputs.sample("w")?);
    inputs.same_length(&[("x", x.len()), ("w", w.len())])?;
    if let Some(weight) = w.iter().find(|weight| **weight < 0.0) {
        return Err(inputs.out_of_range("w", *weight, "a weight is 0 or more"));
    }
    let mut sums = Weighted::default();
    x.into_iter().zip(w).for_each(|(x, w)| sums.push(x, w));
    let (variance, reason) = split(sums.variance_of_mean())?;
    Ok(Results::new()
        .with("mean", variance.map(|_| sums.mean))
        .with("variance_of_mean", variance)
        .with("ess", sums.effective_size())
        .because(reason))
}

pub(super) fn winsorized(inputs: &Inputs<'_>) -> Answer {
    let (x, upper) = (inputs.sample("x")?, inputs.number("upper")?);
    let capped = statistics::winsorized(&x, upper)?;
    let shape: Shape = capped.iter().copied().collect();
    let mut sorted = x.clone();
    sorted.sort_by(f64::total_cmp);
    let cap = statistics::lower_quantile(&sorted, 1.0 - upper);
    let below = |cap: f64| x.iter().map(|number| number.min(cap)).collect::<Shape>().moments.mean;
    Ok(Results::new()
        .with("scipy_winsorized", capped)
        .with("mean", shape.moments.mean)
        .with("variance", shape.moments.variance())
        .with(format!("cap_type1_p{}", percent(1.0 - upper)), cap)
        .with("capped_mean", cap.map(below)))
}

/// A share as a percentage, for a key: 90, 99.9.
pub(super) fn percent(share: f64) -> f64 {
    (share * 1e8).round() / 1e6
}
