//! The names of the service's metrics. Labels are bounded: role, version, reason; never an id.

use std::sync::Once;
use std::time::Duration;

use events::Deployment;
use metrics::{
    Counter, Histogram, Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};

use crate::totals::Totals;

pub(crate) const EVENTS: &str = "serin_lane_events_total";
pub(crate) const PREDICTIONS: &str = "serin_lane_predictions_total";
pub(crate) const OUTCOMES: &str = "serin_lane_outcomes_total";
pub(crate) const FALLBACKS: &str = "serin_lane_fallbacks_total";
pub(crate) const DEAD_LETTERS: &str = "serin_lane_dead_letters_total";
pub(crate) const SKIPPED: &str = "serin_lane_skipped_events_total";
pub(crate) const REVOKED_BATCHES: &str = "serin_lane_revoked_batches_total";
pub(crate) const BATCH_RECORDS: &str = "serin_lane_batch_records";
pub(crate) const PROCESS_SECONDS: &str = "serin_lane_process_seconds";

pub(crate) const DEPLOYMENT_REVISION: &str = "serin_deployment_revision";
pub(crate) const REFUSED_DEPLOYMENTS: &str = "serin_deployment_refused_total";

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
        describe_gauge!(DEPLOYMENT_REVISION, Unit::Count, "The revision of the deployment that is served.");
        describe_counter!(REFUSED_DEPLOYMENTS, Unit::Count, "Deployments that could not be served.");
        describe_histogram!(BATCH_RECORDS, Unit::Count, "Records in a batch.");
        describe_histogram!(PROCESS_SECONDS, Unit::Seconds, "Decoding, scoring and encoding of a batch.");
    });
}

/// Notes which deployment is served now.
pub(crate) fn deployed(deployment: &Deployment) {
    #[expect(clippy::cast_precision_loss, reason = "nobody deploys 2^53 times")]
    gauge!(DEPLOYMENT_REVISION, "model" => deployment.model.to_string()).set(deployment.revision as f64);
}

/// Counts a deployment that could not be served.
pub(crate) fn refused(deployment: &Deployment) {
    counter!(REFUSED_DEPLOYMENTS, "model" => deployment.model.to_string()).increment(1);
}

/// Handles of one lane's metrics, looked up once.
#[derive(Debug)]
pub(crate) struct Meters {
    lane: String,
    events: Counter,
    predictions: Counter,
    outcomes: Counter,
    fallbacks: Counter,
    batch_records: Histogram,
    process_seconds: Histogram,
}

impl Meters {
    pub(crate) fn new(lane: &str) -> Self {
        let count = |name: &'static str| counter!(name, "lane" => lane.to_owned());
        let sample = |name: &'static str| histogram!(name, "lane" => lane.to_owned());
        Self {
            events: count(EVENTS),
            predictions: count(PREDICTIONS),
            outcomes: count(OUTCOMES),
            fallbacks: count(FALLBACKS),
            batch_records: sample(BATCH_RECORDS),
            process_seconds: sample(PROCESS_SECONDS),
            lane: lane.to_owned(),
        }
    }

    /// The lane's name.
    pub(crate) fn lane(&self) -> &str {
        &self.lane
    }

    /// A batch was processed.
    pub(crate) fn batch(&self, totals: &Totals, took: Duration) {
        self.events.increment(totals.records);
        self.predictions.increment(totals.predictions);
        self.outcomes.increment(totals.outcomes);
        self.fallbacks.increment(totals.fallbacks);
        #[expect(clippy::cast_precision_loss, reason = "a batch has far fewer than 2^53 records")]
        self.batch_records.record(totals.records as f64);
        self.process_seconds.record(took.as_secs_f64());
    }

    // Looked up by the errors' own classes, which are few: bad events are rare, so that it does not matter.

    /// A record became a dead letter.
    pub(crate) fn dead_letter(&self, reason: &'static str) {
        counter!(DEAD_LETTERS, "lane" => self.lane.clone(), "reason" => reason).increment(1);
    }

    /// A shadow passed over an event.
    pub(crate) fn skipped(&self, reason: &'static str) {
        counter!(SKIPPED, "lane" => self.lane.clone(), "reason" => reason).increment(1);
    }
}
