//! One arm against the control, in two lines: what decides, and what else can be said.

use super::Page;
use super::numbers::{chance, count, number, probability, signed};
use crate::report::{AlwaysValid, Bayesian, ComparisonResult, Interval};

/// A comparison to be shown.
pub(super) struct Shown<'r> {
    /// The arm, and what it is compared with.
    pub(super) arms: (&'r str, &'r str),
    pub(super) result: &'r ComparisonResult,
    pub(super) alpha: f64,
    /// Whether the numbers that are valid at any time decide.
    pub(super) is_live: bool,
}

impl Page {
    pub(super) fn comparison(&mut self, shown: &Shown<'_>) {
        let (one, other) = shown.arms;
        match shown.result {
            ComparisonResult::Unavailable { unavailable } => {
                self.line(format_args!("    {one} - {other}: no comparison, since {unavailable}"));
            }
            ComparisonResult::Tested {
                difference,
                relative,
                log_p,
                always_valid,
                adjusted_p,
                bayesian,
                ..
            } => {
                let once = OneLook { difference, relative: relative.as_ref(), log_p: *log_p };
                let corrected = |log_p: f64| corrected(*adjusted_p, log_p);
                let level = format!("at {:.0} %", 100.0 * (1.0 - shown.alpha));
                let (first, more) = match (shown.is_live, always_valid) {
                    (false, always) => (
                        format!(
                            "{} {level}{}, p = {}{}",
                            span(difference),
                            once.lift(),
                            probability(*log_p),
                            corrected(*log_p)
                        ),
                        always.as_deref().map(at_any_time),
                    ),
                    (true, Some(always)) => (
                        format!(
                            "{} {level} at any time, p = {}{}, {}",
                            span(&always.difference),
                            probability(always.log_p),
                            corrected(always.log_p),
                            count(always.looks, "look")
                        ),
                        Some(once.show()),
                    ),
                    (true, None) => ("too few units to look".into(), Some(once.show())),
                };
                self.line(format_args!("    {one} - {other}: {first}"));
                let more: Vec<_> = more.into_iter().chain(bayesian.as_ref().map(bet)).collect();
                if !more.is_empty() {
                    self.line(format_args!("      {}", more.join("; ")));
                }
            }
        }
    }
}

/// What a test that is read once says.
struct OneLook<'r> {
    difference: &'r Interval,
    relative: Option<&'r Interval>,
    log_p: f64,
}

impl OneLook<'_> {
    fn show(&self) -> String {
        format!("read once: {}{}, p = {}", span(self.difference), self.lift(), probability(self.log_p))
    }

    fn lift(&self) -> String {
        let percent = |part: f64| format!("{:+.1}", 100.0 * part);
        self.relative.map_or_else(String::new, |Interval { value, low, high, .. }| {
            format!(", or {} % [{}, {}]", percent(*value), percent(*low), percent(*high))
        })
    }
}

fn at_any_time(always: &AlwaysValid) -> String {
    let Interval { low, high, .. } = always.difference;
    format!("at any time: [{}, {}], p = {}", signed(low), signed(high), probability(always.log_p))
}

fn bet(bayesian: &Bayesian) -> String {
    let Bayesian { chance_to_win, expected_loss } = bayesian;
    format!("chance to win {}, expected loss {}", chance(*chance_to_win), number(*expected_loss))
}

fn span(Interval { value, low, high, .. }: &Interval) -> String {
    format!("{} [{}, {}]", signed(*value), signed(*low), signed(*high))
}

/// The corrected p-value, where it is another one.
fn corrected(adjusted_p: Option<f64>, log_p: f64) -> String {
    adjusted_p
        .filter(|adjusted| (adjusted.ln() - log_p).abs() > 1e-9)
        .map(|adjusted| format!(", corrected {}", probability(adjusted.ln())))
        .unwrap_or_default()
}
