//! From what is joined to the report.

#[cfg(test)]
mod tests;

use experiment::{Correction, Experiment, Method};

use crate::config::{Config, ShadowMetric};
use crate::exposure::Exposures;
use crate::join::{Joined, Joiner};
use crate::measure::{measure, metric_report};
use crate::report::{Arm, ComparisonResult, ExperimentReport, MetricReport, Report};
use crate::shadow;
use crate::split::sample_ratio;
use crate::verdict::{rollout, verdicts};
use crate::watermark::Watermarks;

/// What is asked of the data.
#[derive(Clone, Debug)]
pub struct Question {
    pub(crate) experiments: Vec<Experiment>,
    pub(crate) shadow_metrics: Vec<ShadowMetric>,
    /// Microseconds that a unit still waits after its window has closed.
    pub(crate) grace: i64,
}

impl Question {
    /// The experiments, and what shadows are compared by.
    pub fn new(mut experiments: Vec<Experiment>, config: &Config) -> Self {
        experiments.sort_by(|a, b| a.name.cmp(&b.name));
        let shadow_metrics = if config.shadow_metric.is_empty() {
            quality_metrics(&experiments)
        } else {
            config.shadow_metric.clone()
        };
        Self { experiments, shadow_metrics, grace: config.grace.as_micros() }
    }
}

/// The metrics of `experiments` that are computed from prediction and outcome, each once.
fn quality_metrics(experiments: &[Experiment]) -> Vec<ShadowMetric> {
    let mut metrics: Vec<ShadowMetric> = Vec::new();
    for metric in experiments.iter().flat_map(|experiment| &experiment.metrics) {
        let is_quality = metric.of.prediction().is_some() && metric.of.outcome().is_some();
        let Some(attribution) = metric.attribution.filter(|_| is_quality) else { continue };
        if metrics.iter().all(|each| each.of != metric.of) {
            metrics.push(ShadowMetric {
                name: metric.name.to_string(),
                of: metric.of.clone(),
                attribution: runtime::config::Duration::new(attribution),
                better: metric.better,
            });
        }
    }
    metrics
}

/// What can be said of what is joined.
pub(crate) fn evaluate(joiner: &Joiner, question: &Question, watermarks: &Watermarks) -> Report {
    let events = joiner.in_order();
    let watermark = watermarks.now();
    let closed = Closed::new(watermarks, question.grace);
    let experiments = question
        .experiments
        .iter()
        .map(|experiment| examine(experiment, (joiner, &events), closed))
        .collect();
    Report {
        model: joiner.model().to_string(),
        watermark: watermark.filter(|at| *at != events::Timestamp::MAX),
        is_complete: watermarks.is_complete(),
        counts: joiner.counts(),
        joined_events: joiner.joined_events(),
        orphan_outcomes: joiner.orphan_outcomes(),
        undefined_experiments: Vec::new(),
        experiments,
        shadows: shadow::compare(&events, &question.shadow_metrics, closed),
    }
}

/// Tells which windows have closed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Closed {
    watermark: i64,
    grace: i64,
}

impl Closed {
    pub(crate) fn new(watermarks: &Watermarks, grace: i64) -> Self {
        Self { watermark: watermarks.now().map_or(i64::MIN, events::Timestamp::as_micros), grace }
    }

    /// Whether a window that begins at `from` and lasts `window` microseconds has closed, with the grace after it.
    pub(crate) fn is_over(self, from: events::Timestamp, window: i64) -> bool {
        self.end(from, window) <= self.watermark
    }

    /// The microsecond at which such a window closes, with the grace after it.
    pub(crate) fn end(self, from: events::Timestamp, window: i64) -> i64 {
        from.as_micros().saturating_add(window).saturating_add(self.grace)
    }

    /// The same as a moment: what was read when its partition had come further is too late.
    pub(crate) fn moment(self, from: events::Timestamp, window: i64) -> events::Timestamp {
        events::Timestamp::from_micros(self.end(from, window)).unwrap_or(events::Timestamp::MAX)
    }

    /// How far event time has come, in microseconds.
    pub(crate) fn watermark(self) -> i64 {
        self.watermark
    }
}

fn examine(
    experiment: &Experiment,
    joined: (&Joiner, &[(&str, &Joined)]),
    closed: Closed,
) -> ExperimentReport {
    let exposures = Exposures::collect(experiment, joined);
    let arms = arms(experiment, &exposures);
    let sample_ratio = sample_ratio(experiment, (&arms, &exposures), closed);
    let measured: Vec<_> =
        experiment.metrics.iter().map(|metric| measure(experiment, metric, &exposures, closed)).collect();
    let mut metrics: Vec<_> = experiment
        .metrics
        .iter()
        .zip(&measured)
        .map(|(metric, measured)| metric_report(experiment, metric, measured))
        .collect();
    correct(experiment, &mut metrics);
    let mut report = ExperimentReport {
        name: experiment.name.to_string(),
        hypothesis: experiment.hypothesis.clone(),
        unit: experiment.unit.to_string(),
        alpha: experiment.decision.alpha,
        method: match experiment.decision.method {
            Method::AlwaysValid => "always-valid",
            Method::Fixed => "fixed",
        },
        sample_ratio,
        arms,
        crossovers: exposures.crossovers,
        unknown_arms: exposures.unknown_arms,
        metrics,
        verdicts: Vec::new(),
        rollout: None,
    };
    report.verdicts = verdicts(experiment, &report);
    report.rollout = rollout(experiment, &report);
    report
}

fn arms(experiment: &Experiment, exposures: &Exposures<'_>) -> Vec<Arm> {
    let mut arms: Vec<_> = experiment
        .arms
        .iter()
        .map(|arm| Arm {
            name: arm.name.to_string(),
            version: arm.version.to_string(),
            units: 0,
            predictions: 0,
            fallbacks: 0,
        })
        .collect();
    for unit in exposures.units.values() {
        let arm = &mut arms[unit.arm];
        arm.units += 1;
        arm.predictions += unit.predictions.len() as u64;
        arm.fallbacks +=
            unit.predictions.iter().filter(|(prediction, _)| prediction.is_fallback).count() as u64;
    }
    arms
}

/// Corrects the p-values of all primary metrics and arms together, those of the method that decides. Guardrails are not among them: all of them must
/// hold, so they spend no part of alpha.
fn correct(experiment: &Experiment, metrics: &mut [MetricReport]) {
    let primary = metrics.iter_mut().filter(|metric| metric.role == "primary");
    let mut tested: Vec<_> = primary
        .flat_map(|metric| &mut metric.comparisons)
        .filter_map(|comparison| match &mut comparison.result {
            ComparisonResult::Tested { log_p, always_valid, adjusted_p, .. } => {
                let log_p = match experiment.decision.method {
                    Method::Fixed => *log_p,
                    Method::AlwaysValid => always_valid.as_ref()?.log_p,
                };
                Some((log_p, adjusted_p))
            }
            ComparisonResult::Unavailable { .. } => None,
        })
        .collect();
    let log_p: Vec<f64> = tested.iter().map(|(log_p, _)| *log_p).collect();
    let corrected = match experiment.decision.correction {
        Correction::Holm => statistics::holm(&log_p),
        Correction::BenjaminiHochberg => statistics::benjamini_hochberg(&log_p),
        Correction::None => log_p,
    };
    for ((_, adjusted), log_p) in tested.iter_mut().zip(corrected) {
        **adjusted = Some(log_p.exp());
    }
}
