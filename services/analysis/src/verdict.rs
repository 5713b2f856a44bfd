//! The verdict: from numbers to a decision, by rules in a fixed order.
//!
//! Guardrails first, then the split, the sample and its maturity, and only then the primary metrics with their
//! correction. No data is never a pass, and neither is an arm that mostly fell back to production.

#[cfg(test)]
mod tests;

use experiment::{Better, Experiment, MetricRole};

use crate::report::{Comparison, ComparisonResult, ExperimentReport, Verdict, VerdictKind};

/// The largest share of an arm's predictions that production may have made in its place. Above it the arm was
/// not tried, whatever the metrics say.
pub(crate) const FALLBACK_SHARE_MAX: f64 = 0.01;

/// The decision for each arm of `report` but the control, in order.
pub(crate) fn verdicts(experiment: &Experiment, report: &ExperimentReport) -> Vec<Verdict> {
    (1..report.arms.len())
        .map(|arm| {
            let (verdict, rule, reason) = decide(experiment, report, arm);
            Verdict { arm: report.arms[arm].name.clone(), verdict, rule, reason }
        })
        .collect()
}

type Decision = (VerdictKind, &'static str, String);

fn decide(experiment: &Experiment, report: &ExperimentReport, arm: usize) -> Decision {
    let inconclusive = |rule, reason| (VerdictKind::Inconclusive, rule, reason);
    if report.arms.iter().any(|each| each.units == 0) {
        return inconclusive("data", "an arm has no units".into());
    }
    if let Some(failed) = guardrails(experiment, report, arm).find(|(state, _)| *state == Guardrail::Failed) {
        return (VerdictKind::Worse, "guardrail", format!("guardrail \"{}\" is violated", failed.1));
    }
    if let Some(ratio) = report.sample_ratio.as_ref().filter(|ratio| ratio.is_mismatch) {
        let p = ratio.log_p.exp();
        return inconclusive(
            "sample_ratio",
            format!("the split is broken (p = {p:.1e}): its numbers mean nothing"),
        );
    }
    let Some(units) = least_units(report, arm) else {
        return inconclusive("data", "a primary metric could not be tested".into());
    };
    if units < experiment.decision.minimum_units {
        let minimum = experiment.decision.minimum_units;
        return inconclusive(
            "minimum_units",
            format!("{units} matured units in the smaller arm; {minimum} are needed"),
        );
    }
    let primary = primaries(experiment, report, arm);
    if let Some((name, _)) = primary.iter().find(|(_, effect)| *effect == Effect::Worse) {
        return (VerdictKind::Worse, "primary", format!("\"{name}\" is worse"));
    }
    let Some((name, _)) = primary.iter().find(|(_, effect)| *effect == Effect::Better) else {
        return inconclusive("primary", "no primary metric differs beyond chance".into());
    };
    let arms = &report.arms[arm];
    if share(arms.fallbacks, arms.predictions) > FALLBACK_SHARE_MAX {
        let share = 100.0 * share(arms.fallbacks, arms.predictions);
        return inconclusive("fallbacks", format!("production made {share:.1} % of the arm's predictions"));
    }
    if let Some((_, open)) = guardrails(experiment, report, arm).find(|(state, _)| *state == Guardrail::Open)
    {
        return inconclusive("guardrail", format!("guardrail \"{open}\" is not shown to hold yet"));
    }
    (VerdictKind::Better, "primary", format!("\"{name}\" is better, and no guardrail is violated"))
}

#[expect(clippy::cast_precision_loss, reason = "a share needs no more than fifteen digits")]
fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// The fewest units that a primary metric was tested on, in the arm or the control; `None` where one of them
/// could not be tested at all.
fn least_units(report: &ExperimentReport, arm: usize) -> Option<u64> {
    let primary = report.metrics.iter().filter(|metric| metric.role == "primary");
    let units = primary.map(|metric| {
        difference(&metric.comparisons[arm - 1]).map(|_| metric.arms[0].units.min(metric.arms[arm].units))
    });
    units.collect::<Option<Vec<_>>>()?.into_iter().min()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    Better,
    Worse,
    None,
}

fn primaries<'r>(
    experiment: &Experiment,
    report: &'r ExperimentReport,
    arm: usize,
) -> Vec<(&'r str, Effect)> {
    let metrics = experiment.metrics.iter().zip(&report.metrics);
    let primary = metrics.filter(|(definition, _)| definition.role == MetricRole::Primary);
    primary
        .map(|(definition, metric)| {
            (
                metric.name.as_str(),
                effect(definition.better, &metric.comparisons[arm - 1], experiment.decision.alpha),
            )
        })
        .collect()
}

fn effect(better: Better, comparison: &Comparison, alpha: f64) -> Effect {
    let ComparisonResult::Tested { difference, adjusted_p: Some(p), .. } = &comparison.result else {
        return Effect::None;
    };
    if *p > alpha {
        return Effect::None;
    }
    if (difference.value > 0.0) == (better == Better::Higher) { Effect::Better } else { Effect::Worse }
}

/// Where a guardrail stands, read off the two-sided interval that the report shows: a one-sided test at half of alpha,
/// which is cautious, and can be checked by eye.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Guardrail {
    /// The whole interval is on the good side of the margin.
    Holds,
    /// The whole interval is beyond the margin.
    Failed,
    /// The interval reaches over the margin, or there is none.
    Open,
}

fn guardrails<'r>(
    experiment: &'r Experiment,
    report: &'r ExperimentReport,
    arm: usize,
) -> impl Iterator<Item = (Guardrail, &'r str)> {
    experiment.metrics.iter().zip(&report.metrics).filter_map(move |(definition, metric)| {
        let MetricRole::Guardrail { margin } = definition.role else { return None };
        let state = difference(&metric.comparisons[arm - 1]).map_or(Guardrail::Open, |(low, high)| {
            let (good, bad) = match definition.better {
                Better::Higher => (low > -margin, high < -margin),
                Better::Lower => (high < margin, low > margin),
            };
            match (good, bad) {
                (true, _) => Guardrail::Holds,
                (_, true) => Guardrail::Failed,
                _ => Guardrail::Open,
            }
        });
        Some((state, metric.name.as_str()))
    })
}

fn difference(comparison: &Comparison) -> Option<(f64, f64)> {
    match &comparison.result {
        ComparisonResult::Tested { difference, .. } => Some((difference.low, difference.high)),
        ComparisonResult::Unavailable { .. } => None,
    }
}
