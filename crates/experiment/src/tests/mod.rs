//! What an experiment promises, over its public interface.

mod assignment;
mod definition;
mod epoch;
mod metrics;
mod targeting;
mod together;
mod vectors;

use crate::{BasisPoints, ContextValue, Experiment};

/// A definition that is right in every part, and uses every part.
const WHOLE: &str = r#"
name = "fraud-13"
hypothesis = "version 13 loses less money at the same approval rate"
model = "fraud"
unit = "card"
salt = "fraud-13.1"
coverage = 0.02
start = 2026-12-01T00:00:00Z
exposure_window = "14d"

[layer]
salt = "fraud-layer"
range = [0, 5000]

[[targeting]]
field = "country"
in = ["FR", "IT"]
[[targeting]]
field = "amount"
min = 10

[[arm]]
name = "control"
version = "12"
weight = 5000
[[arm]]
name = "canary"
version = "13"
weight = 5000

[[metric]]
name = "loss per card"
role = "primary"
kind = "mean"
of = "outcome.loss"
absent = "zero"
attribution = "30d"
better = "lower"
[[metric]]
name = "approval"
role = "guardrail"
kind = "ratio"
of = "prediction.approved"
better = "higher"
margin = 0.005
[[metric]]
name = "log loss"
role = "secondary"
kind = "ratio"
of = "log_loss(prediction.p, outcome.fraud)"
attribution = "30d"
better = "lower"

[decision]
method = "fixed"
alpha = 0.01
correction = "benjamini-hochberg"
minimum_units = 500
"#;

/// The least that is a definition, with everything else at its default.
const LEAST: &str = r#"
name = "least"
hypothesis = "the new one is more accurate"
model = "m"
unit = "user"
salt = "least-1"
coverage = 1
exposure_window = "1d"
arm = [{ name = "a", version = "1", weight = 5000 }, { name = "b", version = "2", weight = 5000 }]
metric = [{ name = "x", role = "primary", kind = "mean", of = "prediction.x", better = "higher" }]
"#;

fn parse(text: &str) -> Experiment {
    Experiment::parse("experiment.toml", text).unwrap_or_else(|problems| panic!("{problems}"))
}

/// `text` with one piece of it replaced; the piece must be there.
fn edit(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "{from:?} is not in the definition");
    text.replacen(from, to, 1)
}

/// The problems of a text, a line for each.
fn faults(text: &str) -> Vec<String> {
    let problems = Experiment::parse("experiment.toml", text).expect_err("a definition with faults");
    problems.problems.iter().map(ToString::to_string).collect()
}

fn basis_points(count: u16) -> BasisPoints {
    BasisPoints::new(count).unwrap()
}

/// An event without context.
fn nothing(_: &str) -> Option<ContextValue<'static>> {
    None
}
