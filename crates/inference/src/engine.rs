//! The engine: routes events to the versions of one logical model, and answers for all of them.
//!
//! A batch is routed, grouped by version, and each version scores its group in one go: production here, candidates at the
//! same time on threads of their own, with a deadline. What a candidate failed on, or did not score in time, production
//! scores after that. So a failing candidate costs a second go for its events, and one that hangs its deadline, a
//! few times, until nothing is asked of it any more.

mod check;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{Duration, Instant};

use events::{Deployment, Fallback, FeatureEvent, Outputs, Role};
use experiment::{Experiment, Problems};
use metrics::Counter;

use crate::candidate::{Candidate, DEADLINE};
use crate::error::ScoreError;
use crate::metrics::{self as meters, Meters};
use crate::model::Model;
use crate::router::{Route, Router, Target};
use crate::scorer::Scorer;

/// One event, scored: what the model said, and how it came to be asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Scored {
    /// The capacity of the assigned version.
    pub role: Role,
    /// The version whose outputs these are.
    pub version: Arc<str>,
    /// The version that should have answered; differs from `version` after a fallback.
    pub assigned_version: Arc<str>,
    /// The experiment that the unit takes part in, if it does.
    pub experiment: Option<Arc<str>>,
    /// The arm of that experiment.
    pub variant: Option<Arc<str>>,
    /// The bucket, 0 to 9,999, that put the unit into this arm.
    pub bucket: Option<u16>,
    /// The probability with which an eligible unit gets this arm.
    pub propensity: Option<f64>,
    /// The revision of the deployment that routed the event.
    pub revision: u64,
    /// What the model said.
    pub outputs: Outputs,
    /// Why production answered instead of the assigned version, where it did.
    pub fallback: Option<Fallback>,
}

/// Scores for one logical model as one revision of its deployment says: production, canaries and variants. For
/// one thread. A new revision is a new engine over the same models.
#[derive(Debug)]
pub struct Engine {
    revision: u64,
    router: Router,
    /// What is counted for each of the router's targets, and the version that serves it.
    targets: Vec<Served>,
    /// Production first.
    versions: Vec<Version>,
    /// For each event of the batch, where it goes.
    routes: Vec<Route>,
    /// For each event of the batch, what it gets.
    answers: Vec<Answer>,
}

/// A target of the router, as this engine serves it.
#[derive(Debug)]
struct Served {
    /// The place of its version.
    version: usize,
    predictions: Counter,
    /// Predictions of this batch.
    count: u64,
}

/// A version, and its part of the batch.
#[derive(Debug)]
struct Version {
    thread: Thread,
    /// The places of its events in the batch.
    events: Vec<usize>,
    results: Vec<Result<Outputs, ScoreError>>,
}

/// Where a version scores.
#[derive(Debug)]
enum Thread {
    /// On the lane's own: production.
    Here(Box<Here>),
    /// On one of its own: everybody else.
    Apart(Box<Candidate>),
}

/// What scores on the lane's own thread.
#[derive(Debug)]
struct Here {
    scorer: Scorer,
    meters: Meters,
}

/// What an event gets: nothing yet, perhaps because a candidate failed on it, or a result.
#[derive(Debug, Default)]
struct Answer {
    fallback: Option<Fallback>,
    result: Option<Result<Outputs, ScoreError>>,
}

/// The place of production among the versions.
const PRODUCTION: usize = 0;

impl Engine {
    /// An engine for `deployment`, whose events are keyed by units of the kind `key`.
    ///
    /// `models` has all versions that the deployment routes to; others are left alone. `experiments` has the
    /// definition of every experiment that the deployment names, whose coverage is the deployment's; others are
    /// left alone, since a definition does not run before a deployment says so.
    ///
    /// # Errors
    /// All that does not fit, at once: a version that is not loaded, is of another model or has other outputs
    /// than production; an experiment without its definition, or one that differs from it, on units that events
    /// are not keyed by, or in the way of another one.
    pub fn new(
        deployment: &Deployment,
        key: &str,
        models: &[Arc<Model>],
        experiments: &[Experiment],
    ) -> Result<Self, Problems> {
        let mut problems =
            Problems::new(format!("deployment {} of \"{}\"", deployment.revision, deployment.model));
        let running = check::experiments(deployment, key, experiments, &mut problems);
        let router = Router::new(&deployment.production, running);
        check::versions(deployment, router.targets(), models, &mut problems);
        problems.into_result()?;
        meters::describe();
        let mut engine = Self {
            revision: deployment.revision,
            targets: Vec::new(),
            versions: Vec::new(),
            routes: Vec::new(),
            answers: Vec::new(),
            router,
        };
        engine.serve(models);
        Ok(engine)
    }

    /// Gives each of the router's targets its version; production is the first target, so the first version.
    fn serve(&mut self, models: &[Arc<Model>]) {
        for target in self.router.targets() {
            let known = self.versions.iter().position(|version| version.name() == &target.version);
            let version = known.unwrap_or(self.versions.len());
            let model = models.iter().find(|model| model.version() == &target.version);
            if let (None, Some(model)) = (known, model) {
                self.versions.push(if version == PRODUCTION {
                    Version::production(model)
                } else {
                    Version::candidate(model)
                });
            }
            let predictions =
                meters::predictions(self.versions[PRODUCTION].model().name(), &target.version, target.role);
            self.targets.push(Served { version, predictions, count: 0 });
        }
    }

    /// The revision of the deployment that this engine serves.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The model that serves everybody outside experiments.
    pub fn production(&self) -> &Arc<Model> {
        self.versions[PRODUCTION].model()
    }

    /// The same, where canaries and variants have another deadline than [`DEADLINE`](crate::DEADLINE) for each batch.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Duration) -> Self {
        for version in &mut self.versions {
            if let Thread::Apart(candidate) = &mut version.thread {
                **candidate = Candidate::new(candidate.model(), deadline);
            }
        }
        self
    }

    /// Scores a batch, and puts a result for each event into `results`, in order, in place of what was there.
    ///
    /// An event whose version fails or is late is answered by production, which goes on the record as its fallback. An
    /// error is production's own.
    pub fn score(&mut self, events: &[FeatureEvent], results: &mut Vec<Result<Scored, ScoreError>>) {
        self.route(events);
        let (production, candidates) = self.versions.split_at_mut(1);
        let production = &mut production[PRODUCTION];
        candidates.iter_mut().for_each(|candidate| candidate.start(events));
        production.score(events, &mut self.answers);
        for candidate in candidates {
            candidate.finish();
            for (event, result) in candidate.events.drain(..).zip(candidate.results.drain(..)) {
                let answer = &mut self.answers[event];
                if let Err(error) = &result {
                    let fallback = error.fallback();
                    candidate.thread.meters().fallback(fallback);
                    answer.fallback = Some(fallback);
                    production.events.push(event);
                } else {
                    answer.result = Some(result);
                }
            }
        }
        production.score(events, &mut self.answers);
        self.answer(results);
    }

    /// Routes all events, and notes for each version which ones are its own.
    fn route(&mut self, events: &[FeatureEvent]) {
        self.routes.clear();
        self.answers.clear();
        self.answers.resize_with(events.len(), Answer::default);
        for (at, event) in events.iter().enumerate() {
            let route = self.router.route(event);
            self.versions[self.targets[route.target].version].events.push(at);
            self.routes.push(route);
        }
    }

    /// Hands out the answers of the batch, and counts the predictions among them.
    fn answer(&mut self, results: &mut Vec<Result<Scored, ScoreError>>) {
        results.clear();
        results.reserve(self.routes.len());
        let production = self.versions[PRODUCTION].name();
        for (route, answer) in self.routes.iter().zip(self.answers.drain(..)) {
            #[expect(
                clippy::expect_used,
                reason = "an event is in one group, and after a failure in production's"
            )]
            let result = answer.result.expect("every event was scored by a version");
            let target = &self.router.targets()[route.target];
            self.targets[route.target].count += u64::from(result.is_ok());
            let result = result.map(|outputs| target.scored(route, self.revision, outputs));
            results.push(match answer.fallback {
                Some(fallback) => result.map(|scored| scored.by_production(production, fallback)),
                None => result,
            });
        }
        for target in self.targets.iter_mut().filter(|target| target.count > 0) {
            target.predictions.increment(std::mem::take(&mut target.count));
        }
    }
}

impl Target {
    /// What an event that was sent here is answered with.
    fn scored(&self, route: &Route, revision: u64, outputs: Outputs) -> Scored {
        Scored {
            role: self.role,
            version: Arc::clone(&self.version),
            assigned_version: Arc::clone(&self.version),
            experiment: self.arm.as_ref().map(|(experiment, _)| Arc::clone(experiment)),
            variant: self.arm.as_ref().map(|(_, variant)| Arc::clone(variant)),
            bucket: route.draw.map(|(bucket, _)| bucket),
            propensity: route.draw.map(|(_, propensity)| propensity),
            revision,
            outputs,
            fallback: None,
        }
    }
}

impl Scored {
    /// The same, answered by production.
    fn by_production(self, production: &Arc<str>, fallback: Fallback) -> Self {
        Self { version: Arc::clone(production), fallback: Some(fallback), ..self }
    }
}

impl Version {
    fn production(model: &Arc<Model>) -> Self {
        let meters = Meters::new(model.name(), model.version());
        Self::on(Thread::Here(Box::new(Here { scorer: model.scorer().with_failures(), meters })))
    }

    fn candidate(model: &Arc<Model>) -> Self {
        Self::on(Thread::Apart(Box::new(Candidate::new(model, DEADLINE))))
    }

    fn on(thread: Thread) -> Self {
        Self { thread, events: Vec::new(), results: Vec::new() }
    }

    fn model(&self) -> &Arc<Model> {
        match &self.thread {
            Thread::Here(here) => here.scorer.model(),
            Thread::Apart(candidate) => candidate.model(),
        }
    }

    fn name(&self) -> &Arc<str> {
        self.model().version()
    }

    /// Scores production's events of the batch, and hands out their answers.
    fn score(&mut self, batch: &[FeatureEvent], answers: &mut [Answer]) {
        let Thread::Here(here) = &mut self.thread else { return };
        let Here { scorer, meters } = &mut **here;
        if self.events.is_empty() {
            return;
        }
        let start = Instant::now();
        scorer.score(self.events.iter().map(|at| &batch[*at].features), &mut self.results);
        meters.scored(start);
        for (event, result) in self.events.drain(..).zip(self.results.drain(..)) {
            if let Err(error) = &result {
                meters.error(error);
            }
            answers[event].result = Some(result);
        }
    }

    /// Hands a candidate its events of the batch.
    fn start(&mut self, batch: &[FeatureEvent]) {
        if let Thread::Apart(candidate) = &mut self.thread
            && !self.events.is_empty()
        {
            candidate.start(self.events.len(), self.events.iter().map(|at| &batch[*at].features));
        }
    }

    /// Waits for what a candidate makes of them.
    fn finish(&mut self) {
        if let Thread::Apart(candidate) = &mut self.thread {
            candidate.finish(&mut self.results);
        }
    }
}

impl Thread {
    fn meters(&self) -> &Meters {
        match self {
            Self::Here(here) => &here.meters,
            Self::Apart(candidate) => candidate.meters(),
        }
    }
}
