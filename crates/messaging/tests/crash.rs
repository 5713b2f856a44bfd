//! `kill -9` at fail points and at random moments: nothing acknowledged is lost, no batch is half visible.
//!
//! The child process appends numbers to `in` and copies them to `out` in a lane; it says on its output what was
//! acknowledged. The parent kills it, looks at what it left, and starts it again.

#![expect(clippy::unwrap_used, reason = "helpers of tests panic as tests do")]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use bytes::Bytes;
use messaging::{Broker, Commit, Config, Headers, LaneConfig, Limits, Output, Record, Start};

const DIRECTORY: &str = "SERIN_CRASH_DIRECTORY";
/// Set where commits record what opening needs: the store commits in another way then.
const QUICK: &str = "SERIN_CRASH_QUICK";
const FAILPOINT: &str = "SERIN_FAILPOINT";
const MANY: Limits = Limits { records: 100_000, bytes: 64 << 20 };

/// Where the child is killed: at the n-th pass of a fail point, or once it has said so many lines.
#[derive(Debug)]
enum Kill {
    At(&'static str, u32),
    After(usize),
}

const KILLS: [Kill; 30] = [
    Kill::At("commit.before", 1),
    Kill::At("commit.before", 9),
    Kill::At("commit.before", 30),
    Kill::At("commit.inside", 1),
    Kill::At("commit.inside", 2),
    Kill::At("commit.inside", 17),
    Kill::At("commit.inside", 40),
    Kill::At("commit.after", 1),
    Kill::At("commit.after", 5),
    Kill::At("commit.after", 33),
    Kill::At("storage.write", 1),
    Kill::At("storage.write", 7),
    Kill::At("storage.write", 31),
    Kill::At("storage.write", 64),
    Kill::At("storage.write", 131),
    Kill::At("storage.write", 257),
    Kill::At("storage.write", 499),
    Kill::At("storage.sync", 1),
    Kill::At("storage.sync", 2),
    Kill::At("storage.sync", 6),
    Kill::At("storage.sync", 13),
    Kill::At("storage.sync", 28),
    Kill::At("storage.sync", 51),
    Kill::After(1),
    Kill::After(3),
    Kill::After(10),
    Kill::After(21),
    Kill::After(34),
    Kill::After(55),
    Kill::After(80),
];

/// What the child has said: how many numbers of `in` and of `out` are acknowledged.
#[derive(Debug, Default)]
struct Acknowledged {
    appended: BTreeSet<u64>,
    copied: BTreeSet<u64>,
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_and_nothing_is_half_there() {
    let directory = tempfile::tempdir().unwrap();
    let mut acknowledged = Acknowledged::default();
    for (round, kill) in KILLS.iter().enumerate() {
        let mut child = spawn(directory.path(), kill, round % 2 == 0);
        listen(&mut child, kill, &mut acknowledged);
        let status = child.wait().unwrap();
        assert_eq!(status.signal(), Some(9), "{kill:?}: {status}");
        check(directory.path(), &acknowledged, kill).await;
    }
    assert!(acknowledged.appended.len() > 200, "{}", acknowledged.appended.len());
    assert!(acknowledged.copied.len() > 100, "{}", acknowledged.copied.len());
    finish(directory.path()).await;
}

/// Kills while the log is created: before its file has a byte, between any two of its first writes, and after
/// them. The second process on a directory finds what the first one left.
#[tokio::test(flavor = "multi_thread")]
async fn log_that_was_never_finished_is_created_again() {
    let at = |point| [1, 2, 3, 4, 5, 8].map(|pass| Kill::At(point, pass));
    for kill in at("storage.write").iter().chain(&at("storage.sync")) {
        let directory = tempfile::tempdir().unwrap();
        let mut acknowledged = Acknowledged::default();
        for _ in 0..2 {
            let mut child = spawn(directory.path(), kill, false);
            listen(&mut child, kill, &mut acknowledged);
            let status = child.wait().unwrap();
            assert_eq!(status.signal(), Some(9), "{kill:?}: {status}");
        }
        check(directory.path(), &acknowledged, kill).await;
        let unfinished = directory.path().join("log.redb.new");
        assert!(!unfinished.exists(), "{kill:?}");
    }
}

fn spawn(directory: &Path, kill: &Kill, quick: bool) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "workload", "--nocapture"]).env(DIRECTORY, directory).stdout(Stdio::piped());
    if quick {
        command.env(QUICK, "1");
    }
    if let Kill::At(point, pass) = kill {
        command.env(FAILPOINT, format!("{point}:{pass}"));
    }
    command.spawn().unwrap()
}

/// Notes what the child says until it is dead.
fn listen(child: &mut Child, kill: &Kill, acknowledged: &mut Acknowledged) {
    let mut heard = 0;
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        let Some((what, numbers)) = line.split_once(' ') else { continue };
        let numbers = numbers.split(',').filter_map(|number| number.parse::<u64>().ok());
        match what {
            "appended" => acknowledged.appended.extend(numbers),
            "copied" => acknowledged.copied.extend(numbers),
            _ => continue,
        }
        heard += 1;
        if matches!(kill, Kill::After(lines) if heard == *lines) {
            child.kill().unwrap();
        }
    }
}

async fn check(directory: &Path, acknowledged: &Acknowledged, kill: &Kill) {
    let broker = Broker::open(&config(directory)).await.unwrap();
    let (input, output) = (contents(&broker, "in").await, contents(&broker, "out").await);
    let (written, copied) = (distinct(&input), distinct(&output));
    assert!(written.is_superset(&acknowledged.appended), "{kill:?}: appended and lost");
    assert!(copied.is_superset(&acknowledged.copied), "{kill:?}: copied and lost");
    let committed = broker.committed("copy").await.unwrap();
    let position =
        |partition| committed.iter().find(|position| position.partition == partition).map_or(0, |p| p.offset);
    let passed = input.iter().filter(|record| record.offset < position(record.partition));
    let passed: BTreeSet<_> = passed.map(number).collect();
    assert_eq!(passed, copied, "{kill:?}: outputs and positions differ");
    for append in written.iter().map(|number| number / APPEND).collect::<BTreeSet<_>>() {
        let whole = append * APPEND..(append + 1) * APPEND;
        assert!(
            whole.into_iter().all(|number| written.contains(&number)),
            "{kill:?}: append {append} is half there"
        );
    }
    broker.close().await;
}

/// Lets a lane copy what is left, and compares.
async fn finish(directory: &Path) {
    let broker = Broker::open(&config(directory)).await.unwrap();
    while broker.lag("copy").await.unwrap().iter().any(|lag| lag.records > 0) {
        copy(&broker, 1).await;
    }
    let (written, copied) =
        (distinct(&contents(&broker, "in").await), distinct(&contents(&broker, "out").await));
    assert_eq!(written, copied);
}

/// How many numbers one append has; all of them are there, or none.
const APPEND: u64 = 7;

/// Appends and copies: as the child of a crash test until it is killed, by itself a few rounds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workload() {
    let Some(directory) = std::env::var_os(DIRECTORY) else {
        let directory = tempfile::tempdir().unwrap();
        let broker = Broker::open(&config(directory.path())).await.unwrap();
        tokio::join!(append(&broker, 10), copy(&broker, 1));
        broker.close().await;
        return finish(directory.path()).await;
    };
    let broker = Broker::open(&config(Path::new(&directory))).await.unwrap();
    tokio::join!(append(&broker, u64::MAX), copy(&broker, usize::MAX));
}

async fn append(broker: &Broker, rounds: u64) {
    let next = contents(broker, "in").await.iter().map(number).max().map_or(0, |last| last / APPEND + 1);
    for round in next..next.saturating_add(rounds) {
        let numbers: Vec<u64> = (round * APPEND..(round + 1) * APPEND).collect();
        broker.writer().append(numbers.iter().map(|number| output("in", *number)).collect()).await.unwrap();
        say("appended", &numbers);
    }
}

/// Copies batches, each while the one before is being committed.
async fn copy(broker: &Broker, batches: usize) {
    let config =
        LaneConfig { group: "copy".to_owned(), topics: vec!["in".to_owned()], start: Start::Earliest };
    let mut lane = broker.lane(config).await.unwrap();
    let mut before: Option<(Vec<u64>, messaging::Committing)> = None;
    for _ in 0..batches {
        let batch = lane.take(Limits { records: 11, ..MANY }).await.unwrap();
        let numbers: Vec<u64> = batch.records.iter().map(number).collect();
        let committing = lane.commit(batch, numbers.iter().map(|number| output("out", *number)).collect());
        if let Some(before) = before.replace((numbers, committing)) {
            acknowledge(before).await;
        }
    }
    if let Some(last) = before {
        acknowledge(last).await;
    }
}

async fn acknowledge((numbers, committing): (Vec<u64>, messaging::Committing)) {
    assert_eq!(committing.await.unwrap(), Commit::Committed);
    say("copied", &numbers);
}

fn say(what: &str, numbers: &[u64]) {
    let numbers: Vec<_> = numbers.iter().map(u64::to_string).collect();
    writeln!(std::io::stdout().lock(), "{what} {}", numbers.join(",")).unwrap();
}

fn config(directory: &Path) -> Config {
    let mut config = Config::new(format!("file://{}", directory.display()));
    if std::env::var_os(QUICK).is_some() {
        config.recovery_bytes = 0;
    }
    config
}

fn output(topic: &str, number: u64) -> Output {
    Output {
        topic: topic.into(),
        partition: None,
        timestamp: 0,
        key: Some(Bytes::from(number.to_string())),
        value: Some(Bytes::from(vec![b'x'; 300])),
        headers: Headers::new(),
    }
}

fn number(record: &Record) -> u64 {
    std::str::from_utf8(record.key.as_deref().unwrap()).unwrap().parse().unwrap()
}

fn distinct(records: &[Record]) -> BTreeSet<u64> {
    let numbers: BTreeSet<_> = records.iter().map(number).collect();
    assert_eq!(numbers.len(), records.len(), "something is there twice");
    numbers
}

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
