//! `serin produce`: the lines of a file, as records.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use messaging::{Headers, Output};
use runtime::{Clock, Shutdown};

use crate::cli::ProduceArguments;
use crate::client;
use crate::progress::{Progress, eprint_line};

/// The longest line: what a topic takes at the most.
const LINE_BYTES_MAX: u64 = messaging::MAX_RECORD_BYTES;

/// Appends every line, in the order of the file, and says how many there were.
pub(crate) async fn run(
    arguments: ProduceArguments,
    environment: BTreeMap<String, String>,
    shutdown: Shutdown,
) -> anyhow::Result<()> {
    let mut lines = Lines::open(&arguments.file)?;
    let broker = client::connect(&arguments.broker, &environment).await?;
    let writer = broker.writer();
    let topic: Arc<str> = arguments.topic.as_str().into();
    let mut progress = Progress::new([arguments.topic.clone()], None);
    let mut produced: u64 = 0;
    while !shutdown.is_requested() {
        let mut records = Vec::new();
        let mut bytes = 0;
        while records.len() < client::LIMITS.records && bytes < client::LIMITS.bytes {
            let Some(line) = lines.next()? else { break };
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

/// The lines of a file, without their ends.
struct Lines {
    from: Box<dyn BufRead + Send>,
    number: u64,
    empty: u64,
}

impl Lines {
    fn open(path: &Path) -> anyhow::Result<Self> {
        let from: Box<dyn BufRead + Send> = if path.as_os_str() == "-" {
            Box::new(BufReader::new(std::io::stdin()))
        } else {
            let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
            if path.extension().is_some_and(|extension| extension == "gz") {
                Box::new(BufReader::new(MultiGzDecoder::new(file)))
            } else {
                Box::new(BufReader::new(file))
            }
        };
        Ok(Self { from, number: 0, empty: 0 })
    }

    /// The next line that is not empty.
    fn next(&mut self) -> anyhow::Result<Option<Vec<u8>>> {
        loop {
            let mut line = Vec::new();
            self.number += 1;
            let read = (&mut self.from)
                .take(LINE_BYTES_MAX + 1)
                .read_until(b'\n', &mut line)
                .with_context(|| format!("line {}", self.number))?;
            if read == 0 {
                return Ok(None);
            }
            while line.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')) {
                line.pop();
            }
            if line.len() as u64 > LINE_BYTES_MAX {
                bail!("line {}: longer than {LINE_BYTES_MAX} bytes", self.number);
            }
            if !line.is_empty() {
                return Ok(Some(line));
            }
            self.empty += 1;
        }
    }
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
