//! From what is joined to the report.

#[cfg(test)]
mod tests;

use experiment::{
    Absent, Aggregate, Better, Correction, Experiment, Metric, MetricKind, MetricRole, Quantity,
};
use statistics::{Alpha, Comoments, Moments, Proportion, Test};

use crate::config::{Config, ShadowMetric};
use crate::exposure::{Exposed, Exposures};
use crate::join::{Joined, Joiner};
use crate::observation::{Observation, micros, observe};
use crate::report::{
    Arm, Comparison, ComparisonResult, ExperimentReport, Interval, MetricArm, MetricReport, Report,
    SampleRatio,
};
use crate::shadow;
use crate::verdict::verdicts;
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
    let closed = Closed { watermark: watermark.map_or(i64::MIN, |at| at.as_micros()), grace: question.grace };
    let experiments =
        question.experiments.iter().map(|experiment| examine(experiment, &events, closed)).collect();
    Report {
        model: joiner.model().to_string(),
        watermark: watermark.filter(|at| *at != events::Timestamp::MAX),
        is_complete: watermarks.is_complete(),
        counts: joiner.counts(),
        joined_events: joiner.joined_events(),
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
    /// Whether a window that begins at `from` and lasts `window` microseconds has closed, with the grace after it.
    pub(crate) fn is_over(self, from: events::Timestamp, window: i64) -> bool {
        from.as_micros().saturating_add(window).saturating_add(self.grace) <= self.watermark
    }
}

fn examine(experiment: &Experiment, events: &[(&str, &Joined)], closed: Closed) -> ExperimentReport {
    let exposures = Exposures::collect(experiment, events);
    let arms = arms(experiment, &exposures);
    let measured: Vec<_> =
        experiment.metrics.iter().map(|metric| measure(experiment, metric, &exposures, closed)).collect();
    let mut metrics: Vec<_> = experiment
        .metrics
        .iter()
        .zip(&measured)
        .map(|(metric, sums)| metric_report(experiment, metric, sums))
        .collect();
    correct(experiment, &mut metrics);
    let mut report = ExperimentReport {
        name: experiment.name.to_string(),
        hypothesis: experiment.hypothesis.clone(),
        unit: experiment.unit.to_string(),
        alpha: experiment.decision.alpha,
        sample_ratio: sample_ratio(experiment, &arms),
        arms,
        crossovers: exposures.crossovers,
        unknown_arms: exposures.unknown_arms,
        metrics,
        verdicts: Vec::new(),
    };
    report.verdicts = verdicts(experiment, &report);
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

/// All units count, those whose windows are open too: the split is decided when a unit comes in.
fn sample_ratio(experiment: &Experiment, arms: &[Arm]) -> Option<SampleRatio> {
    let observed: Vec<u64> = arms.iter().map(|arm| arm.units).collect();
    let widths: Vec<f64> = (0..arms.len()).map(|arm| experiment.width(arm).fraction()).collect();
    let check = statistics::sample_ratio(&observed, &widths).ok()?;
    Some(SampleRatio { is_mismatch: check.is_mismatch(), expected: check.expected, log_p: check.log_p })
}

/// Sums of one metric in one arm, over units in the order of their ids.
#[derive(Clone, Debug, Default)]
struct Sums {
    /// One value a unit: a mean, a sum, or 1 for a unit with any value that is not zero.
    values: Moments,
    /// Sum and number of events a unit.
    ratio: Comoments,
    /// Units with any value that is not zero, and those with none.
    proportion: Proportion,
    units: u64,
    events: u64,
    unusable: u64,
    immature: u64,
}

/// Sums of one metric in every arm.
fn measure(experiment: &Experiment, metric: &Metric, exposures: &Exposures<'_>, closed: Closed) -> Vec<Sums> {
    let mut arms = vec![Sums::default(); experiment.arms.len()];
    let window = micros(experiment.exposure_window).saturating_add(metric.attribution.map_or(0, micros));
    for unit in exposures.units.values() {
        let sums = &mut arms[unit.arm];
        if closed.is_over(unit.since, window) {
            sums.add(metric, unit);
        } else {
            sums.immature += 1;
        }
    }
    arms
}

impl Sums {
    fn add(&mut self, metric: &Metric, unit: &Exposed<'_>) {
        let (mut sum, mut count, mut is_positive) = (0.0, 0_u32, false);
        for (prediction, event) in &unit.predictions {
            match observe(&metric.of, (metric.absent, metric.attribution), prediction, event) {
                Observation::Value(value) => {
                    sum += value;
                    count += 1;
                    is_positive |= value != 0.0;
                }
                Observation::Absent => {}
                Observation::Unusable => self.unusable += 1,
            }
        }
        if count == 0 {
            return;
        }
        self.units += 1;
        self.events += u64::from(count);
        match metric.kind {
            MetricKind::Proportion => self.proportion.push(is_positive),
            MetricKind::Mean(Aggregate::Sum) => self.values.push(sum),
            MetricKind::Mean(Aggregate::Mean) => self.values.push(sum / f64::from(count)),
            MetricKind::Ratio => self.ratio.push(sum, f64::from(count)),
        }
    }

    fn value(&self, kind: MetricKind) -> Option<f64> {
        if self.units == 0 {
            return None;
        }
        match kind {
            MetricKind::Proportion => self.proportion.share(),
            MetricKind::Mean(_) => Some(self.values.mean),
            MetricKind::Ratio => Some(self.ratio.mean_y / self.ratio.mean_x),
        }
    }
}

fn metric_report(experiment: &Experiment, metric: &Metric, sums: &[Sums]) -> MetricReport {
    let arm = |sums: &Sums| MetricArm {
        units: sums.units,
        events: sums.events,
        unusable: sums.unusable,
        immature_units: sums.immature,
        value: sums.value(metric.kind),
    };
    let compare = |(arm, treatment): (&experiment::Arm, &Sums)| Comparison {
        arm: arm.name.to_string(),
        result: compare(metric.kind, &sums[0], treatment, experiment.decision.alpha),
    };
    MetricReport {
        name: metric.name.to_string(),
        role: match metric.role {
            MetricRole::Primary => "primary",
            MetricRole::Secondary => "secondary",
            MetricRole::Guardrail { .. } => "guardrail",
        },
        kind: match metric.kind {
            MetricKind::Proportion => "proportion",
            MetricKind::Mean(_) => "mean",
            MetricKind::Ratio => "ratio",
        },
        better: better(metric.better),
        margin: match metric.role {
            MetricRole::Guardrail { margin } => Some(margin),
            MetricRole::Primary | MetricRole::Secondary => None,
        },
        arms: sums.iter().map(arm).collect(),
        comparisons: experiment.arms.iter().zip(sums).skip(1).map(compare).collect(),
    }
}

pub(crate) fn better(better: Better) -> &'static str {
    match better {
        Better::Higher => "higher",
        Better::Lower => "lower",
    }
}

fn compare(kind: MetricKind, control: &Sums, treatment: &Sums, alpha: f64) -> ComparisonResult {
    let alpha = level(alpha);
    let compared = match kind {
        MetricKind::Proportion => {
            statistics::two_proportions(control.proportion, treatment.proportion, alpha)
        }
        MetricKind::Mean(_) => statistics::welch(&control.values, &treatment.values, alpha),
        MetricKind::Ratio => statistics::ratio(&control.ratio, &treatment.ratio, alpha),
    };
    match compared {
        Ok(compared) => ComparisonResult::Tested {
            difference: interval(&compared.difference),
            relative: compared.relative.as_ref().ok().map(interval),
            method: method(compared.test),
            log_p: compared.log_p,
            p: compared.p(),
            adjusted_p: None,
        },
        Err(reason) => ComparisonResult::Unavailable { unavailable: reason.to_string() },
    }
}

/// The level of a decision, which its definition has checked.
#[expect(clippy::expect_used, reason = "an experiment that exists has been checked")]
fn level(alpha: f64) -> Alpha {
    Alpha::new(alpha).expect("alpha lies between 0 and 1")
}

fn method(test: Test) -> &'static str {
    match test {
        Test::Welch => "Welch",
        Test::Delta => "delta method, clustered by unit",
        Test::Score => "score test",
        Test::FisherExact => "Fisher's exact test",
    }
}

pub(crate) fn interval(estimate: &statistics::Estimate) -> Interval {
    Interval {
        value: estimate.value,
        standard_error: estimate.standard_error,
        low: estimate.low,
        high: estimate.high,
    }
}

/// Corrects the p-values of all primary metrics and arms together. Guardrails are not among them: all of them must
/// hold, so they spend no part of alpha.
fn correct(experiment: &Experiment, metrics: &mut [MetricReport]) {
    let primary = metrics.iter_mut().filter(|metric| metric.role == "primary");
    let mut tested: Vec<_> = primary
        .flat_map(|metric| &mut metric.comparisons)
        .filter_map(|comparison| match &mut comparison.result {
            ComparisonResult::Tested { log_p, adjusted_p, .. } => Some((*log_p, adjusted_p)),
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

/// What shadows are compared by excludes events without an outcome: there is nothing to compare.
pub(crate) fn observe_pair(
    metric: &ShadowMetric,
    prediction: &crate::join::Prediction,
    event: &Joined,
) -> Option<f64> {
    let quantity: &Quantity = &metric.of;
    match observe(quantity, (Absent::Exclude, Some(metric.attribution.get())), prediction, event) {
        Observation::Value(value) => Some(value),
        Observation::Absent | Observation::Unusable => None,
    }
}
