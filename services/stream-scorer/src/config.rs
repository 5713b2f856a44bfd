//! The sections of the configuration that lanes read.

use std::path::PathBuf;
use std::sync::Arc;

use events::{CloudEvents, Encoding, FeatureMapping, OutcomeMapping, TypeMapping};
use runtime::config::Size;
use serde::Deserialize;

/// `[input]`: where feature events come from and what they look like.
#[derive(Clone, Debug, Deserialize)]
pub struct InputConfig {
    /// The topic. Default `features`.
    #[serde(default = "InputConfig::default_topic")]
    pub topic: String,
    /// The consumer group of the production lane; a shadow's is `<group>.shadow.<version>`. Default `serin`.
    /// Another name starts from the beginning of the topic.
    #[serde(default = "InputConfig::default_group")]
    pub group: String,
    /// Where the parts of an event are in the user's own shape. Without it events come in serin's own shape.
    pub event: Option<FeatureMapping>,
    /// Where outcomes are in the same records, if they carry any; needs `event`.
    pub outcome: Option<OutcomeMapping>,
    /// Which records are outcomes and nothing else, by their type; needs `outcome`.
    #[serde(rename = "type")]
    pub kind: Option<TypeMapping>,
    /// Avro schemas that records are written with, beside those that `[registry]` has.
    #[serde(default)]
    pub schemas: Vec<SchemaFile>,
    /// The largest payload that is decoded; a larger one becomes a dead letter. Default 1 MiB, as Kafka's brokers
    /// have it.
    #[serde(default = "InputConfig::default_max_payload")]
    pub max_payload: Size,
}

/// An Avro schema in a file.
#[derive(Clone, Debug, Deserialize)]
pub struct SchemaFile {
    /// The schema's file, relative to the configuration.
    pub file: PathBuf,
    /// Its id in the Confluent wire format. Without one it is found by its fingerprint alone.
    pub id: Option<u32>,
}

impl InputConfig {
    fn default_topic() -> String {
        "features".into()
    }

    fn default_group() -> String {
        "serin".into()
    }

    fn default_max_payload() -> Size {
        Size::new(1 << 20)
    }
}

impl Default for InputConfig {
    fn default() -> Self {
        Self {
            topic: Self::default_topic(),
            group: Self::default_group(),
            event: None,
            outcome: None,
            kind: None,
            schemas: Vec::new(),
            max_payload: Self::default_max_payload(),
        }
    }
}

/// `[output]`: where events of ours go and how they are written.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct OutputConfig {
    /// Served predictions. Default `predictions`.
    pub predictions: String,
    /// Shadow predictions, on a topic of their own so that nobody acts on one by mistake. Default
    /// `shadow-predictions`.
    pub shadow_predictions: String,
    /// Records that cannot be scored. Default: the input topic with `.dlq` behind it.
    pub dead_letters: Option<String>,
    /// Deployments. Default `deployments`.
    pub deployments: String,
    /// Reports of the analysis. Default `reports`.
    pub reports: String,
    /// `json`, which every tool reads, or `avro`, which is a third of the size. Default `json`.
    pub encoding: Encoding,
    /// How Avro payloads name their schema: `single_object`, by fingerprint, which needs no registry; `confluent`, by
    /// the registry's id before the payload; or `header`, by the id in the header `__value_schema_id`. The latter two
    /// need `encoding = "avro"`, `[registry]`, and our schemas in it: `serin schema register`. Default
    /// `single_object`.
    pub framing: FramingKind,
    /// Where the CloudEvents attributes of events are: `binary`, in headers; `structured`, around the event in the
    /// payload, which needs `encoding = "json"`; or `none`, nowhere but for the type. Default `binary`.
    pub cloudevents: CloudEvents,
    /// Who our events say they are from, a URI reference. Default `/serin/<model>`.
    pub source: Option<String>,
}

/// How Avro payloads name their schema.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FramingKind {
    /// By fingerprint: Avro's single-object encoding.
    #[default]
    SingleObject,
    /// By the registry's id before the payload.
    Confluent,
    /// By the registry's id in a header.
    Header,
}

impl Default for OutputConfig {
    fn default() -> Self {
        Self {
            predictions: "predictions".into(),
            shadow_predictions: "shadow-predictions".into(),
            dead_letters: None,
            deployments: "deployments".into(),
            reports: "reports".into(),
            encoding: Encoding::Json,
            framing: FramingKind::default(),
            cloudevents: CloudEvents::default(),
            source: None,
        }
    }
}

/// `[batch]`: how much a lane takes at once. It takes what is there, up to this, and never waits for more.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(default)]
pub struct BatchConfig {
    /// The most records, 1 to 10,000. More make commits rarer and latency longer, and all that follows from a batch is
    /// in memory at once: a prediction takes about 600 bytes in JSON, an outcome 200. Default 2,000.
    pub records: usize,
    /// The most bytes, at least one record whatever its size. Default 16 MiB.
    pub bytes: Size,
}

impl Default for BatchConfig {
    fn default() -> Self {
        Self { records: 2_000, bytes: Size::new(16 << 20) }
    }
}

/// `[model.<name>]`: which versions of a logical model serve.
#[derive(Clone, Debug, Deserialize)]
pub struct ModelConfig {
    /// The folder that holds a folder for each version, relative to the configuration.
    pub store: PathBuf,
    /// The version that serves everybody outside experiments.
    pub production: String,
    /// Versions that score silently.
    #[serde(default)]
    pub shadows: Vec<ShadowConfig>,
}

/// A version that scores silently.
#[derive(Clone, Debug, Deserialize)]
pub struct ShadowConfig {
    /// The version.
    pub version: String,
    /// Share of the events that it scores, above 0 up to 1, in whole basis points. Default 1, all of them. Which
    /// events is decided by a hash of their ids, so that it is the same after a restart.
    #[serde(default = "ShadowConfig::default_share")]
    pub share: f64,
}

impl ShadowConfig {
    fn default_share() -> f64 {
        1.0
    }
}

/// The topics of a lane.
#[derive(Clone, Debug)]
pub struct Topics {
    /// Where feature events come from.
    pub input: Arc<str>,
    /// Where served predictions go.
    pub predictions: Arc<str>,
    /// Where shadow predictions go.
    pub shadow_predictions: Arc<str>,
    /// Where outcomes go.
    pub outcomes: Arc<str>,
    /// Where records go that cannot be scored.
    pub dead_letters: Arc<str>,
    /// Where deployments go.
    pub deployments: Arc<str>,
    /// Where reports go.
    pub reports: Arc<str>,
}

impl Topics {
    /// The topics that the sections name; that of outcomes is named where they are read.
    pub fn new(input: &InputConfig, output: &OutputConfig, outcomes: &str) -> Self {
        let dead_letters = output.dead_letters.clone().unwrap_or_else(|| format!("{}.dlq", input.topic));
        Self {
            input: input.topic.as_str().into(),
            predictions: output.predictions.as_str().into(),
            shadow_predictions: output.shadow_predictions.as_str().into(),
            outcomes: outcomes.into(),
            dead_letters: dead_letters.into(),
            deployments: output.deployments.as_str().into(),
            reports: output.reports.as_str().into(),
        }
    }
}
