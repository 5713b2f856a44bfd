//! Clients of the cluster: how they are configured, and what they say.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use runtime::config::{Secret, SecretError};

use crate::config::Config;
use crate::error::Error;
use crate::kafka::config::{Sasl, SaslMechanism, Settings, Tls};

/// How often it is said that no server can be reached, as long as that lasts.
const SAY_AGAIN: Duration = Duration::from_secs(10);

/// A client that does nothing but say in our log what it has to say.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Quiet;

impl ClientContext for Quiet {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        report(&error, reason);
    }
}

impl ConsumerContext for Quiet {}

/// Passes on what librdkafka logs.
pub(crate) fn log(level: RDKafkaLogLevel, facility: &str, message: &str) {
    match level {
        RDKafkaLogLevel::Emerg
        | RDKafkaLogLevel::Alert
        | RDKafkaLogLevel::Critical
        | RDKafkaLogLevel::Error => tracing::warn!(facility, "kafka client: {message}"),
        RDKafkaLogLevel::Warning | RDKafkaLogLevel::Notice => {
            tracing::info!(facility, "kafka client: {message}");
        }
        RDKafkaLogLevel::Info | RDKafkaLogLevel::Debug => {
            tracing::debug!(facility, "kafka client: {message}");
        }
    }
}

/// Passes on an error that concerns the whole client. Connections come and go, and librdkafka mends them by itself.
pub(crate) fn report(error: &KafkaError, reason: &str) {
    match error.rdkafka_error_code() {
        Some(RDKafkaErrorCode::AllBrokersDown) if is_news() => {
            tracing::warn!("no kafka server can be reached: {reason}");
        }
        Some(RDKafkaErrorCode::AllBrokersDown) => {
            tracing::debug!("no kafka server can be reached: {reason}");
        }
        _ => tracing::info!("kafka client: {error}: {reason}"),
    }
}

/// Whether it was said long enough ago that no server can be reached: every client of the process says it, and says it
/// again with every attempt.
fn is_news() -> bool {
    static LAST: Mutex<Option<Instant>> = Mutex::new(None);
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    let is_news = last.is_none_or(|last| last.elapsed() >= SAY_AGAIN);
    if is_news {
        *last = Some(Instant::now());
    }
    is_news
}

/// What all clients of a cluster have in common.
///
/// # Errors
/// [`Error::Config`] if a secret cannot be had.
pub(crate) fn base(config: &Config, servers: &str) -> Result<ClientConfig, Error> {
    let settings = &config.kafka;
    let mut client = ClientConfig::new();
    let version = concat!("serin-", env!("CARGO_PKG_VERSION"));
    client.set("bootstrap.servers", servers).set("client.id", version);
    client.set("message.max.bytes", largest_message(config.max_record_bytes).to_string());
    client.set("socket.keepalive.enable", "true");
    client.set("reconnect.backoff.max.ms", "2000");
    set_security(&mut client, settings)
        .map_err(|fault| Error::Config { problems: vec![fault.to_string()] })?;
    Ok(client)
}

/// The largest message that holds a record of the largest size, in bytes: a record that was taken must be writable
/// again, with what a dead letter adds, and what Kafka's format adds to a single record.
pub(crate) fn largest_message(max_record_bytes: u64) -> u64 {
    const FORMAT_BYTES: u64 = 8 << 10;
    max_record_bytes + crate::config::COMMIT_HEADROOM_BYTES + FORMAT_BYTES
}

/// A client that reads committed records and commits nothing by itself, from `base`.
pub(crate) fn reading(base: &ClientConfig, config: &Config, group: &str) -> ClientConfig {
    let mut client = base.clone();
    client
        .set("group.id", group)
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("isolation.level", "read_committed")
        .set("auto.offset.reset", "earliest")
        .set("queued.max.messages.kbytes", queue_kbytes(config));
    client
}

/// A client that writes each record once and places it as JVM producers do, from `base`.
pub(crate) fn writing(base: &ClientConfig, config: &Config, timeout: Duration) -> ClientConfig {
    let mut client = base.clone();
    client
        .set("enable.idempotence", "true")
        .set("partitioner", "murmur2_random")
        .set("compression.type", "lz4")
        .set("message.timeout.ms", millis(timeout))
        .set("queue.buffering.max.kbytes", queue_kbytes(config));
    client
}

/// The bound of a client's own queue, within what librdkafka takes.
fn queue_kbytes(config: &Config) -> String {
    (config.queue_bytes / 1_024).clamp(1_024, 2_000_000).to_string()
}

/// Adds the options that the configuration gives by their own names. They come last, so that they win.
pub(crate) fn with_options(mut client: ClientConfig, settings: &Settings) -> ClientConfig {
    for (name, value) in &settings.options {
        client.set(name, value);
    }
    client
}

fn set_security(client: &mut ClientConfig, settings: &Settings) -> Result<(), SecretError> {
    let protocol = match (&settings.tls, &settings.sasl) {
        (None, None) => return Ok(()),
        (Some(_), None) => "ssl",
        (None, Some(_)) => "sasl_plaintext",
        (Some(_), Some(_)) => "sasl_ssl",
    };
    client.set("security.protocol", protocol);
    let environment = std::env::vars().collect();
    if let Some(tls) = &settings.tls {
        set_tls(client, tls, &environment)?;
    }
    if let Some(sasl) = &settings.sasl {
        set_sasl(client, sasl, &environment)?;
    }
    Ok(())
}

type Environment = BTreeMap<String, String>;

fn set_tls(client: &mut ClientConfig, tls: &Tls, environment: &Environment) -> Result<(), SecretError> {
    let files = [
        ("ssl.ca.location", &tls.ca_file),
        ("ssl.certificate.location", &tls.certificate_file),
        ("ssl.key.location", &tls.key_file),
    ];
    for (name, file) in files {
        if let Some(file) = file {
            client.set(name, file.to_string_lossy());
        }
    }
    if tls.verify_hostname == Some(false) {
        client.set("ssl.endpoint.identification.algorithm", "none");
    }
    set_secret(client, "ssl.key.password", tls.key_password.as_ref(), environment)
}

fn set_sasl(client: &mut ClientConfig, sasl: &Sasl, environment: &Environment) -> Result<(), SecretError> {
    client.set("sasl.mechanism", sasl.mechanism.as_str());
    if sasl.mechanism == SaslMechanism::OauthBearer {
        client.set("sasl.oauthbearer.method", "oidc");
    }
    let texts = [
        ("sasl.username", &sasl.username),
        ("sasl.oauthbearer.token.endpoint.url", &sasl.token_endpoint),
        ("sasl.oauthbearer.client.id", &sasl.client_id),
        ("sasl.oauthbearer.scope", &sasl.scope),
    ];
    for (name, text) in texts {
        if let Some(text) = text {
            client.set(name, text);
        }
    }
    set_secret(client, "sasl.password", sasl.password.as_ref(), environment)?;
    set_secret(client, "sasl.oauthbearer.client.secret", sasl.client_secret.as_ref(), environment)
}

fn set_secret(
    client: &mut ClientConfig,
    name: &str,
    secret: Option<&Secret>,
    environment: &Environment,
) -> Result<(), SecretError> {
    if let Some(secret) = secret {
        client.set(name, secret.reveal(environment)?);
    }
    Ok(())
}

/// A time as librdkafka takes it.
pub(crate) fn millis(time: Duration) -> String {
    time.as_millis().to_string()
}

/// Whether an error will not go away by itself: the cluster knows us and says no.
pub(crate) fn is_refusal(code: RDKafkaErrorCode) -> bool {
    matches!(
        code,
        RDKafkaErrorCode::TopicAuthorizationFailed
            | RDKafkaErrorCode::GroupAuthorizationFailed
            | RDKafkaErrorCode::ClusterAuthorizationFailed
            | RDKafkaErrorCode::TransactionalIdAuthorizationFailed
            | RDKafkaErrorCode::SaslAuthenticationFailed
            | RDKafkaErrorCode::Authentication
            | RDKafkaErrorCode::UnsupportedVersion
            | RDKafkaErrorCode::UnsupportedFeature
            | RDKafkaErrorCode::InvalidTransactionTimeout
            | RDKafkaErrorCode::FencedInstanceId
    )
}
