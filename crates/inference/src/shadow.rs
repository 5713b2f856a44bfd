//! A shadow: one version that scores silently.

use std::sync::Arc;
use std::time::Duration;

use events::{FeatureEvent, Outputs, Role};
use metrics::Counter;

use crate::candidate::{Candidate, DEADLINE};
use crate::engine::Scored;
use crate::error::ScoreError;
use crate::metrics as meters;
use crate::model::Model;

/// Scores with one version, for a lane of its own: no routing and no fallback, but a deadline for each batch. For one
/// thread.
///
/// It scores every event that it is given. A shadow that takes a share of the events samples them before, by
/// [`events::event_sample`], so that a restart takes the same ones.
#[derive(Debug)]
pub struct Shadow {
    candidate: Candidate,
    revision: u64,
    predictions: Counter,
    results: Vec<Result<Outputs, ScoreError>>,
}

impl Shadow {
    /// A shadow of this version, as `revision` of the deployment asks for it, with [`DEADLINE`] for each batch.
    pub fn new(model: &Arc<Model>, revision: u64) -> Self {
        meters::describe();
        Self {
            candidate: Candidate::new(model, DEADLINE),
            revision,
            predictions: meters::predictions(model.name(), model.version(), Role::Shadow),
            results: Vec::new(),
        }
    }

    /// The same with another deadline.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Duration) -> Self {
        self.candidate = Candidate::new(self.candidate.model(), deadline);
        self
    }

    /// Scores a batch, and puts a result for each event into `results`, in order, in place of what was there.
    pub fn score(&mut self, events: &[FeatureEvent], results: &mut Vec<Result<Scored, ScoreError>>) {
        results.clear();
        if events.is_empty() {
            return;
        }
        self.candidate.start(events.len(), events.iter().map(|event| &event.features));
        self.candidate.finish(&mut self.results);
        let (version, revision) = (self.candidate.model().version(), self.revision);
        let scored = self.results.iter().filter(|result| result.is_ok()).count();
        let silenced =
            self.results.drain(..).map(|result| result.map(|outputs| silent(version, revision, outputs)));
        results.extend(silenced);
        self.predictions.increment(scored as u64);
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
