//! `serin tail`: the records of a topic, as they come.

use std::collections::BTreeMap;
use std::io::Write;

use anyhow::Context;
use messaging::{Record, Start};
use runtime::{Output, Shutdown};
use serde_json::{Value, json};

use crate::cli::{Format, TailArguments};
use crate::client;

/// Prints records until there are enough of them, or until it is stopped.
pub(crate) async fn run(
    arguments: TailArguments,
    environment: BTreeMap<String, String>,
    shutdown: Shutdown,
) -> anyhow::Result<()> {
    let broker = client::connect(&arguments.broker, &environment).await?;
    if broker.topic(&arguments.topic).await.context("cannot look for the topic")?.is_none() {
        let topics = broker.topics().await.context("cannot list the topics")?;
        let names: Vec<_> = topics.iter().map(|topic| &*topic.name).collect();
        let known = if names.is_empty() {
            "there are none yet".into()
        } else {
            format!("topics: {}", names.join(", "))
        };
        anyhow::bail!("there is no topic \"{}\" ({known})", arguments.topic);
    }
    let start = if arguments.from_beginning || arguments.until_end { Start::Earliest } else { Start::Latest };
    let mut reader = broker.reader(std::slice::from_ref(&arguments.topic), start).await?;
    if arguments.until_end {
        reader.stop_at_end().await?;
    }
    let mut out = Output::stdout();
    let mut left = arguments.count.unwrap_or(u64::MAX);
    while left > 0 {
        let records = tokio::select! {
            () = shutdown.requested() => break,
            records = reader.read(client::LIMITS) => records.context("cannot read the topic")?,
        };
        if records.is_empty() {
            break;
        }
        for record in records {
            if left == 0 {
                break;
            }
            print(&record, arguments.format, &mut out)?;
            left -= 1;
        }
        out.flush()?;
    }
    drop(reader);
    broker.close().await;
    Ok(())
}

fn print(record: &Record, format: Format, out: &mut impl Write) -> anyhow::Result<()> {
    match format {
        // As it came: the values of serin's topics are lines of JSON, unless Avro was asked for.
        Format::Text => out.write_all(record.value.as_deref().unwrap_or_default())?,
        Format::Json => serde_json::to_writer(&mut *out, &place(record))?,
    }
    writeln!(out)?;
    Ok(())
}

fn place(record: &Record) -> Value {
    let headers: Vec<_> = record
        .headers
        .iter()
        .map(|header| json!({ "name": &*header.name, "value": show(&header.value) }))
        .collect();
    json!({
        "topic": &*record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "timestamp": record.timestamp,
        "key": record.key.as_deref().map(show),
        "headers": headers,
        "value": record.value.as_deref().map(show_value),
    })
}

/// JSON as it is, anything else as text.
fn show_value(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap_or_else(|_| show(bytes))
}

/// Text as it is; bytes that are no text as a list of numbers.
fn show(bytes: &[u8]) -> Value {
    std::str::from_utf8(bytes).map_or_else(|_| json!(bytes), |text| json!(text))
}
