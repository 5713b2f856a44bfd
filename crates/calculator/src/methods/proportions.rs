//! Shares and counts.

use statistics::{Proportion, special::normal};

use super::arms::{both, proportion, rate};
use crate::{
    fault::{Fault, Name},
    inputs::Inputs,
    results::{Results, split},
};

type Answer = Result<Results, Fault>;

pub(super) fn two_sample(inputs: &Inputs<'_>) -> Answer {
    let ((control, treatment), alpha) = (both(inputs, proportion)?, inputs.alpha()?);
    let result = statistics::two_proportions(control, treatment, alpha)?;
    let difference = result.difference;
    // The score test's own p-value, also where the counts are so few that Fisher's test is the one to read.
    let log_p = normal::log_two_sided(result.statistic.abs());
    let half = normal::isf(alpha.get() / 2.0) * difference.standard_error;
    Ok(Results::new()
        .with("diff", difference.value)
        .with("z_pooled", result.statistic)
        .with("p_pooled", log_p.exp())
        .with("log_p_pooled", log_p)
        .with("se_unpooled", difference.standard_error)
        .with("wald_low", difference.value - half)
        .with("wald_high", difference.value + half)
        .with("newcombe_low", difference.low)
        .with("newcombe_high", difference.high)
        .with("wilson_control", (result.control.low, result.control.high))
        .with("wilson_treatment", (result.treatment.low, result.treatment.high))
        .with("test", if result.test == statistics::Test::Score { "score" } else { "fisher-exact" })
        .with_p("p", Some(result.log_p)))
}

pub(super) fn fisher(inputs: &Inputs<'_>) -> Answer {
    let (control, treatment) = both(inputs, proportion)?;
    let tails = statistics::fisher_tails(control, treatment);
    Ok(Results::new()
        .with_p("p_two_sided", Some(statistics::fisher_exact(control, treatment)))
        .with_p("p_greater", Some(tails.log_greater))
        .with_p("p_less", Some(tails.log_less))
        .with("midp_greater", tails.log_mid_greater.exp())
        .with("log_midp_greater", tails.log_mid_greater))
}

pub(super) fn miettinen_nurminen(inputs: &Inputs<'_>) -> Answer {
    let ((control, treatment), alpha) = (both(inputs, proportion)?, inputs.alpha()?);
    let result = statistics::miettinen_nurminen(control, treatment, alpha)?;
    Ok(Results::new()
        .with("mn_low", result.low)
        .with("mn_high", result.high)
        .with("mn_z", result.statistic)
        .with("mn_p", result.log_p.exp())
        .with("log_mn_p", result.log_p))
}

pub(super) fn one_sample(inputs: &Inputs<'_>) -> Answer {
    let (seen, alpha) = (proportion(inputs)?, inputs.alpha()?);
    let wilson = statistics::wilson(seen, alpha)?;
    Ok(Results::new()
        .with("share", wilson.value)
        .with("wilson", (wilson.low, wilson.high))
        .with("clopper_pearson", statistics::clopper_pearson(seen, alpha)?)
        .with("jeffreys", statistics::jeffreys(seen, alpha)?))
}

pub(super) fn ratio(inputs: &Inputs<'_>) -> Answer {
    let ((control, treatment), alpha) = (both(inputs, proportion)?, inputs.alpha()?);
    let (risk, no_risk) = split(statistics::risk_ratio(control, treatment, alpha))?;
    let (odds, no_odds) = split(statistics::odds_ratio(control, treatment, alpha))?;
    Ok(Results::new()
        .with("risk_ratio", risk.map(|risk| risk.value))
        .with("rr_low", risk.map(|risk| risk.low))
        .with("rr_high", risk.map(|risk| risk.high))
        .with("odds_ratio", odds.map(|odds| odds.value))
        .with("or_low", odds.map(|odds| odds.low))
        .with("or_high", odds.map(|odds| odds.high))
        .because(no_risk.or(no_odds)))
}

/// A row of successes and failures.
fn row(inputs: &Inputs<'_>, key: &str, [successes, failures]: [u64; 2]) -> Result<Proportion, Fault> {
    let arm = Proportion { successes, failures };
    if arm.units() == 0 {
        return Err(inputs.fault(Name::ZeroUnits, key, "a row of zeros: each arm needs a unit"));
    }
    Ok(arm)
}

pub(super) fn several(inputs: &Inputs<'_>) -> Answer {
    let key = "table_success_failure";
    let rows = inputs.count_rows::<2>(key)?.into_iter().map(|cells| row(inputs, key, cells));
    let result = statistics::homogeneous(&rows.collect::<Result<Vec<_>, _>>()?)?;
    Ok(Results::new()
        .with("chi2", result.chi_squared)
        .with_p("p", Some(result.log_p))
        .with("g", result.g)
        .with_p("p_g", Some(result.log_p_g))
        .with("df", result.df))
}

pub(super) fn unconditional(inputs: &Inputs<'_>) -> Answer {
    let table = inputs.count_rows::<2>("table")?;
    let [first, second] = table[..] else {
        return Err(inputs.mismatch("table", format!("{} rows where 2 belong", table.len())));
    };
    // The arms are the columns here, successes above failures.
    let arm = |column: usize| row(inputs, "table", [first[column], second[column]]);
    let result = statistics::unconditional(arm(0)?, arm(1)?)?;
    Ok(Results::new()
        .with("barnard_p", result.barnard_as_rounded)
        .with("barnard_p_with_ties", result.barnard)
        .with("boschloo_greater_p", result.boschloo_greater))
}

pub(super) fn poisson(inputs: &Inputs<'_>) -> Answer {
    let ((control, treatment), alpha) = (both(inputs, rate)?, inputs.alpha()?);
    let result = statistics::rates(control, treatment, alpha)?;
    let difference = result.comparison.difference;
    Ok(Results::new()
        .with("rate_diff", difference.value)
        .with("ci_low", difference.low)
        .with("ci_high", difference.high)
        .with("z_score", result.comparison.statistic)
        .with_p("p_score", Some(result.comparison.log_p))
        .with("z_wald", result.wald)
        .with_p("p_exact_conditional", Some(result.log_p_exact))
        .with_p("p_exact_greater", Some(result.log_p_greater)))
}
