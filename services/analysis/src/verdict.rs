//! The verdict: from numbers to a decision, by rules in a fixed order.
//!
//! Guardrails first, then the split, the sample and its maturity, and only then the primary metrics with their
//! correction. No data is never a pass, and neither is an arm that mostly fell back to production. All numbers are
//! those of the method that the definition chose.

#[cfg(test)]
mod tests;

use experiment::{Better, Experiment, Method, Metric, MetricRole};

use crate::report::{
    Comparison, ComparisonResult, ExperimentReport, Interval, MetricReport, RolloutStep, Verdict, VerdictKind,
};

/// The decision for each arm of `report` but the control, in order.
pub(crate) fn verdicts(experiment: &Experiment, report: &ExperimentReport) -> Vec<Verdict> {
    (1..report.arms.len())
        .map(|arm| {
            let (verdict, rule, reason) = Case { experiment, report, arm }.decide();
            Verdict { arm: report.arms[arm].name.clone(), verdict, rule, reason }
        })
        .collect()
}

/// Whether the next step of the rollout may be taken; nothing where there is none.
///
/// A step exposes more units to every arm, so none may be worse, and each must have shown that its guardrails hold, on
/// enough units and a healthy split. Whether one is better is not asked yet: that is what the next step is to find out.
pub(crate) fn rollout(experiment: &Experiment, report: &ExperimentReport) -> Option<RolloutStep> {
    let next = experiment.rollout.iter().find(|step| **step > experiment.coverage)?;
    let cases = (1..report.arms.len()).map(|arm| Case { experiment, report, arm });
    let reason = cases.filter_map(Case::against_a_step).next();
    Some(RolloutStep {
        coverage: experiment.coverage.fraction(),
        next: next.fraction(),
        is_allowed: reason.is_none(),
        reason: reason.unwrap_or_else(|| "no arm is worse, and every guardrail holds".into()),
    })
}

type Decision = (VerdictKind, &'static str, String);

/// One arm against the control.
#[derive(Clone, Copy)]
struct Case<'r> {
    experiment: &'r Experiment,
    report: &'r ExperimentReport,
    arm: usize,
}

fn inconclusive(rule: &'static str, reason: String) -> Decision {
    (VerdictKind::Inconclusive, rule, reason)
}

impl<'r> Case<'r> {
    /// The first rule that speaks decides; one at least always does.
    fn decide(self) -> Decision {
        let worse = |rule, reason| (VerdictKind::Worse, rule, reason);
        if self.report.arms.iter().any(|each| each.units == 0) {
            return inconclusive("data", "an arm has no units".into());
        }
        if let Some(failed) = self.guardrail(Guardrail::Failed) {
            return worse("guardrail", format!("guardrail \"{failed}\" is violated"));
        }
        if let Some(broken) = self.broken_split().or_else(|| self.small_sample()) {
            return broken;
        }
        if let Some(name) = self.primary(Effect::Worse) {
            return worse("primary", format!("\"{name}\" is worse"));
        }
        let pass = if let Some(name) = self.primary(Effect::Better) {
            let reason = format!("\"{name}\" is better, and no guardrail is violated");
            (VerdictKind::Better, "primary", reason)
        } else if self.is_equivalent() {
            let reason = "every primary metric differs by less than anybody would mind".into();
            (VerdictKind::Equivalent, "equivalence", reason)
        } else {
            return inconclusive("primary", "no primary metric differs beyond chance".into());
        };
        self.objection().unwrap_or(pass)
    }

    /// Why more units should not come into this arm yet.
    fn against_a_step(self) -> Option<String> {
        let (verdict, rule, reason) = self.decide();
        if verdict == VerdictKind::Worse || matches!(rule, "data" | "sample_ratio" | "minimum_units") {
            return Some(reason);
        }
        self.objection().map(|(_, _, reason)| reason)
    }

    /// What stands against a pass, though the primary metrics allow it.
    fn objection(self) -> Option<Decision> {
        let arm = &self.report.arms[self.arm];
        let fallbacks = share(arm.fallbacks, arm.predictions);
        if fallbacks > self.experiment.decision.maximum_fallbacks {
            let percent = 100.0 * fallbacks;
            let reason = format!("production made {percent:.1} % of the arm's predictions");
            return Some(inconclusive("fallbacks", reason));
        }
        if let Some(open) = self.guardrail(Guardrail::Open) {
            return Some(inconclusive("guardrail", format!("guardrail \"{open}\" is not shown to hold yet")));
        }
        // A test that may be read once is read when all is there.
        let open = self.open_units().filter(|_| self.experiment.decision.method == Method::Fixed)?;
        Some(inconclusive("maturity", format!("{open} units are still open, and a fixed test is read once")))
    }

    fn broken_split(self) -> Option<Decision> {
        let ratio = self.report.sample_ratio.as_ref().filter(|ratio| ratio.is_mismatch)?;
        let log_p = match self.experiment.decision.method {
            Method::Fixed => ratio.log_p,
            Method::AlwaysValid => ratio.always_valid_log_p,
        };
        let p = log_p.exp();
        Some(inconclusive(
            "sample_ratio",
            format!("the split is broken (p = {p:.1e}): its numbers mean nothing"),
        ))
    }

    /// Whether the primary metrics have too few matured units, in the arm or the control.
    fn small_sample(self) -> Option<Decision> {
        let matured =
            |(_, metric): &(&Metric, &MetricReport)| metric.arms[0].units.min(metric.arms[self.arm].units);
        let units = self.primaries().map(|each| matured(&each)).min()?;
        let minimum = self.experiment.decision.minimum_units;
        if units < minimum {
            let open = self.open_units().map(|open| format!("; {open} are still open")).unwrap_or_default();
            return Some(inconclusive(
                "minimum_units",
                format!("{units} matured units in the smaller arm, {minimum} are needed{open}"),
            ));
        }
        let is_untested = |(_, metric): (&Metric, &MetricReport)| self.decisive(metric).is_none();
        self.primaries()
            .any(is_untested)
            .then(|| inconclusive("data", "a primary metric could not be tested, or not yet".into()))
    }

    /// Units of the arm and the control whose windows are open still for a primary metric.
    fn open_units(self) -> Option<u64> {
        let open = self
            .primaries()
            .map(|(_, metric)| metric.arms[0].immature_units + metric.arms[self.arm].immature_units);
        open.max().filter(|open| *open > 0)
    }

    fn primaries(self) -> impl Iterator<Item = (&'r Metric, &'r MetricReport)> {
        let metrics = self.experiment.metrics.iter().zip(&self.report.metrics);
        metrics.filter(|(definition, _)| definition.role == MetricRole::Primary)
    }

    /// A primary metric with this effect.
    fn primary(self, effect: Effect) -> Option<&'r str> {
        let alpha = self.experiment.decision.alpha;
        self.primaries()
            .find(|(definition, metric)| {
                self.decisive(metric)
                    .is_some_and(|decisive| decisive.effect(definition.better, alpha) == effect)
            })
            .map(|(_, metric)| metric.name.as_str())
    }

    /// Whether every primary metric has a smallest effect, and its whole interval lies within it.
    fn is_equivalent(self) -> bool {
        self.primaries().all(|(definition, metric)| {
            let decisive = definition.minimum_effect.zip(self.decisive(metric));
            decisive.is_some_and(|(effect, Decisive { interval: Interval { low, high, .. }, .. })| {
                -effect < low && high < effect
            })
        })
    }

    /// A guardrail in this state.
    ///
    /// It is read off the two-sided interval that the report shows: a one-sided test at half of alpha, which is
    /// cautious, and can be checked by eye.
    fn guardrail(self, state: Guardrail) -> Option<&'r str> {
        let metrics = self.experiment.metrics.iter().zip(&self.report.metrics);
        let mut guardrails = metrics.filter_map(|(definition, metric)| {
            let MetricRole::Guardrail { margin } = definition.role else { return None };
            Some((self.stands(definition.better, margin, metric), metric.name.as_str()))
        });
        guardrails.find(|(each, _)| *each == state).map(|(_, name)| name)
    }

    fn stands(self, better: Better, margin: f64, metric: &MetricReport) -> Guardrail {
        let Some(Decisive { interval: Interval { low, high, .. }, .. }) = self.decisive(metric) else {
            return Guardrail::Open;
        };
        let (good, bad) = match better {
            Better::Higher => (low > -margin, high < -margin),
            Better::Lower => (high < margin, low > margin),
        };
        match (good, bad) {
            (true, _) => Guardrail::Holds,
            (_, true) => Guardrail::Failed,
            _ => Guardrail::Open,
        }
    }

    fn decisive(self, metric: &MetricReport) -> Option<Decisive> {
        decisive(self.experiment.decision.method, &metric.comparisons[self.arm - 1])
    }
}

/// What decides of a comparison.
struct Decisive {
    interval: Interval,
    adjusted_p: Option<f64>,
    /// Which way the evidence pointed when it was strongest.
    sign: f64,
}

fn decisive(method: Method, comparison: &Comparison) -> Option<Decisive> {
    let ComparisonResult::Tested { difference, always_valid, adjusted_p, .. } = &comparison.result else {
        return None;
    };
    let (interval, sign) = match method {
        Method::Fixed => (*difference, difference.value.signum()),
        Method::AlwaysValid => {
            let watched = always_valid.as_ref()?;
            (watched.difference, watched.evidence_sign)
        }
    };
    Some(Decisive { interval, adjusted_p: *adjusted_p, sign })
}

impl Decisive {
    /// A difference that has turned round since the evidence was strongest is none.
    fn effect(&self, better: Better, alpha: f64) -> Effect {
        let points_up = self.interval.value > 0.0;
        if self.adjusted_p.is_none_or(|p| p > alpha) || points_up != (self.sign > 0.0) {
            return Effect::None;
        }
        if points_up == (better == Better::Higher) { Effect::Better } else { Effect::Worse }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    Better,
    Worse,
    None,
}

/// Where a guardrail stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Guardrail {
    /// The whole interval is on the good side of the margin.
    Holds,
    /// The whole interval is beyond the margin.
    Failed,
    /// The interval reaches over the margin, or there is none.
    Open,
}

#[expect(clippy::cast_precision_loss, reason = "a share needs no more than fifteen digits")]
fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
