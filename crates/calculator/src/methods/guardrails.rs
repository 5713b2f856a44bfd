//! Not worse, and not different.

use statistics::{Alpha, Direction, Moments, special::normal};

use super::arms::{both, moments};
use crate::{
    fault::Fault,
    inputs::Inputs,
    results::{Results, split},
};

type Answer = Result<Results, Fault>;

pub(super) fn non_inferiority(inputs: &Inputs<'_>) -> Answer {
    let ((control, treatment), alpha) = (both(inputs, moments)?, inputs.alpha()?);
    let (absolute, relative) = (margin(inputs, "margin_abs")?, margin(inputs, "margin_rel")?);
    if absolute.is_none() && relative.is_none() {
        inputs.number("margin_abs")?;
    }
    let (result, reason) = split(statistics::welch(&control, &treatment, alpha))?;
    let mut results = Results::new();
    if let Some(margin) = absolute {
        let shown = result.map(|result| result.non_inferior(margin, Direction::Higher, alpha)).transpose()?;
        let equivalent = result.map(|result| result.equivalent(-margin, margin)).transpose()?;
        results = results
            .with("t_abs", shown.map(|shown| shown.statistic))
            .with_p("p_abs", shown.map(|shown| shown.log_p))
            .with_p("tost_p", equivalent.map(|equivalent| equivalent.log_p()));
    }
    if let Some(margin) = relative {
        results = by_share(results, &control, &treatment, margin)?;
    }
    Ok(results.because(reason))
}

/// A margin as a share of the control's mean: with that mean as known as it is, and taken for exact.
fn by_share(results: Results, control: &Moments, treatment: &Moments, margin: f64) -> Result<Results, Fault> {
    let (contrast, _) = split(statistics::contrast(control, treatment, -margin))?;
    let (difference, _) = split(statistics::contrast(control, treatment, 0.0))?;
    let by_contrast = contrast.map(|contrast| contrast.value / contrast.standard_error);
    let by_mean =
        difference.map(|difference| (difference.value + margin * control.mean) / difference.standard_error);
    Ok(results
        .with("z_rel_contrast", by_contrast)
        .with_p("p_rel_contrast", by_contrast.map(normal::log_sf))
        .with("z_rel_spotify", by_mean)
        .with_p("p_rel_spotify", by_mean.map(normal::log_sf)))
}

fn margin(inputs: &Inputs<'_>, key: &'static str) -> Result<Option<f64>, Fault> {
    if inputs.has(key) { inputs.positive(key).map(Some) } else { Ok(None) }
}

pub(super) fn equivalence(inputs: &Inputs<'_>) -> Answer {
    let arm = |key| Ok::<Moments, Fault>(inputs.sample(key)?.into_iter().collect());
    let (control, treatment) = (arm("control")?, arm("treatment")?);
    let (low, high) = (inputs.number("low")?, inputs.number("upp")?);
    if low >= high {
        return Err(inputs.out_of_range("low", low, "it must be below `upp`"));
    }
    let (result, reason) = split(statistics::welch(&control, &treatment, Alpha::USUAL))?;
    let equivalent = result.map(|result| result.equivalent(low, high)).transpose()?;
    Ok(Results::new()
        .with("diff", result.map(|result| result.difference.value))
        .with_p("p", equivalent.map(|equivalent| equivalent.log_p()))
        .because(reason))
}
