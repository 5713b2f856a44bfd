//! Every limit of a definition, in one place.

use std::time::Duration;

/// The largest `experiment.toml`, in bytes.
pub const FILE_BYTES: usize = 64 * 1024;
/// The longest identifier (names of experiments, models, unit kinds and arms; versions; names of outputs and
/// outcomes), in bytes.
pub const IDENTIFIER_BYTES: usize = 64;
/// The longest metric name or context field, in bytes.
pub const LABEL_BYTES: usize = 64;
/// The longest hypothesis, in bytes.
pub const HYPOTHESIS_BYTES: usize = 1_000;
/// The fewest arms.
pub const MIN_ARMS: usize = 2;
/// The most arms.
pub const MAX_ARMS: usize = 10;
/// The most metrics.
pub const MAX_METRICS: usize = 50;
/// The most targeting rules.
pub const MAX_RULES: usize = 20;
/// The most values in one targeting rule.
pub const MAX_VALUES: usize = 1_000;
/// The longest text in a targeting rule, in bytes.
pub const VALUE_BYTES: usize = 256;
/// The longest exposure or attribution window.
pub const MAX_WINDOW: Duration = Duration::from_secs(366 * 24 * 60 * 60);
/// The most steps of a rollout.
pub const MAX_STEPS: usize = 20;
/// The largest `minimum_units` and `planned_units`.
pub const MAX_UNITS: u64 = 1_000_000_000;
