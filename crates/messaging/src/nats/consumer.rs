//! Consumers on the server: what it delivers from.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::Error;
use crate::nats::Shared;
use crate::nats::session::Refusal;
use crate::nats::stream::nanoseconds;

/// There is no such consumer.
const NO_CONSUMER: u64 = 10_014;
/// How long the server keeps a reader's consumer that nobody asks.
const IDLE: Duration = Duration::from_secs(300);
/// How long a durable consumer waits for an acknowledgement before it delivers again. That never helps us, who go
/// back to the position instead.
const ACK_WAIT: Duration = Duration::from_secs(3_600);

/// How far a consumer is.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct Progress {
    #[serde(default)]
    pub(crate) num_pending: u64,
    pub(crate) delivered: Delivered,
}

/// What a consumer has delivered.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct Delivered {
    pub(crate) consumer_seq: u64,
}

/// Which records a consumer delivers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct From<'a> {
    pub(crate) stream: &'a str,
    pub(crate) subject: &'a str,
    pub(crate) offset: u64,
}

/// Creates the durable consumer of a group on a partition, in place of the one that is there: autoscalers read the
/// lag from it, and it stays when nobody takes any more.
pub(crate) async fn create_durable(shared: &Shared, name: &str, from: From<'_>) -> Result<(), Error> {
    let config = json!({
        "durable_name": name,
        "ack_policy": "all",
        "ack_wait": nanoseconds(ACK_WAIT),
        "max_ack_pending": -1,
    });
    delete(shared, from.stream, name).await?;
    create(shared, name, from, config).await.map(drop)
}

/// Creates a consumer that goes by itself.
pub(crate) async fn create_ephemeral(shared: &Shared, name: &str, from: From<'_>) -> Result<Progress, Error> {
    let config = json!({
        "ack_policy": "none",
        "mem_storage": true,
        "num_replicas": 1,
        "inactive_threshold": nanoseconds(IDLE),
    });
    create(shared, name, from, config).await
}

async fn create(shared: &Shared, name: &str, from: From<'_>, mut config: Value) -> Result<Progress, Error> {
    let From { stream, subject, offset } = from;
    config["name"] = name.into();
    config["deliver_policy"] = "by_start_sequence".into();
    config["opt_start_seq"] = offset.max(1).into();
    config["replay_policy"] = "instant".into();
    config["filter_subject"] = subject.into();
    let request = json!({ "stream_name": stream, "config": config });
    let answer = shared.session.ask(&format!("CONSUMER.CREATE.{stream}.{name}.{subject}"), &request).await?;
    answer.map_err(|refusal: Refusal| {
        shared
            .session
            .problem(format!("cannot create consumer `{name}` on stream `{stream}`: {}", refusal.text))
    })
}

/// Returns how far a consumer is, if it is there.
pub(crate) async fn progress(shared: &Shared, stream: &str, name: &str) -> Result<Option<Progress>, Error> {
    let answer = shared.session.ask(&format!("CONSUMER.INFO.{stream}.{name}"), &json!({})).await?;
    match answer {
        Ok(progress) => Ok(Some(progress)),
        Err(refusal) if refusal.error == NO_CONSUMER => Ok(None),
        Err(refusal) => Err(shared.session.problem(format!("consumer `{name}`: {}", refusal.text))),
    }
}

/// Deletes a consumer, if it is there.
pub(crate) async fn delete(shared: &Shared, stream: &str, name: &str) -> Result<(), Error> {
    let answer = shared.session.ask::<Value>(&format!("CONSUMER.DELETE.{stream}.{name}"), &json!({})).await?;
    match answer {
        Err(refusal) if refusal.error != NO_CONSUMER => {
            Err(shared.session.problem(format!("cannot delete consumer `{name}`: {}", refusal.text)))
        }
        _ => Ok(()),
    }
}

/// Counts the records of a subject from an offset on.
pub(crate) async fn count(shared: &Shared, stream: &str, subject: &str, offset: u64) -> Result<u64, Error> {
    let name = shared.session.unique();
    let progress = create_ephemeral(shared, &name, From { stream, subject, offset }).await?;
    delete(shared, stream, &name).await?;
    Ok(progress.num_pending)
}
