//! What the engine counts. Names and labels are here and nowhere else; handles are looked up once for a version,
//! never for an event.

use std::sync::Arc;
use std::time::Instant;

use events::{Fallback, Role};
use metrics::{Counter, Histogram, Unit, counter, describe_counter, describe_histogram, histogram};

use crate::error::ScoreError;

/// Predictions by `model`, `version` (the assigned one) and `role`. Those that production answered in the
/// version's stead are among them, and counted in [`FALLBACKS`] too.
pub const PREDICTIONS: &str = "serin_predictions_total";
/// Events that production was asked in place of the assigned `version`, by `model` and `reason`.
pub const FALLBACKS: &str = "serin_fallbacks_total";
/// Events that a `version` gave no outputs for, by `model` and `reason`: of production, these are dead letters.
pub const SCORE_ERRORS: &str = "serin_score_errors_total";
/// Time that one `version` of a `model` took for its part of one batch, in seconds.
pub const SCORING_SECONDS: &str = "serin_scoring_seconds";
/// Versions of a `model` that were disabled because their threads hang, by `version`.
pub const DISABLED_VERSIONS: &str = "serin_disabled_versions_total";

/// Tells the recorder what the numbers mean.
pub(crate) fn describe() {
    describe_counter!(PREDICTIONS, Unit::Count, "Predictions, by the version that was assigned");
    describe_counter!(FALLBACKS, Unit::Count, "Events that production was asked for another version");
    describe_counter!(SCORE_ERRORS, Unit::Count, "Events that a version gave no outputs for");
    describe_counter!(
        DISABLED_VERSIONS,
        Unit::Count,
        "Versions that were disabled because their threads hang"
    );
    describe_histogram!(SCORING_SECONDS, Unit::Seconds, "Time a version took for its part of a batch");
}

/// A counter of the predictions in one role.
pub(crate) fn predictions(model: &Arc<str>, version: &Arc<str>, role: Role) -> Counter {
    let (model, version) = (Arc::clone(model), Arc::clone(version));
    counter!(PREDICTIONS, "model" => model, "version" => version, "role" => role.as_str())
}

/// Counts a version that was disabled.
pub(crate) fn disabled(model: &Arc<str>, version: &Arc<str>) {
    let (model, version) = (Arc::clone(model), Arc::clone(version));
    counter!(DISABLED_VERSIONS, "model" => model, "version" => version).increment(1);
}

/// What is counted for one version.
pub(crate) struct Meters {
    errors: [Counter; ScoreError::REASONS.len()],
    fallbacks: [Counter; FALLBACK_REASONS.len()],
    seconds: Histogram,
}

const FALLBACK_REASONS: [Fallback; 5] =
    [Fallback::Error, Fallback::NotFinite, Fallback::Panic, Fallback::Deadline, Fallback::Unavailable];

impl Meters {
    pub(crate) fn new(model: &Arc<str>, version: &Arc<str>) -> Self {
        let (model, version) = (|| Arc::clone(model), || Arc::clone(version));
        let errors = ScoreError::REASONS.map(
            |reason| counter!(SCORE_ERRORS, "model" => model(), "version" => version(), "reason" => reason),
        );
        let fallbacks = FALLBACK_REASONS.map(
            |reason| counter!(FALLBACKS, "model" => model(), "version" => version(), "reason" => reason.as_str()),
        );
        let seconds = histogram!(SCORING_SECONDS, "model" => model(), "version" => version());
        Self { errors, fallbacks, seconds }
    }

    pub(crate) fn error(&self, error: &ScoreError) {
        let reasons = ScoreError::REASONS.iter().zip(&self.errors);
        reasons
            .filter(|(reason, _)| **reason == error.reason())
            .for_each(|(_, counter)| counter.increment(1));
    }

    pub(crate) fn fallback(&self, fallback: Fallback) {
        let reasons = FALLBACK_REASONS.iter().zip(&self.fallbacks);
        reasons.filter(|(reason, _)| **reason == fallback).for_each(|(_, counter)| counter.increment(1));
    }

    /// Records the time since `start`.
    pub(crate) fn scored(&self, start: Instant) {
        self.seconds.record(start.elapsed());
    }
}

impl std::fmt::Debug for Meters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Meters").finish_non_exhaustive()
    }
}
