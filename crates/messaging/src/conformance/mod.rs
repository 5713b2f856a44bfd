//! What every broker has to do, written once over the interface.
//!
//! [`conformance!`](crate::conformance!) makes one test of each case for a broker; it wants an expression of
//! type `Config` for a fresh, empty broker each time, and what that broker can do beside the common part:
//! `kept` if its records outlive the process that wrote them, `at_least_once` if a commit promises no more.

#![expect(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "these are tests: a panic is their answer"
)]

mod group;
mod lane;
mod limits;
mod reader;
mod restart;

pub use group::*;
pub use lane::*;
pub use limits::*;
pub use reader::*;
pub use restart::*;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::{Broker, Commit, Lane, LaneConfig, Limits, Output, Record, Start};

/// Makes one `#[tokio::test]` of each case of the suite.
///
/// ```text
/// conformance!(memory, Config::new("memory://"));
/// conformance!(file, fresh_directory(), kept);
/// ```
#[macro_export]
macro_rules! conformance {
    ($name:ident, $config:expr) => {
        $crate::conformance!(@common $name, $config, nothing_is_taken_twice_or_lost_through_rebalances);
    };
    (@common $name:ident, $config:expr, $through_rebalances:ident) => {
        $crate::conformance!(@cases $name, $config, $through_rebalances,
            order_per_key_holds, outputs_and_positions_are_written_together, batch_is_committed_once_and_in_order,
            commits_overlap_with_takes, dropped_commit_is_carried_out, dropped_take_loses_nothing,
            take_waits_for_records, limits_bound_a_batch, partitions_share_a_batch,
            refused_commit_can_be_tried_again, largest_record_becomes_a_dead_letter,
            commit_larger_than_the_queue_gets_through,
            groups_are_independent, lanes_of_a_group_share_partitions, lane_beyond_the_partitions_waits,
            commit_after_a_rebalance_is_revoked,
            group_starts_where_it_is_told, group_starts_where_another_is, committed_position_beats_the_start,
            payloads_come_back_as_they_were, records_are_placed_as_by_jvm_producers, limits_are_refused_by_name,
            topics_are_created_once, unusable_names_are_refused,
            reader_reads_everything_and_waits, reader_stops_at_the_end_as_of_now, reader_goes_on_from_positions,
            lag_counts_what_is_left, closed_broker_says_so);
    };
    ($name:ident, $config:expr, kept) => {
        $crate::conformance!($name, $config);
        $crate::conformance!(@kept $name, $config);
    };
    ($name:ident, $config:expr, kept, at_least_once) => {
        $crate::conformance!(@common $name, $config, nothing_is_lost_through_rebalances);
        $crate::conformance!(@kept $name, $config);
    };
    (@kept $name:ident, $config:expr) => {
        mod kept {
            use super::*;
            $crate::conformance!(@cases $name, $config,
                records_and_positions_outlive_the_broker, uncommitted_batch_is_taken_again,
                start_is_durable_before_the_first_commit);
        }
    };
    (@cases $name:ident, $config:expr, $($case:ident),*) => {
        mod $name {
            use super::*;
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    let config = $config;
                    $crate::conformance::in_time($crate::conformance::$case(config.into())).await;
                }
            )*
        }
    };
}

/// A configuration, and whatever has to live as long as its broker.
#[derive(Debug)]
pub struct Fixture {
    /// What the broker is opened with, maybe more than once.
    pub config: crate::Config,
    _keep: Option<Box<dyn Keep>>,
}

trait Keep: std::any::Any + std::fmt::Debug + Send {}

impl<T: std::any::Any + std::fmt::Debug + Send> Keep for T {}

impl Fixture {
    /// Pairs a configuration with something to be dropped after the test: a directory, a server.
    pub fn new<T: std::any::Any + std::fmt::Debug + Send>(config: crate::Config, keep: T) -> Self {
        Self { config, _keep: Some(Box::new(keep)) }
    }

    async fn open(&self) -> Broker {
        Broker::open(&self.config).await.unwrap()
    }
}

impl From<crate::Config> for Fixture {
    fn from(config: crate::Config) -> Self {
        Self { config, _keep: None }
    }
}

/// Runs a case; a case that waits for ever is one that fails.
pub async fn in_time(case: impl Future<Output = ()>) {
    tokio::time::timeout(Duration::from_secs(120), Box::pin(case)).await.unwrap();
}

const MANY: Limits = Limits { records: 10_000, bytes: 64 << 20 };

fn output(topic: &str, key: &str, value: impl Into<Bytes>) -> Output {
    Output {
        topic: Arc::from(topic),
        partition: None,
        timestamp: 1_364_774_400_000,
        key: Some(Bytes::copy_from_slice(key.as_bytes())),
        value: Some(value.into()),
        headers: crate::Headers::new(),
    }
}

fn at(partition: u32, output: Output) -> Output {
    Output { partition: Some(partition), ..output }
}

/// `count` records with keys `k0` to `k9` and their numbers as values.
fn numbered(topic: &str, numbers: std::ops::Range<usize>) -> Vec<Output> {
    numbers.map(|number| output(topic, &format!("k{}", number % 10), number.to_string())).collect()
}

fn number(record: &Record) -> usize {
    std::str::from_utf8(record.value.as_deref().unwrap()).unwrap().parse().unwrap()
}

fn numbers(records: &[Record]) -> Vec<usize> {
    let mut numbers: Vec<_> = records.iter().map(number).collect();
    numbers.sort_unstable();
    numbers
}

async fn lane(broker: &Broker, group: &str, topic: &str) -> Lane {
    lane_from(broker, group, topic, Start::Earliest).await
}

async fn lane_from(broker: &Broker, group: &str, topic: &str, start: Start) -> Lane {
    let config = LaneConfig { group: group.to_owned(), topics: vec![topic.to_owned()], start };
    broker.lane(config).await.unwrap()
}

/// Takes and commits until `count` records have come.
async fn drain(lane: &mut Lane, count: usize) -> Vec<Record> {
    let mut records = Vec::new();
    while records.len() < count {
        let batch = lane.take(MANY).await.unwrap();
        records.extend(batch.records.iter().cloned());
        assert_eq!(lane.commit(batch, Vec::new()).await.unwrap(), Commit::Committed);
    }
    assert_eq!(records.len(), count);
    records
}

/// The record for another topic.
fn copy_of(record: &Record, topic: &str) -> Output {
    Output {
        topic: Arc::from(topic),
        partition: None,
        timestamp: record.timestamp,
        key: record.key.clone(),
        value: record.value.clone(),
        headers: record.headers.clone(),
    }
}

impl Commit {
    /// Either end is right while partitions move.
    fn ignore(self) {}
}

/// Those of the records that are before these positions. Offsets ascend, and no broker promises more.
fn before<'a>(records: &'a [Record], positions: &[crate::Position]) -> Vec<&'a Record> {
    let position = |record: &Record| {
        let same = |position: &&crate::Position| {
            position.topic == record.topic && position.partition == record.partition
        };
        positions.iter().find(same).unwrap().offset
    };
    records.iter().filter(|record| record.offset < position(record)).collect()
}

/// Reads all that a topic holds.
async fn contents(broker: &Broker, topic: &str) -> Vec<Record> {
    let mut reader = broker.reader(&[topic.to_owned()], Start::Earliest).await.unwrap();
    reader.stop_at_end().await.unwrap();
    let mut records = Vec::new();
    loop {
        let more = reader.read(MANY).await.unwrap();
        if more.is_empty() {
            return records;
        }
        records.extend(more);
    }
}

/// Reads all that a topic holds, once it holds as many records as that. A commit is durable when it is acknowledged,
/// but a cluster may take a moment until every reader sees it.
async fn contents_of(broker: &Broker, topic: &str, count: usize) -> Vec<Record> {
    loop {
        let records = contents(broker, topic).await;
        if records.len() >= count {
            assert_eq!(records.len(), count, "on topic `{topic}`");
            return records;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Says whether a future has to wait: it is polled for a while, then dropped.
async fn waits<T>(future: impl Future<Output = T>) -> bool {
    tokio::time::timeout(Duration::from_millis(50), future).await.is_err()
}
