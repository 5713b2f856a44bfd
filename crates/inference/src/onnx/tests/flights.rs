//! A pipeline as a team hands it over: scikit-learn's imputer, scaler, one-hot encoder and logistic regression,
//! exported by skl2onnx. `expected.ndjson` has what onnxruntime gives for the first flights of April 2013.

use std::io::{BufRead, BufReader};
use std::path::Path;

use flate2::read::GzDecoder;
use serde_json::Value;

use crate::onnx::{Description, ElementType, Graph, Labels, OutputKind};

pub(super) const MODEL: &[u8] = include_bytes!("../../../testdata/onnx/logreg/model.onnx");
const EXPECTED: &str = include_str!("../../../testdata/onnx/logreg/expected.ndjson");

/// The features of the first flights, as rows of numbers and rows of texts.
fn flights(description: &Description, count: usize) -> (Vec<f64>, Vec<String>) {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/flights/data/features-2013-04.ndjson.gz");
    let lines = BufReader::new(GzDecoder::new(std::fs::File::open(path).unwrap())).lines();
    let (mut numbers, mut texts) = (Vec::new(), Vec::new());
    for line in lines.take(count) {
        let event: Value = serde_json::from_str(&line.unwrap()).unwrap();
        for input in &description.inputs {
            let value = &event["features"][&input.name];
            match input.element {
                ElementType::String => texts.push(value.as_str().unwrap().to_owned()),
                _ => numbers.push(value.as_f64().unwrap_or(f64::NAN)),
            }
        }
    }
    (numbers, texts)
}

#[test]
fn a_pipeline_gives_what_onnxruntime_gives() {
    let (graph, description) = Graph::load("model.onnx", MODEL).unwrap();
    let labels = OutputKind::PerClass(std::sync::Arc::new(Labels::Integers(vec![0, 1])));
    assert_eq!(description.outputs[1].kind, labels);
    let expected: Vec<f64> = EXPECTED
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["late"].as_f64().unwrap())
        .collect();
    let (numbers, texts) = flights(&description, expected.len());
    let mut outputs = vec![0.0; expected.len() * graph.outputs()];
    graph.predict(&numbers, &texts, &mut outputs, &mut graph.scratch());
    for (at, (row, expected)) in outputs.chunks_exact(graph.outputs()).zip(&expected).enumerate() {
        let [label, other, late] = *row else { panic!("{row:?}") };
        assert!((late - expected).abs() <= 1e-6, "row {at}: {late} and {expected}");
        assert_eq!(label, f64::from(late > 0.5), "row {at}");
        assert!((other + late - 1.0).abs() <= 1e-6, "row {at}");
    }
}
