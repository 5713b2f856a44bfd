//! `serin score`: a file of feature events through a model into a file of scores, line by line and in order.

mod sink;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, anyhow, bail};
use compact_str::CompactString;
use events::{DecodeError, FieldNames, FieldsAt, Limits, Outputs, Row, RowDecoder};
use inference::{Model, ScoreError, Scorer};
use runtime::Shutdown;
use runtime::config::{Problem, Problems};

use self::sink::Sink;
use crate::cli::ScoreArguments;
use crate::lines::{Line, Lines};
use crate::progress::{Progress, eprint_line};

/// The most features that are listed.
const LISTED_MAX: usize = 8;
/// How many lines are scored at once.
const BATCH_LINES: usize = 1_024;

/// Scores every line, and says how many there were and how many could not be scored.
pub(crate) async fn run(
    arguments: ScoreArguments,
    environment: BTreeMap<String, String>,
    shutdown: Shutdown,
) -> anyhow::Result<()> {
    // On a thread of its own: it computes, and a panic of a model is the scorer's to catch, not the runtime's.
    let work = std::thread::Builder::new().name("score".to_owned());
    let work = work.spawn(move || score_file(&arguments, &environment, &shutdown))?;
    let ended = tokio::task::spawn_blocking(move || work.join()).await?;
    ended.map_err(|_| anyhow!("the process met a bug and stopped"))?
}

fn score_file(
    arguments: &ScoreArguments,
    environment: &BTreeMap<String, String>,
    shutdown: &Shutdown,
) -> anyhow::Result<()> {
    let (decoder, limits) = decoder(arguments, environment)?;
    let limit = u64::try_from(limits.payload_bytes).unwrap_or(u64::MAX - 2);
    let mut lines = Lines::open(&arguments.input, limit)?;
    // Told before the work, not after it.
    let mut sink = Sink::open(&arguments.output)?;
    let model = Arc::new(crate::model::load(&arguments.model)?);
    crate::model::warn(&model);
    let started = Instant::now();
    let mut run = Run {
        decoder,
        limits,
        scorer: model.scorer(),
        results: Vec::new(),
        line: Vec::new(),
        unseen: features(&model),
        names: Arc::default(),
        totals: Totals::default(),
    };
    let mut progress = Progress::new(["events".to_owned()], None);
    while run.batch(&mut lines, &mut sink)? {
        progress.show(&[run.totals.lines]);
        if shutdown.is_requested() {
            bail!("stopped after line {}; nothing was written", lines.number);
        }
    }
    progress.finish(&[run.totals.lines]);
    sink.finish()?;
    run.tell_unseen(&model)?;
    run.totals.tell(&model, &lines, started)
}

/// What reads the lines: the mapping of a configuration, or the places on the command line.
fn decoder(
    arguments: &ScoreArguments,
    environment: &BTreeMap<String, String>,
) -> anyhow::Result<(RowDecoder, Limits)> {
    let Some(config) = &arguments.config else {
        let features = FieldsAt::Members(arguments.features.clone());
        let limits = Limits::default();
        let decoder = RowDecoder::new(Some(&arguments.event_id), &features, limits);
        let usage = |faults: Vec<events::MappingError>| {
            let faults: Vec<_> = faults.iter().map(ToString::to_string).collect();
            runtime::entry::Usage(faults.join("; "))
        };
        return Ok((decoder.map_err(usage)?, limits));
    };
    mapped(config, environment)
}

fn mapped(config: &Path, environment: &BTreeMap<String, String>) -> anyhow::Result<(RowDecoder, Limits)> {
    let (document, input) = crate::config::input(config, environment)?;
    let limits = Limits { payload_bytes: input.max_payload.as_usize() };
    let decoder = match &input.event {
        Some(event) => RowDecoder::new(event.id.as_deref(), &event.features, limits),
        None => RowDecoder::new(Some("/event_id"), &FieldsAt::Members("/features".into()), limits),
    };
    let decoder = decoder.map_err(|faults| {
        let mut problems: Problems = document.problems();
        let fault = |fault: &events::MappingError| document.problem("input.event", fault.to_string());
        let faults: Vec<Problem> = faults.iter().map(fault).collect();
        faults.into_iter().for_each(|fault| problems.push(fault));
        problems
    })?;
    Ok((decoder, limits))
}

/// The features that a model reads, each once.
fn features(model: &Model) -> Vec<Arc<str>> {
    let mut features: Vec<_> =
        model.manifest().inputs.iter().map(|input| Arc::clone(&input.feature)).collect();
    features.sort_unstable();
    features.dedup();
    features
}

/// A file on its way through a model.
struct Run {
    decoder: RowDecoder,
    limits: Limits,
    scorer: Scorer,
    results: Vec<Result<Outputs, ScoreError>>,
    /// The line being written.
    line: Vec<u8>,
    /// Features of the model that no event has had so far.
    unseen: Vec<Arc<str>>,
    /// The names of the event before.
    names: Arc<FieldNames>,
    totals: Totals,
}

/// What came of the lines.
#[derive(Debug, Default)]
struct Totals {
    lines: u64,
    failed: u64,
    /// The first line that failed, and why.
    first: Option<(u64, String)>,
}

impl Run {
    /// Scores the next lines; false at the end of the file.
    fn batch(&mut self, lines: &mut Lines, sink: &mut Sink) -> anyhow::Result<bool> {
        let mut rows = Vec::with_capacity(BATCH_LINES);
        while rows.len() < BATCH_LINES {
            let Some(line) = lines.next()? else { break };
            rows.push((lines.number, self.decode(&line)));
        }
        let features = rows.iter().filter_map(|(_, row)| row.features.as_ref().ok());
        self.scorer.score(features, &mut self.results);
        let mut results = std::mem::take(&mut self.results).into_iter();
        for (number, Row { event_id, features }) in &rows {
            features.iter().for_each(|features| self.see(features.names()));
            let scored = match features {
                // There is a result for each row that was read.
                Ok(_) => results.next().map(|result| result.map_err(|error| error.to_string())),
                Err(error) => Some(Err(error.to_string())),
            };
            self.write(*number, event_id.as_ref(), scored.unwrap_or_else(|| Err(String::new())), sink)?;
        }
        Ok(!rows.is_empty())
    }

    fn decode(&mut self, line: &Line) -> Row {
        match line {
            Line::Whole(line) => self.decoder.decode(line),
            Line::TooLong => {
                let limit = self.limits.payload_bytes;
                Row { event_id: None, features: Err(DecodeError::TooLarge { size: limit + 1, limit }) }
            }
        }
    }

    /// Notes which features an event has. Events of one shape share their names, and are looked at once.
    fn see(&mut self, names: &Arc<FieldNames>) {
        if !Arc::ptr_eq(&self.names, names) && !self.unseen.is_empty() {
            self.unseen.retain(|feature| names.position(feature).is_none());
        }
        self.names = Arc::clone(names);
    }

    /// Says which features of the model no event had: they were missing everywhere, or are called otherwise. An error
    /// where that is all of them: then every score is one of nothing.
    fn tell_unseen(&self, model: &Model) -> anyhow::Result<()> {
        let scored = self.totals.lines - self.totals.failed;
        if scored == 0 || self.unseen.is_empty() {
            return Ok(());
        }
        let listed: Vec<_> = self.unseen.iter().take(LISTED_MAX).map(|name| format!("`{name}`")).collect();
        let (listed, count) = (listed.join(", "), self.unseen.len());
        if count == features(model).len() {
            bail!(
                "no event has any of the features that the model reads, such as {listed}: {scored} scores of nothing"
            );
        }
        eprint_line(&format!("note: {count} features of the model are in none of the events: {listed}"));
        Ok(())
    }

    /// Writes what came of a line.
    fn write(
        &mut self,
        number: u64,
        event_id: Option<&CompactString>,
        scored: Result<Outputs, String>,
        sink: &mut Sink,
    ) -> anyhow::Result<()> {
        self.totals.lines += 1;
        let line = &mut self.line;
        line.clear();
        line.extend_from_slice(b"{\"event_id\":");
        serde_json::to_writer(&mut *line, &event_id)?;
        match scored {
            Ok(outputs) => {
                for (name, value) in outputs.iter() {
                    write!(line, ",\"{name}\":")?;
                    serde_json::to_writer(&mut *line, &value)?;
                }
            }
            Err(error) => {
                write!(line, ",\"line\":{number},\"error\":")?;
                serde_json::to_writer(&mut *line, &error)?;
                self.totals.failed += 1;
                self.totals.first.get_or_insert((number, error));
            }
        }
        line.extend_from_slice(b"}\n");
        sink.write_all(line).with_context(|| format!("cannot write {sink}"))
    }
}

impl Totals {
    /// Says what came of the file; an error where a line of it could not be scored.
    fn tell(&self, model: &Model, lines: &Lines, started: Instant) -> anyhow::Result<()> {
        let (total, failed) = (self.lines, self.failed);
        let skipped = match lines.empty {
            0 => String::new(),
            empty => format!("; {empty} empty lines passed over"),
        };
        let seconds = started.elapsed().as_secs_f64();
        let (name, version) = (model.name(), model.version());
        let scored = total - failed;
        eprint_line(&format!(
            "{scored} events scored by {name}, version {version}, in {seconds:.1} s{skipped}"
        ));
        match &self.first {
            None => Ok(()),
            Some((line, error)) => Err(anyhow!("line {line}: {error}")
                .context(format!("{failed} of {total} events could not be scored; their lines say why"))),
        }
    }
}
