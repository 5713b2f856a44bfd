//! A deployment that can be served: its models loaded and proven, its experiments defined.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use events::Deployment;
use experiment::{Definitions, Experiment};
use inference::{Engine, Model, Shadow};

use crate::setup;
use crate::work::Scoring;

/// Where models and definitions come from, while the service runs.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) definitions: Definitions,
    /// The store of the model's versions.
    pub(crate) store: PathBuf,
    /// The kind of unit that events are keyed by.
    pub(crate) key: String,
}

/// The definitions for a deployment. What is wrong with others is no fault of it.
fn definitions_of(
    definitions: &Definitions,
    deployment: &Deployment,
) -> Result<Vec<Experiment>, Vec<String>> {
    let mut routes = deployment.experiments.iter();
    if routes.len() == 0 {
        return Ok(Vec::new());
    }
    let (definitions, faults) = definitions.get();
    let has = |name: &str| definitions.iter().any(|definition| definition.name == name);
    if faults.is_empty() || routes.all(|route| has(&route.name)) { Ok(definitions) } else { Err(faults) }
}

/// A deployment with all that serving it takes. Nothing more can be wrong with it.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) deployment: Deployment,
    models: BTreeMap<Arc<str>, Arc<Model>>,
    experiments: Vec<Experiment>,
    key: String,
}

impl Plan {
    /// Loads what `deployment` needs and `loaded` has not, scores the golden rows of what it loads, and checks that all
    /// fits together. Takes as long as loading does: call it beside the lanes, not on one.
    ///
    /// # Errors
    /// All that keeps the deployment from being served.
    pub(crate) fn prepare(
        source: &Source,
        deployment: Deployment,
        loaded: &BTreeMap<Arc<str>, Arc<Model>>,
    ) -> Result<Self, Vec<String>> {
        let mut problems = Vec::new();
        let mut models = BTreeMap::new();
        for version in versions(&deployment) {
            let known = loaded.get(version).cloned().map(Ok);
            let model = known.unwrap_or_else(|| {
                setup::load_model(&source.store, &deployment.model, version).map(Arc::new)
            });
            match model {
                Ok(model) => drop(models.insert(Arc::clone(version), model)),
                Err(problem) => problems.push(problem),
            }
        }
        let experiments = definitions_of(&source.definitions, &deployment).unwrap_or_else(|faults| {
            problems.extend(faults);
            Vec::new()
        });
        let plan = Self { deployment, models, experiments, key: source.key.clone() };
        if !problems.is_empty() {
            return Err(problems);
        }
        plan.checked()
    }

    /// A plan of what was loaded already.
    ///
    /// # Errors
    /// All that does not fit together.
    pub(crate) fn of_loaded(
        deployment: Deployment,
        models: BTreeMap<Arc<str>, Arc<Model>>,
        (experiments, key): (Vec<Experiment>, &str),
    ) -> Result<Self, Vec<String>> {
        Self { deployment, models, experiments, key: key.to_owned() }.checked()
    }

    fn checked(self) -> Result<Self, Vec<String>> {
        match self.try_engine() {
            Ok(_) => {}
            Err(problems) => return Err(problems.problems.iter().map(ToString::to_string).collect()),
        }
        let unlike =
            self.deployment.shadows.iter().filter(|shadow| !self.models.contains_key(&shadow.version));
        let missing: Vec<_> =
            unlike.map(|shadow| format!("shadow \"{}\" is not loaded", shadow.version)).collect();
        if missing.is_empty() { Ok(self) } else { Err(missing) }
    }

    /// The models, by version.
    pub(crate) fn models(&self) -> &BTreeMap<Arc<str>, Arc<Model>> {
        &self.models
    }

    /// What the production lane scores with.
    pub(crate) fn served(&self) -> Scoring {
        #[expect(clippy::expect_used, reason = "the same was made when the plan was checked")]
        let engine = self.try_engine().expect("a plan that was checked has an engine");
        Scoring::Served(Box::new(engine))
    }

    /// What the lane of a shadow scores with.
    pub(crate) fn shadow(&self, shadow: &events::Shadow) -> Scoring {
        let model = &self.models[&shadow.version];
        Scoring::Shadow {
            shadow: Box::new(Shadow::new(model, self.deployment.revision)),
            share: shadow.share,
            slot: events::shadow_slot(&shadow.version),
        }
    }

    fn try_engine(&self) -> Result<Engine, experiment::Problems> {
        let models: Vec<_> = self.models.values().cloned().collect();
        Engine::new(&self.deployment, &self.key, &models, &self.experiments)
    }
}

/// Every version that a deployment names, each once.
fn versions(deployment: &Deployment) -> BTreeSet<&Arc<str>> {
    let arms = deployment.experiments.iter().flat_map(|route| route.arms.iter().map(|arm| &arm.version));
    let shadows = deployment.shadows.iter().map(|shadow| &shadow.version);
    std::iter::once(&deployment.production).chain(shadows).chain(arms).collect()
}
