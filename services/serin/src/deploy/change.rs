//! From what is in force to what is wanted. Pure.

use anyhow::{Context, bail, ensure};
use events::{Deployment, Shadow};
use experiment::{BasisPoints, Experiment};

use crate::cli::{DeploySetArguments, ShadowShare};

/// Other versions of production or of the shadows.
pub(super) fn set(in_force: Deployment, arguments: &DeploySetArguments) -> anyhow::Result<Deployment> {
    let DeploySetArguments { production, shadows, no_shadows, .. } = arguments;
    ensure!(
        production.is_some() || !shadows.is_empty() || *no_shadows,
        "nothing is to be changed: name --production, --shadow, --no-shadows or --as-configured"
    );
    let mut wanted = in_force;
    if let Some(production) = production {
        wanted.production = production.as_str().into();
    }
    if *no_shadows {
        wanted.shadows.clear();
    }
    for ShadowShare { version, share } in shadows {
        let shadow = Shadow { version: version.as_str().into(), share: points(*share, "share")?.get() };
        wanted.shadows.retain(|known| known.version != shadow.version);
        wanted.shadows.push(shadow);
    }
    Ok(wanted)
}

/// What was in force before, or at the revision `to`.
pub(super) fn rollback(all: &[Deployment], to: Option<u64>) -> anyhow::Result<Deployment> {
    let last = all.last().context("nothing is deployed yet")?;
    let to = to.unwrap_or_else(|| last.revision.saturating_sub(1));
    let found = all.iter().find(|deployment| deployment.revision == to);
    match found {
        Some(found) if to != last.revision => Ok(found.clone()),
        Some(_) => bail!("revision {to} is in force already"),
        None if last.revision == 1 => bail!("revision 1 is the first one: there is none before it"),
        None => bail!("there is no revision {to}; the last one is {}", last.revision),
    }
}

/// With an experiment, at the coverage that it is defined with unless another is given.
pub(super) fn start(
    in_force: Deployment,
    experiment: &Experiment,
    coverage: Option<f64>,
) -> anyhow::Result<Deployment> {
    let name = &experiment.name;
    ensure!(
        *experiment.model == *in_force.model,
        "experiment \"{name}\" is on model \"{}\"",
        experiment.model
    );
    ensure!(
        !in_force.experiments.iter().any(|route| *route.name == **name),
        "experiment \"{name}\" runs already"
    );
    let experiment = match coverage {
        Some(coverage) => experiment.with_coverage(points(coverage, "coverage")?)?,
        None => experiment.clone(),
    };
    let mut wanted = in_force;
    wanted.experiments.push(inference::experiment_route(&experiment));
    Ok(wanted)
}

/// With another coverage of an experiment that runs. Nobody changes arms by it.
pub(super) fn ramp(in_force: Deployment, name: &str, coverage: f64) -> anyhow::Result<Deployment> {
    let coverage = points(coverage, "coverage")?;
    let mut wanted = in_force;
    let running = running(&wanted);
    let route = wanted.experiments.iter_mut().find(|route| *route.name == *name);
    let route = route.with_context(|| format!("experiment \"{name}\" does not run ({running})"))?;
    ensure!(route.coverage != coverage.get(), "experiment \"{name}\" has this coverage already");
    route.coverage = coverage.get();
    Ok(wanted)
}

/// Without an experiment: its units are plain production again.
pub(super) fn stop(in_force: Deployment, name: &str) -> anyhow::Result<Deployment> {
    let mut wanted = in_force;
    let (running, before) = (running(&wanted), wanted.experiments.len());
    wanted.experiments.retain(|route| *route.name != *name);
    ensure!(wanted.experiments.len() < before, "experiment \"{name}\" does not run ({running})");
    Ok(wanted)
}

/// The experiments that run, for a message.
fn running(deployment: &Deployment) -> String {
    let names: Vec<_> = deployment.experiments.iter().map(|route| &*route.name).collect();
    if names.is_empty() { "none does".into() } else { format!("running: {}", names.join(", ")) }
}

fn points(share: f64, what: &str) -> anyhow::Result<BasisPoints> {
    let points = BasisPoints::from_fraction(share).with_context(|| format!("`{what}`"))?;
    ensure!(points.get() > 0, "`{what}` is 0: leave it out instead");
    Ok(points)
}

#[cfg(test)]
mod tests {
    use events::{ArmRoute, ExperimentRoute, LayerRoute, Timestamp};

    use super::*;

    fn in_force() -> Deployment {
        let arm = |name: &str, version: &str| ArmRoute {
            name: name.into(),
            version: version.into(),
            weight: 5_000,
        };
        let route = ExperimentRoute {
            name: "e".into(),
            unit: "user".into(),
            salt: "e".into(),
            coverage: 200,
            layer: LayerRoute { salt: "m".into(), start: 0, end: 10_000 },
            targeting: Vec::new(),
            arms: vec![arm("control", "1"), arm("canary", "2")],
        };
        Deployment {
            model: "m".into(),
            revision: 3,
            created_at: Timestamp::default(),
            production: "1".into(),
            shadows: vec![Shadow { version: "2".into(), share: 10_000 }],
            experiments: vec![route],
        }
    }

    fn arguments(production: Option<&str>, shadows: &[(&str, f64)], no_shadows: bool) -> DeploySetArguments {
        let shadows =
            shadows.iter().map(|(version, share)| ShadowShare { version: (*version).into(), share: *share });
        DeploySetArguments {
            config: crate::cli::ConfigArgument { config: "serin.toml".into() },
            production: production.map(Into::into),
            shadows: shadows.collect(),
            no_shadows,
            as_configured: false,
        }
    }

    #[test]
    fn a_set_changes_what_it_names() {
        let wanted = set(in_force(), &arguments(Some("2"), &[("3", 0.1), ("2", 0.5)], false)).unwrap();
        assert_eq!(&*wanted.production, "2");
        let shadows: Vec<_> = wanted.shadows.iter().map(|shadow| (&*shadow.version, shadow.share)).collect();
        assert_eq!(shadows, [("3", 1_000), ("2", 5_000)]);
        assert_eq!(wanted.experiments, in_force().experiments);
        let alone = set(in_force(), &arguments(None, &[], true)).unwrap();
        assert_eq!((&*alone.production, alone.shadows.len()), ("1", 0));
        assert!(set(in_force(), &arguments(None, &[], false)).is_err());
        assert!(set(in_force(), &arguments(None, &[("3", 0.0)], false)).is_err());
        assert!(set(in_force(), &arguments(None, &[("3", 1.5)], false)).is_err());
    }

    #[test]
    fn a_rollback_goes_to_what_was_there() {
        let revision =
            |revision, production: &str| Deployment { revision, production: production.into(), ..in_force() };
        let all = [revision(1, "1"), revision(2, "2"), revision(3, "3")];
        assert_eq!(&*rollback(&all, None).unwrap().production, "2");
        assert_eq!(&*rollback(&all, Some(1)).unwrap().production, "1");
        for (all, to, says) in [
            (&all[..], Some(3), "in force already"),
            (&all, Some(4), "no revision 4; the last one is 3"),
            (&all[..1], None, "the first one"),
            (&[], None, "nothing is deployed"),
        ] {
            let message = rollback(all, to).unwrap_err().to_string();
            assert!(message.contains(says), "{message}");
        }
    }

    #[test]
    fn an_experiment_ramps_and_stops() {
        let wanted = ramp(in_force(), "e", 0.5).unwrap();
        assert_eq!(wanted.experiments[0].coverage, 5_000);
        assert!(stop(in_force(), "e").unwrap().experiments.is_empty());
        for (changed, says) in [
            (ramp(in_force(), "f", 0.5), "does not run (running: e)"),
            (ramp(in_force(), "e", 0.02), "has this coverage already"),
            (ramp(in_force(), "e", 0.0), "leave it out"),
            (stop(in_force(), "f"), "does not run"),
        ] {
            let message = changed.unwrap_err().to_string();
            assert!(message.contains(says), "{message}");
        }
    }
}
