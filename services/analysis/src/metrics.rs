//! The names of the service's metrics.

use std::sync::Once;

use metrics::{Unit, describe_gauge, describe_histogram, gauge};

use crate::Counts;
use crate::report::{ExperimentReport, Report, VerdictKind};

pub(crate) const RECORDS: &str = "serin_analysis_records";
pub(crate) const EVALUATE_SECONDS: &str = "serin_analysis_evaluate_seconds";
/// Units that were exposed to an arm; labels `experiment`, `arm` and `version`.
pub(crate) const ARM_UNITS: &str = "serin_experiment_units";
/// Predictions that production made in an arm's place; labels `experiment`, `arm` and `version`.
pub(crate) const ARM_FALLBACKS: &str = "serin_experiment_fallbacks";
/// 1 where the split is so far off that the experiment must not be read, else 0; label `experiment`.
pub(crate) const SAMPLE_RATIO_MISMATCH: &str = "serin_experiment_sample_ratio_mismatch";
/// 1 for the verdict that stands, 0 for the others; labels `experiment`, `arm` and `verdict`.
pub(crate) const VERDICT: &str = "serin_experiment_verdict";

/// Describes the metrics, once a process.
pub(crate) fn describe() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        describe_gauge!(RECORDS, Unit::Count, "Records read since the start, by what became of them.");
        describe_histogram!(EVALUATE_SECONDS, Unit::Seconds, "Evaluation of what is joined into a report.");
        describe_gauge!(ARM_UNITS, Unit::Count, "Units that were exposed to an arm.");
        describe_gauge!(ARM_FALLBACKS, Unit::Count, "Predictions that production made in an arm's place.");
        describe_gauge!(SAMPLE_RATIO_MISMATCH, Unit::Count, "Whether the split is broken.");
        describe_gauge!(VERDICT, Unit::Count, "Whether this is the verdict on an arm.");
    });
}

/// Shows what a report says that an operator has to know.
pub(crate) fn show(report: &Report) {
    show_counts(report.counts);
    report.experiments.iter().for_each(show_experiment);
}

#[expect(clippy::cast_precision_loss, reason = "a gauge is a double")]
fn show_counts(counts: Counts) {
    let Counts {
        predictions,
        shadow_predictions,
        outcomes,
        duplicate_predictions,
        duplicate_outcomes,
        revised_outcomes,
        other_models,
        undecodable,
    } = counts;
    for (fate, records) in [
        ("prediction", predictions),
        ("shadow_prediction", shadow_predictions),
        ("outcome", outcomes),
        ("duplicate_prediction", duplicate_predictions),
        ("duplicate_outcome", duplicate_outcomes),
        ("revised_outcome", revised_outcomes),
        ("other_model", other_models),
        ("undecodable", undecodable),
    ] {
        metrics::gauge!(RECORDS, "fate" => fate).set(records as f64);
    }
}

#[expect(clippy::cast_precision_loss, reason = "a gauge is a double")]
fn show_experiment(report: &ExperimentReport) {
    let experiment = || report.name.clone();
    for arm in &report.arms {
        for (name, value) in [(ARM_UNITS, arm.units), (ARM_FALLBACKS, arm.fallbacks)] {
            let (arm, version) = (arm.name.clone(), arm.version.clone());
            gauge!(name, "experiment" => experiment(), "arm" => arm, "version" => version).set(value as f64);
        }
    }
    let is_mismatch = report.sample_ratio.as_ref().is_some_and(|split| split.is_mismatch);
    gauge!(SAMPLE_RATIO_MISMATCH, "experiment" => experiment()).set(f64::from(u8::from(is_mismatch)));
    for verdict in &report.verdicts {
        for kind in VerdictKind::ALL {
            let (arm, stands) = (verdict.arm.clone(), verdict.verdict == kind);
            gauge!(VERDICT, "experiment" => experiment(), "arm" => arm, "verdict" => kind.as_str())
                .set(f64::from(u8::from(stands)));
        }
    }
}
