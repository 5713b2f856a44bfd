//! The conformance suite over Apache Kafka.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use messaging::{Broker, Config, Guarantee, Headers, LaneConfig, Limits, Output, Start, conformance};
use servers::Kafka;

/// A corner of the shared server that nobody else uses. Members tell each other sooner than by default that
/// partitions are to move, so that the tests need not wait.
fn corner() -> Config {
    static CORNERS: AtomicU32 = AtomicU32::new(0);
    let mut config = Config::new(Kafka::shared().url());
    config.kafka.prefix = format!("corner-{}.", CORNERS.fetch_add(1, Ordering::Relaxed));
    config.kafka.create_topics = true;
    config.kafka.options.insert("heartbeat.interval.ms".to_owned(), "200".to_owned());
    config.kafka.transaction_timeout = Duration::from_secs(5);
    config
}

conformance!(exactly_once, corner(), kept);

mod at_least_once {
    use super::*;

    fn config() -> Config {
        let mut config = corner();
        config.kafka.guarantee = Guarantee::AtLeastOnce;
        config
    }

    conformance!(at_least_once, config(), kept, at_least_once);
}

mod static_members {
    use super::*;

    fn config() -> Config {
        let mut config = corner();
        config.kafka.instance = Some("scorer-0".to_owned());
        config
    }

    conformance!(@cases static_members, config(),
        order_per_key_holds, outputs_and_positions_are_written_together, commits_overlap_with_takes,
        records_and_positions_outlive_the_broker, uncommitted_batch_is_taken_again);
}

/// Others may write larger records than we could hand on. What stands for one says so, and can be given up.
#[tokio::test]
async fn record_above_the_limit_comes_without_its_value() {
    let others = corner();
    let ours = Config { max_record_bytes: 1_000, ..others.clone() };
    let output = |value: Vec<u8>| Output {
        topic: "in".into(),
        partition: Some(0),
        timestamp: 1,
        key: Some("k".into()),
        value: Some(value.into()),
        headers: Headers::new(),
    };
    let writer = Broker::connect(&others).await.unwrap();
    writer.writer().append(vec![output(vec![b'x'; 100_000]), output(vec![b'y'; 1_000])]).await.unwrap();
    let broker = Broker::connect(&ours).await.unwrap();
    let config = LaneConfig { group: "g".to_owned(), topics: vec!["in".to_owned()], start: Start::Earliest };
    let mut lane = broker.lane(config).await.unwrap();
    let mut records = Vec::new();
    while records.len() < 2 {
        records.extend(lane.take(Limits { records: 10, bytes: 1 << 20 }).await.unwrap().records);
    }
    assert_eq!(records[0].value, None);
    assert_eq!(records[0].headers.get("serin-omitted-bytes").unwrap(), &b"100000"[..]);
    assert_eq!(records[0].key.as_deref(), Some(&b"k"[..]));
    assert_eq!(records[1].value.as_ref().unwrap().len(), 1_000);
    assert!(records[1].headers.is_empty());
}
