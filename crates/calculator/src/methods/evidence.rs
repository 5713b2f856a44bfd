//! Counts that should split as planned.

use statistics::{
    Binomial,
    sequential::{self, counts},
};

use crate::{
    fault::{Fault, Name},
    inputs::Inputs,
    results::Results,
};

type Answer = Result<Results, Fault>;

/// Counts of which one at least is not 0.
fn observed(inputs: &Inputs<'_>) -> Result<Vec<u64>, Fault> {
    let counts = inputs.counts("observed")?;
    if counts.iter().all(|count| *count == 0) {
        return Err(inputs.fault(Name::ZeroUnits, "observed", "no arm has a unit"));
    }
    Ok(counts)
}

pub(super) fn sample_ratio(inputs: &Inputs<'_>) -> Answer {
    let (observed, weights) = (observed(inputs)?, inputs.numbers("weights")?);
    inputs.same_length(&[("observed", observed.len()), ("weights", weights.len())])?;
    let result = statistics::sample_ratio(&observed, &weights)?;
    let n = observed.iter().sum();
    let total: f64 = weights.iter().sum();
    let exact = match (&observed[..], &weights[..]) {
        (&[first, _], &[a, b]) if a > 0.0 && b > 0.0 => Some(Binomial { n, p: a / total }.log_p(first)),
        _ => None,
    };
    Ok(Results::new()
        .with("chi2", result.statistic)
        .with("df", result.df)
        .with_p("p", Some(result.log_p))
        .with_p("p_exact_binomial", exact)
        .with("is_mismatch", result.is_mismatch()))
}

fn evidence(log_e: f64) -> Results {
    let log_p = sequential::log_p(log_e);
    Results::new().with("log_e", log_e).with_p("p", Some(log_p))
}

/// The mixture's weight: 100 if it is not there.
fn concentration(inputs: &Inputs<'_>) -> Result<f64, Fault> {
    if inputs.has("concentration_k") { inputs.positive("concentration_k") } else { Ok(100.0) }
}

pub(super) fn sequential_sample_ratio(inputs: &Inputs<'_>) -> Answer {
    let (observed, shares) = (inputs.counts("observed")?, inputs.numbers("theta0")?);
    inputs.same_length(&[("observed", observed.len()), ("theta0", shares.len())])?;
    Ok(evidence(counts::multinomial(&observed, &shares, concentration(inputs)?)?))
}

pub(super) fn conversions(inputs: &Inputs<'_>) -> Answer {
    let (successes, rho) = (inputs.counts("successes")?, inputs.numbers("rho")?);
    inputs.same_length(&[("successes", successes.len()), ("rho", rho.len())])?;
    let (concentration, alpha) = (concentration(inputs)?, inputs.alpha()?);
    let (&[a, b], &[share_a, share_b]) = (&successes[..], &rho[..]) else {
        return Ok(evidence(counts::multinomial(&successes, &rho, concentration)?));
    };
    let result = counts::conversions([a, b], [share_a, share_b], concentration, alpha)?;
    Ok(evidence(result.log_e).with("log_ratio_low", result.low).with("log_ratio_high", result.high))
}

pub(super) fn mcnemar(inputs: &Inputs<'_>) -> Answer {
    let shape = if inputs.has("a") { inputs.positive("a")? } else { 1.0 };
    Ok(evidence(counts::mcnemar(inputs.count("b")?, inputs.count("c")?, shape)?))
}
