//! One metric: from units to the sums of each arm, and from sums to a comparison.

use events::Timestamp;
use experiment::{Better, Experiment, Metric, MetricRole};
use statistics::{Alpha, Test};

use crate::evaluate::Closed;
use crate::exposure::Exposures;
use crate::observation::micros;
use crate::report::{Bayesian, Comparison, ComparisonResult, Interval, MetricArm, MetricReport};
use crate::sums::Sums;
use crate::watch::{Looks, Watch};

/// One metric in every arm, and what was seen of it while it came in.
#[derive(Clone, Debug)]
pub(crate) struct Measured {
    sums: Vec<Sums>,
    /// The same with all that came too late, where something did.
    restated: Vec<Sums>,
    /// One for each arm but the control.
    watches: Vec<Watch>,
}

/// Takes the units in the order of their maturity, and looks at them whenever a look is due.
pub(crate) fn measure(
    experiment: &Experiment,
    metric: &Metric,
    exposures: &Exposures<'_>,
    closed: Closed,
) -> Measured {
    let window = micros(experiment.exposure_window).saturating_add(metric.attribution.map_or(0, micros));
    let watch = |arm| Watch::new(experiment, metric.kind, arm);
    let mut measured = Measured {
        sums: vec![Sums::default(); experiment.arms.len()],
        restated: Vec::new(),
        watches: (1..experiment.arms.len()).map(watch).collect(),
    };
    let mut looks = Looks::of(experiment);
    for unit in exposures.in_order() {
        if !closed.is_over(unit.since, window) {
            measured.sums[unit.arm].immature += 1;
            continue;
        }
        if let Some(look) = looks.before(closed.end(unit.since, window)) {
            measured.look(look);
        }
        measured.sums[unit.arm].add(metric, unit, closed.moment(unit.since, window));
    }
    if let Some(look) = looks.last(closed.watermark()) {
        measured.look(look);
    }
    if measured.sums.iter().any(|sums| sums.late > 0) {
        measured.restate(metric, exposures, |since| closed.is_over(since, window));
    }
    measured
}

impl Measured {
    /// Adds the units up once more, with what is known of them by now.
    fn restate(&mut self, metric: &Metric, exposures: &Exposures<'_>, is_mature: impl Fn(Timestamp) -> bool) {
        self.restated = vec![Sums::default(); self.sums.len()];
        for unit in exposures.in_order().into_iter().filter(|unit| is_mature(unit.since)) {
            self.restated[unit.arm].add(metric, unit, Timestamp::MAX);
        }
    }

    fn look(&mut self, at: i64) {
        let (control, treatments) = self.sums.split_at(1);
        for (watch, treatment) in self.watches.iter_mut().zip(treatments) {
            watch.look(at, &control[0], treatment);
        }
    }
}

/// How the arms stand on one metric, and how they compare.
pub(crate) fn metric_report(experiment: &Experiment, metric: &Metric, measured: &Measured) -> MetricReport {
    let arm = |(at, sums): (usize, &Sums)| MetricArm {
        late_outcomes: sums.late,
        restated: measured.restated.get(at).and_then(|sums| sums.value(metric.kind)),
        units: sums.units,
        events: sums.events,
        unusable: sums.unusable,
        winsorized_units: sums.winsorized,
        immature_units: sums.immature,
        value: sums.value(metric.kind),
    };
    let (control, treatments) = measured.sums.split_at(1);
    let arms = experiment.arms.iter().skip(1).zip(treatments).zip(&measured.watches);
    let compare = |((arm, treatment), watch): ((&experiment::Arm, &Sums), &Watch)| Comparison {
        arm: arm.name.to_string(),
        result: compare(metric, (&control[0], treatment), watch, experiment.decision.alpha),
    };
    MetricReport {
        name: metric.name.to_string(),
        role: metric.role.as_str(),
        kind: metric.kind.as_str(),
        better: better(metric.better),
        margin: match metric.role {
            MetricRole::Guardrail { margin } => Some(margin),
            MetricRole::Primary | MetricRole::Secondary => None,
        },
        minimum_effect: metric.minimum_effect,
        arms: measured.sums.iter().enumerate().map(arm).collect(),
        comparisons: arms.map(compare).collect(),
    }
}

pub(crate) fn better(better: Better) -> &'static str {
    match better {
        Better::Higher => "higher",
        Better::Lower => "lower",
    }
}

fn compare(
    metric: &Metric,
    (control, treatment): (&Sums, &Sums),
    watch: &Watch,
    alpha: f64,
) -> ComparisonResult {
    let compared = match control.compare(metric.kind, treatment, level(alpha)) {
        Ok(compared) => compared,
        Err(reason) => return ComparisonResult::Unavailable { unavailable: reason.to_string() },
    };
    let bet = control.bet((metric.kind, metric.better), treatment, &compared.difference);
    ComparisonResult::Tested {
        difference: interval(&compared.difference),
        relative: compared.relative.as_ref().ok().map(interval),
        method: method(compared.test),
        log_p: compared.log_p,
        p: compared.p(),
        always_valid: watch.result().map(Box::new),
        bayesian: bet.map(|(chance_to_win, expected_loss)| Bayesian { chance_to_win, expected_loss }),
        adjusted_p: None,
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
