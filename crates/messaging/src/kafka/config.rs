//! The `[broker.kafka]` section: what only Kafka has.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use runtime::config::Secret;
use serde::Deserialize;

use crate::units;

/// The `[broker.kafka]` section as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// What a commit promises; default `exactly_once`.
    pub guarantee: Guarantee,
    /// The name of this instance among those that share the groups, such as the ordinal of a stateful set; none by
    /// default. With it the members of the groups are static: a restart within the session time-out moves no
    /// partition, and no one takes over before it has run out. Each process needs a name of its own: the second
    /// of two with one name stops the first. Without it members are dynamic and leave when they close.
    pub instance: Option<String>,
    /// What is put before the names of topics and groups; nothing by default. It keeps several installations, or a
    /// demo, apart on one cluster; whoever uses stock tools names the whole topic, such as `staging.features`.
    pub prefix: String,
    /// Whether topics that are not there are created, with `partitions`, `replication`, `compact` and retention as
    /// the configuration says; default false: topics are mostly made by others, and a misspelt name is an error.
    pub create_topics: bool,
    /// How many replicas created topics have; default: what the cluster's own setting `default.replication.factor` says.
    pub replication: Option<u16>,
    /// When the cluster gives a transaction up whose producer is gone; "1s" to "15m", default "10s". Readers of
    /// committed records wait so long behind an instance that was killed. It bounds a commit as well.
    #[serde(deserialize_with = "units::duration")]
    pub transaction_timeout: Duration,
    /// How long a server may be away before a lane or a writer gives up and ends the process; default "5m".
    #[serde(deserialize_with = "units::duration")]
    pub patience: Duration,
    /// Encryption: `[broker.kafka.tls]`; none by default.
    pub tls: Option<Tls>,
    /// Who we are: `[broker.kafka.sasl]`; nobody by default.
    pub sasl: Option<Sasl>,
    /// Options of librdkafka by their own names, set after all others: `[broker.kafka.options]`. Some of them undo
    /// what this section promises (`enable.idempotence`, `isolation.level`, `enable.auto.commit`); those that must not
    /// change are refused.
    pub options: BTreeMap<String, String>,
}

/// What a lane's commit promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Guarantee {
    /// Outputs and position are one transaction. Readers of committed records see each output once.
    #[default]
    ExactlyOnce,
    /// Outputs are acknowledged before the position is written: a crash in between writes them again. For
    /// clusters without transactions, and for readers who count each `prediction_id` once anyway.
    AtLeastOnce,
}

/// Encryption of the connections.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tls {
    /// Certificates of the authorities that servers are checked by, in PEM; default: those of the system.
    pub ca_file: Option<PathBuf>,
    /// Our certificate in PEM, for clusters that ask for one.
    pub certificate_file: Option<PathBuf>,
    /// The key of our certificate in PEM.
    pub key_file: Option<PathBuf>,
    /// The password of the key.
    pub key_password: Option<Secret>,
    /// Whether the names in the servers' certificates must be right; default true. False invites everybody
    /// between us and the servers to listen.
    pub verify_hostname: Option<bool>,
}

/// How we say who we are.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sasl {
    /// The mechanism.
    pub mechanism: SaslMechanism,
    /// The name; for all mechanisms but `OAUTHBEARER`.
    pub username: Option<String>,
    /// The password; for all mechanisms but `OAUTHBEARER`.
    pub password: Option<Secret>,
    /// Where `OAUTHBEARER` gets its tokens: an endpoint of `OpenID` Connect for client credentials.
    pub token_endpoint: Option<String>,
    /// The client's id there.
    pub client_id: Option<String>,
    /// The client's secret there.
    pub client_secret: Option<Secret>,
    /// What the tokens are to be good for, if the endpoint wants to know.
    pub scope: Option<String>,
}

/// A SASL mechanism.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum SaslMechanism {
    /// The password as it is: only with TLS.
    #[serde(rename = "PLAIN")]
    Plain,
    /// Salted challenge and response over SHA-256.
    #[serde(rename = "SCRAM-SHA-256")]
    ScramSha256,
    /// Salted challenge and response over SHA-512.
    #[serde(rename = "SCRAM-SHA-512")]
    ScramSha512,
    /// Tokens of an `OpenID` Connect endpoint.
    #[serde(rename = "OAUTHBEARER")]
    OauthBearer,
}

impl SaslMechanism {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
            Self::OauthBearer => "OAUTHBEARER",
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            guarantee: Guarantee::default(),
            instance: None,
            prefix: String::new(),
            create_topics: false,
            replication: None,
            transaction_timeout: Duration::from_secs(10),
            patience: Duration::from_mins(5),
            tls: None,
            sasl: None,
            options: BTreeMap::new(),
        }
    }
}

/// Options that lanes depend on, and what says the same.
const OWN_OPTIONS: [(&str, &str); 14] = [
    ("bootstrap.servers", "`broker.url`"),
    ("metadata.broker.list", "`broker.url`"),
    ("group.id", "`input.group`"),
    ("group.instance.id", "`broker.kafka.instance`"),
    ("transactional.id", "`broker.kafka.instance`"),
    ("transaction.timeout.ms", "`broker.kafka.transaction_timeout`"),
    ("enable.auto.commit", "nothing: lanes commit"),
    ("enable.auto.offset.store", "nothing: lanes commit"),
    ("auto.offset.reset", "nothing: lanes know where to start"),
    ("enable.partition.eof", "nothing: readers need it"),
    ("isolation.level", "nothing: only committed records are read"),
    ("enable.idempotence", "nothing: producers are idempotent"),
    ("partitioner", "nothing: keys are placed as by JVM producers"),
    ("sasl.password", "`broker.kafka.sasl.password`, which is never printed"),
];

impl Settings {
    pub(crate) fn problems(&self, problems: &mut Vec<String>) {
        let mut add = |field: &str, problem: String| problems.push(format!("`kafka.{field}`: {problem}"));
        let limits = Duration::from_secs(1)..=Duration::from_mins(15);
        if !limits.contains(&self.transaction_timeout) {
            add("transaction_timeout", format!("{:?} is not in 1s..=15m", self.transaction_timeout));
        }
        if self.patience < self.transaction_timeout {
            add("patience", format!("{:?} is less than `transaction_timeout`", self.patience));
        }
        if self.replication == Some(0) {
            add("replication", "0 replicas keep nothing; 3 survive the loss of a server".to_owned());
        }
        let legal = |name: &str| crate::config::check_name("instance", name).is_ok();
        if let Some(instance) = self.instance.as_deref().filter(|instance| !legal(instance)) {
            add(
                "instance",
                format!("{instance:?} is not 1 to 249 of the characters a-z, A-Z, 0-9, `.`, `_` and `-`"),
            );
        }
        if !self.prefix.is_empty() && !legal(&self.prefix) {
            add(
                "prefix",
                format!("{:?} has other characters than a-z, A-Z, 0-9, `.`, `_` and `-`", self.prefix),
            );
        }
        for (option, instead) in OWN_OPTIONS {
            if self.options.contains_key(option) {
                add(&format!("options.\"{option}\""), format!("is set by {instead}"));
            }
        }
        if let Some(sasl) = &self.sasl {
            sasl.problems(&mut add);
        }
        if let Some(tls) =
            self.tls.as_ref().filter(|tls| tls.certificate_file.is_some() != tls.key_file.is_some())
        {
            let missing = if tls.key_file.is_none() { "key_file" } else { "certificate_file" };
            add(&format!("tls.{missing}"), "a certificate and its key are given together".to_owned());
        }
    }
}

impl Sasl {
    fn problems(&self, add: &mut impl FnMut(&str, String)) {
        let is_token = self.mechanism == SaslMechanism::OauthBearer;
        let wanted = [
            ("username", self.username.is_some(), !is_token),
            ("password", self.password.is_some(), !is_token),
            ("token_endpoint", self.token_endpoint.is_some(), is_token),
            ("client_id", self.client_id.is_some(), is_token),
            ("client_secret", self.client_secret.is_some(), is_token),
        ];
        let mechanism = self.mechanism.as_str();
        for (field, is_there, is_wanted) in wanted {
            match (is_there, is_wanted) {
                (false, true) => add(&format!("sasl.{field}"), format!("is needed with {mechanism}")),
                (true, false) => add(&format!("sasl.{field}"), format!("is not used with {mechanism}")),
                _ => {}
            }
        }
    }
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
    fn sound_settings_have_no_problems() {
        let rows = [
            "",
            "instance = \"scorer-0\"\ncreate_topics = true\nreplication = 3\ntransaction_timeout = \"30s\"",
            "[tls]\nca_file = \"/etc/ca.pem\"\n[sasl]\nmechanism = \"SCRAM-SHA-512\"\nusername = \"u\"\npassword = \"p\"",
            "[sasl]\nmechanism = \"OAUTHBEARER\"\ntoken_endpoint = \"https://x\"\nclient_id = \"c\"\nclient_secret = { env = \"S\" }",
            "[options]\n\"linger.ms\" = \"5\"",
        ];
        for text in rows {
            assert_eq!(problems(text), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn each_fault_names_its_field() {
        let rows = [
            ("transaction_timeout = \"10ms\"", "`kafka.transaction_timeout`: 10ms is not in 1s..=15m"),
            ("patience = \"2s\"", "`kafka.patience`: 2s is less than `transaction_timeout`"),
            (
                "replication = 0",
                "`kafka.replication`: 0 replicas keep nothing; 3 survive the loss of a server",
            ),
            ("[options]\n\"group.id\" = \"x\"", "`kafka.options.\"group.id\"`: is set by `input.group`"),
            (
                "[sasl]\nmechanism = \"PLAIN\"\nusername = \"u\"",
                "`kafka.sasl.password`: is needed with PLAIN",
            ),
            (
                "[tls]\ncertificate_file = \"c\"",
                "`kafka.tls.key_file`: a certificate and its key are given together",
            ),
        ];
        for (text, expected) in rows {
            assert_eq!(problems(text), [expected], "{text}");
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        let text = "[sasl]\nmechanism = \"PLAIN\"\nusername = \"u\"\npassword = \"hunter2\"";
        let settings: Settings = toml::from_str(text).unwrap();
        assert!(!format!("{settings:?}").contains("hunter2"));
    }
}
