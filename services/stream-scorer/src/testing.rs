//! What the tests of this crate share: a store of small models, a configuration over it, and records.

use std::fmt::Write;
use std::path::Path;

use bytes::Bytes;
use events::{Binding, Event, PredictionEvent};
use experiment::Experiment;
use messaging::{Broker, Headers, Limits, Output, Reader, Record, Start};
use serde::Deserialize;
use tempfile::TempDir;

use crate::config::{BatchConfig, InputConfig, ModelConfig, OutputConfig};
use crate::deployment::Definitions;
use crate::service::{Config, Service};

/// A folder of versions of the model `m`, each of which says `y` = slope x + 0.5.
#[derive(Debug)]
pub(crate) struct Store(TempDir);

impl Store {
    /// Versions `1` and `2` of slopes 1 and 2; `steep`, which overflows wherever x is 2 or more; and `needy`, which
    /// cannot do without a feature `z`.
    pub(crate) fn new() -> Self {
        let store = Self(tempfile::tempdir().unwrap());
        for (version, slope, feature) in
            [("1", 1.0, "x"), ("2", 2.0, "x"), ("steep", 3e38, "x"), ("needy", 1.0, "z")]
        {
            store.version(version, ("m", version), (slope, feature));
        }
        store
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Puts a version into `folder`.
    pub(crate) fn version(&self, folder: &str, (name, version): (&str, &str), (slope, feature): (f32, &str)) {
        let directory = self.path().join("m").join(folder);
        std::fs::create_dir_all(&directory).unwrap();
        let manifest = format!(
            r#"
name = "{name}"
version = "{version}"
format = "safetensors"
layers = ["linear"]
file = "model.safetensors"
[[input]]
feature = "{feature}"
kind = "number"
[[output]]
name = "y"
"#
        );
        std::fs::write(directory.join("model.toml"), manifest).unwrap();
        let header = r#"{"0.weight":{"dtype":"F32","shape":[1,1],"data_offsets":[0,4]},"0.bias":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#;
        let mut file = (header.len() as u64).to_le_bytes().to_vec();
        file.extend(header.as_bytes());
        file.extend([slope, 0.5].map(f32::to_le_bytes).concat());
        std::fs::write(directory.join("model.safetensors"), file).unwrap();
    }

    /// A configuration over this store; `text` has the sections that are not as by default. Events are mapped from
    /// `{"id", "user", "at", "f": {…}}`.
    pub(crate) fn config(&self, text: &str) -> Config {
        let Sections { mut input, output, batch, model } = toml::from_str(text).unwrap();
        let event = r#"id = "/id"
units = { user = "/user" }
time = "/at"
features = "/f""#;
        input.event = input.event.or_else(|| Some(toml::from_str(event).unwrap()));
        let default = || toml::from_str("store = \"m\"\nproduction = \"1\"").unwrap();
        Config {
            input,
            output,
            outcomes_topic: "outcomes".into(),
            batch,
            model_name: "m".into(),
            model: model.unwrap_or_else(default),
            experiments: Vec::new(),
            definitions: Definitions::new(|| (Vec::new(), Vec::new())),
            base: self.path().into(),
            registry: None,
            binding: Binding::Kafka,
        }
    }

    /// The service of a configuration that has nothing wrong with it.
    pub(crate) fn service(&self, text: &str) -> Service {
        Service::prepare(self.config(text)).unwrap_or_else(|error| panic!("{error}"))
    }
}

#[derive(Deserialize)]
struct Sections {
    #[serde(default)]
    input: InputConfig,
    #[serde(default)]
    output: OutputConfig,
    #[serde(default)]
    batch: BatchConfig,
    model: Option<ModelConfig>,
}

/// The experiment `e`, which gives half of all users the version `version`.
pub(crate) fn canary(version: &str) -> Experiment {
    let text = format!(
        r#"
name = "e"
hypothesis = "it is better"
model = "m"
unit = "user"
salt = "e"
coverage = 1.0
exposure_window = "1d"
[[arm]]
name = "control"
version = "1"
weight = 5000
[[arm]]
name = "canary"
version = "{version}"
weight = 5000
[[metric]]
name = "y"
role = "primary"
kind = "mean"
of = "prediction.y"
better = "higher"
"#
    );
    Experiment::parse("experiment.toml", &text).unwrap_or_else(|problems| panic!("{problems}"))
}

/// An event in the shape that [`Store::config`] maps.
pub(crate) fn event(id: &str, user: &str, x: f64) -> String {
    format!(r#"{{"id": "{id}", "user": "{user}", "at": "2013-04-01T08:54:00Z", "f": {{"x": {x}}}}}"#)
}

/// The record of a payload as it lies in partition 0 of the input.
pub(crate) fn record(offset: u64, value: impl Into<Bytes>) -> Record {
    Record {
        topic: "features".into(),
        partition: 0,
        offset,
        timestamp: 1_364_806_440_000,
        key: Some(Bytes::from(format!("key {offset}"))),
        value: Some(value.into()),
        headers: Headers::new(),
    }
}

/// What a producer writes.
pub(crate) fn input(key: &str, value: impl Into<Bytes>) -> Output {
    Output {
        topic: "features".into(),
        partition: None,
        timestamp: 1_364_806_440_000,
        key: Some(Bytes::copy_from_slice(key.as_bytes())),
        value: Some(value.into()),
        headers: Headers::new(),
    }
}

/// The event in a value in JSON.
pub(crate) fn read<E: Event + serde::de::DeserializeOwned>(value: Option<&Bytes>) -> E {
    serde_json::from_slice(value.unwrap()).unwrap()
}

/// The predictions among outputs, in order.
pub(crate) fn predictions(outputs: &[Output]) -> Vec<PredictionEvent> {
    let predictions = outputs.iter().filter(|output| output.topic.ends_with("predictions"));
    predictions.map(|output| read(output.value.as_ref())).collect()
}

/// The predictions in records, in order.
pub(crate) fn predictions_of(records: &[Record]) -> impl Iterator<Item = PredictionEvent> {
    records.iter().map(|record| read(record.value.as_ref()))
}

/// What went to a topic, in order.
pub(crate) fn to<'o>(outputs: &'o [Output], topic: &str) -> Vec<&'o Output> {
    outputs.iter().filter(|output| *output.topic == *topic).collect()
}

pub(crate) const LIMITS: Limits = Limits { records: 10_000, bytes: 64 << 20 };

pub(crate) async fn reader(broker: &Broker, topic: &str) -> Reader {
    broker.create_topic(topic, None).await.unwrap();
    broker.reader(&[topic.into()], Start::Earliest).await.unwrap()
}

/// Reads until there are at least `count` records, or a minute has passed.
pub(crate) async fn read_until(reader: &mut Reader, count: usize) -> Vec<Record> {
    let mut records = Vec::new();
    let reading = async {
        while records.len() < count {
            records.extend(reader.read(LIMITS).await.unwrap());
        }
    };
    let in_time = tokio::time::timeout(std::time::Duration::from_secs(60), reading).await;
    assert!(in_time.is_ok(), "{} of {count} records in a minute", records.len());
    records
}

/// All problems of a configuration, a line each.
pub(crate) fn problems(config: Config) -> String {
    let error = Service::prepare(config).map(drop).unwrap_err();
    error.problems.iter().fold(String::new(), |mut text, (field, message)| {
        writeln!(text, "{field}: {message}").unwrap();
        text
    })
}
