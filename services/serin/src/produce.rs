//! `serin produce`: the lines of a file, as records.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context, bail};
use bytes::Bytes;
use messaging::{Headers, Output};
use runtime::{Clock, Shutdown};

use crate::cli::ProduceArguments;
use crate::client;
use crate::lines::{Line, Lines};
use crate::progress::{Progress, eprint_line};

/// The longest line: what a topic takes at the most.
const LINE_BYTES_MAX: u64 = messaging::MAX_RECORD_BYTES;

/// Appends every line, in the order of the file, and says how many there were.
pub(crate) async fn run(
    arguments: ProduceArguments,
    environment: BTreeMap<String, String>,
    shutdown: Shutdown,
) -> anyhow::Result<()> {
    let mut lines = Lines::open(&arguments.file, LINE_BYTES_MAX)?;
    let broker = client::connect(&arguments.broker, &environment).await?;
    let writer = broker.writer();
    let topic: Arc<str> = arguments.topic.as_str().into();
    let mut progress = Progress::new([arguments.topic.clone()], None);
    let mut produced: u64 = 0;
    while !shutdown.is_requested() {
        let mut records = Vec::new();
        let mut bytes = 0;
        while records.len() < client::LIMITS.records && bytes < client::LIMITS.bytes {
            let line = match lines.next()? {
                Some(Line::Whole(line)) => line,
                Some(Line::TooLong) => bail!("line {}: longer than {LINE_BYTES_MAX} bytes", lines.number),
                None => break,
            };
            bytes += line.len();
            records.push(record(&topic, line, arguments.key.as_deref(), lines.number)?);
        }
        let Some(count) = u64::try_from(records.len()).ok().filter(|count| *count > 0) else { break };
        writer.append(records).await.with_context(|| format!("after {produced} records"))?;
        produced += count;
        progress.show(&[produced]);
    }
    progress.finish(&[produced]);
    broker.close().await;
    let skipped =
        if lines.empty > 0 { format!("; {} empty lines passed over", lines.empty) } else { String::new() };
    eprint_line(&format!("{produced} records on {topic}{skipped}"));
    Ok(())
}

fn record(topic: &Arc<str>, line: Vec<u8>, key: Option<&str>, number: u64) -> anyhow::Result<Output> {
    let key =
        key.map(|member| find_key(&line, member).with_context(|| format!("line {number}"))).transpose()?;
    Ok(Output {
        topic: Arc::clone(topic),
        partition: None,
        timestamp: Clock::System.now_micros() / 1_000,
        key,
        value: Some(line.into()),
        headers: Headers::new(),
    })
}

fn find_key(line: &[u8], member: &str) -> anyhow::Result<Bytes> {
    let object: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(line).context("--key needs lines that are JSON objects")?;
    match object.get(member) {
        Some(serde_json::Value::String(text)) => Ok(Bytes::copy_from_slice(text.as_bytes())),
        Some(serde_json::Value::Number(number)) => Ok(number.to_string().into()),
        Some(other) => bail!("--key {member}: {other} is neither text nor a number"),
        None => bail!("--key {member}: no such member"),
    }
}
