//! Adjustment by a covariate.

use statistics::QuadMoments;

use super::arms::{Keys, both, comoments};
use crate::{
    fault::{Fault, Name},
    inputs::Inputs,
    results::{Results, split},
};

type Answer = Result<Results, Fault>;

const KEYS: Keys = Keys { means: ["mean_y", "mean_x"], variances: ["var_y", "var_x"], covariance: "cov_yx" };
const SHORT: Keys = Keys { means: ["my", "mx"], variances: ["vy", "vx"], covariance: "c" };

pub(super) fn mean(inputs: &Inputs<'_>) -> Answer {
    let (control, treatment) = both(inputs, |arm| comoments(arm, &KEYS))?;
    let (result, reason) = split(statistics::cuped(&control, &treatment, inputs.alpha()?))?;
    let difference = result.map(|result| result.comparison.difference);
    Ok(Results::new()
        .with("theta_pooled", result.map(|result| result.theta))
        .with("theta_within", result.map(|result| result.theta_within))
        .with("variance_explained", result.map(|result| result.explained))
        .with("diff", difference.map(|difference| difference.value))
        .with("se", difference.map(|difference| difference.standard_error))
        .with("df", result.and_then(|result| result.comparison.df))
        .with("p_two_sided", result.map(|result| result.comparison.p()))
        .with("log_p", result.map(|result| result.comparison.log_p))
        .with("ci_low", difference.map(|difference| difference.low))
        .with("ci_high", difference.map(|difference| difference.high))
        .because(reason))
}

pub(super) fn lin(inputs: &Inputs<'_>) -> Answer {
    let (control, treatment) = both(inputs, |arm| comoments(arm, &KEYS))?;
    let (result, reason) = split(statistics::lin(&control, &treatment, inputs.alpha()?))?;
    Ok(Results::new()
        .with("ate", result.map(|result| result.value))
        .with("se", result.map(|result| result.standard_error))
        .with("ci_low", result.map(|result| result.low))
        .with("ci_high", result.map(|result| result.high))
        .because(reason))
}

pub(super) fn relative(inputs: &Inputs<'_>) -> Answer {
    let (control, treatment) = both(inputs, |arm| comoments(arm, &SHORT))?;
    let (result, reason) = split(statistics::cuped_lift(&control, &treatment))?;
    Ok(Results::new()
        .with("lift", result.map(|result| result.lift))
        .with("se_delta", result.map(|result| result.standard_error))
        .with("se_growthbook_form", result.map(|result| result.growthbook_standard_error))
        .with("theta_pooled", result.map(|result| result.theta))
        .because(reason))
}

/// `{"n", "mean": [y, d, pre_y, pre_d], "cov": 4 rows of 4}`.
fn quadruples(arm: &Inputs<'_>) -> Result<QuadMoments, Fault> {
    if arm.has("order") {
        let order = arm.labels("order")?;
        if order != ["y", "d", "pre_y", "pre_d"] {
            let right = "the order is y, d, pre_y, pre_d";
            return Err(arm.fault(Name::OutOfRange, "order", format!("`{}`: {right}", order.join(", "))));
        }
    }
    let (n, mean, rows) = (arm.units("n")?, arm.array::<4>("mean")?, arm.rows::<4>("cov")?);
    let length = rows.len();
    let rows: [[f64; 4]; 4] =
        rows.try_into().map_err(|_| arm.mismatch("cov", format!("{length} rows where 4 belong")))?;
    if let Some(variance) = (0..4).map(|i| rows[i][i]).find(|variance| *variance < 0.0) {
        return Err(arm.fault(
            Name::NegativeVariance,
            "cov",
            format!("`{variance}`: a variance is 0 or more"),
        ));
    }
    let df = n.saturating_sub(1) as f64;
    Ok(QuadMoments { n, mean, products: rows.map(|row| row.map(|covariance| covariance * df)) })
}

pub(super) fn ratio(inputs: &Inputs<'_>) -> Answer {
    let (control, treatment) = both(inputs, quadruples)?;
    let (result, reason) = split(statistics::cuped_ratio(&control, &treatment, inputs.alpha()?))?;
    let difference = result.map(|(_, difference)| difference);
    Ok(Results::new()
        .with("theta", result.map(|(theta, _)| theta))
        .with("diff", difference.map(|difference| difference.value))
        .with("se", difference.map(|difference| difference.standard_error))
        .with("ci_low", difference.map(|difference| difference.low))
        .with("ci_high", difference.map(|difference| difference.high))
        .because(reason))
}
