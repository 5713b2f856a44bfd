//! Which experiments run, as the deployments have it.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use events::{Deployment, ExperimentRoute};
use experiment::{BasisPoints, Definitions, Experiment};

/// The experiments on one model: those that the configuration names, and all that were ever deployed and have a
/// definition. One that was stopped has its say still.
#[derive(Debug)]
pub(crate) struct Running {
    model: Arc<str>,
    definitions: Definitions,
    known: BTreeMap<String, Experiment>,
    /// Experiments that were deployed and that no definition fits.
    undefined: BTreeSet<String>,
    revision: u64,
}

impl Running {
    pub(crate) fn new(model: Arc<str>, configured: Vec<Experiment>, definitions: Definitions) -> Self {
        let known = configured.into_iter().map(|each| (each.name.to_string(), each)).collect();
        Self { model, definitions, known, undefined: BTreeSet::new(), revision: 0 }
    }

    /// By name.
    pub(crate) fn experiments(&self) -> Vec<Experiment> {
        self.known.values().cloned().collect()
    }

    /// Those that cannot be analysed, by name.
    pub(crate) fn undefined(&self) -> Vec<String> {
        self.undefined.iter().cloned().collect()
    }

    /// Takes in a deployment; says whether it is one of this model and the next of its history.
    pub(crate) fn deploy(&mut self, deployment: &Deployment) -> bool {
        if deployment.model != self.model || deployment.revision != self.revision + 1 {
            return false;
        }
        self.revision = deployment.revision;
        if !deployment.experiments.is_empty() {
            let (definitions, faults) = self.definitions.get();
            deployment.experiments.iter().for_each(|route| self.run(route, &definitions, &faults));
        }
        true
    }

    fn run(&mut self, route: &ExperimentRoute, definitions: &[Experiment], faults: &[String]) {
        let of_folder = definitions.iter().find(|each| *each.name == *route.name);
        let definition = of_folder.or_else(|| self.known.get(&*route.name));
        let running = definition
            .filter(|definition| is_of(definition, route))
            .and_then(|definition| definition.with_coverage(BasisPoints::new(route.coverage)?).ok());
        if let Some(running) = running {
            self.undefined.remove(&*route.name);
            self.known.insert(route.name.to_string(), running);
        } else if self.undefined.insert(route.name.to_string()) {
            let why = if definition.is_some() {
                "another one is defined under its name"
            } else {
                "it is not defined"
            };
            tracing::warn!(
                experiment = &*route.name,
                ?faults,
                "an experiment runs and is not analysed: {why}"
            );
        }
    }
}

/// Whether a definition is that of what runs: the same units come into the same arms, and these are the same versions.
fn is_of(definition: &Experiment, route: &ExperimentRoute) -> bool {
    let arm = |(defined, running): (&experiment::Arm, &events::ArmRoute)| {
        *defined.name == *running.name
            && *defined.version == *running.version
            && defined.weight.get() == running.weight
    };
    *definition.unit == *route.unit
        && definition.salt.as_str() == &*route.salt
        && definition.arms.len() == route.arms.len()
        && definition.arms.iter().zip(&route.arms).all(arm)
}
