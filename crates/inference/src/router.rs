//! Which version an event goes to. Pure: a function of the deployment, the experiments and the event.

mod route;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use events::{FeatureEvent, Fields, Role, Value};
use experiment::{ContextValue, Experiment};

pub use route::experiment_route;

/// Where the router sends an event: a place in [`Router::targets`], and how it got there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Route {
    pub(crate) target: usize,
    /// The bucket and the propensity, where an experiment decided.
    pub(crate) draw: Option<(u16, f64)>,
}

/// Somewhere that events are sent: plain production, or an arm of an experiment.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) role: Role,
    pub(crate) version: Arc<str>,
    /// The names of the experiment and of its arm.
    pub(crate) arm: Option<(Arc<str>, Arc<str>)>,
}

/// Experiments on one model, and where their arms are served.
#[derive(Debug)]
pub(crate) struct Router {
    /// Plain production first, then the arms of each experiment in turn.
    targets: Vec<Target>,
    experiments: Vec<Routed>,
}

#[derive(Debug)]
struct Routed {
    experiment: Experiment,
    /// Its control's place among the targets; the other arms follow.
    first_target: usize,
}

impl Router {
    /// A router for experiments that do not overlap, on units that events are keyed by.
    pub(crate) fn new(production: &Arc<str>, experiments: Vec<Experiment>) -> Self {
        let mut targets = vec![Target { role: Role::Production, version: Arc::clone(production), arm: None }];
        let experiments = experiments
            .into_iter()
            .map(|experiment| {
                let first_target = targets.len();
                targets.extend(arms(&experiment));
                Routed { experiment, first_target }
            })
            .collect();
        Self { targets, experiments }
    }

    pub(crate) fn targets(&self) -> &[Target] {
        &self.targets
    }

    /// Where `event` goes. The experiments' ranges are disjoint, so at most one of them takes it.
    pub(crate) fn route(&self, event: &FeatureEvent) -> Route {
        let key = event.units.key();
        self.experiments
            .iter()
            .filter(|routed| routed.experiment.unit == key.kind)
            .find_map(|routed| routed.route(&key.id, &event.context))
            .unwrap_or(Route { target: 0, draw: None })
    }
}

impl Routed {
    fn route(&self, unit: &str, context: &Fields) -> Option<Route> {
        let assignment = self.experiment.assign(unit, |field| context.get(field).and_then(context_value))?;
        let draw = Some((assignment.bucket.get(), assignment.propensity));
        Some(Route { target: self.first_target + assignment.arm, draw })
    }
}

fn context_value(value: &Value) -> Option<ContextValue<'_>> {
    match value {
        Value::Null => None,
        Value::Bool(flag) => Some(ContextValue::Bool(*flag)),
        Value::Number(number) => Some(ContextValue::Number(*number)),
        Value::Text(text) => Some(ContextValue::Text(text)),
    }
}

/// The targets of an experiment. Its control is production's equal; a single other arm is a canary, several are
/// variants.
fn arms(experiment: &Experiment) -> impl Iterator<Item = Target> {
    let name: Arc<str> = experiment.name.as_str().into();
    let others = if experiment.arms.len() == 2 { Role::Canary } else { Role::Variant };
    experiment.arms.iter().enumerate().map(move |(at, arm)| Target {
        role: if at == 0 { Role::Production } else { others },
        version: arm.version.as_str().into(),
        arm: Some((Arc::clone(&name), arm.name.as_str().into())),
    })
}
