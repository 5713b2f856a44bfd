//! Simulations of whole experiments that are looked at all the time, with a known truth.
//!
//! The usual run is bounded; `make bench-statistics` makes ten times as many experiments, four times as long, and
//! writes the table into docs/statistics.md. Seeds are fixed: each number is the same in every run of the same size.

mod peeking;
mod planned;

use std::fmt::Write as _;

use super::random::Random;

const ALPHA: f64 = 0.05;

/// How many experiments, and how many units in each.
#[derive(Clone, Copy)]
struct Size {
    runs: u32,
    units: u32,
}

impl Size {
    fn of_this_run() -> Self {
        if results().is_some() {
            Self { runs: 10_000, units: 12_000 }
        } else {
            Self { runs: 1_000, units: 3_000 }
        }
    }
}

fn results() -> Option<String> {
    std::env::var("SERIN_STATISTICS_RESULTS").ok()
}

/// What a row of the table promises of its rate.
#[derive(Clone, Copy)]
enum Promise {
    /// No more often than this, but for chance.
    AtMost(f64),
    /// This often, but for chance.
    About(f64),
    /// At least this often, but for chance.
    AtLeast(f64),
    /// A warning: much more often than this.
    FarAbove(f64),
}

/// How often something happened in experiments of which the truth is known.
struct Row {
    story: &'static str,
    method: &'static str,
    promise: Promise,
    rate: f64,
    runs: u32,
}

impl Row {
    fn new(story: &'static str, method: &'static str, promise: Promise, count: u32, runs: u32) -> Self {
        Self { story, method, promise, rate: f64::from(count) / f64::from(runs), runs }
    }

    /// Four standard deviations of the rate that is promised.
    fn holds(&self) -> bool {
        let chance = |rate: f64| 4.0 * (rate * (1.0 - rate) / f64::from(self.runs)).sqrt();
        match self.promise {
            Promise::AtMost(rate) => self.rate <= rate + chance(rate),
            Promise::About(rate) => (self.rate - rate).abs() <= chance(rate),
            Promise::AtLeast(rate) => self.rate >= rate - chance(rate),
            Promise::FarAbove(rate) => self.rate > 2.0 * rate,
        }
    }

    fn text(&self) -> String {
        let promise = match self.promise {
            Promise::AtMost(rate) => format!("at most {:.1} %", 100.0 * rate),
            Promise::About(rate) => format!("{:.1} %", 100.0 * rate),
            Promise::AtLeast(rate) => format!("at least {:.1} %", 100.0 * rate),
            Promise::FarAbove(rate) => format!("not {:.1} %", 100.0 * rate),
        };
        format!("| {} | {} | {promise} | {:.2} % |", self.story, self.method, 100.0 * self.rate)
    }
}

#[test]
fn rates_are_as_promised_where_the_truth_is_known() {
    let size = Size::of_this_run();
    let rows: Vec<Row> = peeking::rows(size).into_iter().chain(planned::rows(size)).collect();
    let broken: Vec<String> = rows.iter().filter(|row| !row.holds()).map(Row::text).collect();
    if let Some(path) = results() {
        write(&path, size, &rows);
    }
    assert!(broken.is_empty(), "{} of {} rows\n{}", broken.len(), rows.len(), broken.join("\n"));
}

/// Puts the table in place of the one that is in the document.
fn write(path: &str, size: Size, rows: &[Row]) {
    const BEGIN: &str = "<!-- simulations: written by make bench-statistics -->\n";
    const END: &str = "<!-- end of simulations -->";
    let mut table = format!(
        "{} experiments a row, of {} units each, looked at every 100 units where looks are many.\n\n",
        size.runs, size.units
    );
    table.push_str("| truth | method | promise | rate |\n|---|---|---|---|\n");
    rows.iter().for_each(|row| writeln!(table, "{}", row.text()).unwrap());
    let document = std::fs::read_to_string(path).unwrap();
    let (before, rest) = document.split_once(BEGIN).expect("the document has a place for the table");
    let (_, after) = rest.split_once(END).expect("the place has an end");
    std::fs::write(path, format!("{before}{BEGIN}\n{table}\n{END}{after}")).unwrap();
}

/// Counts, for each of several rules, the experiments in which it ever says yes.
fn ever<const N: usize>(
    runs: u32,
    seed: u64,
    mut experiment: impl FnMut(&mut Random) -> [bool; N],
) -> [u32; N] {
    let mut random = Random::new(seed);
    let mut counts = [0; N];
    for _ in 0..runs {
        for (count, said) in counts.iter_mut().zip(experiment(&mut random)) {
            *count += u32::from(said);
        }
    }
    counts
}
