//! Whether the counts add up, and how the demo reads out.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use analysis::Report;
use anyhow::Context;
use messaging::Broker;
use runtime::Output;
use stream_scorer::{Topics, Totals};

use super::place::Place;
use super::replay::count;
use crate::cli::Format;

/// What was run.
pub(super) struct Run {
    pub(super) events: u64,
    pub(super) with_outcome: u64,
    pub(super) elapsed: Duration,
    pub(super) lanes: Vec<(String, Totals)>,
    pub(super) report: Report,
    pub(super) topics: Topics,
}

/// The counts that must agree, each with what it must be.
pub(super) struct Account {
    pub(super) dead_letters: u64,
    rows: Vec<Row>,
}

struct Row {
    what: String,
    found: u64,
    expected: u64,
}

impl Account {
    /// Counts what is on the topics and in the report against what was in the files.
    pub(super) async fn take(run: &Run, broker: &Broker) -> anyhow::Result<Self> {
        let Topics { input, predictions, shadow_predictions, dead_letters, .. } = &run.topics;
        let dead = count(broker, dead_letters).await?;
        let expected = run.events.checked_sub(dead).context("there are more dead letters than events")?;
        let shadows = run.report.shadows.len() as u64;
        let counts = run.report.counts;
        let row = |what: &str, found, expected| Row { what: what.into(), found, expected };
        let mut rows = vec![
            row("feature events on the log", count(broker, input).await?, run.events),
            row("predictions on the log", count(broker, predictions).await?, expected),
            row("distinct predictions joined", counts.predictions, expected),
            row(
                "shadow predictions on the log",
                count(broker, shadow_predictions).await?,
                expected * shadows,
            ),
            row("duplicate predictions", counts.duplicate_predictions, 0),
            row("unreadable records", counts.undecodable, 0),
            row("events joined with an outcome", run.report.joined_events, run.with_outcome),
        ];
        for shadow in &run.report.shadows {
            rows.push(row(
                &format!("distinct predictions of shadow {}", shadow.version),
                shadow.predictions,
                expected,
            ));
        }
        Ok(Self { dead_letters: dead, rows })
    }

    /// Whether all counts are what they must be.
    pub(super) fn adds_up(&self) -> bool {
        self.rows.iter().all(|row| row.found == row.expected)
    }
}

/// Prints the run, the report and the account.
pub(super) fn print(run: &Run, account: &Account, (format, place): (Format, &Place)) -> anyhow::Result<()> {
    let mut out = Output::stdout();
    match format {
        Format::Json => {
            let counts: serde_json::Map<_, _> = account
                .rows
                .iter()
                .map(|row| (row.what.clone(), serde_json::json!([row.found, row.expected])))
                .collect();
            let lanes: BTreeMap<_, _> = run.lanes.iter().map(|(name, totals)| (name, totals)).collect();
            let answer = serde_json::json!({
                "events": run.events, "dead_letters": account.dead_letters, "seconds": run.elapsed.as_secs_f64(),
                "lanes": lanes, "counts": counts, "adds_up": account.adds_up(), "report": run.report,
            });
            writeln!(out, "{answer:#}")?;
        }
        Format::Text => {
            print_run(run, account, &mut out)?;
            write!(out, "\n{}", analysis::render(&run.report))?;
            print_account(account, &mut out)?;
            if let Some(topic) = place.topic(&run.topics.predictions) {
                writeln!(out, "The predictions are on {topic}, for as long as you leave them there.")?;
            }
            print_next(&mut out)?;
        }
    }
    Ok(out.flush()?)
}

fn print_run(run: &Run, account: &Account, out: &mut impl Write) -> std::io::Result<()> {
    let seconds = run.elapsed.as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a rate needs no more than fifteen digits")]
    let rate = run.events as f64 / seconds.max(1e-9);
    writeln!(out, "\nA month of flights, as a stream")?;
    writeln!(
        out,
        "{} feature events in {seconds:.2} s: {rate:.0} a second through every lane\n",
        run.events
    )?;
    writeln!(
        out,
        "{:<22}{:>10}{:>13}{:>11}{:>14}",
        "lane", "events", "predictions", "fallbacks", "dead letters"
    )?;
    for (name, totals) in &run.lanes {
        let Totals { records, predictions, fallbacks, dead_letters, .. } = totals;
        writeln!(out, "{name:<22}{records:>10}{predictions:>13}{fallbacks:>11}{dead_letters:>14}")?;
    }
    if account.dead_letters > 0 {
        writeln!(out, "{} dead letters are on {}", account.dead_letters, run.topics.dead_letters)?;
    }
    Ok(())
}

fn print_account(account: &Account, out: &mut impl Write) -> std::io::Result<()> {
    if account.adds_up() {
        writeln!(
            out,
            "\nThe counts add up: {} checks, from the files to the joined outcomes.",
            account.rows.len()
        )?;
        return Ok(());
    }
    writeln!(out, "\nThe counts do not add up:")?;
    for Row { what, found, expected } in account.rows.iter().filter(|row| row.found != row.expected) {
        writeln!(out, "  {what}: {found}, should be {expected}")?;
    }
    Ok(())
}

fn print_next(out: &mut impl Write) -> std::io::Result<()> {
    let program = std::env::current_exe().map_or_else(|_| "serin".into(), |path| path.display().to_string());
    writeln!(
        out,
        "
Where to go next (serin is {program})
  serin up --config examples/flights/serin.toml      the same services, waiting for your events
  serin produce FILE.ndjson --topic features --config examples/flights/serin.toml
  serin tail predictions --from-beginning --config examples/flights/serin.toml
  serin model check examples/flights/models/late/mlp-1
  serin experiment check experiments/late-mlp/experiment.toml"
    )
}
