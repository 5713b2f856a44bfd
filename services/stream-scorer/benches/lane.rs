//! The scoring lane of the example beside a lane that passes its records through, on the same log in one run.
//!
//! Both are the same lane over the same records; the second one neither decodes nor scores, but writes each record's
//! key and value to its output as they are. What the ratio of their rates loses to 1 is the price of decoding,
//! routing, scoring and encoding. Rounds alternate, and the table has their medians.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark is a program that prints, and may fail loudly"
)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use experiment::Experiment;
use flate2::read::GzDecoder;
use messaging::{Broker, Headers, LaneConfig, Output, Record, Start};
use runtime::{Clock, Health, Shutdown};
use stream_scorer::lane::{self, Watch};
use stream_scorer::{Config, Service};

/// How often the month's events are on the log.
const COPIES: usize = 8;
const ROUNDS: usize = 5;

fn main() {
    inference::prepare_process().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let directory = tempfile::tempdir().unwrap();
        let disk = format!("file://{}", directory.path().display());
        println!("{:<10}{:>16}{:>16}{:>9}", "log", "pass-through/s", "scoring/s", "ratio");
        for (name, url) in [("memory", "memory://"), ("disk", disk.as_str())] {
            compare(name, url).await;
        }
    });
}

async fn compare(name: &str, url: &str) {
    let broker = Broker::open(&messaging::Config::new(url)).await.unwrap();
    let records = fill(&broker).await;
    let (mut passing, mut scoring) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        passing.push(rate(records, pass_through(&broker, &format!("pass-{round}"), records).await));
        scoring.push(rate(records, score(&broker, &format!("score-{round}"), records).await));
    }
    let (passing, scoring) = (median(passing), median(scoring));
    println!("{name:<10}{passing:>16.0}{scoring:>16.0}{:>9.2}", scoring / passing);
    broker.close().await;
}

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/flights")
}

/// Puts the events on the log, keyed by aircraft; returns how many.
async fn fill(broker: &Broker) -> u64 {
    let file = std::fs::File::open(example().join("data/features-2013-04.ndjson.gz")).unwrap();
    let text = std::io::read_to_string(GzDecoder::new(file)).unwrap();
    let topic: Arc<str> = "features".into();
    let output = |line: &str| {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        Output {
            topic: Arc::clone(&topic),
            partition: None,
            timestamp: 0,
            key: Some(Bytes::copy_from_slice(event["unit_id"].as_str().unwrap().as_bytes())),
            value: Some(Bytes::copy_from_slice(line.as_bytes())),
            headers: Headers::new(),
        }
    };
    let outputs: Vec<Output> = text.lines().map(output).collect();
    for _ in 0..COPIES {
        for chunk in outputs.chunks(10_000) {
            broker.writer().append(chunk.to_vec()).await.unwrap();
        }
    }
    (COPIES * outputs.len()) as u64
}

async fn pass_through(broker: &Broker, group: &str, records: u64) -> Duration {
    let topic: Arc<str> = "passed".into();
    let shutdown = Shutdown::new();
    let health = Health::new(Clock::System, shutdown.clone());
    let started = Instant::now();
    let config = LaneConfig { group: group.into(), topics: vec!["features".into()], start: Start::Earliest };
    let lane = broker.lane(config).await.unwrap();
    let process = async move |records: &[Record], _: &Watch| {
        Ok(Some(records.iter().map(|record| copy(&topic, record)).collect()))
    };
    let limits = messaging::Limits { records: 2_000, bytes: 16 << 20 };
    let watch =
        Watch { shutdown: shutdown.clone(), pulse: health.heartbeat("lane", Duration::from_secs(60)) };
    let handle = tokio::runtime::Handle::current();
    let thread = std::thread::spawn(move || handle.block_on(lane::run(lane, limits, process, watch)));
    let elapsed = committed(broker, group, records, started).await;
    shutdown.request();
    tokio::task::spawn_blocking(|| thread.join()).await.unwrap().unwrap().unwrap();
    elapsed
}

fn copy(topic: &Arc<str>, record: &Record) -> Output {
    Output {
        topic: Arc::clone(topic),
        partition: None,
        timestamp: record.timestamp,
        key: record.key.clone(),
        value: record.value.clone(),
        headers: Headers::new(),
    }
}

async fn score(broker: &Broker, group: &str, records: u64) -> Duration {
    let service = Service::prepare(config(group)).unwrap();
    let shutdown = Shutdown::new();
    let health = Health::new(Clock::System, shutdown.clone());
    let started = Instant::now();
    let running = tokio::spawn(service.run(
        stream_scorer::Lanes::All,
        broker.clone(),
        (health, Clock::System),
        shutdown.clone(),
    ));
    let elapsed = committed(broker, group, records, started).await;
    shutdown.request();
    running.await.unwrap().unwrap();
    elapsed
}

/// The example's production lane with its canary, without its shadow.
fn config(group: &str) -> Config {
    #[derive(serde::Deserialize)]
    struct File {
        input: stream_scorer::InputConfig,
    }
    let text = std::fs::read_to_string(example().join("serin.toml")).unwrap();
    let File { mut input } = toml::from_str(&text).unwrap();
    input.group = group.into();
    let definition = example().join("../../experiments/late-mlp/experiment.toml");
    let experiment = Experiment::parse("late-mlp", &std::fs::read_to_string(definition).unwrap()).unwrap();
    Config {
        input,
        output: stream_scorer::OutputConfig::default(),
        outcomes_topic: "outcomes".into(),
        batch: stream_scorer::BatchConfig::default(),
        model_name: "late".into(),
        model: stream_scorer::ModelConfig {
            store: "models/late".into(),
            production: "linear-1".into(),
            shadows: Vec::new(),
        },
        experiments: vec![experiment],
        definitions: stream_scorer::deployment::Definitions::new(Default::default),
        base: example(),
        registry: None,
        binding: events::Binding::Kafka,
    }
}

/// Waits until the group has committed everything; returns how long it took since `started`.
async fn committed(broker: &Broker, group: &str, records: u64, started: Instant) -> Duration {
    loop {
        let positions = broker.committed(group).await.unwrap();
        if positions.iter().map(|position| position.offset).sum::<u64>() >= records {
            return started.elapsed();
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[expect(clippy::cast_precision_loss, reason = "a rate needs no more than fifteen digits")]
fn rate(records: u64, elapsed: Duration) -> f64 {
    records as f64 / elapsed.as_secs_f64()
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}
