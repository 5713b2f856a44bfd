//! What readers and lanes see of records that expired.

#![expect(clippy::unwrap_used, reason = "helpers of tests panic as tests do")]

use bytes::Bytes;
use messaging::{Broker, Commit, Config, Headers, LaneConfig, Limits, Output, Start, TopicConfig};

const MANY: Limits = Limits { records: 10_000, bytes: 64 << 20 };

fn kilobytes(count: usize) -> Vec<Output> {
    let output = Output {
        topic: "in".into(),
        partition: None,
        timestamp: 1_364_774_400_000,
        key: None,
        value: Some(Bytes::from_static(&[7; 1_000])),
        headers: Headers::new(),
    };
    vec![output; count]
}

async fn broker(limits: TopicConfig) -> Broker {
    let mut config = Config::new("memory://");
    config.topic.insert("in".to_owned(), TopicConfig { partitions: Some(2), ..limits });
    Broker::open(&config).await.unwrap()
}

#[tokio::test]
async fn lane_and_reader_resume_at_the_first_record_that_is_left() {
    let broker = broker(TopicConfig { retention_bytes: Some(100 << 10), ..TopicConfig::default() }).await;
    let config = LaneConfig { group: "g".to_owned(), topics: vec!["in".to_owned()], start: Start::Earliest };
    let mut lane = broker.lane(config).await.unwrap();
    let mut reader = broker.reader(&["in".to_owned()], Start::Earliest).await.unwrap();
    for _ in 0..10 {
        broker.writer().append(kilobytes(100)).await.unwrap();
    }
    let partitions = broker.topics().await.unwrap()[0].partitions.clone();
    let kept: u64 = partitions.iter().map(|partition| partition.end - partition.first).sum();
    assert!(partitions.iter().all(|partition| partition.first > 0 && partition.end == 500), "{partitions:?}");
    assert!((80..110).contains(&kept), "{kept} records of a kilobyte in 100 KiB");

    let lag: u64 = broker.lag("g").await.unwrap().iter().map(|lag| lag.records).sum();
    assert_eq!(lag, kept, "what expired does not count as lag");
    let read = reader.read(MANY).await.unwrap();
    let batch = lane.take(MANY).await.unwrap();
    assert_eq!((read.len() as u64, batch.records.len() as u64), (kept, kept));
    assert_eq!(lane.commit(batch, Vec::new()).await.unwrap(), Commit::Committed);
    let committed = broker.committed("g").await.unwrap();
    assert!(committed.iter().all(|position| position.offset == 500), "{committed:?}");
}

#[tokio::test]
async fn idle_log_expires_by_age() {
    let age = std::time::Duration::from_secs(1);
    let broker = broker(TopicConfig { retention_age: Some(age), ..TopicConfig::default() }).await;
    broker.writer().append(kilobytes(10)).await.unwrap();
    let left = async || {
        let topics = broker.topics().await.unwrap();
        topics[0].partitions.iter().map(|partition| partition.end - partition.first).sum::<u64>()
    };
    while left().await > 0 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let placed = broker.writer().append(kilobytes(2)).await.unwrap();
    assert!(placed.iter().all(|placed| placed.offset == 5), "offsets go on: {placed:?}");
}
