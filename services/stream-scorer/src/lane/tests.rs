use bytes::Bytes;
use messaging::{Broker, LaneConfig, Start};
use runtime::{Clock, Health};

use super::*;
use crate::testing::{LIMITS, input, reader};

const ONE: Limits = Limits { records: 1, bytes: 1 << 20 };

/// A log of these records, and a lane and its watch over it.
async fn lane(values: &[&'static str]) -> (Broker, Lane, Watch) {
    let broker = Broker::open(&messaging::Config::new("memory://")).await.unwrap();
    for topic in ["features", "copies"] {
        broker.create_topic(topic, Some(1)).await.unwrap();
    }
    let inputs = values.iter().map(|value| input("k", *value)).collect();
    broker.writer().append(inputs).await.unwrap();
    let config = LaneConfig { group: "g".into(), topics: vec!["features".into()], start: Start::Earliest };
    let lane = broker.lane(config).await.unwrap();
    let shutdown = Shutdown::new();
    let pulse = Health::new(Clock::System, shutdown.clone()).heartbeat("lane", Duration::from_secs(60));
    (broker, lane, Watch { shutdown, pulse })
}

fn copy(record: &Record) -> Output {
    Output { topic: "copies".into(), ..input("k", record.value.clone().unwrap()) }
}

async fn committed(broker: &Broker) -> u64 {
    broker.committed("g").await.unwrap().iter().map(|position| position.offset).sum()
}

#[tokio::test]
async fn the_batch_at_hand_is_committed_when_the_lane_is_asked_to_stop() {
    let (broker, lane, watch) = lane(&["a", "b", "c"]).await;
    let stop = watch.shutdown.clone();
    let process = async |records: &[Record], _: &Watch| {
        if records[0].value.as_deref() == Some(b"b") {
            stop.request();
        }
        Ok(Some(records.iter().map(copy).collect()))
    };
    run(lane, ONE, process, watch).await.unwrap();
    assert_eq!(committed(&broker).await, 2, "what was not taken waits for the next start");
    let copies = reader(&broker, "copies").await.read_available(LIMITS).await.unwrap();
    let copies: Vec<_> = copies.iter().map(|copy| copy.value.clone().unwrap()).collect();
    assert_eq!(copies, ["a", "b"]);
}

#[tokio::test]
async fn a_lane_that_is_asked_to_stop_before_it_begins_takes_nothing() {
    let (broker, lane, watch) = lane(&["a"]).await;
    watch.shutdown.request();
    run(lane, ONE, async |_: &[Record], _: &Watch| panic!("nothing is to be processed"), watch)
        .await
        .unwrap();
    assert_eq!(committed(&broker).await, 0);
}

#[tokio::test]
async fn a_refused_commit_ends_the_lane_even_if_it_was_the_last() {
    // The second batch has an output that is too large; the lane hears of it before the third, or at its end.
    for is_asked_to_stop in [false, true] {
        let (broker, lane, watch) = lane(&["a", "large", "c", "d"]).await;
        let stop = watch.shutdown.clone();
        let process = async |records: &[Record], _: &Watch| {
            let mut outputs: Vec<_> = records.iter().map(copy).collect();
            if records[0].value.as_deref() == Some(b"large") {
                outputs[0].value = Some(Bytes::from(vec![0; 17 << 20]));
                if is_asked_to_stop {
                    stop.request();
                }
            }
            Ok(Some(outputs))
        };
        let error = run(lane, ONE, process, watch).await.unwrap_err();
        assert!(matches!(error, LaneError::Broker(messaging::Error::RecordTooLarge { .. })), "{error}");
        assert_eq!(committed(&broker).await, 1, "the batch before it counts, and nothing after it");
        assert_eq!(reader(&broker, "copies").await.read_available(LIMITS).await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_batch_that_waits_when_the_lane_is_asked_to_stop_is_taken_again() {
    let (broker, lane, watch) = lane(&["a", "b", "c"]).await;
    let process = async |records: &[Record], watch: &Watch| {
        if records[0].value.as_deref() == Some(b"b") {
            watch.shutdown.request();
            return Ok(None);
        }
        Ok(Some(records.iter().map(copy).collect()))
    };
    run(lane, ONE, process, watch).await.unwrap();
    assert_eq!(committed(&broker).await, 1);
    assert_eq!(reader(&broker, "copies").await.read_available(LIMITS).await.unwrap().len(), 1);
}
