//! The table of runs, as a document.

use std::fmt::Write as _;
use std::sync::Mutex;

use crate::server::Kind;
use crate::stories::runs;

/// What one run came to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Row {
    pub(crate) fault: &'static str,
    pub(crate) kind: Kind,
    /// How often the fault was injected.
    pub(crate) injected: usize,
    pub(crate) events: usize,
    pub(crate) dead_letters: usize,
    pub(crate) violations: usize,
}

static ROWS: Mutex<Vec<Row>> = Mutex::new(Vec::new());

/// Puts a run on the table, and writes the document anew where one is asked for: with the last run it is whole.
pub(crate) fn record(row: Row) {
    let mut rows = ROWS.lock().unwrap();
    rows.push(row);
    rows.sort();
    if let Some(file) = std::env::var_os("SERIN_FAULT_RESULTS").filter(|file| !file.is_empty()) {
        std::fs::write(file, document(&rows)).unwrap();
    }
}

fn document(rows: &[Row]) -> String {
    let mut text = format!(
        "{HEAD}\nThis table is of a run with `SERIN_FAULT_RUNS={}`, on {}, on {} cores.\n\n",
        runs(),
        versions(),
        std::thread::available_parallelism().map_or(1, usize::from),
    );
    text += "| fault | broker | injected | events checked | dead letters among them | violations |\n";
    text += "|---|---|---:|---:|---:|---:|\n";
    for Row { fault, kind, injected, events, dead_letters, violations } in rows {
        let broker = kind.name();
        writeln!(text, "| {fault} | {broker} | {injected} | {events} | {dead_letters} | {violations} |")
            .unwrap();
    }
    let sum = |of: fn(&Row) -> usize| rows.iter().map(of).sum::<usize>();
    let (injected, events) = (sum(|row| row.injected), sum(|row| row.events));
    let (dead_letters, violations) = (sum(|row| row.dead_letters), sum(|row| row.violations));
    writeln!(
        text,
        "| **{} runs** | | {injected} | {events} | {dead_letters} | **{violations}** |",
        rows.len()
    )
    .unwrap();
    text
}

/// The servers' versions, as they are fetched by.
fn versions() -> String {
    let all = include_str!("../servers/versions");
    let version =
        |name: &str| all.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('=')).unwrap();
    format!("Apache Kafka {} and nats-server {}", version("KAFKA"), version("NATS"))
}

const HEAD: &str = include_str!("results.head.md");
