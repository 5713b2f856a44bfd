//! `[analysis]` and `[outcomes]`: what is joined, and how.

#[cfg(test)]
mod tests;

use events::OutcomeMapping;
use experiment::{Better, Quantity};
use runtime::config::{Duration, Size};
use serde::Deserialize;

/// `[analysis]`: how predictions and outcomes are joined and evaluated.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct Config {
    /// The most events that are held at once; about 300 bytes each. When they are reached the service stops and
    /// says so, since a join that forgot events would count wrongly. Default 5,000,000.
    pub max_events: usize,
    /// How long after its window has closed a unit still waits for outcomes that are late on their way. Default 1h.
    pub grace: Duration,
    /// How often a report is made and published while events come in. Default 10s.
    pub interval: Duration,
    /// What shadows are compared by. Default: the quality metrics (log loss, Brier score, accuracy) of the
    /// experiments on the model.
    pub shadow_metric: Vec<ShadowMetric>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_events: 5_000_000,
            grace: Duration::new(std::time::Duration::from_secs(3_600)),
            interval: Duration::new(std::time::Duration::from_secs(10)),
            shadow_metric: Vec::new(),
        }
    }
}

/// `[[analysis.shadow_metric]]`: one metric that shadows are compared with production by, event by event.
#[derive(Clone, Debug, Deserialize)]
pub struct ShadowMetric {
    /// Its name in reports.
    pub name: String,
    /// What is measured, such as `log_loss(prediction.late, outcome.late)`.
    #[serde(deserialize_with = "quantity")]
    pub of: Quantity,
    /// How long after an event its outcomes count.
    pub attribution: Duration,
    /// Which way is good: `higher` or `lower`.
    #[serde(deserialize_with = "better")]
    pub better: Better,
}

fn quantity<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Quantity, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}

fn better<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Better, D::Error> {
    match String::deserialize(deserializer)?.as_str() {
        "higher" => Ok(Better::Higher),
        "lower" => Ok(Better::Lower),
        other => Err(serde::de::Error::unknown_variant(other, &["higher", "lower"])),
    }
}

/// `[outcomes]`: where outcomes come from and what they look like.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct OutcomesConfig {
    /// The topic. Outcomes that come with the input are published there too. Default `outcomes`.
    pub topic: String,
    /// Where outcomes are put that came too late for the tests. Default `late-outcomes`.
    pub late_topic: String,
    /// Where the parts of an outcome are in the user's own shape. Without it outcomes come in serin's own shape.
    pub event: Option<OutcomeMapping>,
    /// The largest payload that is decoded. Default 1 MiB.
    pub max_payload: Size,
}

impl Default for OutcomesConfig {
    fn default() -> Self {
        Self {
            topic: "outcomes".into(),
            late_topic: "late-outcomes".into(),
            event: None,
            max_payload: Size::new(1 << 20),
        }
    }
}
