//! The stream that holds what serin writes: made where it is not there, and asked what it can do.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::config::Config;
use crate::error::Error;
use crate::nats::session::Session;
use crate::nats::subject::Prefix;

/// There is no such stream.
pub(crate) const NO_STREAM: u64 = 10_059;

/// From this server on, a batch may be committed atomically, each position under its own condition.
const ATOMIC_SINCE: (u64, u64, u64) = (2, 12, 1);

/// The metadata that tells a stream of ours from one of somebody else.
const OWNER: (&str, &str) = ("created-by", "serin");

/// What can be promised for what a lane commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Guarantee {
    /// Outputs and position are stored together or not at all.
    Atomic,
    /// Outputs are stored before the position: after a crash in between they are stored again.
    AtLeastOnce,
}

/// What the stream can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Abilities {
    pub(crate) guarantee: Guarantee,
    /// Whether a new position may replace the ones before it.
    pub(crate) rollup: bool,
    /// The largest message, headers included.
    pub(crate) max_message: usize,
    /// Whether records are dropped some day, positions among them.
    pub(crate) has_limits: bool,
}

#[derive(Debug, Deserialize)]
struct Info {
    config: Value,
}

/// Finds the stream, or creates it, and says what it can do.
pub(crate) async fn prepare(session: &Session, config: &Config) -> Result<Abilities, Error> {
    let version = version(session);
    if version < (2, 10, 0) {
        let found = &session.client.server_info().version;
        return Err(session.problem(format!("server {found} is too old; 2.10 or later is needed")));
    }
    let stream = &config.nats.stream;
    let created = wanted(config, version >= ATOMIC_SINCE);
    let info = match session.ask_first::<Info>(&format!("STREAM.INFO.{stream}"), &json!({})).await? {
        Ok(info) => upgrade(session, info, version).await?,
        Err(refusal) if refusal.error == NO_STREAM => create(session, stream, &created).await?,
        Err(refusal) => return Err(session.problem(format!("stream `{stream}`: {}", refusal.text))),
    };
    let abilities = abilities(session, config, &info.config, version)?;
    match abilities.guarantee {
        Guarantee::Atomic => tracing::info!(stream, "commits are atomic"),
        Guarantee::AtLeastOnce => tracing::warn!(
            stream,
            server = session.client.server_info().version,
            "commits are at-least-once: after a crash, some outputs are written again; atomic ones need server 2.12.1 \
             and `allow_atomic` of the stream"
        ),
    }
    Ok(abilities)
}

fn version(session: &Session) -> (u64, u64, u64) {
    let version = session.client.server_info().version;
    let mut numbers = version.split(['.', '-', '+']).map(|number| number.parse().unwrap_or(0));
    let mut next = || numbers.next().unwrap_or(0);
    (next(), next(), next())
}

fn wanted(config: &Config, atomic: bool) -> Value {
    let settings = &config.nats;
    let (source, destination) = Prefix(settings.prefix.clone()).keyed(config.partitions);
    let mut wanted = json!({
        "name": settings.stream,
        "description": "topics and positions of serin",
        "subjects": [Prefix(settings.prefix.clone()).all()],
        "storage": "file",
        "retention": "limits",
        "discard": "old",
        "num_replicas": settings.replicas,
        "max_age": settings.max_age.map_or(0, nanoseconds),
        "max_bytes": settings.max_bytes.map_or(-1, |bytes| i64::try_from(bytes).unwrap_or(i64::MAX)),
        "max_msgs": -1,
        "max_consumers": -1,
        "duplicate_window": nanoseconds(settings.duplicate_window),
        "allow_direct": true,
        "allow_rollup_hdrs": true,
        "subject_transform": { "src": source, "dest": destination },
        "metadata": { OWNER.0: OWNER.1 },
    });
    if atomic {
        wanted["allow_atomic"] = true.into();
    }
    wanted
}

pub(crate) fn nanoseconds(duration: std::time::Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

async fn create(session: &Session, stream: &str, wanted: &Value) -> Result<Info, Error> {
    let created = session.ask::<Info>(&format!("STREAM.CREATE.{stream}"), wanted).await?;
    created.map_err(|refusal| session.problem(format!("cannot create stream `{stream}`: {}", refusal.text)))
}

/// Lets a stream of ours that an older server created commit atomically, now that the server can.
async fn upgrade(session: &Session, info: Info, version: (u64, u64, u64)) -> Result<Info, Error> {
    let Info { mut config } = info;
    let is_ours = config["metadata"][OWNER.0] == OWNER.1;
    if version < ATOMIC_SINCE || !is_ours || config["allow_atomic"] == true {
        return Ok(Info { config });
    }
    config["allow_atomic"] = true.into();
    let stream = config["name"].as_str().unwrap_or_default().to_owned();
    let updated = session.ask::<Info>(&format!("STREAM.UPDATE.{stream}"), &config).await?;
    updated.map_err(|refusal| session.problem(format!("cannot update stream `{stream}`: {}", refusal.text)))
}

fn abilities(
    session: &Session,
    config: &Config,
    found: &Value,
    version: (u64, u64, u64),
) -> Result<Abilities, Error> {
    let (stream, all) = (&config.nats.stream, Prefix(config.nats.prefix.clone()).all());
    let refuse = |problem: String| Err(session.problem(format!("stream `{stream}` {problem}")));
    let subjects = found["subjects"].as_array().map(Vec::as_slice).unwrap_or_default();
    if !subjects.iter().any(|subject| *subject == all) {
        return refuse(format!("does not have the subjects `{all}`; choose another `stream` or `prefix`"));
    }
    if found["retention"] != "limits" {
        return refuse(format!("has retention {}, not \"limits\"", found["retention"]));
    }
    if found["max_msgs_per_subject"].as_i64().unwrap_or(-1) > 0 {
        return refuse("has `max_msgs_per_subject`, which drops records of a partition".to_owned());
    }
    let is_atomic =
        version >= ATOMIC_SINCE && found["allow_atomic"] == true && found["persist_mode"] != "async";
    let payload = session.client.max_payload();
    let max_message = found["max_msg_size"]
        .as_u64()
        .map_or(payload, |size| usize::try_from(size).map_or(payload, |size| size.min(payload)));
    Ok(Abilities {
        guarantee: if is_atomic { Guarantee::Atomic } else { Guarantee::AtLeastOnce },
        rollup: found["allow_rollup_hdrs"] == true,
        max_message,
        has_limits: ["max_age", "max_bytes", "max_msgs"]
            .iter()
            .any(|limit| found[*limit].as_i64().unwrap_or(0) > 0),
    })
}
