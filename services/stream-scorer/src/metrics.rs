//! The names of the service's metrics. Labels are bounded: role, version, reason; never an id.

use std::sync::Once;

use metrics::{Unit, describe_counter, describe_histogram};

pub(crate) const EVENTS: &str = "serin_lane_events_total";
pub(crate) const PREDICTIONS: &str = "serin_lane_predictions_total";
pub(crate) const OUTCOMES: &str = "serin_lane_outcomes_total";
pub(crate) const FALLBACKS: &str = "serin_lane_fallbacks_total";
pub(crate) const DEAD_LETTERS: &str = "serin_lane_dead_letters_total";
pub(crate) const SKIPPED: &str = "serin_lane_skipped_events_total";
pub(crate) const REVOKED_BATCHES: &str = "serin_lane_revoked_batches_total";
pub(crate) const BATCH_RECORDS: &str = "serin_lane_batch_records";
pub(crate) const PROCESS_SECONDS: &str = "serin_lane_process_seconds";

/// Describes the metrics, once a process.
pub(crate) fn describe() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        describe_counter!(EVENTS, Unit::Count, "Records taken from the input, by lane.");
        describe_counter!(PREDICTIONS, Unit::Count, "Predictions published, by lane.");
        describe_counter!(OUTCOMES, Unit::Count, "Outcomes that came with the input and were published.");
        describe_counter!(FALLBACKS, Unit::Count, "Events that production answered for a failing version.");
        describe_counter!(
            DEAD_LETTERS,
            Unit::Count,
            "Records that went to the dead-letter topic, by reason."
        );
        describe_counter!(SKIPPED, Unit::Count, "Events that a shadow did not score, by reason.");
        describe_counter!(REVOKED_BATCHES, Unit::Count, "Batches that went to another member of the group.");
        describe_histogram!(BATCH_RECORDS, Unit::Count, "Records in a batch.");
        describe_histogram!(PROCESS_SECONDS, Unit::Seconds, "Decoding, scoring and encoding of a batch.");
    });
}
