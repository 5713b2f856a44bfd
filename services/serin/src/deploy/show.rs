//! Deployments in words.

use std::io::{self, Write};

use events::Deployment;

use crate::cli::Format;

/// What is in force.
pub(super) fn in_force(all: &[Deployment], format: Format, out: &mut impl Write) -> io::Result<()> {
    let Some(last) = all.last() else { return writeln!(out, "nothing is deployed yet") };
    match format {
        Format::Json => writeln!(out, "{:#}", serde_json::json!(last)),
        Format::Text => describe(last, out),
    }
}

/// All of them, the newest first.
pub(super) fn history(all: &[Deployment], format: Format, out: &mut impl Write) -> io::Result<()> {
    for deployment in all.iter().rev() {
        match format {
            Format::Json => writeln!(out, "{}", serde_json::json!(deployment))?,
            Format::Text => writeln!(
                out,
                "{:>4}  {}  {}",
                deployment.revision,
                deployment.created_at,
                summary(deployment)
            )?,
        }
    }
    Ok(())
}

fn describe(deployment: &Deployment, out: &mut impl Write) -> io::Result<()> {
    let Deployment { model, revision, created_at, production, shadows, experiments } = deployment;
    writeln!(out, "model       {model}, revision {revision} of {created_at}")?;
    writeln!(out, "production  {production}")?;
    for shadow in shadows {
        writeln!(out, "shadow      {}, {}", shadow.version, percent(shadow.share))?;
    }
    for route in experiments {
        let arms: Vec<_> = route.arms.iter().map(|arm| format!("{} {}", arm.name, arm.version)).collect();
        let covered = percent(route.coverage);
        writeln!(out, "experiment  {}, {covered} of its range: {}", route.name, arms.join(", "))?;
    }
    Ok(())
}

/// A deployment on one line.
fn summary(deployment: &Deployment) -> String {
    let shadows = deployment.shadows.iter().map(|shadow| format!(", shadow {}", shadow.version));
    let experiments = deployment
        .experiments
        .iter()
        .map(|route| format!(", experiment {} at {}", route.name, percent(route.coverage)));
    let more: String = shadows.chain(experiments).collect();
    format!("production {}{more}", deployment.production)
}

fn percent(points: u16) -> String {
    format!("{} %", f64::from(points) / 100.0)
}
