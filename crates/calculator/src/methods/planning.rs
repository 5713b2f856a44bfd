//! Before the experiment.

use statistics::{
    Plan,
    sequential::group::{LOOKS_MAX, Sides, Spending, boundaries},
};

use crate::{
    fault::{Fault, Name},
    inputs::Inputs,
    results::Results,
};

type Answer = Result<Results, Fault>;

fn plan(inputs: &Inputs<'_>) -> Result<Plan, Fault> {
    Ok(Plan { alpha: inputs.alpha()?, power: inputs.power("power")?, ..Plan::default() })
}

pub(super) fn detectable(inputs: &Inputs<'_>) -> Answer {
    let (plan, variance) = (plan(inputs)?, inputs.variance("var")?);
    let (n1, n2) = (inputs.units("n1")? as f64, inputs.units("n2")? as f64);
    let standard_error = (variance / n1 + variance / n2).sqrt();
    let by_t = match variance {
        0.0 => Some(0.0),
        _ if n1 + n2 < 3.0 => None,
        _ => Some(statistics::t_test_detectable(variance, n1, n2, (plan.alpha, plan.power))?),
    };
    Ok(Results::new()
        .with("mde_t", by_t)
        .with("mde_z", plan.detectable_effect(standard_error))
        .with("mde_sequential", plan.detectable_sequentially(standard_error, n1 + n2)?))
}

pub(super) fn non_inferiority(inputs: &Inputs<'_>) -> Answer {
    let (sd, margin) = (inputs.positive("sd")?, inputs.positive("margin")?);
    let alpha = inputs.alpha_at("alpha_one_sided")?;
    let plan = Plan { alpha, power: inputs.power("power")?, ..Plan::default() };
    let n = plan.control_for_means(alpha.get(), sd * sd, sd * sd, margin)?;
    Ok(Results::new().with("n_per_arm", n))
}

pub(super) fn proportions(inputs: &Inputs<'_>) -> Answer {
    let (plan, a, b) = (plan(inputs)?, inputs.share("p1")?, inputs.share("p2")?);
    let unpooled = plan.control_for_means(plan.alpha.get() / 2.0, a * (1.0 - a), b * (1.0 - b), b - a)?;
    Ok(Results::new()
        .with("n_pooled", plan.control_for_proportions(a, b)?)
        .with("n_unpooled", unpooled)
        .with("n_cohen_h", plan.cohen_units(a, b)?))
}

pub(super) fn sequential_inflation(inputs: &Inputs<'_>) -> Answer {
    let (n, tuned) = (inputs.positive("n")?, inputs.positive("n_star")?);
    let price = statistics::sequential_price(n, tuned, inputs.alpha()?)?;
    Ok(Results::new()
        .with("half_in_se", price.multiplier)
        .with("ratio", price.ratio)
        .with("sample_inflation", price.inflation))
}

pub(super) fn t_test(inputs: &Inputs<'_>) -> Answer {
    let alpha = inputs.alpha()?;
    let ratio = if inputs.has("ratio") { inputs.positive("ratio")? } else { 1.0 };
    let mut results = Results::new();
    if inputs.has("n1") {
        let power = statistics::t_test_power(inputs.number("d")?, inputs.positive("n1")?, ratio, alpha)?;
        results = results.with("power", power);
    }
    if inputs.has("solve") || !inputs.has("n1") {
        let solve = |wanted: &Inputs<'_>| {
            let allocation = if wanted.has("ratio") { wanted.positive("ratio")? } else { 1.0 };
            let plan = Plan { alpha, power: wanted.power("power")?, allocation };
            Ok(statistics::t_test_units(wanted.number("d")?, &plan)?)
        };
        results = results.with("n1_solved", inputs.within("solve", solve)?);
    }
    Ok(results)
}

/// How alpha is spent, if it is not given look by look.
fn spending(inputs: &Inputs<'_>) -> Result<Spending, Fault> {
    match inputs.text("spending")? {
        "obrien-fleming" => Ok(Spending::ObrienFleming),
        "pocock" => Ok(Spending::Pocock),
        "power" => Ok(Spending::Power(inputs.positive("exponent")?)),
        other => {
            let message =
                format!("`{other}`: it must be `obrien-fleming`, `pocock` or `power` (with `exponent`)");
            Err(inputs.fault(Name::OutOfRange, "spending", message))
        }
    }
}

pub(super) fn alpha_spending(inputs: &Inputs<'_>) -> Answer {
    let (t, alpha) = (inputs.sample("t")?, inputs.alpha_at("alpha_one_sided")?);
    if t.len() > LOOKS_MAX {
        return Err(inputs.fault(Name::TooLarge, "t", format!("{} looks, more than {LOOKS_MAX}", t.len())));
    }
    let spent = if inputs.has("cumulative_spend_one_sided") || !inputs.has("spending") {
        inputs.numbers("cumulative_spend_one_sided")?
    } else {
        let spending = spending(inputs)?;
        t.iter().map(|&t| spending.spent(t, alpha)).collect()
    };
    inputs.same_length(&[("t", t.len()), ("cumulative_spend_one_sided", spent.len())])?;
    if let Some(&last) = spent.last().filter(|last| **last > alpha.get() * (1.0 + 1e-9)) {
        let right = "no more than alpha_one_sided can be spent";
        return Err(inputs.out_of_range("cumulative_spend_one_sided", last, right));
    }
    Ok(Results::new()
        .with("z_one_sided", boundaries(&t, &spent, Sides::One)?)
        .with("z_two_sided_both_absorbing", boundaries(&t, &spent, Sides::Both)?)
        .with("total_alpha_one_sided", spent.last().copied())
        .with("cumulative_spend_one_sided", spent))
}
