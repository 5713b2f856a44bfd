//! Changes of distributions.

use statistics::drift;

use crate::{
    fault::{Fault, Name},
    inputs::Inputs,
    results::Results,
};

type Answer = Result<Results, Fault>;

pub(super) fn histogram(inputs: &Inputs<'_>) -> Answer {
    let (reference, current) = (inputs.counts("reference_counts")?, inputs.counts("current_counts")?);
    inputs.same_length(&[("reference_counts", reference.len()), ("current_counts", current.len())])?;
    for (key, counts) in [("reference_counts", &reference), ("current_counts", &current)] {
        if counts.iter().all(|count| *count == 0) {
            return Err(inputs.fault(Name::ZeroUnits, key, "all bins are empty"));
        }
    }
    let result = drift::histogram_drift(&reference, &current)?;
    Ok(Results::new()
        .with("psi_floor_1e4", result.psi)
        .with("js_divergence_nats", result.jensen_shannon)
        .with("js_distance", result.jensen_shannon.sqrt())
        .with("js_distance_base2", (result.jensen_shannon / std::f64::consts::LN_2).sqrt())
        .with("hellinger", result.hellinger)
        .with("tvd", result.total_variation)
        .with("chi2_homogeneity", result.chi_squared)
        .with("df", result.df)
        .with_p("p_chi2", Some(result.log_p))
        .with_p("psi_scaled_p", Some(result.log_p_psi)))
}

pub(super) fn kolmogorov_smirnov(inputs: &Inputs<'_>) -> Answer {
    let result = drift::kolmogorov_smirnov(&inputs.sample("a")?, &inputs.sample("b")?)?;
    Ok(Results::new()
        .with("D", result.d)
        .with("p_exact", result.p_exact)
        .with("p_kolmogorov", result.p_limit))
}

pub(super) fn wasserstein(inputs: &Inputs<'_>) -> Answer {
    Ok(Results::new().with("w1", drift::wasserstein(&inputs.sample("a")?, &inputs.sample("b")?)?))
}

pub(super) fn uniformity(inputs: &Inputs<'_>) -> Answer {
    let p = inputs.probabilities("p")?;
    if p.is_empty() {
        return Err(inputs.fault(Name::ZeroUnits, "p", "the list is empty"));
    }
    let result = drift::uniform(&p)?;
    Ok(Results::new().with("D", result.d).with("p", result.p))
}
