//! What the tests of this crate share: models and events to order.

use std::sync::Arc;

use events::{FeatureEvent, Fields, Timestamp, Unit, Units, Value};
use experiment::Experiment;

use crate::dense::BLOCK_ROWS;
use crate::encoder::Encoder;
use crate::kernel::{Kernel, Loaded};
use crate::manifest::Manifest;
use crate::model::Model;
use crate::signature::Signature;

/// A model of one feature `x` and one output `y` = x + 0.5, which fails where `x` says so, unless it is sound.
#[derive(Debug)]
pub(crate) struct Faulty {
    sound: bool,
}

/// Events with this `x` make [`Faulty`] panic.
pub(crate) const PANICS: f64 = 1_001.0;
/// Events with this `x` make [`Faulty`] give NaN.
pub(crate) const NAN: f64 = 1_002.0;
/// Events with this `x` make [`Faulty`] give infinity.
pub(crate) const INFINITE: f64 = 1_003.0;
/// Events with this `x` make [`Faulty`] hang for ever.
pub(crate) const HANGS: f64 = 1_004.0;

impl Faulty {
    pub(crate) fn forward(&self, block: &[f32], outputs: &mut [f32]) {
        assert_eq!((block.len(), outputs.len()), (BLOCK_ROWS, BLOCK_ROWS));
        for (x, y) in block.iter().zip(outputs) {
            *y = match f64::from(*x) {
                _ if self.sound => x + 0.5,
                x if x == PANICS => panic!("cannot stand {x}"),
                x if x == NAN => f32::NAN,
                x if x == INFINITE => f32::INFINITY,
                x if x == HANGS => loop {
                    std::thread::park();
                },
                _ => x + 0.5,
            };
        }
    }
}

const FAULTY: &str = r#"
name = "m"
version = "VERSION"
format = "safetensors"
layers = ["linear"]
file = "none"
[[input]]
feature = "x"
kind = "number"
[[output]]
name = "y"
"#;

/// A version of the model `m` that fails on demand.
pub(crate) fn faulty(version: &str) -> Arc<Model> {
    model(&FAULTY.replace("VERSION", version), Faulty { sound: false })
}

/// A version of the model `m` that never fails.
pub(crate) fn sound(version: &str) -> Arc<Model> {
    model(&FAULTY.replace("VERSION", version), Faulty { sound: true })
}

/// A version of the model `m` with another name for its output.
pub(crate) fn renamed(version: &str, output: &str) -> Arc<Model> {
    let manifest =
        FAULTY.replace("VERSION", version).replace("name = \"y\"", &format!("name = \"{output}\""));
    model(&manifest, Faulty { sound: true })
}

/// A version of the model `n`.
pub(crate) fn stranger(version: &str) -> Arc<Model> {
    model(&FAULTY.replace("VERSION", version).replace("name = \"m\"", "name = \"n\""), Faulty { sound: true })
}

fn model(manifest: &str, faulty: Faulty) -> Arc<Model> {
    let manifest = Manifest::parse("model.toml", manifest).unwrap();
    let encoder = Encoder::in_order(&manifest.inputs);
    let loaded = Loaded { kernel: Kernel::Faulty(faulty), encoder, signature: Signature::of_outputs(1) };
    Arc::new(Model::new("none", manifest, "".into(), loaded).unwrap())
}

const EXPERIMENT: &str = r#"
name = "NAME"
hypothesis = "it matters"
model = "m"
unit = "user"
salt = "NAME"
exposure_window = "1h"
[[metric]]
name = "y"
role = "primary"
kind = "mean"
of = "prediction.y"
better = "higher"
"#;

/// Half of the users of half of the layer: version 1 against version 2. Of the users a to n, k is in its control,
/// a and i are in its canary, and b and j are in its part of the layer without being covered.
pub(crate) fn canary() -> Experiment {
    experiment(
        "canary",
        r#"
coverage = 0.5
arm = [{ name = "control", version = "1", weight = 5000 }, { name = "canary", version = "2", weight = 5000 }]
layer = { range = [0, 5000] }
"#,
    )
}

/// All French users of the other half of the layer: versions 1, 2 and 3. Of the users a to n, f is in its control,
/// h in the second arm, and d and e are in the third.
pub(crate) fn three() -> Experiment {
    targeted(r#"{ field = "country", in = ["FR"] }"#)
}

/// The same, for those of whom another rule holds.
pub(crate) fn targeted(rule: &str) -> Experiment {
    let more = r#"
coverage = 1.0
arm = [
    { name = "one", version = "1", weight = 4000 },
    { name = "two", version = "2", weight = 3000 },
    { name = "three", version = "3", weight = 3000 },
]
layer = { range = [5000, 10000] }
targeting = [RULE]
"#;
    experiment("three", &more.replace("RULE", rule))
}

fn experiment(name: &str, more: &str) -> Experiment {
    let text = EXPERIMENT.replace("NAME", name).replacen("[[metric]]", &format!("{more}\n[[metric]]"), 1);
    Experiment::parse("experiment.toml", &text).unwrap_or_else(|problems| panic!("{problems}"))
}

/// Fields from JSON, with the texts `NaN` and `inf` as numbers, which JSON cannot say.
pub(crate) fn fields(json: &str) -> Fields {
    let map: serde_json::Map<String, serde_json::Value> = serde_json::from_str(json).unwrap();
    map.into_iter()
        .map(|(name, value)| {
            let value = match value {
                serde_json::Value::Null => Value::Null,
                serde_json::Value::Bool(flag) => Value::Bool(flag),
                serde_json::Value::Number(number) => Value::Number(number.as_f64().unwrap()),
                serde_json::Value::String(text) if text == "NaN" => Value::Number(f64::NAN),
                serde_json::Value::String(text) if text == "inf" => Value::Number(f64::INFINITY),
                serde_json::Value::String(text) => Value::Text(text.into()),
                other => panic!("{other} is no value of a feature"),
            };
            (name, value)
        })
        .collect()
}

/// An event of the unit `user` in France, with the feature `x`.
pub(crate) fn event(user: &str, x: f64) -> FeatureEvent {
    FeatureEvent {
        event_id: format!("{user}-{x}").into(),
        units: Units::new(vec![Unit { kind: "user".into(), id: user.into() }]).unwrap(),
        occurred_at: Timestamp::default(),
        features: [("x", Value::Number(x))].into_iter().collect(),
        context: fields(r#"{"country": "FR"}"#),
    }
}

/// The bytes of a safetensors file: for each tensor its name, type, shape and bytes.
pub(crate) fn safetensors(tensors: &[(&str, &str, &[usize], Vec<u8>)]) -> Vec<u8> {
    let mut entries = Vec::new();
    let mut data = Vec::new();
    for (name, dtype, shape, bytes) in tensors {
        let (start, end) = (data.len(), data.len() + bytes.len());
        let shape: Vec<_> = shape.iter().map(ToString::to_string).collect();
        let shape = shape.join(",");
        entries.push(format!(
            r#""{name}":{{"dtype":"{dtype}","shape":[{shape}],"data_offsets":[{start},{end}]}}"#
        ));
        data.extend_from_slice(bytes);
    }
    let header = format!("{{{}}}", entries.join(","));
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.as_bytes());
    file.extend(data);
    file
}

/// The bytes of 32-bit floats.
pub(crate) fn f32s(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}
