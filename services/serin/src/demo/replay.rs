//! The replay: a month of real events and their outcomes, in the order in which they happened.

use std::collections::HashSet;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use bytes::Bytes;
use events::Timestamp;
use flate2::read::GzDecoder;
use messaging::{Broker, Headers, Limits, Output, Start};
use runtime::Shutdown;
use serde_json::Value;
use tokio::time::Instant;

use crate::config::Config;

/// Records that are appended at once.
const CHUNK: usize = 1_000;

/// What one read takes when records are counted.
const LIMITS: Limits = Limits { records: 10_000, bytes: 32 << 20 };

/// Records of two topics, in the order of their times.
pub(super) struct Replay {
    lines: Vec<Line>,
    features: Arc<str>,
    outcomes: Arc<str>,
    /// Feature events in the files.
    pub(super) events: u64,
    /// Feature events with an outcome in the files.
    pub(super) with_outcome: u64,
}

struct Line {
    time: Timestamp,
    is_outcome: bool,
    key: Bytes,
    value: Bytes,
}

/// Where the id, the unit and the time are in a line.
struct Places<'a> {
    id: &'a str,
    unit: &'a str,
    time: &'a str,
}

impl Replay {
    /// Reads the files of the example, by the mappings of its configuration.
    pub(super) fn load(example: &Path, config: &Config) -> anyhow::Result<Self> {
        let mapping = config.scorer.input.event.as_ref().context("the example maps its own events")?;
        let unit = mapping.units.0.first().map(|(_, at)| at.as_str());
        let places =
            Places { id: place(&mapping.id)?, unit: unit.unwrap_or_default(), time: place(&mapping.time)? };
        let outcome = config.outcomes.event.as_ref().context("the example maps its own outcomes")?;
        let outcome_places =
            Places { id: place(&outcome.event)?, unit: places.unit, time: place(&outcome.time)? };
        let data = example.join("data");
        let (mut lines, ids) = read(&data, "features-", &places, false)?;
        let (outcomes, outcome_ids) = read(&data, "outcomes-", &outcome_places, true)?;
        let events = lines.len() as u64;
        lines.extend(outcomes);
        // Stable: at one moment the events stand before the outcomes, and both in the order of their files.
        lines.sort_by_key(|line| (line.time, line.is_outcome));
        let topics = config.topics();
        Ok(Self {
            lines,
            features: topics.input,
            outcomes: topics.outcomes,
            events,
            with_outcome: ids.intersection(&outcome_ids).count() as u64,
        })
    }

    /// Appends what is not on the topics yet, `speed` times as fast as it happened, or at once.
    ///
    /// What is there already was put there by an earlier run: nobody else writes to these topics.
    pub(super) async fn run(
        self,
        broker: &Broker,
        speed: Option<f64>,
        shutdown: &Shutdown,
    ) -> anyhow::Result<()> {
        let (mut features, mut outcomes) =
            (count(broker, &self.features).await?, count(broker, &self.outcomes).await?);
        let mut rest = self.lines.iter().filter(|line| {
            let done = if line.is_outcome { &mut outcomes } else { &mut features };
            let is_done = *done > 0;
            *done -= u64::from(is_done);
            !is_done
        });
        let writer = broker.writer();
        let mut pace: Option<Pace> = None;
        let mut next = rest.next();
        while let Some(first) = next {
            let pace = pace.get_or_insert_with(|| Pace { started: Instant::now(), from: first.time, speed });
            tokio::select! {
                () = shutdown.requested() => return Ok(()),
                () = pace.until(first.time) => {}
            }
            let mut chunk = vec![self.output(first)];
            next = rest.next();
            while let Some(line) = next.filter(|line| chunk.len() < CHUNK && pace.is_due(line.time)) {
                chunk.push(self.output(line));
                next = rest.next();
            }
            writer.append(chunk).await.context("cannot append to the log")?;
        }
        Ok(())
    }

    fn output(&self, line: &Line) -> Output {
        Output {
            topic: Arc::clone(if line.is_outcome { &self.outcomes } else { &self.features }),
            partition: None,
            timestamp: line.time.as_millis(),
            key: Some(line.key.clone()),
            value: Some(line.value.clone()),
            headers: Headers::new(),
        }
    }
}

/// How fast event time passes.
struct Pace {
    started: Instant,
    from: Timestamp,
    speed: Option<f64>,
}

impl Pace {
    async fn until(&self, time: Timestamp) {
        if let Some(due) = self.due(time) {
            tokio::time::sleep_until(due).await;
        }
    }

    fn is_due(&self, time: Timestamp) -> bool {
        self.due(time).is_none_or(|due| due <= Instant::now())
    }

    fn due(&self, time: Timestamp) -> Option<Instant> {
        #[expect(clippy::cast_precision_loss, reason = "a pace need not be exact to the microsecond")]
        let seconds = time.micros_since(self.from).max(0) as f64 / 1e6 / self.speed?;
        Some(self.started + Duration::from_secs_f64(seconds))
    }
}

fn place(pointer: &Option<String>) -> anyhow::Result<&str> {
    pointer.as_deref().context("the example maps ids and times")
}

/// Records on a topic, over all partitions. They are read: offsets may have gaps.
pub(super) async fn count(broker: &Broker, topic: &str) -> anyhow::Result<u64> {
    let counting = async {
        if broker.topic(topic).await?.is_none() {
            return Ok(0);
        }
        let mut reader = broker.reader(&[topic.to_owned()], Start::Earliest).await?;
        reader.stop_at_end().await?;
        let mut count = 0;
        loop {
            match reader.read(LIMITS).await?.len() {
                0 => return Ok(count),
                more => count += more as u64,
            }
        }
    };
    let counted: Result<u64, messaging::Error> = counting.await;
    counted.with_context(|| format!("cannot count topic `{topic}`"))
}

/// The lines of all files in `data` whose names begin with `prefix`, in the order of the names.
fn read(
    data: &Path,
    prefix: &str,
    places: &Places<'_>,
    is_outcome: bool,
) -> anyhow::Result<(Vec<Line>, HashSet<String>)> {
    let unreadable = || {
        format!("cannot read {}: run this in the root of the repository, or name --example", data.display())
    };
    let entries = std::fs::read_dir(data).with_context(unreadable)?;
    let mut files: Vec<_> = entries.collect::<Result<_, _>>().with_context(unreadable)?;
    files.retain(|file| file.file_name().to_string_lossy().starts_with(prefix));
    files.sort_by_key(std::fs::DirEntry::file_name);
    if files.is_empty() {
        bail!("{} has no file {prefix}*.ndjson.gz", data.display());
    }
    let (mut lines, mut ids) = (Vec::new(), HashSet::new());
    for file in files {
        let name = file.path();
        let mut text = String::new();
        let opened = std::fs::File::open(&name).with_context(unreadable)?;
        GzDecoder::new(opened)
            .read_to_string(&mut text)
            .with_context(|| format!("{} is no gzip", name.display()))?;
        for (number, text) in text.lines().enumerate() {
            let (line, id) = parse(text, places, is_outcome)
                .with_context(|| format!("{}, line {}", name.display(), number + 1))?;
            lines.push(line);
            ids.insert(id);
        }
    }
    Ok((lines, ids))
}

fn parse(text: &str, places: &Places<'_>, is_outcome: bool) -> anyhow::Result<(Line, String)> {
    let value: Value = serde_json::from_str(text)?;
    let at = |pointer: &str| {
        value.pointer(pointer).and_then(Value::as_str).with_context(|| format!("no text at {pointer}"))
    };
    let time = Timestamp::parse(at(places.time)?).context("the time is not RFC 3339")?;
    let key = Bytes::copy_from_slice(at(places.unit)?.as_bytes());
    let line = Line { time, is_outcome, key, value: Bytes::copy_from_slice(text.as_bytes()) };
    Ok((line, at(places.id)?.to_owned()))
}
