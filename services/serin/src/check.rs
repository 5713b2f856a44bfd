//! `serin experiment check`: what a definition means, or all that is wrong with it.

use std::io::Write;

use experiment::Experiment;
use runtime::Output;

use crate::cli::{ExperimentCheckArguments, Format};
use crate::config::read_experiment;

/// Checks a definition, and prints what it means.
pub(crate) fn experiment(arguments: &ExperimentCheckArguments) -> anyhow::Result<()> {
    let experiment = read_experiment(&arguments.file)?;
    let mut out = Output::stdout();
    match arguments.format {
        Format::Json => writeln!(out, "{:#}", summary(&experiment))?,
        Format::Text => describe(&experiment, &mut out)?,
    }
    Ok(out.flush()?)
}

fn summary(experiment: &Experiment) -> serde_json::Value {
    let arm = |(index, arm): (usize, &experiment::Arm)| {
        serde_json::json!({
            "name": &*arm.name, "version": &*arm.version, "propensity": experiment.propensity(index),
        })
    };
    serde_json::json!({
        "name": &*experiment.name,
        "model": &*experiment.model,
        "unit": &*experiment.unit,
        "epoch": experiment.epoch().to_string(),
        "arms": experiment.arms.iter().enumerate().map(arm).collect::<Vec<_>>(),
        "metrics": experiment.metrics.iter().map(|metric| &*metric.name).collect::<Vec<_>>(),
    })
}

fn describe(experiment: &Experiment, out: &mut impl Write) -> std::io::Result<()> {
    writeln!(out, "experiment  {} on model {}", experiment.name, experiment.model)?;
    writeln!(out, "hypothesis  {}", experiment.hypothesis)?;
    writeln!(out, "unit        {}", experiment.unit)?;
    for (index, arm) in experiment.arms.iter().enumerate() {
        let share = 100.0 * experiment.propensity(index);
        writeln!(
            out,
            "arm         {}: version {}, {share:.2} % of all eligible units",
            arm.name, arm.version
        )?;
    }
    for metric in &experiment.metrics {
        let (role, kind) = (metric.role.as_str(), metric.kind.as_str());
        writeln!(out, "{role:<11} {}: {kind} of {}", metric.name, metric.of)?;
    }
    let decision = &experiment.decision;
    writeln!(out, "decision    alpha {}, at least {} units an arm", decision.alpha, decision.minimum_units)?;
    writeln!(out, "epoch       {}", experiment.epoch())
}
