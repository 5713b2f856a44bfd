//! The names of the service's metrics.

use std::sync::Once;

use metrics::{Unit, describe_gauge, describe_histogram};

use crate::Counts;

pub(crate) const RECORDS: &str = "serin_analysis_records";
pub(crate) const EVALUATE_SECONDS: &str = "serin_analysis_evaluate_seconds";

/// Describes the metrics, once a process.
pub(crate) fn describe() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        describe_gauge!(RECORDS, Unit::Count, "Records read since the start, by what became of them.");
        describe_histogram!(EVALUATE_SECONDS, Unit::Seconds, "Evaluation of what is joined into a report.");
    });
}

/// Shows how many records went where.
#[expect(clippy::cast_precision_loss, reason = "a gauge is a double")]
pub(crate) fn show(counts: Counts) {
    let Counts {
        predictions,
        shadow_predictions,
        outcomes,
        duplicate_predictions,
        duplicate_outcomes,
        revised_outcomes,
        other_models,
        unjoinable_outcomes,
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
        ("unjoinable_outcome", unjoinable_outcomes),
        ("undecodable", undecodable),
    ] {
        metrics::gauge!(RECORDS, "fate" => fate).set(records as f64);
    }
}
