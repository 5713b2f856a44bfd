//! The embedded log on this machine's disk: appends by batch size, scans, lanes, and opening after a kill.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot run has nothing to say")]

use std::hint::black_box;

use bytes::Bytes;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use messaging::{Broker, Commit, Config, Durability, Headers, LaneConfig, Limits, Output, Start};
use tokio::runtime::Runtime;

const SCAN: Limits = Limits { records: 10_000, bytes: 64 << 20 };

fn open(runtime: &Runtime, directory: &tempfile::TempDir, durability: Durability) -> Broker {
    let mut config = Config::new(format!("file://{}", directory.path().display()));
    config.durability = durability;
    runtime.block_on(Broker::open(&config)).unwrap()
}

/// Records of 300 bytes with distinct keys.
fn records(topic: &str, count: usize) -> Vec<Output> {
    let value = Bytes::from(vec![7; 292]);
    let topic = topic.into();
    let record = |number: usize| Output {
        topic: std::sync::Arc::clone(&topic),
        partition: None,
        timestamp: 0,
        key: Some(Bytes::copy_from_slice(&number.to_le_bytes())),
        value: Some(value.clone()),
        headers: Headers::new(),
    };
    (0..count).map(record).collect()
}

fn append(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    for (name, durability) in [("append/commit", Durability::Commit), ("append/relaxed", Durability::Relaxed)]
    {
        let mut group = criterion.benchmark_group(name);
        for count in [1, 200, 2_000, 10_000] {
            let directory = tempfile::tempdir().unwrap();
            let writer = open(&runtime, &directory, durability).writer();
            group.throughput(Throughput::Elements(count as u64));
            group.bench_function(count.to_string(), |bencher| {
                bencher.iter_batched(
                    || records("in", count),
                    |records| runtime.block_on(writer.append(records)).unwrap(),
                    BatchSize::PerIteration,
                );
            });
        }
    }
}

fn scan(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let broker = open(&runtime, &directory, Durability::Relaxed);
    for _ in 0..20 {
        runtime.block_on(broker.writer().append(records("in", 10_000))).unwrap();
    }
    let mut group = criterion.benchmark_group("scan");
    group.throughput(Throughput::Elements(200_000)).sample_size(10);
    group.bench_function("200000", |bencher| {
        bencher.iter(|| {
            runtime.block_on(async {
                let mut reader = broker.reader(&["in".to_owned()], Start::Earliest).await.unwrap();
                let mut count = 0;
                while count < 200_000 {
                    count += black_box(reader.read_available(SCAN).await.unwrap()).len();
                }
            });
        });
    });
}

/// A lane that copies: take, commit the same records elsewhere, one commit under way.
fn copy(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let mut group = criterion.benchmark_group("copy");
    group.throughput(Throughput::Elements(100_000)).sample_size(10);
    for records_a_batch in [200, 2_000] {
        let directory = tempfile::tempdir().unwrap();
        let broker = open(&runtime, &directory, Durability::Commit);
        for _ in 0..10 {
            runtime.block_on(broker.writer().append(records("in", 10_000))).unwrap();
        }
        let mut round = 0;
        group.bench_function(records_a_batch.to_string(), |bencher| {
            bencher.iter(|| {
                round += 1;
                let limits = Limits { records: records_a_batch, bytes: 64 << 20 };
                runtime.block_on(copy_all(&broker, format!("g{round}"), limits));
            });
        });
    }
}

async fn copy_all(broker: &Broker, group: String, limits: Limits) {
    let config = LaneConfig { group, topics: vec!["in".to_owned()], start: Start::Earliest };
    let mut lane = broker.lane(config).await.unwrap();
    let topic: std::sync::Arc<str> = "out".into();
    let (mut count, mut under_way) = (0, None);
    while count < 100_000 {
        let messaging::Batch { records, receipt } = lane.take(limits).await.unwrap();
        count += records.len();
        let copies = records.into_iter().map(|record| Output {
            topic: std::sync::Arc::clone(&topic),
            partition: None,
            timestamp: record.timestamp,
            key: record.key,
            value: record.value,
            headers: record.headers,
        });
        if let Some(before) = under_way.replace(lane.commit(receipt, copies.collect())) {
            assert_eq!(before.await.unwrap(), Commit::Committed);
        }
    }
    assert_eq!(under_way.unwrap().await.unwrap(), Commit::Committed);
}

/// A copy of the file of a log that is open is what a killed process leaves.
fn open_after_kill(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let mut group = criterion.benchmark_group("open_after_kill");
    group.sample_size(10);
    for (name, recovery_bytes) in [("walked", u64::MAX), ("recorded", 0)] {
        let directory = tempfile::tempdir().unwrap();
        let config = |directory: &tempfile::TempDir| {
            let mut config = Config::new(format!("file://{}", directory.path().display()));
            config.recovery_bytes = recovery_bytes;
            config
        };
        let broker = runtime.block_on(Broker::open(&config(&directory))).unwrap();
        for _ in 0..100 {
            runtime.block_on(broker.writer().append(records("in", 10_000))).unwrap();
        }
        group.bench_function(format!("1000000/{name}"), |bencher| {
            bencher.iter_batched(
                || {
                    let killed = tempfile::tempdir().unwrap();
                    let copy = killed.path().join("log.redb");
                    std::fs::copy(directory.path().join("log.redb"), &copy).unwrap();
                    // Else the first sync of the opened log would wait for the copy.
                    std::fs::File::open(copy).unwrap().sync_all().unwrap();
                    killed
                },
                |killed| (runtime.block_on(Broker::open(&config(&killed))).unwrap(), killed),
                BatchSize::PerIteration,
            );
        });
    }
}

criterion_group!(benches, append, scan, copy, open_after_kill);
criterion_main!(benches);
