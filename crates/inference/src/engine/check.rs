//! Whether a deployment, its models and its experiments belong together.

use std::sync::Arc;

use events::{Deployment, ExperimentRoute};
use experiment::{BasisPoints, Experiment, Problems, check_together};

use crate::model::Model;
use crate::router::{Target, experiment_route};

/// The definitions of the experiments that the deployment runs, at the coverage that it gives them.
pub(super) fn experiments(
    deployment: &Deployment,
    key: &str,
    definitions: &[Experiment],
    problems: &mut Problems,
) -> Vec<Experiment> {
    let mut running = Vec::new();
    for route in &deployment.experiments {
        let place = format!("experiment \"{}\"", route.name);
        match definition(route, definitions) {
            Ok(experiment) => {
                check(&experiment, deployment, key, route)
                    .into_iter()
                    .for_each(|message| problems.push(&place, message));
                running.push(experiment);
            }
            Err(message) => problems.push(place, message),
        }
    }
    if let Err(overlaps) = check_together(&running) {
        problems.problems.extend(overlaps.problems);
    }
    running
}

/// The definition of a deployed experiment, at its deployed coverage.
fn definition(route: &ExperimentRoute, definitions: &[Experiment]) -> Result<Experiment, String> {
    let definition = definitions.iter().find(|definition| definition.name == *route.name);
    let definition = definition.ok_or("it has no definition")?;
    let coverage = BasisPoints::new(route.coverage)
        .ok_or_else(|| format!("its coverage is {} basis points, more than all", route.coverage))?;
    definition.with_coverage(coverage).map_err(|error| error.to_string())
}

/// What keeps an experiment from running in this deployment.
fn check(
    experiment: &Experiment,
    deployment: &Deployment,
    key: &str,
    route: &ExperimentRoute,
) -> Vec<String> {
    let mut messages = Vec::new();
    if *experiment.model != *deployment.model {
        messages.push(format!("its definition is about the model \"{}\"", experiment.model));
    }
    if experiment.unit != key {
        messages.push(format!("its unit is \"{}\", but events are keyed by \"{key}\"", experiment.unit));
    }
    let defined = experiment_route(experiment);
    let differences = differences(&defined, route);
    messages
        .extend(differences.map(|field| format!("its definition has another {field} than the deployment")));
    messages
}

/// The words for the fields in which a definition and the deployment's record of it differ. Coverage is no such
/// field, being the deployment's to say.
fn differences(defined: &ExperimentRoute, deployed: &ExperimentRoute) -> impl Iterator<Item = &'static str> {
    let fields = [
        ("unit", defined.unit == deployed.unit),
        ("salt", defined.salt == deployed.salt),
        ("layer", defined.layer == deployed.layer),
        ("targeting", defined.targeting == deployed.targeting),
        ("list of arms", defined.arms == deployed.arms),
    ];
    fields.into_iter().filter(|(_, same)| !same).map(|(field, _)| field)
}

/// Checks that the targets' versions are loaded, and interchangeable with production's.
pub(super) fn versions(
    deployment: &Deployment,
    targets: &[Target],
    models: &[Arc<Model>],
    problems: &mut Problems,
) {
    let find = |version: &Arc<str>| models.iter().find(|model| model.version() == version);
    let production = find(&deployment.production);
    let mut checked: Vec<&Arc<str>> = Vec::new();
    for target in targets {
        if checked.contains(&&target.version) {
            continue;
        }
        checked.push(&target.version);
        let place = format!("version \"{}\"", target.version);
        let Some(model) = find(&target.version) else {
            let loaded: Vec<_> = models.iter().map(|model| format!("\"{}\"", model.version())).collect();
            problems.push(place, format!("it is not loaded (loaded: {})", loaded.join(", ")));
            continue;
        };
        if models.iter().filter(|model| model.version() == &target.version).count() > 1 {
            problems.push(&place, "it is loaded twice, and the two may differ");
        }
        if *model.name() != deployment.model {
            problems.push(&place, format!("its manifest is of the model \"{}\"", model.name()));
        }
        if let Some(production) = production.filter(|production| production.outputs() != model.outputs()) {
            let (own, others) = (model.outputs().join(", "), production.outputs().join(", "));
            problems.push(place, format!("its outputs are {own}, but production's are {others}"));
        }
    }
}
