use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use super::protocol::{self, MAX_FRAME, Request, Response, VERSION};
use crate::embedded::tail::Stretch;
use crate::{Broker, Config, Error, Fate, Headers, LaneConfig, Limits, Output, Position, Record, Start};

const MANY: Limits = Limits { records: 10_000, bytes: 64 << 20 };

struct Log {
    config: Config,
    socket: PathBuf,
    _directory: tempfile::TempDir,
}

fn log() -> Log {
    let directory = tempfile::tempdir().unwrap();
    let config = Config::new(format!("file://{}", directory.path().display()));
    Log { config, socket: directory.path().join("serin.sock"), _directory: directory }
}

impl Log {
    async fn open(&self) -> Broker {
        Broker::open(&self.config).await.unwrap()
    }

    async fn guest(&self) -> Broker {
        let guest = Broker::connect(&self.config).await.unwrap();
        assert!(matches!(guest, Broker::Remote(_)));
        guest
    }

    /// A peer that has greeted and can now misbehave.
    async fn peer(&self) -> UnixStream {
        let mut peer = UnixStream::connect(&self.socket).await.unwrap();
        let hello = protocol::encode(&Request::Hello { version: VERSION }).unwrap();
        protocol::send(&mut peer, &hello).await.unwrap();
        assert!(matches!(protocol::receive(&mut peer).await, Ok(Some(Response::Done))));
        peer
    }
}

fn outputs(topic: &str, count: u8, size: usize) -> Vec<Output> {
    let output = |number: u8| Output {
        topic: topic.into(),
        partition: Some(0),
        timestamp: i64::from(number),
        key: Some(Bytes::from(vec![number])),
        value: Some(Bytes::from(vec![number; size])),
        headers: Headers::from(vec![crate::Header::new("n", vec![number])]),
    };
    (0..count).map(output).collect()
}

fn timestamps(records: &[Record]) -> Vec<i64> {
    records.iter().map(|record| record.timestamp).collect()
}

async fn read_all(broker: &Broker, topic: &str) -> Vec<Record> {
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

#[tokio::test]
async fn guest_sees_what_the_owner_sees() {
    let log = log();
    let owner = log.open().await;
    let guest = log.guest().await;
    guest.create_topic("in", Some(2)).await.unwrap();
    let placed = guest.writer().append(outputs("in", 10, 100)).await.unwrap();
    assert_eq!(placed.iter().map(|placed| placed.offset).collect::<Vec<_>>(), (0..10).collect::<Vec<_>>());
    assert_eq!(guest.topics().await.unwrap(), owner.topics().await.unwrap());
    assert_eq!(read_all(&guest, "in").await, read_all(&owner, "in").await);
    let config = LaneConfig { group: "g".to_owned(), topics: vec!["in".to_owned()], start: Start::Earliest };
    let _lane = owner.lane(config.clone()).await.unwrap();
    assert_eq!(guest.committed("g").await.unwrap(), owner.committed("g").await.unwrap());
    assert_eq!(guest.lag("g").await.unwrap(), owner.lag("g").await.unwrap());
    assert!(matches!(guest.lane(config).await, Err(Error::OwnerOnly { what: "a lane" })));
}

#[tokio::test]
async fn refusals_cross_the_socket_with_their_fate() {
    let log = log();
    let _owner = log.open().await;
    let guest = log.guest().await;
    guest.create_topic("in", Some(2)).await.unwrap();
    let error = guest.create_topic("in", Some(3)).await.unwrap_err();
    let expected = "owner of the log: topic `in` has 2 partitions, not 3; the number cannot be changed";
    assert_eq!((error.to_string().as_str(), error.fate()), (expected, Fate::Refused));
    let error = guest.writer().append(outputs("in", 1, 17 << 20)).await.unwrap_err();
    assert!(error.to_string().contains("max_record_bytes") && error.fate() == Fate::Refused, "{error}");
    let error = guest.writer().append(outputs("in", 70, 1 << 20)).await.unwrap_err();
    assert!(matches!(error, Error::WriteTooLarge { limit, .. } if limit == MAX_FRAME as u64), "{error}");
    assert_eq!(guest.writer().append(outputs("in", 1, 16 << 19)).await.unwrap().len(), 1);
}

#[tokio::test]
async fn guest_reads_the_largest_dead_letter() {
    let mut log = log();
    log.config.max_record_bytes = crate::MAX_RECORD_BYTES;
    let owner = log.open().await;
    let mut input = outputs("in", 1, usize::try_from(crate::MAX_RECORD_BYTES).unwrap() - 3);
    input[0].headers = (0..Headers::MAX).map(|_| crate::Header::new("", Bytes::new())).collect();
    owner.writer().append(input.clone()).await.unwrap();
    let config = LaneConfig { group: "g".to_owned(), topics: vec!["in".to_owned()], start: Start::Earliest };
    let mut lane = owner.lane(config).await.unwrap();
    let batch = lane.take(MANY).await.unwrap();
    let mut letter = Output { topic: "in.dlq".into(), ..input.remove(0) };
    letter.headers.extend((0..16).map(|_| crate::Header::new("", vec![b'e'; 4 << 10])));
    assert_eq!(lane.commit(batch, vec![letter.clone()]).await.unwrap(), crate::Commit::Committed);
    let read = read_all(&log.guest().await, "in.dlq").await;
    assert_eq!(read.len(), 1);
    assert!(read[0].value == letter.value && read[0].headers == letter.headers);
}

#[tokio::test]
async fn tail_waits_and_survives_being_dropped() {
    let log = log();
    let owner = log.open().await;
    let guest = log.guest().await;
    let mut tail = guest.reader(&["in".to_owned()], Start::Latest).await.unwrap();
    let patience = std::time::Duration::from_millis(20);
    assert!(tokio::time::timeout(patience, tail.read(MANY)).await.is_err());
    assert!(tail.read_available(MANY).await.unwrap().is_empty(), "not held up by the read before");
    let writer = owner.writer();
    let (records, placed) = tokio::join!(tail.read(MANY), writer.append(outputs("in", 5, 10)));
    assert_eq!((timestamps(&records.unwrap()), placed.unwrap().len()), (vec![0, 1, 2, 3, 4], 5));
}

#[tokio::test]
async fn connect_opens_what_nobody_owns() {
    let log = log();
    // What a dead owner leaves: a file that nobody listens on.
    drop(std::os::unix::net::UnixListener::bind(&log.socket).unwrap());
    let owner = Broker::connect(&log.config).await.unwrap();
    assert!(matches!(owner, Broker::Embedded(_)));
    let mode = std::fs::metadata(&log.socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    log.guest().await.create_topic("in", None).await.unwrap();
    owner.close().await;
    assert!(!log.socket.exists());
}

#[tokio::test]
async fn second_owner_is_refused_and_the_first_is_named() {
    let log = log();
    let owner = log.open().await;
    let error = Broker::open(&log.config).await.unwrap_err();
    assert!(matches!(&error, Error::Owned { pid: Some(pid), .. } if *pid == std::process::id()), "{error}");
    log.guest().await.topics().await.unwrap();
    drop(owner);
    log.open().await.topics().await.unwrap();
}

#[tokio::test]
async fn guest_outlives_a_restart_of_the_owner() {
    let log = log();
    let owner = log.open().await;
    let guest = log.guest().await;
    guest.writer().append(outputs("in", 3, 10)).await.unwrap();
    owner.close().await;
    let error = guest.topics().await.unwrap_err();
    assert!(matches!(error, Error::Connection { .. }) && error.fate() == Fate::Failed, "{error}");
    let _owner = log.open().await;
    assert_eq!(read_all(&guest, "in").await.len(), 3);
}

#[tokio::test]
async fn peers_that_break_the_protocol_are_dropped_alone() {
    let log = log();
    let _owner = log.open().await;
    let good = log.guest().await;
    let oversized = u32::try_from(MAX_FRAME + 1).unwrap().to_le_bytes().to_vec();
    let read = protocol::encode(&Request::Topics).unwrap();
    let with_rest = [&[u8::try_from(read.len() - 4 + 1).unwrap(), 0, 0, 0], &read[4..], &[0]].concat();
    let garbage = (0..255_u8).cycle().take(5_000).collect();
    for bytes in [vec![1, 0, 0, 0, 0xff], oversized, with_rest, garbage] {
        for greeted in [true, false] {
            let mut peer = match greeted {
                true => log.peer().await,
                false => UnixStream::connect(&log.socket).await.unwrap(),
            };
            // The owner may hang up before it has all.
            drop(peer.write_all(&bytes).await);
            drop(peer.shutdown().await);
            let mut answer = Vec::new();
            drop(peer.read_to_end(&mut answer).await);
            assert!(good.topics().await.unwrap().is_empty());
        }
    }
}

#[tokio::test]
async fn peer_that_goes_away_in_mid_frame_harms_nobody() {
    let log = log();
    let owner = log.open().await;
    let whole = protocol::encode(&Request::Append { outputs: outputs("in", 3, 1_000) }).unwrap();
    for length in [1, 3, 4, 5, 100, whole.len() - 1] {
        let mut peer = log.peer().await;
        peer.write_all(&whole[..length]).await.unwrap();
        drop(peer);
        log.guest().await.topics().await.unwrap();
    }
    assert!(read_all(&owner, "in").await.is_empty());
}

#[tokio::test]
async fn reader_that_does_not_read_blocks_only_itself() {
    let log = log();
    let owner = log.open().await;
    owner.writer().append(outputs("in", 16, 1 << 20)).await.unwrap();
    let stretch =
        Stretch { position: Position { topic: "in".into(), partition: 0, offset: 0 }, until: u64::MAX };
    let read = Request::Read { stretches: vec![stretch], limits: MANY, turn: 0, wait: true };
    let mut slow = log.peer().await;
    protocol::send(&mut slow, &protocol::encode(&read).unwrap()).await.unwrap();
    let guest = log.guest().await;
    assert_eq!(read_all(&guest, "in").await.len(), 16);
    assert_eq!(guest.writer().append(outputs("in", 2, 10)).await.unwrap().len(), 2);
    let Ok(Some(Response::Records { records, offsets })) = protocol::receive(&mut slow).await else {
        panic!("the slow one gets its answer when it reads");
    };
    assert!((1..=8).contains(&records.len()), "{} records of 1 MiB in 8 MiB", records.len());
    assert_eq!(offsets, [records.len() as u64]);
}

#[tokio::test]
async fn another_version_is_told_so() {
    let log = log();
    let _owner = log.open().await;
    for (request, expected) in [
        (Request::Hello { version: VERSION + 1 }, "protocol version 2 is not 1"),
        (Request::Topics, "expected a greeting"),
    ] {
        let mut peer = UnixStream::connect(&log.socket).await.unwrap();
        protocol::send(&mut peer, &protocol::encode(&request).unwrap()).await.unwrap();
        let answer = protocol::receive::<Response>(&mut peer).await;
        assert!(
            matches!(&answer, Ok(Some(Response::Refused { message, .. })) if message.starts_with(expected)),
            "{answer:?}"
        );
    }
}

#[tokio::test]
async fn one_peer_too_many_is_sent_away() {
    let log = log();
    let _owner = log.open().await;
    let mut peers = Vec::new();
    for _ in 0..64 {
        peers.push(log.peer().await);
    }
    let error = Broker::connect(&log.config).await.unwrap_err();
    assert_eq!(error.to_string(), "owner of the log: 64 peers are connected already");
    peers.clear();
    while Broker::connect(&log.config).await.is_err() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn path_that_is_too_long_is_refused_before_anything_is_made() {
    let directory = tempfile::tempdir().unwrap();
    let long = directory.path().join("x".repeat(100));
    let config = Config::new(format!("file://{}", long.display()));
    for error in [Broker::open(&config).await.unwrap_err(), Broker::connect(&config).await.unwrap_err()] {
        assert!(matches!(error, Error::SocketPath { limit: 107, .. }), "{error}");
    }
    assert!(!long.exists());
}
