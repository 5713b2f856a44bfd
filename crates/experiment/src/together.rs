//! Experiments that run at the same time must not disturb each other.

use std::collections::BTreeMap;

use crate::{Experiment, Problems};

/// Checks what no single definition shows.
///
/// - Names are unique.
/// - Experiments on one model share one layer: the same layer salt, the same kind of unit (or a range would
///   mean different units to each of them), and ranges that do not overlap.
/// - No salt is used twice: by two experiments, by the layers of two models, or by an experiment and a layer.
///   Their buckets would be the same, so that the arms of one would decide who takes part in the other.
///
/// # Errors
/// All faults at once, each at the experiment that comes later in `experiments`.
pub fn check_together(experiments: &[Experiment]) -> Result<(), Problems> {
    let mut problems = Problems::new("experiments");
    check_names(experiments, &mut problems);
    check_salts(experiments, &mut problems);
    check_layers(experiments, &mut problems);
    problems.into_result()
}

fn place(experiment: &Experiment) -> String {
    format!("experiment \"{}\"", experiment.name)
}

fn check_names(experiments: &[Experiment], problems: &mut Problems) {
    let mut seen = BTreeMap::new();
    for experiment in experiments {
        if seen.insert(&experiment.name, ()).is_some() {
            problems.push(place(experiment), "another experiment has this name; names must differ");
        }
    }
}

fn check_salts(experiments: &[Experiment], problems: &mut Problems) {
    let mut layers: BTreeMap<&str, &str> = BTreeMap::new();
    for experiment in experiments {
        let (salt, model) = (experiment.layer.salt.as_str(), experiment.model.as_str());
        let owner = *layers.entry(salt).or_insert(model);
        if owner != model {
            let message =
                format!("layer salt \"{salt}\" is that of model \"{owner}\" too; give each model its own");
            problems.push(place(experiment), message);
        }
    }
    let mut users: BTreeMap<&str, &Experiment> = BTreeMap::new();
    for experiment in experiments {
        let salt = experiment.salt.as_str();
        if let Some(other) = users.get(salt) {
            let message =
                format!("salt \"{salt}\" is that of \"{}\" too; give each experiment its own", other.name);
            problems.push(place(experiment), message);
        }
        if let Some(model) = layers.get(salt) {
            let message =
                format!("salt \"{salt}\" is that of the layer of model \"{model}\" too; choose another");
            problems.push(place(experiment), message);
        }
        users.entry(salt).or_insert(experiment);
    }
}

fn check_layers(experiments: &[Experiment], problems: &mut Problems) {
    let mut models: BTreeMap<&str, Vec<&Experiment>> = BTreeMap::new();
    for experiment in experiments {
        let neighbours = models.entry(&experiment.model).or_default();
        for neighbour in neighbours.iter() {
            if let Some(fault) = layer_fault(experiment, neighbour) {
                problems.push(place(experiment), fault);
            }
        }
        neighbours.push(experiment);
    }
}

/// Why two experiments on one model cannot run together, if they cannot.
fn layer_fault(experiment: &Experiment, neighbour: &Experiment) -> Option<String> {
    let (name, model) = (&neighbour.name, &experiment.model);
    let (layer, other) = (&experiment.layer, &neighbour.layer);
    if experiment.unit != neighbour.unit {
        return Some(format!(
            "unit \"{}\" differs from \"{}\" of \"{name}\"; experiments on model \"{model}\" must share one kind of unit",
            experiment.unit, neighbour.unit
        ));
    }
    if layer.salt != other.salt {
        return Some(format!(
            "layer salt \"{}\" differs from \"{}\" of \"{name}\"; experiments on model \"{model}\" must share one",
            layer.salt.as_str(),
            other.salt.as_str()
        ));
    }
    let apart = layer.range.end <= other.range.start || other.range.end <= layer.range.start;
    (!apart).then(|| {
        format!(
            "layer range [{}, {}] overlaps [{}, {}] of \"{name}\"; on model \"{model}\" they must not overlap",
            layer.range.start, layer.range.end, other.range.start, other.range.end
        )
    })
}
