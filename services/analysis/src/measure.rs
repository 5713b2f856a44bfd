//! One metric: from units to the sums of each arm, and from sums to a comparison.

use experiment::{Aggregate, Better, Experiment, Metric, MetricKind, MetricRole};
use statistics::{Alpha, Comoments, Moments, Proportion, Test};

use crate::evaluate::Closed;
use crate::exposure::{Exposed, Exposures};
use crate::observation::{Observation, micros, observe};
use crate::report::{Comparison, ComparisonResult, Interval, MetricArm, MetricReport};

/// Sums of one metric in one arm, over units in the order of their ids.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sums {
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
pub(crate) fn measure(
    experiment: &Experiment,
    metric: &Metric,
    exposures: &Exposures<'_>,
    closed: Closed,
) -> Vec<Sums> {
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

/// How the arms stand on one metric, and how they compare.
pub(crate) fn metric_report(experiment: &Experiment, metric: &Metric, sums: &[Sums]) -> MetricReport {
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
        Test::Student => "Student",
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
