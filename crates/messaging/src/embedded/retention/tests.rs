use std::time::Duration;

use bytes::Bytes;
use redb::Database;

use super::*;
use crate::embedded::frame::{RecordLimits, Rows};
use crate::embedded::storage::Storage;
use crate::record::{Headers, Output};

/// A topic `t` of two partitions; each row is when a record is appended, to which partition, of what size.
fn log(rows: &[(i64, u32, usize)]) -> (Database, Ledger, Config) {
    let store = Database::builder().create_with_backend(Storage::memory()).unwrap();
    let write = store.begin_write().unwrap();
    let mut ledger = Ledger::load(&write).unwrap().unwrap();
    let mut config = Config::new("memory://");
    config.partitions = 2;
    let mut tables = Tables::open(&write).unwrap();
    for (appended_ms, partition, size) in rows {
        let output = Output {
            topic: "t".into(),
            partition: Some(*partition),
            // Long ago: retention must not look at it.
            timestamp: 0,
            key: None,
            value: Some(Bytes::from(vec![0; *size])),
            headers: Headers::new(),
        };
        let rows = Rows::encode(&[output], *appended_ms, RecordLimits::of_append(1 << 20)).unwrap();
        ledger.append(&mut tables, &rows, &config).unwrap().unwrap();
    }
    drop(tables);
    write.commit().unwrap();
    (store, ledger, config)
}

/// Expires with the given limits; returns the first offset of both partitions.
fn firsts(rows: &[(i64, u32, usize)], limits: TopicConfig, now_ms: i64) -> [u64; 2] {
    let (store, mut ledger, mut config) = log(rows);
    config.topic.insert("t".to_owned(), limits);
    let write = store.begin_write().unwrap();
    let mut tables = Tables::open(&write).unwrap();
    expire(&mut ledger, &mut tables, &config, Some(now_ms)).unwrap();
    let state = ledger.topic("t").unwrap();
    let mut kept = 0;
    for (partition, part) in (0..).zip(&state.partitions) {
        let rows: Vec<_> =
            tables.records.range((0, partition, 0)..(0, partition, u64::MAX)).unwrap().collect();
        let offsets: Vec<_> = rows.iter().map(|row| row.as_ref().unwrap().0.value().2).collect();
        assert_eq!(offsets, (part.first..part.next).collect::<Vec<_>>(), "bookkeeping is what is there");
        kept += rows.iter().map(|row| row.as_ref().unwrap().1.value().len() as u64 + KEY_BYTES).sum::<u64>();
    }
    assert_eq!(state.bytes(), kept);
    [state.partitions[0].first, state.partitions[1].first]
}

const ROWS: [(i64, u32, usize); 6] =
    [(100, 0, 981), (200, 1, 981), (300, 1, 981), (400, 0, 981), (500, 0, 981), (600, 1, 981)];

/// What one of [`ROWS`] counts for: value, 19 bytes of frame and a key of 16.
const ROW: u64 = 981 + 19 + 16;

fn age(milliseconds: u64) -> TopicConfig {
    TopicConfig { retention_age: Some(Duration::from_millis(milliseconds)), ..TopicConfig::default() }
}

fn size(bytes: u64) -> TopicConfig {
    TopicConfig { retention_bytes: Some(bytes), ..TopicConfig::default() }
}

#[test]
fn age_counts_from_the_append() {
    let rows = [(1_000, [0, 0]), (1_100, [0, 0]), (1_101, [1, 0]), (1_350, [1, 2]), (9_999, [3, 3])];
    for (now_ms, expected) in rows {
        assert_eq!(firsts(&ROWS, age(1_000), now_ms), expected, "at {now_ms}");
    }
}

#[test]
fn size_takes_the_oldest_of_all_partitions() {
    let rows = [(6 * ROW, [0, 0]), (5 * ROW, [1, 0]), (4 * ROW, [1, 1]), (3 * ROW, [1, 2]), (0, [3, 3])];
    for (limit, expected) in rows {
        assert_eq!(firsts(&ROWS, size(limit), 0), expected, "limit {limit}");
    }
}

#[test]
fn size_leaves_a_sixteenth_of_slack() {
    assert_eq!(firsts(&ROWS, size(6 * ROW - ROW / 8), 0), [0, 0]);
    assert_eq!(firsts(&ROWS, TopicConfig::default(), i64::MAX), [0, 0], "unlimited by default");
}
