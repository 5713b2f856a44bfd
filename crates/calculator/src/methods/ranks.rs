//! Tests on ranks.

use crate::{
    fault::Fault,
    inputs::Inputs,
    results::{Results, split},
};

type Answer = Result<Results, Fault>;

fn arms(inputs: &Inputs<'_>) -> Result<(Vec<f64>, Vec<f64>), Fault> {
    Ok((inputs.sample("control")?, inputs.sample("treatment")?))
}

pub(super) fn mann_whitney(inputs: &Inputs<'_>) -> Answer {
    let (control, treatment) = arms(inputs)?;
    let result = statistics::mann_whitney(&control, &treatment)?;
    let (unequal, reason) = split(statistics::brunner_munzel(&control, &treatment))?;
    Ok(Results::new()
        .with("U_treatment", result.u)
        .with("auc", result.auc)
        .with("z", result.statistic)
        .with_p("p_cc", Some(result.log_p_corrected))
        .with_p("p", Some(result.log_p))
        .with("brunner_munzel_stat", unequal.map(|unequal| unequal.statistic))
        .with("brunner_munzel_df", unequal.map(|unequal| unequal.df))
        .with_p("brunner_munzel_p", unequal.map(|unequal| unequal.log_p))
        .because(reason))
}

pub(super) fn mann_whitney_exact(inputs: &Inputs<'_>) -> Answer {
    let (control, treatment) = arms(inputs)?;
    let (u, log_p) = statistics::mann_whitney_exact(&control, &treatment)?;
    Ok(Results::new().with("U_treatment", u).with_p("p_exact", Some(log_p)))
}

pub(super) fn hodges_lehmann(inputs: &Inputs<'_>) -> Answer {
    let (control, treatment) = arms(inputs)?;
    Ok(Results::new().with("hodges_lehmann", statistics::hodges_lehmann(&control, &treatment)?))
}
