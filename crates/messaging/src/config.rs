//! The `[broker]` section: where the records are, and for how long.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use crate::error::Error;
use crate::kafka;
use crate::nats;
use crate::units;

/// The `[broker]` section as it is written; [`Config::problems`] says what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where the records are: `kafka://host:9092` or `nats://host:4222` (servers, separated by commas),
    /// `file:///var/lib/serin` (an embedded log in a directory; `file://./data` is relative to the working
    /// directory) or `memory://` (an embedded log that is gone when the process ends).
    pub url: String,
    /// How many partitions a topic gets that is created on demand; 1 to 1,024, default 4. More
    /// partitions let more lanes of one group share the work. The count of a topic cannot change. On Kafka nothing is
    /// created unless `kafka.create_topics` says so.
    #[serde(default = "default_partitions")]
    pub partitions: u32,
    /// What a confirmed write of the embedded log survives; default `commit`. A server has its own settings for that.
    #[serde(default)]
    pub durability: Durability,
    /// The largest record that a writer may append, in bytes; default "16 MiB", at most "32 MiB". What a lane
    /// commits may be larger by [`COMMIT_HEADROOM_BYTES`]. Bounds what one record can cost a reader.
    #[serde(default = "default_max_record_bytes", deserialize_with = "units::size")]
    pub max_record_bytes: u64,
    /// How much may wait for the disk before a writer has to wait, and the most that it may append at once, in
    /// bytes; default "64 MiB", at least `max_record_bytes`. The commits of lanes come beside this: a batch that
    /// was taken has to get through, and each lane has at most two of them on the way, or one that is larger
    /// than this. On Kafka it is also the most that each lane and reader fetches ahead.
    #[serde(default = "default_queue_bytes", deserialize_with = "units::size")]
    pub queue_bytes: u64,
    /// Memory for the pages of the embedded log, in bytes; default "128 MiB". The operating system caches the file
    /// as well, so that more helps only where readers are far behind.
    #[serde(default = "default_cache_bytes", deserialize_with = "units::size")]
    pub cache_bytes: u64,
    /// How much may have to be walked through when the embedded log is opened after a crash, in bytes; default "1 GiB",
    /// which takes seconds. A log that keeps more than this makes each commit record what opening needs, which
    /// takes a second sync: about twice the time of a small commit. "0 B": always.
    #[serde(default = "default_recovery_bytes", deserialize_with = "units::size")]
    pub recovery_bytes: u64,
    /// What only Kafka has: `[broker.kafka]`.
    #[serde(default)]
    pub kafka: kafka::Settings,
    /// What only NATS JetStream has: `[broker.nats]`.
    #[serde(default)]
    pub nats: nats::Settings,
    /// Settings of single topics by name: `[broker.topic.features]`.
    #[serde(default)]
    pub topic: BTreeMap<String, TopicConfig>,
}

/// What a confirmed write survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// Power failure: every commit is synced to the disk before it is confirmed.
    #[default]
    Commit,
    /// The end of the process in any way, `kill -9` included, but not of the machine: nothing is synced, the
    /// operating system writes when it likes and in any order. A power failure or a kernel panic may
    /// damage the whole log, not only its end. For data that can be made again.
    Relaxed,
}

/// The settings of one topic, `[broker.topic.<name>]`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TopicConfig {
    /// How many partitions it has; default: the section's `partitions`.
    pub partitions: Option<u32>,
    /// How much of it is kept, in bytes over all partitions; unlimited by default. The oldest records go
    /// first, once the topic is a sixteenth above this.
    #[serde(default, deserialize_with = "units::optional_size")]
    pub retention_bytes: Option<u64>,
    /// How long its records are kept, counted from when they were appended and not from their own
    /// timestamps (a replay of last year must not vanish); at least "1s", unlimited by default.
    #[serde(default, deserialize_with = "units::optional_duration")]
    pub retention_age: Option<Duration>,
    /// Whether only the latest record of each key is kept; for topics that we create on Kafka. Default false, and
    /// never for deployments, whose history is read.
    #[serde(default)]
    pub compact: bool,
}

/// The most partitions a topic may have.
pub const MAX_PARTITIONS: u32 = 1_024;

/// The highest value of [`Config::max_record_bytes`]; a record must fit one frame of the socket, with what a
/// lane may add.
pub const MAX_RECORD_BYTES: u64 = 32 << 20;

/// How much larger than [`Config::max_record_bytes`] a record may be that a lane commits, in bytes, so that any
/// record that was taken can be given up as a dead letter: itself byte for byte, and the error in headers beside it.
pub const COMMIT_HEADROOM_BYTES: u64 = 64 << 10;

/// How many headers above [`Headers::MAX`](crate::Headers::MAX) a record may have that a lane commits, for the same
/// reason.
pub const COMMIT_HEADROOM_HEADERS: usize = 16;

const fn default_partitions() -> u32 {
    4
}

const fn default_max_record_bytes() -> u64 {
    16 << 20
}

const fn default_queue_bytes() -> u64 {
    64 << 20
}

const fn default_cache_bytes() -> u64 {
    128 << 20
}

const fn default_recovery_bytes() -> u64 {
    1 << 30
}

/// Where a log is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Location {
    Memory,
    Directory(PathBuf),
    /// Servers of Kafka, `host:port` separated by commas.
    Kafka(String),
    /// Servers of NATS, as its client takes them, separated by commas.
    Nats(String),
}

impl Config {
    /// Returns a section that has only a URL and is otherwise as by default.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            partitions: default_partitions(),
            durability: Durability::default(),
            max_record_bytes: default_max_record_bytes(),
            queue_bytes: default_queue_bytes(),
            cache_bytes: default_cache_bytes(),
            recovery_bytes: default_recovery_bytes(),
            kafka: kafka::Settings::default(),
            nats: nats::Settings::default(),
            topic: BTreeMap::new(),
        }
    }

    /// Returns everything that is wrong with the section, each with its field; empty if it may be used.
    /// Opens and reads nothing.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.url.contains('@') {
            let instead = "[broker.kafka.sasl] or the files that [broker.nats] names";
            problems.push(format!(
                "`url`: has a name or a password in it, which would be printed; use {instead}"
            ));
        } else if let Err(error) = self.location() {
            problems.push(format!("`url`: {error}"));
        }
        partitions_problem("partitions", self.partitions, &mut problems);
        if !(1..=MAX_RECORD_BYTES).contains(&self.max_record_bytes) {
            problems.push(format!(
                "`max_record_bytes`: {} is not in 1..={MAX_RECORD_BYTES}",
                self.max_record_bytes
            ));
        }
        if self.queue_bytes < self.max_record_bytes {
            problems.push(format!(
                "`queue_bytes`: {} is less than `max_record_bytes` ({})",
                self.queue_bytes, self.max_record_bytes
            ));
        }
        for (name, topic) in &self.topic {
            topic.problems(name, &mut problems);
        }
        self.kafka.problems(&mut problems);
        self.nats.problems(&mut problems);
        problems
    }

    /// Returns where the log is.
    pub(crate) fn location(&self) -> Result<Location, Error> {
        let (scheme, rest) =
            self.url.split_once("://").ok_or_else(|| Error::Url { url: self.url.clone() })?;
        match (scheme, rest) {
            ("memory", "") => Ok(Location::Memory),
            ("file", path) if !path.is_empty() => Ok(Location::Directory(PathBuf::from(path))),
            ("kafka", servers) if has_hosts(servers) => Ok(Location::Kafka(servers.to_owned())),
            ("nats" | "tls", servers) if has_hosts(servers) => Ok(Location::Nats(self.url.clone())),
            _ => Err(Error::Url { url: self.url.clone() }),
        }
    }

    /// Returns how many partitions a topic gets when it is created on demand.
    pub(crate) fn partitions_of(&self, topic: &str) -> u32 {
        self.topic.get(topic).and_then(|topic| topic.partitions).unwrap_or(self.partitions)
    }
}

impl TopicConfig {
    fn problems(&self, name: &str, problems: &mut Vec<String>) {
        if let Err(error) = check_name("topic", name) {
            problems.push(format!("`topic.{name}`: {error}"));
        }
        if let Some(partitions) = self.partitions {
            partitions_problem(&format!("topic.{name}.partitions"), partitions, problems);
        }
        if self.retention_age.is_some_and(|age| age < Duration::from_secs(1)) {
            problems.push(format!("`topic.{name}.retention_age`: less than 1s"));
        }
    }
}

/// Whether each of the servers between commas has a name.
fn has_hosts(servers: &str) -> bool {
    servers.split(',').all(|server| !server.trim().is_empty() && !server.starts_with(':'))
}

fn partitions_problem(field: &str, partitions: u32, problems: &mut Vec<String>) {
    if !(1..=MAX_PARTITIONS).contains(&partitions) {
        problems.push(format!("`{field}`: {partitions} is not in 1..={MAX_PARTITIONS}"));
    }
}

/// Checks the name of a topic or group: what Kafka takes for a topic.
pub(crate) fn check_name(kind: &'static str, name: &str) -> Result<(), Error> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if (1..=249).contains(&name.len()) && name.bytes().all(legal) && !matches!(name, "." | "..") {
        return Ok(());
    }
    Err(Error::Name { kind, name: name.chars().take(300).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_told_apart() {
        let rows = [
            ("memory://", Ok(Location::Memory)),
            ("file:///var/lib/serin", Ok(Location::Directory("/var/lib/serin".into()))),
            ("file://./data", Ok(Location::Directory("./data".into()))),
            ("kafka://localhost:9092", Ok(Location::Kafka("localhost:9092".into()))),
            ("kafka://a:9092,b:9092", Ok(Location::Kafka("a:9092,b:9092".into()))),
            ("nats://localhost", Ok(Location::Nats("nats://localhost".into()))),
            ("tls://localhost:4222", Ok(Location::Nats("tls://localhost:4222".into()))),
            (
                "kafka://",
                Err(
                    "url \"kafka://\" is not \"kafka://host:9092\", \"nats://host:4222\", \"file:///directory\" or \"memory://\"",
                ),
            ),
            (
                "kafka://a,",
                Err(
                    "url \"kafka://a,\" is not \"kafka://host:9092\", \"nats://host:4222\", \"file:///directory\" or \"memory://\"",
                ),
            ),
            (
                "nats://",
                Err(
                    "url \"nats://\" is not \"kafka://host:9092\", \"nats://host:4222\", \"file:///directory\" or \"memory://\"",
                ),
            ),
            (
                "file://",
                Err(
                    "url \"file://\" is not \"kafka://host:9092\", \"nats://host:4222\", \"file:///directory\" or \"memory://\"",
                ),
            ),
            (
                "memory://x",
                Err(
                    "url \"memory://x\" is not \"kafka://host:9092\", \"nats://host:4222\", \"file:///directory\" or \"memory://\"",
                ),
            ),
            (
                "/var/lib",
                Err(
                    "url \"/var/lib\" is not \"kafka://host:9092\", \"nats://host:4222\", \"file:///directory\" or \"memory://\"",
                ),
            ),
        ];
        for (url, expected) in rows {
            let found = Config::new(url).location().map_err(|error| error.to_string());
            assert_eq!(found, expected.map_err(str::to_owned), "{url}");
        }
    }

    #[test]
    fn section_is_read() {
        let text = r#"
            url = "file:///tmp/x"
            durability = "relaxed"
            [topic.features]
            partitions = 8
            retention_bytes = "1 GiB"
            retention_age = "7d"
        "#;
        let config: Config = toml::from_str(text).unwrap();
        assert_eq!((config.partitions, config.durability), (4, Durability::Relaxed));
        assert_eq!((config.partitions_of("features"), config.partitions_of("other")), (8, 4));
        assert_eq!(config.topic["features"].retention_bytes, Some(1 << 30));
        assert_eq!(config.topic["features"].retention_age, Some(Duration::from_secs(604_800)));
        assert_eq!(config.problems(), Vec::<String>::new());
    }

    #[test]
    fn misspelt_fields_are_refused() {
        for text in ["url = \"memory://\"\npartition = 3", "url = \"memory://\"\n[topic.a]\nretention = 3"] {
            let error = toml::from_str::<Config>(text).unwrap_err().to_string();
            assert!(error.contains("unknown field"), "{error}");
        }
    }

    #[test]
    fn all_problems_are_named_at_once() {
        let mut config = Config::new("kafka:x");
        config.partitions = 0;
        config.queue_bytes = 1;
        let topic = TopicConfig { retention_age: Some(Duration::from_millis(1)), ..TopicConfig::default() };
        config.topic.insert("a b".to_owned(), topic);
        let problems = config.problems();
        let fields = ["`url`", "`partitions`", "`queue_bytes`", "`topic.a b`", "`topic.a b.retention_age`"];
        assert_eq!(problems.len(), fields.len(), "{problems:?}");
        for (problem, field) in problems.iter().zip(fields) {
            assert!(problem.starts_with(field), "{problem}");
        }
    }

    #[test]
    fn passwords_in_the_url_are_refused_and_not_shown() {
        for url in ["nats://user:hunter2@localhost", "kafka://user:hunter2@localhost:9092"] {
            let problems = Config::new(url).problems();
            assert!(problems.len() == 1 && problems[0].starts_with("`url`: has a name"), "{problems:?}");
            assert!(!problems[0].contains("hunter2"), "{problems:?}");
        }
    }

    #[test]
    fn names_are_those_of_kafka() {
        let long = "x".repeat(250);
        for name in ["", ".", "..", "a b", "a/b", "ä", "a\0", long.as_str()] {
            assert!(check_name("topic", name).is_err(), "{name:?}");
        }
        for name in ["a", "features.v1", "A_b-9", &long[1..]] {
            assert!(check_name("topic", name).is_ok(), "{name:?}");
        }
    }
}
