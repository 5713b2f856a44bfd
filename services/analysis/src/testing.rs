//! What the tests of this crate share: events to order, and a short way through the join.

use std::sync::Arc;

use events::{
    ArmRoute, ExperimentRoute, Fallback, LayerRoute, OutcomeEvent, Outputs, PredictionEvent, Role, Subject,
    Timestamp, Unit,
};
use experiment::Experiment;

use crate::config::Config;
use crate::evaluate::{Question, evaluate};
use crate::join::Joiner;
use crate::report::{ComparisonResult, Interval, Report};
use crate::watermark::{Source, Watermarks};

/// The moment so many seconds after 1970.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000).unwrap()
}

/// A served prediction by version 1 of the model `m`, outside experiments, that says `p` = 0.5.
pub(crate) fn served(event: &str, user: &str, seconds: i64) -> PredictionEvent {
    PredictionEvent {
        prediction_id: events::prediction_id(event, "m", events::SERVED_SLOT),
        event_id: event.into(),
        unit: Unit { kind: "user".into(), id: user.into() },
        model: "m".into(),
        version: "1".into(),
        assigned_version: "1".into(),
        role: Role::Production,
        experiment: None,
        variant: None,
        bucket: None,
        propensity: None,
        revision: 1,
        outputs: outputs(0.5),
        fallback: None,
        occurred_at: at(seconds),
        scored_at: at(seconds),
    }
}

fn outputs(p: f64) -> Outputs {
    Outputs::new(["p".into()].into(), &[p])
}

/// Variations of a prediction.
pub(crate) trait Vary {
    /// In an arm of the experiment `e`; all but `control` are served by version 2.
    fn arm(self, arm: &str) -> Self;
    /// With another output.
    fn says(self, p: f64) -> Self;
    /// By production in place of the version assigned.
    fn fallback(self) -> Self;
    /// By a shadow.
    fn shadow(self, version: &str) -> Self;
}

impl Vary for PredictionEvent {
    fn arm(self, arm: &str) -> Self {
        let version: Arc<str> = if arm == "control" { "1".into() } else { "2".into() };
        Self {
            experiment: Some("e".into()),
            variant: Some(arm.into()),
            assigned_version: Arc::clone(&version),
            version,
            ..self
        }
    }

    fn says(self, p: f64) -> Self {
        Self { outputs: outputs(p), ..self }
    }

    fn fallback(self) -> Self {
        Self { version: "1".into(), fallback: Some(Fallback::Error), ..self }
    }

    fn shadow(self, version: &str) -> Self {
        let version: Arc<str> = version.into();
        Self { role: Role::Shadow, assigned_version: Arc::clone(&version), version, ..self }
    }
}

/// What happened after an event.
pub(crate) fn outcome(event: &str, metric: &str, value: f64, seconds: i64) -> OutcomeEvent {
    let subject = Subject::Event(event.into());
    OutcomeEvent {
        outcome_id: events::outcome_id(&subject, metric),
        subject,
        metric: metric.into(),
        value,
        occurred_at: at(seconds),
        revision: 0,
    }
}

/// A record of one of the three topics.
#[derive(Clone, Debug)]
pub(crate) enum Fact {
    Prediction(PredictionEvent),
    Outcome(OutcomeEvent),
}

impl Fact {
    /// When it happened.
    pub(crate) fn time(&self) -> Timestamp {
        match self {
            Self::Prediction(event) => event.occurred_at,
            Self::Outcome(event) => event.occurred_at,
        }
    }
}

impl From<PredictionEvent> for Fact {
    fn from(event: PredictionEvent) -> Self {
        Self::Prediction(event)
    }
}

impl From<OutcomeEvent> for Fact {
    fn from(event: OutcomeEvent) -> Self {
        Self::Outcome(event)
    }
}

/// The join and the watermarks, without records and topics around them.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) joiner: Joiner,
    pub(crate) watermarks: Watermarks,
}

impl Table {
    pub(crate) fn new() -> Self {
        Self { joiner: Joiner::new("m".into(), 1_000_000), watermarks: Watermarks::default() }
    }

    /// A table of these facts, all from partition 0.
    pub(crate) fn of(facts: impl IntoIterator<Item = Fact>) -> Self {
        let mut table = Self::new();
        facts.into_iter().for_each(|fact| table.take(fact, 0));
        table
    }

    pub(crate) fn take(&mut self, fact: Fact, partition: u32) {
        let source = match &fact {
            Fact::Prediction(event) if event.role == Role::Shadow => Source::ShadowPredictions,
            Fact::Prediction(_) => Source::Predictions,
            Fact::Outcome(_) => Source::Outcomes,
        };
        let seen_at = self.watermarks.observe(source, partition, fact.time());
        match fact {
            Fact::Prediction(event) => self.joiner.prediction(event, partition).unwrap(),
            Fact::Outcome(event) => self.joiner.outcome(event, partition, seen_at).unwrap(),
        }
    }

    /// The report on what is there.
    pub(crate) fn report(&self, experiment: &Experiment) -> Report {
        evaluate(&self.joiner, &question(experiment), &self.watermarks)
    }

    /// The report when nothing will follow.
    pub(crate) fn complete(mut self, experiment: &Experiment) -> Report {
        self.watermarks.complete();
        self.report(experiment)
    }
}

/// What `experiment` asks, with a minute of grace.
pub(crate) fn question(experiment: &Experiment) -> Question {
    let minute = runtime::config::Duration::new(std::time::Duration::from_secs(60));
    Question::new(vec![experiment.clone()], &Config { grace: minute, ..Config::default() })
}

/// A metric as a definition has it. `more` has the fields that not every metric has.
pub(crate) fn metric(name: &str, kind: &str, of: &str, more: &str) -> String {
    let role = if more.contains("role") { "" } else { "role = \"primary\"" };
    format!(
        "[[metric]]\nname = \"{name}\"\nkind = \"{kind}\"\nof = \"{of}\"\nbetter = \"lower\"\n{role}\n{more}\n"
    )
}

/// The experiment `e` from second 100 on, with `arms` of equal weight (the first takes what is left over), an exposure window of ten minutes, and
/// decisions from ten units on.
pub(crate) fn experiment(arms: &[&str], metrics: &str) -> Experiment {
    with_decision(arms, metrics, "method = \"fixed\"")
}

/// The same with another decision.
pub(crate) fn with_decision(arms: &[&str], metrics: &str, decision: &str) -> Experiment {
    parse(&definition(arms, metrics, decision))
}

/// The same as [`experiment`] with the steps of a rollout.
pub(crate) fn with_rollout(arms: &[&str], metrics: &str, steps: &str) -> Experiment {
    parse(&(definition(arms, metrics, "method = \"fixed\"") + &format!("[rollout]\nsteps = {steps}\n")))
}

fn parse(text: &str) -> Experiment {
    Experiment::parse("experiment.toml", text).unwrap_or_else(|problems| panic!("{problems}"))
}

fn definition(arms: &[&str], metrics: &str, decision: &str) -> String {
    let rest = 10_000 % arms.len();
    let arms: String = arms
        .iter()
        .enumerate()
        .map(|(at, arm)| {
            let weight = 10_000 / arms.len() + if at == 0 { rest } else { 0 };
            let version = if *arm == "control" { 1 } else { 2 };
            format!("[[arm]]\nname = \"{arm}\"\nversion = \"{version}\"\nweight = {weight}\n")
        })
        .collect();
    format!(
        r#"
name = "e"
hypothesis = "version 2 is better"
model = "m"
unit = "user"
salt = "e"
coverage = 1.0
start = 1970-01-01T00:01:40Z
exposure_window = "10m"
{arms}
{metrics}
[decision]
{decision}
alpha = 0.05
correction = "holm"
minimum_units = 10
"#
    )
}

/// How the experiment `e` with two arms is deployed.
pub(crate) fn route(coverage: u16) -> ExperimentRoute {
    let arm =
        |name: &str, version: &str| ArmRoute { name: name.into(), version: version.into(), weight: 5_000 };
    ExperimentRoute {
        name: "e".into(),
        unit: "user".into(),
        salt: "e".into(),
        coverage,
        layer: LayerRoute { salt: "m".into(), start: 0, end: 10_000 },
        targeting: Vec::new(),
        arms: vec![arm("control", "1"), arm("treatment", "2")],
    }
}

/// The difference of a comparison, and its p-value.
pub(crate) fn tested(result: &ComparisonResult) -> (Interval, f64) {
    match result {
        ComparisonResult::Tested { difference, p, .. } => (*difference, *p),
        ComparisonResult::Unavailable { unavailable } => panic!("{unavailable}"),
    }
}

/// Why there is no comparison.
pub(crate) fn unavailable(result: &ComparisonResult) -> &str {
    match result {
        ComparisonResult::Tested { difference, .. } => panic!("{difference:?}"),
        ComparisonResult::Unavailable { unavailable } => unavailable,
    }
}

/// Random numbers from a seed (SplitMix64: Steele, Lea and Flood, "Fast splittable pseudorandom number
/// generators", OOPSLA 2014).
#[derive(Debug)]
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    /// Uniform in 0..1.
    pub(crate) fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        #[expect(clippy::cast_precision_loss, reason = "53 bits fit a double")]
        let unit = ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64;
        unit
    }

    /// Yes with probability `p`.
    pub(crate) fn falls(&mut self, p: f64) -> bool {
        self.uniform() < p
    }
}
