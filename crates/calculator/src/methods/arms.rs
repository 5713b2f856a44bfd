//! Arms as requests have them.

use statistics::{Comoments, Moments, Proportion, Rate, Unavailable, Value};

use crate::{
    fault::{Fault, Name},
    inputs::Inputs,
};

/// `{"x": successes, "n": units}`.
pub(super) fn proportion(arm: &Inputs<'_>) -> Result<Proportion, Fault> {
    let (successes, units) = (arm.count("x")?, arm.units("n")?);
    match units.checked_sub(successes) {
        Some(failures) => Ok(Proportion { successes, failures }),
        None => {
            let message =
                format!("`{successes}` successes of `{units}` units: there cannot be more than units");
            Err(arm.fault(Name::CountAboveUnits, "x", message))
        }
    }
}

/// `{"n": units, "mean": …, "var": …}`, the variance with divisor n - 1.
pub(super) fn moments(arm: &Inputs<'_>) -> Result<Moments, Fault> {
    Ok(Moments::from_sample(arm.units("n")?, arm.number("mean")?, arm.variance("var")?))
}

/// `{"events": …, "exposure": …}`.
pub(super) fn rate(arm: &Inputs<'_>) -> Result<Rate, Fault> {
    Ok(Rate { events: arm.count("events")?, exposure: arm.positive("exposure")? })
}

/// The keys of an arm's joint moments: the means, variances and covariance of y and x.
pub(super) struct Keys {
    pub(super) means: [&'static str; 2],
    pub(super) variances: [&'static str; 2],
    pub(super) covariance: &'static str,
}

/// Joint moments of y and x.
pub(super) fn comoments(arm: &Inputs<'_>, keys: &Keys) -> Result<Comoments, Fault> {
    let n = arm.units("n")?;
    let df = n.saturating_sub(1) as f64;
    let [v_y, v_x] = [arm.variance(keys.variances[0])?, arm.variance(keys.variances[1])?];
    let covariance = arm.number(keys.covariance)?;
    // Cauchy and Schwarz, with room for rounding.
    if covariance.abs() > v_y.sqrt() * v_x.sqrt() * (1.0 + 1e-9) {
        let right = "a covariance is at most the root of the product of the variances";
        return Err(arm.out_of_range(keys.covariance, covariance, right));
    }
    Ok(Comoments {
        n,
        mean_y: arm.number(keys.means[0])?,
        mean_x: arm.number(keys.means[1])?,
        m2_y: v_y * df,
        m2_x: v_x * df,
        c_yx: covariance * df,
        ..Comoments::default()
    })
}

/// Control and treatment, each read alike.
pub(super) fn both<T>(
    inputs: &Inputs<'_>,
    read: impl Fn(&Inputs<'_>) -> Result<T, Fault>,
) -> Result<(T, T), Fault> {
    Ok((inputs.within("control", &read)?, inputs.within("treatment", &read)?))
}

/// That a value has a variance, and can be computed with.
pub(super) fn usable(value: Value) -> Result<Value, Unavailable> {
    if value.variance.is_nan() {
        return Err(Unavailable::TooFewUnits { units: 1, needed: 2 });
    }
    Value::new(value.value, value.variance, value.df)
}

/// An arm's mean as a value with its variance: that of a proportion if it has `x`, and of numbers otherwise.
pub(super) fn value(arm: &Inputs<'_>) -> Result<(Value, u64), Fault> {
    if arm.has("x") {
        let arm = proportion(arm)?;
        let n = arm.units() as f64;
        let (p, q) = (arm.successes as f64 / n, arm.failures as f64 / n);
        return Ok((Value { value: p, variance: p * q / n, df: f64::INFINITY }, arm.units()));
    }
    let arm = moments(arm)?;
    // Of one unit nothing is known; `usable` says so.
    let variance = arm.variance().unwrap_or(f64::NAN) / arm.n as f64;
    Ok((Value { value: arm.mean, variance, df: arm.n.saturating_sub(1) as f64 }, arm.n))
}
