//! How many events a model scores in a second on one thread, from features to outputs, by size of batch.
//!
//! `cargo bench -p inference --bench score`

#![expect(clippy::expect_used, reason = "a benchmark without its example cannot go on")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;

use criterion::{BenchmarkId, Criterion, Throughput};
use events::{Fields, FieldsBuilder, Value};
use flate2::read::GzDecoder;
use inference::{Model, prepare_process};

const BATCHES: [usize; 4] = [1, 32, 256, 2_048];

/// Not criterion's own `main`: the process must be prepared before there are threads.
fn main() {
    prepare_process().expect("nothing has started a thread yet");
    let mut criterion = Criterion::default().configure_from_args();
    let flights = flights(*BATCHES.iter().max().expect("there are batches"));
    for version in ["linear-1", "mlp-1"] {
        score(&mut criterion, version, &flights);
    }
    criterion.final_summary();
}

fn score(criterion: &mut Criterion, version: &str, flights: &[Fields]) {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/flights/models/late");
    let mut scorer = Arc::new(Model::load(&models.join(version)).expect("the example loads")).scorer();
    let mut results = Vec::new();
    let mut group = criterion.benchmark_group(version);
    for batch in BATCHES {
        group.throughput(Throughput::Elements(batch as u64));
        group.bench_with_input(BenchmarkId::from_parameter(batch), &flights[..batch], |bencher, flights| {
            bencher.iter(|| scorer.score(flights, &mut results));
        });
    }
    group.finish();
}

/// The features of the first flights of April 2013, which share their names as they do behind a decoder.
fn flights(count: usize) -> Vec<Fields> {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/flights/data/features-2013-04.ndjson.gz");
    let lines =
        BufReader::new(GzDecoder::new(std::fs::File::open(path).expect("the example's data is there")))
            .lines();
    let mut builder = FieldsBuilder::default();
    lines.take(count).map(|line| features(&line.expect("a line of text"), &mut builder)).collect()
}

fn features(line: &str, builder: &mut FieldsBuilder) -> Fields {
    let event: serde_json::Value = serde_json::from_str(line).expect("a JSON object");
    for (name, value) in event["features"].as_object().expect("features are an object") {
        let value = match value {
            serde_json::Value::Number(number) => Value::Number(number.as_f64().expect("a 64-bit float")),
            serde_json::Value::String(text) => Value::Text(text.into()),
            _ => Value::Null,
        };
        assert!(builder.push(name, value), "a feature comes once");
    }
    builder.finish()
}
