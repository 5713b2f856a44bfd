//! Groups of units, days, bins and ages.

use statistics::{Calibration, Survival};

use super::arms::{both, moments};
use crate::{
    fault::{Fault, Name},
    inputs::Inputs,
    results::{Results, split},
};

type Answer = Result<Results, Fault>;

/// The most bins of a calibration.
const BINS_MAX: u64 = 10_000;

pub(super) fn post_stratification(inputs: &Inputs<'_>) -> Answer {
    let strata = inputs.all_within("strata", |stratum| both(stratum, moments))?;
    if strata.is_empty() {
        return Err(inputs.fault(Name::ZeroUnits, "strata", "the list is empty"));
    }
    let (result, reason) = split(statistics::post_stratified(&strata, inputs.alpha()?))?;
    Ok(Results::new()
        .with("diff", result.map(|result| result.difference.value))
        .with("var_within", result.map(|result| result.within))
        .with("var_weights", result.map(|result| result.weights))
        .with("se", result.map(|result| result.difference.standard_error))
        .with("ci_low", result.map(|result| result.difference.low))
        .with("ci_high", result.map(|result| result.difference.high))
        .because(reason))
}

/// A list of variances, all positive.
fn variances(inputs: &Inputs<'_>, key: &'static str) -> Result<Vec<f64>, Fault> {
    let variances = inputs.sample(key)?;
    match variances.iter().find(|variance| **variance <= 0.0) {
        Some(negative) if *negative < 0.0 => Err(inputs.fault(
            Name::NegativeVariance,
            key,
            format!("`{negative}`: a variance is not negative"),
        )),
        Some(zero) => Err(inputs.out_of_range(key, *zero, "a variance that weighs must be positive")),
        None => Ok(variances),
    }
}

pub(super) fn heterogeneity(inputs: &Inputs<'_>) -> Answer {
    let (effects, variances) = (inputs.sample("effects")?, variances(inputs, "variances")?);
    inputs.same_length(&[("effects", effects.len()), ("variances", variances.len())])?;
    let segments: Vec<_> = effects.into_iter().zip(variances).collect();
    let result = statistics::heterogeneity(&segments, inputs.alpha()?)?;
    let mut results = Results::new()
        .with("fixed_mean", result.fixed.value)
        .with("fixed_se", result.fixed.standard_error)
        .with("ci_low", result.fixed.low)
        .with("ci_high", result.fixed.high)
        .with("Q", result.q)
        .with("df", result.df)
        .with_p("p", Some(result.log_p))
        .with("I2", result.i_squared)
        .with("tau2_dl", result.tau_squared);
    // Beyond nine segments the keys would not be unique.
    let count = if segments.len() <= 9 { segments.len() } else { 0 };
    for (second, b) in segments.iter().enumerate().take(count) {
        for (first, a) in segments.iter().enumerate().take(second) {
            let z = (b.0 - a.0) / (a.1 + b.1).sqrt();
            results = results.with(format!("interaction_z_{}{}", first + 1, second + 1), z);
        }
    }
    Ok(results)
}

pub(super) fn trend(inputs: &Inputs<'_>) -> Answer {
    let (day, effect) = (inputs.sample("day")?, inputs.sample("effect")?);
    let variance = variances(inputs, "variance")?;
    inputs.same_length(&[("day", day.len()), ("effect", effect.len()), ("variance", variance.len())])?;
    let days =
        day.into_iter().zip(effect).zip(variance).map(|((day, effect), variance)| (day, effect, variance));
    let (result, reason) = split(statistics::trend(&days.collect::<Vec<_>>()))?;
    Ok(Results::new()
        .with("intercept", result.map(|result| result.intercept))
        .with("slope", result.map(|result| result.slope))
        .with("slope_se", result.map(|result| result.slope_error))
        .with("slope_z", result.map(|result| result.statistic))
        .with_p("p", result.map(|result| result.log_p))
        .because(reason))
}

pub(super) fn calibration(inputs: &Inputs<'_>) -> Answer {
    let (y, p) = (inputs.outcomes("y")?, inputs.probabilities("p")?);
    inputs.same_length(&[("y", y.len()), ("p", p.len())])?;
    if y.is_empty() {
        return Err(inputs.fault(Name::ZeroUnits, "y", "the list is empty"));
    }
    let bins = if inputs.has("bins") { inputs.units("bins")? } else { 10 };
    if bins > BINS_MAX {
        return Err(inputs.fault(Name::TooLarge, "bins", format!("`{bins}` is more than {BINS_MAX}")));
    }
    let mut sums = Calibration::new(usize::try_from(bins).unwrap_or(1));
    p.into_iter().zip(y).for_each(|(p, happened)| sums.push(p, happened));
    let result = sums.report()?;
    Ok(Results::new()
        .with("brier", result.brier)
        .with("spiegelhalter_z", result.spiegelhalter)
        .with_p("spiegelhalter_p", Some(result.log_p_spiegelhalter))
        .with("citl_z", result.in_the_large)
        .with("ece", result.expected_error)
        .with("hosmer_lemeshow", result.hosmer_lemeshow)
        .with_p("hl_p", (result.filled > 2).then_some(result.log_p_hosmer_lemeshow))
        .with_p("hl_p_external", Some(result.log_p_external))
        .with("nonempty_bins", result.filled))
}

pub(super) fn survival(inputs: &Inputs<'_>) -> Answer {
    let (time, event) = (inputs.sample("time")?, inputs.outcomes("event")?);
    let group = inputs.outcomes("group")?;
    inputs.same_length(&[("time", time.len()), ("event", event.len()), ("group", group.len())])?;
    // Ages count in whole ticks: here each age that occurs is one.
    let mut ages = time.clone();
    ages.sort_by(f64::total_cmp);
    ages.dedup();
    let mut arms = [Survival::default(), Survival::default()];
    for ((time, happened), treated) in time.iter().zip(event).zip(group) {
        let tick = ages.partition_point(|age| age < time) as u64;
        arms[usize::from(treated)].push(tick, happened);
    }
    let [control, treatment] = arms;
    let (test, reason) = split(statistics::log_rank(&control, &treatment))?;
    let results = Results::new()
        .with("logrank_chi2", test.map(|test| test.chi_squared))
        .with_p("p", test.map(|test| test.log_p));
    let results = curve(results, "control", &control, &ages);
    Ok(curve(results, "treatment", &treatment, &ages).because(reason))
}

fn curve(results: Results, arm: &str, survival: &Survival, ages: &[f64]) -> Results {
    let steps = survival.steps();
    let age = |tick: u64| usize::try_from(tick).ok().and_then(|tick| ages.get(tick)).copied();
    let errors: Vec<f64> = steps.iter().map(|step| step.standard_error.unwrap_or(f64::NAN)).collect();
    results
        .with(format!("km_times_{arm}"), steps.iter().map(|step| age(step.age)).collect::<Vec<_>>())
        .with(format!("km_{arm}"), steps.iter().map(|step| step.share).collect::<Vec<_>>())
        .with(
            if arm == "control" { "km_greenwood_se".to_owned() } else { format!("km_greenwood_se_{arm}") },
            errors,
        )
}
