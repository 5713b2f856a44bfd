//! Progress on standard error: bars on a terminal, now and then a line elsewhere.

use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

/// How often a line is written where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(2);

/// Progress of several things at once.
pub(crate) struct Progress {
    bars: Vec<(String, ProgressBar)>,
    /// Where there is no terminal: when the last line was written.
    lines: Option<Instant>,
}

impl Progress {
    /// Bars of these names, each up to `total` where that is known.
    pub(crate) fn new(names: impl IntoIterator<Item = String>, total: Option<u64>) -> Self {
        let all = MultiProgress::new();
        let style = match total {
            Some(_) => "{prefix:<16} {bar:30} {human_pos:>9} of {human_len}  {per_sec}",
            None => "{prefix:<16} {human_pos:>9}  {per_sec}",
        };
        let style = ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = |name: String| {
            let bar = total.map_or_else(ProgressBar::no_length, ProgressBar::new);
            let bar = all.add(bar.with_style(style.clone()).with_prefix(name.clone()));
            (name, bar)
        };
        let bars = names.into_iter().map(bar).collect();
        Self { bars, lines: (!crate::is_interactive()).then(Instant::now) }
    }

    /// Shows how far each has come, in the order of the names.
    pub(crate) fn show(&mut self, positions: &[u64]) {
        for ((_, bar), position) in self.bars.iter().zip(positions) {
            bar.set_position(*position);
        }
        if self.lines.is_some_and(|last| last.elapsed() >= LINE_EVERY) {
            self.lines = Some(Instant::now());
            self.line(positions);
        }
    }

    /// Shows the end of all.
    pub(crate) fn finish(mut self, positions: &[u64]) {
        self.show(positions);
        for (_, bar) in &self.bars {
            bar.abandon();
        }
    }

    fn line(&self, positions: &[u64]) {
        let parts: Vec<_> = self
            .bars
            .iter()
            .zip(positions)
            .map(|((name, _), position)| format!("{name} {position}"))
            .collect();
        eprint_line(&parts.join(", "));
    }
}

/// A line on standard error, which nobody may be reading.
pub(crate) fn eprint_line(line: &str) {
    use std::io::Write as _;
    drop(writeln!(std::io::stderr().lock(), "{line}"));
}
