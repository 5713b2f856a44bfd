//! Two models on the same events.

use std::collections::BTreeMap;

use statistics::{Comoments, DeLong, Loss, Moments, special::chi_squared};

use crate::{
    fault::{Fault, Name},
    inputs::Inputs,
    results::{Results, split},
};

type Answer = Result<Results, Fault>;

fn curves(result: Option<DeLong>) -> Results {
    Results::new()
        .with("auc_prod", result.map(|result| result.first))
        .with("auc_shadow", result.map(|result| result.second))
        .with("var_prod", result.map(|result| result.variance_first))
        .with("var_shadow", result.map(|result| result.variance_second))
        .with("cov", result.map(|result| result.covariance))
        .with("diff", result.map(|result| result.difference.value))
        .with("ci_low", result.map(|result| result.difference.low))
        .with("ci_high", result.map(|result| result.difference.high))
        .with("z", result.map(|result| result.statistic))
        .with_p("p", result.map(|result| result.log_p))
}

pub(super) fn delong(inputs: &Inputs<'_>) -> Answer {
    let y = inputs.outcomes("y")?;
    let (production, shadow) = (inputs.numbers("score_prod")?, inputs.numbers("score_shadow")?);
    inputs.same_length(&[
        ("y", y.len()),
        ("score_prod", production.len()),
        ("score_shadow", shadow.len()),
    ])?;
    let (result, reason) = split(statistics::delong(&y, &production, &shadow, inputs.alpha()?))?;
    Ok(curves(result).because(reason))
}

pub(super) fn delong_binned(inputs: &Inputs<'_>) -> Answer {
    // Words for people, which say what is so anyway.
    if inputs.has("axes") {
        inputs.text("axes")?;
    }
    let (negative, positive) = (inputs.count_lists("hist_neg")?, inputs.count_lists("hist_pos")?);
    inputs.same_length(&[("hist_neg", negative.len()), ("hist_pos", positive.len())])?;
    let (result, reason) = split(statistics::delong_binned(&negative, &positive, inputs.alpha()?))?;
    Ok(curves(result).because(reason))
}

pub(super) fn mcnemar(inputs: &Inputs<'_>) -> Answer {
    let (b, c) = (inputs.count("b")?, inputs.count("c")?);
    let exact = statistics::mcnemar(b, c);
    let (n, distance) = ((b + c) as f64, b.abs_diff(c) as f64);
    let statistic = |distance: f64| if n == 0.0 { 0.0 } else { distance * (distance / n) };
    // With equal counts there is nothing to correct.
    let (plain, corrected) = (statistic(distance), statistic((distance - 1.0).max(0.0)));
    Ok(Results::new()
        .with_p("p_exact", Some(exact.log_p))
        .with_p("p_midp", Some(exact.log_mid_p))
        .with("chi2", plain)
        .with_p("p_chi2", Some(chi_squared::log_sf(plain, 1.0)))
        .with("chi2_cc", corrected)
        .with_p("p_chi2_cc", Some(chi_squared::log_sf(corrected, 1.0))))
}

pub(super) fn loss_difference(inputs: &Inputs<'_>) -> Answer {
    let y = inputs.outcomes("y")?;
    let (production, shadow) = (inputs.probabilities("p_prod")?, inputs.probabilities("p_shadow")?);
    inputs.same_length(&[("y", y.len()), ("p_prod", production.len()), ("p_shadow", shadow.len())])?;
    if y.is_empty() {
        return Err(inputs.fault(Name::ZeroUnits, "y", "the list is empty"));
    }
    let (loss, name) = if inputs.has("clip") {
        let clip = inputs.share("clip")?;
        if clip >= 0.5 {
            return Err(inputs.out_of_range("clip", clip, "it must be below 0.5"));
        }
        (Loss::Log { clip }, "logloss")
    } else {
        (Loss::Brier, "brier")
    };
    let losses = |p: &[f64]| -> Vec<f64> { p.iter().zip(&y).map(|(&p, &y)| loss.of(p, y)).collect() };
    let (a, b) = (losses(&production), losses(&shadow));
    let differences = a.iter().zip(&b).map(|(a, b)| b - a);
    let events: Moments = differences.clone().collect();
    let units: Comoments = if inputs.has("unit") {
        let labels = inputs.labels("unit")?;
        inputs.same_length(&[("y", y.len()), ("unit", labels.len())])?;
        by_unit(labels, differences).collect()
    } else {
        differences.map(|difference| (difference, 1.0)).collect()
    };
    let alpha = inputs.alpha()?;
    let (result, reason) = split(statistics::clustered_mean(&units, alpha))?;
    let (first, second): (Moments, Moments) = (a.into_iter().collect(), b.into_iter().collect());
    let unpaired = statistics::welch(&first, &second, alpha).ok();
    Ok(Results::new()
        .with(format!("{name}_prod"), first.mean)
        .with(format!("{name}_shadow"), second.mean)
        .with("n", events.n)
        .with("units", units.n)
        .with("mean_diff", events.mean)
        .with("var_diff", events.variance())
        .with("se", result.map(|result| result.mean.standard_error))
        .with("t", result.map(|result| result.statistic))
        .with_p("p", result.map(|result| result.log_p))
        .with("ci_low", result.map(|result| result.mean.low))
        .with("ci_high", result.map(|result| result.mean.high))
        .with("unpaired_welch_p", unpaired.map(|unpaired| unpaired.p()))
        .with("unpaired_se", unpaired.map(|unpaired| unpaired.difference.standard_error))
        .because(reason))
}

/// Each unit's sum of differences and number of events.
fn by_unit(labels: Vec<String>, differences: impl Iterator<Item = f64>) -> impl Iterator<Item = (f64, f64)> {
    let mut units = BTreeMap::<String, (f64, f64)>::new();
    for (label, difference) in labels.into_iter().zip(differences) {
        let unit = units.entry(label).or_default();
        unit.0 += difference;
        unit.1 += 1.0;
    }
    units.into_values()
}

pub(super) fn signed_rank(inputs: &Inputs<'_>) -> Answer {
    let result = statistics::signed_rank(&inputs.sample("d")?)?;
    Ok(Results::new().with("statistic_min_W", result.statistic).with_p("p", Some(result.log_p)))
}
