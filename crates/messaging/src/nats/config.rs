//! The `[broker.nats]` section: what only NATS JetStream has.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use runtime::config::Secret;
use serde::Deserialize;

use crate::config::{MAX_PARTITIONS, check_name};
use crate::units;

/// What in a source's subject stands for the number of the partition.
const PARTITION: &str = "{partition}";

/// The `[broker.nats]` section as it is written.
///
/// Of `credentials`, `nkey`, `user` and `token` one at most is used.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The stream that holds what serin writes, positions included; default "serin". It is created where it is not
    /// there; one that somebody else created is used as it is. What one lane commits has to be in one stream.
    pub stream: String,
    /// What the stream's subjects begin with; default "serin": `serin.<topic>.<partition>`. Tokens separated by dots.
    pub prefix: String,
    /// On how many servers a stream is kept that serin creates; 1 to 5, default 1. In production 3, on a cluster.
    pub replicas: usize,
    /// How long a stream that serin creates keeps a record; unlimited by default, at least "1m". It is one limit for
    /// all topics, the history of deployments included.
    #[serde(deserialize_with = "units::optional_duration")]
    pub max_age: Option<Duration>,
    /// How much a stream that serin creates keeps, in bytes; unlimited by default. The oldest go first.
    #[serde(deserialize_with = "units::optional_size")]
    pub max_bytes: Option<u64>,
    /// How long the server knows the ids of messages, to drop what is sent again; default "2m". Longer costs the
    /// server memory: about 100 bytes a message that a writer appends, or, before server 2.12.1, that anybody writes.
    #[serde(deserialize_with = "units::duration")]
    pub duplicate_window: Duration,
    /// How long a member of a group may be silent before the others take its partitions over; default "10s", at least
    /// "1s". A process that ends in order leaves at once. Nothing depends on it but how soon work goes on.
    #[serde(deserialize_with = "units::duration")]
    pub session_timeout: Duration,
    /// How long a server may be away before the process ends; default "5m", at least "1s".
    #[serde(deserialize_with = "units::duration")]
    pub patience: Duration,
    /// A JWT and a seed, as `nsc` writes them: `{ file = "/run/secrets/serin.creds" }`.
    pub credentials: Option<Secret>,
    /// The seed of a user nkey.
    pub nkey: Option<Secret>,
    /// The name of a user, who has a `password`.
    pub user: Option<String>,
    /// The password of `user`.
    pub password: Option<Secret>,
    /// A token.
    pub token: Option<Secret>,
    /// A file with the certificates, in PEM, of who may have signed the server's certificate; those of the system by
    /// default.
    pub ca_file: Option<PathBuf>,
    /// A file with our certificate, in PEM, where the server asks for one.
    pub certificate_file: Option<PathBuf>,
    /// A file with the key of `certificate_file`, in PEM.
    pub key_file: Option<PathBuf>,
    /// Whether a server without TLS is refused; default false, and true with a URL of `tls://`.
    pub require_tls: bool,
    /// Topics that are in streams of yours, by name: `[broker.nats.source.payments]`. They are read as they are;
    /// serin writes nothing to them, and changes nothing of them but its own consumers.
    pub source: BTreeMap<String, SourceSettings>,
}

/// A topic that is in a stream of yours, `[broker.nats.source.<topic>]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceSettings {
    /// The stream. Its retention must not be that of a work queue.
    pub stream: String,
    /// The subject of the records; `*` and `>` stand for any. Where there are several partitions, `{partition}`
    /// stands for the number: "payments.{partition}.>".
    pub subject: String,
    /// How many partitions there are, counted from 0 in the subject; default 1. Lanes of one group share them.
    #[serde(default = "one")]
    pub partitions: u32,
}

const fn one() -> u32 {
    1
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            stream: "serin".to_owned(),
            prefix: "serin".to_owned(),
            replicas: 1,
            max_age: None,
            max_bytes: None,
            duplicate_window: Duration::from_secs(120),
            session_timeout: Duration::from_secs(10),
            patience: Duration::from_secs(300),
            credentials: None,
            nkey: None,
            user: None,
            password: None,
            token: None,
            ca_file: None,
            certificate_file: None,
            key_file: None,
            require_tls: false,
            source: BTreeMap::new(),
        }
    }
}

impl Settings {
    /// Adds everything that is wrong with the section, each with its field.
    pub(crate) fn problems(&self, problems: &mut Vec<String>) {
        self.names(problems);
        self.limits(problems);
        self.credentials(problems);
        for (topic, source) in &self.source {
            source.problems(topic, problems);
        }
    }

    fn names(&self, problems: &mut Vec<String>) {
        if !is_stream(&self.stream) {
            problems.push(format!("`nats.stream`: {:?} is not letters, digits, `_` and `-`", self.stream));
        }
        if !is_subject(&self.prefix) || self.prefix.contains(['*', '>', '$']) {
            problems.push(format!("`nats.prefix`: {:?} is not tokens separated by dots", self.prefix));
        }
    }

    fn limits(&self, problems: &mut Vec<String>) {
        if !(1..=5).contains(&self.replicas) {
            problems.push(format!("`nats.replicas`: {} is not in 1..=5", self.replicas));
        }
        let second = Duration::from_secs(1);
        let durations = [
            ("max_age", self.max_age.unwrap_or(Duration::MAX), Duration::from_secs(60)),
            ("duplicate_window", self.duplicate_window, second),
            ("session_timeout", self.session_timeout, second),
            ("patience", self.patience, second),
        ];
        for (field, duration, least) in durations {
            if duration < least {
                problems.push(format!("`nats.{field}`: less than {}s", least.as_secs()));
            }
        }
        if self.max_age.is_some_and(|age| age < self.duplicate_window) {
            problems.push("`nats.duplicate_window`: longer than `nats.max_age`".to_owned());
        }
    }

    fn credentials(&self, problems: &mut Vec<String>) {
        let ways = [
            ("credentials", self.credentials.is_some()),
            ("nkey", self.nkey.is_some()),
            ("user", self.user.is_some()),
            ("token", self.token.is_some()),
        ];
        let given: Vec<_> = ways.iter().filter(|(_, given)| *given).map(|(field, _)| *field).collect();
        if given.len() > 1 {
            problems.push(format!("`nats.{}`: there is also `{}`; use one", given[1], given[0]));
        }
        let pairs = [
            ("user", self.user.is_some(), "password", self.password.is_some()),
            ("certificate_file", self.certificate_file.is_some(), "key_file", self.key_file.is_some()),
        ];
        for (first, has_first, second, has_second) in pairs {
            if has_first != has_second {
                problems.push(format!("`nats.{first}` and `nats.{second}`: one needs the other"));
            }
        }
    }
}

impl SourceSettings {
    /// Returns the subject of one partition.
    pub(crate) fn partition(&self, partition: u32) -> String {
        self.subject.replace(PARTITION, &partition.to_string())
    }

    fn problems(&self, topic: &str, problems: &mut Vec<String>) {
        let mut problem = |field: &str, text: String| {
            problems.push(format!("`nats.source.{topic}{field}`: {text}"));
        };
        if let Err(error) = check_name("topic", topic) {
            problem("", error.to_string());
        }
        if !is_stream(&self.stream) {
            problem(".stream", format!("{:?} is not the name of a stream", self.stream));
        }
        if !is_subject(&self.partition(0)) {
            problem(".subject", format!("{:?} is no subject", self.subject));
        }
        if !(1..=MAX_PARTITIONS).contains(&self.partitions) {
            problem(".partitions", format!("{} is not in 1..={MAX_PARTITIONS}", self.partitions));
        } else if (self.partitions > 1) != self.subject.contains(PARTITION) {
            problem(
                ".subject",
                format!(
                    "{:?} has to contain `{PARTITION}` if there are several, and only then",
                    self.subject
                ),
            );
        }
    }
}

fn is_stream(name: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    (1..=200).contains(&name.len()) && name.bytes().all(legal)
}

fn is_subject(subject: &str) -> bool {
    subject.len() <= 1_000
        && subject
            .split('.')
            .all(|token| !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> Vec<String> {
        let mut problems = Vec::new();
        toml::from_str::<Settings>(text).unwrap().problems(&mut problems);
        problems
    }

    #[test]
    fn section_is_read() {
        let text = r#"
            prefix = "team.serin"
            replicas = 3
            max_age = "30d"
            patience = "1m"
            credentials = { file = "/run/secrets/serin.creds" }
            [source.payments]
            stream = "PAYMENTS"
            subject = "payments.{partition}.>"
            partitions = 8
        "#;
        assert_eq!(problems(text), Vec::<String>::new());
        let settings: Settings = toml::from_str(text).unwrap();
        assert_eq!(settings.source["payments"].partition(3), "payments.3.>");
        assert_eq!((settings.stream.as_str(), settings.session_timeout.as_secs()), ("serin", 10));
        assert_eq!(problems(""), Vec::<String>::new());
    }

    #[test]
    fn all_problems_are_named_at_once() {
        let text = r#"
            stream = "a.b"
            prefix = "a..b"
            replicas = 7
            session_timeout = "10ms"
            user = "me"
            token = "secret"
            key_file = "key"
            [source.payments]
            stream = "PAYMENTS"
            subject = "payments.>"
            partitions = 2
        "#;
        let found = problems(text);
        let expected = [
            "`nats.stream`",
            "`nats.prefix`",
            "`nats.replicas`",
            "`nats.session_timeout`",
            "`nats.token`",
            "`nats.user` and `nats.password`",
            "`nats.certificate_file` and `nats.key_file`",
            "`nats.source.payments.subject`",
        ];
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (problem, field) in found.iter().zip(expected) {
            assert!(problem.starts_with(field), "{problem}");
        }
    }
}
