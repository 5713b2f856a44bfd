//! A shadow: one version that scores silently.

use std::sync::Arc;
use std::time::Instant;

use events::{FeatureEvent, Outputs, Role};
use metrics::Counter;

use crate::engine::Scored;
use crate::error::ScoreError;
use crate::metrics::{self as meters, Meters};
use crate::model::Model;
use crate::scorer::Scorer;

/// Scores with one version, for a lane of its own: no routing and no fallback. For one thread.
///
/// It scores every event that it is given. A shadow that takes a share of the events samples them before, by
/// [`events::event_sample`], so that a restart takes the same ones.
#[derive(Debug)]
pub struct Shadow {
    scorer: Scorer,
    revision: u64,
    meters: Meters,
    predictions: Counter,
    results: Vec<Result<Outputs, ScoreError>>,
}

impl Shadow {
    /// A shadow of this version, as `revision` of the deployment asks for it.
    pub fn new(model: &Arc<Model>, revision: u64) -> Self {
        meters::describe();
        Self {
            scorer: model.scorer().with_failures(),
            revision,
            meters: Meters::new(model.name(), model.version()),
            predictions: meters::predictions(model.name(), model.version(), Role::Shadow),
            results: Vec::new(),
        }
    }

    /// Scores a batch, and puts a result for each event into `results`, in order, in place of what was there.
    pub fn score(&mut self, events: &[FeatureEvent], results: &mut Vec<Result<Scored, ScoreError>>) {
        results.clear();
        if events.is_empty() {
            return;
        }
        let start = Instant::now();
        self.scorer.score(events.iter().map(|event| &event.features), &mut self.results);
        self.meters.scored(start);
        let (version, revision) = (self.scorer.model().version(), self.revision);
        let mut scored = 0;
        for result in self.results.drain(..) {
            match &result {
                Ok(_) => scored += 1,
                Err(error) => self.meters.error(error),
            }
            results.push(result.map(|outputs| silent(version, revision, outputs)));
        }
        self.predictions.increment(scored);
    }
}

fn silent(version: &Arc<str>, revision: u64, outputs: Outputs) -> Scored {
    Scored {
        role: Role::Shadow,
        version: Arc::clone(version),
        assigned_version: Arc::clone(version),
        experiment: None,
        variant: None,
        bucket: None,
        propensity: None,
        revision,
        outputs,
        fallback: None,
    }
}
