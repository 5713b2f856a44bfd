//! Estimates that are looked at all the time.

use statistics::{
    Unavailable, Value,
    sequential::{self, NormalMixture},
};

use super::arms::{both, proportion, value};
use crate::{
    fault::Fault,
    inputs::Inputs,
    results::{Results, split},
};

type Answer = Result<Results, Fault>;

/// The difference of two arms, its standard error, and the units of both.
fn difference(inputs: &Inputs<'_>) -> Result<(f64, f64, f64), Fault> {
    let ((control, n_a), (treatment, n_b)): ((Value, u64), (Value, u64)) = both(inputs, value)?;
    let standard_error = (control.variance + treatment.variance).sqrt();
    Ok((treatment.value - control.value, standard_error, (n_a + n_b) as f64))
}

pub(super) fn normal_mixture(inputs: &Inputs<'_>) -> Answer {
    let ((difference, standard_error, n), alpha) = (difference(inputs)?, inputs.alpha()?);
    let units = inputs.positive("n_star")?;
    let mixture = NormalMixture::tuned_for(units, alpha)?;
    let exact = NormalMixture::tuned_exactly_for(units, alpha)?;
    let (estimate, log_e) = mixture.watch(difference, standard_error, n);
    let results = Results::new()
        .with("diff", difference)
        .with("se", standard_error.is_finite().then_some(standard_error))
        .with("rho", mixture.rho())
        .with("rho_exact_lambertw", exact.rho())
        .with("eppo_multiplier_B", mixture.multiplier(n));
    let results = pooled(results, inputs, mixture)?;
    if !(standard_error > 0.0 && standard_error.is_finite()) {
        let none = None::<f64>;
        return Ok(["half_width", "ci_low", "ci_high", "log_e", "p"]
            .into_iter()
            .fold(results, |results, key| results.with(key, none))
            .because(no_error(difference, standard_error)));
    }
    Ok(results
        .with("half_width", mixture.multiplier(n) * standard_error)
        .with("ci_low", estimate.low)
        .with("ci_high", estimate.high)
        .with("log_e", log_e)
        .with_p("p", Some(sequential::log_p(log_e))))
}

/// For proportions, what is to be read in a canary: the evidence from the pooled variance, once there are enough
/// events.
fn pooled(results: Results, inputs: &Inputs<'_>, mixture: NormalMixture) -> Answer {
    let is_proportion = |arm: &Inputs<'_>| Ok(arm.passes_over(&["n", "mean", "var"]).has("x"));
    if !(inputs.within("control", is_proportion)? && inputs.within("treatment", is_proportion)?) {
        return Ok(results);
    }
    let (control, treatment) = both(inputs, proportion)?;
    let watched = sequential::proportions_sequential(control, treatment, mixture)?;
    Ok(results
        .with("log_e_pooled", watched.log_e)
        .with_p("p_pooled", Some(sequential::log_p(watched.log_e)))
        .with("burnt_in", watched.is_burnt_in))
}

pub(super) fn one_sided(inputs: &Inputs<'_>) -> Answer {
    let ((difference, standard_error, n), alpha) = (difference(inputs)?, inputs.alpha()?);
    if alpha.get() >= 0.5 {
        return Err(inputs.out_of_range("alpha", alpha.get(), "a one-sided alpha must be below 0.5"));
    }
    let mixture = NormalMixture::one_sided_for(inputs.positive("n_star")?, alpha)?;
    let half = mixture.one_sided_multiplier(n) * standard_error;
    let is_known = standard_error > 0.0 && standard_error.is_finite();
    Ok(Results::new()
        .with("diff", difference)
        .with("se", standard_error.is_finite().then_some(standard_error))
        .with("rho", mixture.rho())
        .with("lower", is_known.then_some(difference - half))
        .with("upper", is_known.then_some(difference + half))
        .because(no_error(difference, standard_error)))
}

/// Why a difference has no usable standard error, if it has none.
fn no_error(difference: f64, standard_error: f64) -> Option<Unavailable> {
    match standard_error {
        0.0 => Some(Unavailable::ZeroVariance { difference }),
        f64::INFINITY => Some(Unavailable::NotFinite),
        error if error.is_nan() => Some(Unavailable::TooFewUnits { units: 1, needed: 2 }),
        _ => None,
    }
}

pub(super) fn msprt(inputs: &Inputs<'_>) -> Answer {
    let (difference, variance) = (inputs.number("diff")?, inputs.variance("var_of_diff")?);
    let (tau2, alpha) = (inputs.positive("tau2")?, inputs.alpha()?);
    if variance == 0.0 {
        return Err(inputs.out_of_range("var_of_diff", variance, "it must be positive"));
    }
    let log = sequential::log_mixture(difference * (difference / variance), tau2 / variance);
    // The interval's end is where the likelihood ratio is 1 / alpha: a mixture tuned so that one unit has come tau2 /
    // variance far.
    let q = tau2 / variance;
    let half = (variance * 2.0 * (q + 1.0) / q * (q.ln_1p() / 2.0 - alpha.get().ln())).sqrt();
    Ok(Results::new()
        .with("log_lambda", log)
        .with_p("p", Some(sequential::log_p(log)))
        .with("half_width", half)
        .with("ci_low", difference - half)
        .with("ci_high", difference + half))
}

pub(super) fn statsig(inputs: &Inputs<'_>) -> Answer {
    let arm = |variance, units| Ok::<_, Fault>((inputs.variance(variance)?, inputs.units(units)? as f64));
    let (treatment, control) = (arm("var_t", "n_t")?, arm("var_c", "n_c")?);
    if treatment.0 + control.0 == 0.0 {
        return Err(inputs.out_of_range("var_t", treatment.0, "one of the variances must be positive"));
    }
    let (v, tau, z) = sequential::statsig_critical(control, treatment, inputs.alpha()?);
    Ok(Results::new().with("V", v).with("tau", tau).with("z_star", z))
}

pub(super) fn anytime_t(inputs: &Inputs<'_>) -> Answer {
    let t_squared = inputs.number("t_squared")?;
    if t_squared < 0.0 {
        return Err(inputs.out_of_range("t_squared", t_squared, "a square is 0 or more"));
    }
    let (df, information) = (inputs.positive("nu")?, inputs.positive("z2")?);
    let precision = if inputs.has("phi") { inputs.positive("phi")? } else { 1.0 };
    let result = sequential::anytime_t(t_squared, df, information, precision, inputs.alpha()?)?;
    Ok(Results::new()
        .with("log_e", result.log_e)
        .with_p("p", Some(sequential::log_p(result.log_e)))
        .with("radius_in_se", result.radius))
}

pub(super) fn bernoulli(inputs: &Inputs<'_>) -> Answer {
    let (seen, units) = (proportion(inputs)?, inputs.positive("t_opt")?);
    let (interval, reason) = split(sequential::bernoulli_interval(seen, units, inputs.alpha()?))?;
    Ok(Results::new()
        .with("low", interval.map(|interval| interval.0))
        .with("high", interval.map(|interval| interval.1))
        .because(reason))
}
