//! The report: what was asked, on whom, with what answer. It is what goes on the `reports` topic, as JSON.

use events::Timestamp;
use serde::Serialize;

use crate::Counts;

/// The state of all questions about one logical model.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// The logical model.
    pub model: String,
    /// The moment up to which all partitions were seen; absent where nothing was, and where everything was.
    pub watermark: Option<Timestamp>,
    /// Whether the topics were read to their end and nothing will follow.
    pub is_complete: bool,
    /// What was read.
    pub counts: Counts,
    /// Events with both a served prediction and an outcome.
    pub joined_events: u64,
    /// Outcomes about predictions that nobody has seen.
    pub orphan_outcomes: u64,
    /// Experiments that were deployed and that no definition fits, by name. Nothing is said of them.
    pub undefined_experiments: Vec<String>,
    /// One for each experiment, by name.
    pub experiments: Vec<ExperimentReport>,
    /// One for each shadow version that has scored, by version.
    pub shadows: Vec<ShadowReport>,
}

/// The answer of one experiment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ExperimentReport {
    /// The experiment.
    pub name: String,
    /// What it was to show.
    pub hypothesis: String,
    /// The kind of unit that is randomized.
    pub unit: String,
    /// Which numbers decide: `always-valid` or `fixed`.
    pub method: &'static str,
    /// Probability of a false alarm that the decision allows.
    pub alpha: f64,
    /// The arms, control first.
    pub arms: Vec<Arm>,
    /// Units that were seen in more than one arm, and count in none.
    pub crossovers: u64,
    /// Predictions in an arm that the definition does not have.
    pub unknown_arms: u64,
    /// Whether units came into the arms in the shares that they should have.
    pub sample_ratio: Option<SampleRatio>,
    /// The metrics, in the definition's order.
    pub metrics: Vec<MetricReport>,
    /// The decision for each arm but the control.
    pub verdicts: Vec<Verdict>,
    /// The next step of the rollout, where there is one.
    pub rollout: Option<RolloutStep>,
}

/// A step of a rollout. It is taken by `serin experiment ramp`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RolloutStep {
    /// The coverage now.
    pub coverage: f64,
    /// That of the next step.
    pub next: f64,
    /// Whether the evidence allows it.
    pub is_allowed: bool,
    /// Why, or why not.
    pub reason: String,
}

/// One arm.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Arm {
    /// Its name.
    pub name: String,
    /// The version that it is served by.
    pub version: String,
    /// Units that were exposed to it.
    pub units: u64,
    /// Their predictions within the exposure window.
    pub predictions: u64,
    /// How many of these production made in the arm's place.
    pub fallbacks: u64,
}

/// The check of the split.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SampleRatio {
    /// Units that should have come into each arm, in the arms' order.
    pub expected: Vec<f64>,
    /// Natural logarithm of the probability of a split at least this far off, for one look.
    pub log_p: f64,
    /// The same for all looks so far: the smallest of them, and valid at any of them.
    pub always_valid_log_p: f64,
    /// Whether that is so improbable that the experiment is broken and must not be read.
    pub is_mismatch: bool,
}

/// One metric.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MetricReport {
    /// Its name.
    pub name: String,
    /// `primary`, `secondary` or `guardrail`.
    pub role: &'static str,
    /// `proportion`, `mean`, `count` or `ratio`.
    pub kind: &'static str,
    /// Which way is good: `higher` or `lower`.
    pub better: &'static str,
    /// The margin of a guardrail.
    pub margin: Option<f64>,
    /// The smallest difference that anybody would mind, where the definition says it.
    pub minimum_effect: Option<f64>,
    /// How the arms stand, in their order.
    pub arms: Vec<MetricArm>,
    /// Each arm but the control, compared with the control.
    pub comparisons: Vec<Comparison>,
}

/// A metric in one arm.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MetricArm {
    /// Units whose windows have closed and that have a value.
    pub units: u64,
    /// Observations of these units.
    pub events: u64,
    /// Observations that could not be used: no such output, or an outcome that is not 0 or 1 where it must be.
    pub unusable: u64,
    /// Units whose number was held at a bound.
    pub winsorized_units: u64,
    /// Units whose windows are still open.
    pub immature_units: u64,
    /// Outcomes that came, or were corrected, after their unit had matured. They are not in the tests.
    pub late_outcomes: u64,
    /// The estimate, where there is one.
    pub value: Option<f64>,
    /// The estimate with what came too late, where something did.
    pub restated: Option<f64>,
}

/// One arm compared with the control.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// The arm.
    pub arm: String,
    /// The result, or why there is none.
    #[serde(flatten)]
    pub result: ComparisonResult,
}

/// What a comparison gave.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", untagged)]
pub enum ComparisonResult {
    /// Numbers.
    Tested {
        /// The arm's value minus the control's, with its interval at the level of the decision.
        difference: Interval,
        /// The same in relation to the control's value, where that is far enough from 0.
        relative: Option<Interval>,
        /// Name of the test.
        method: &'static str,
        /// Natural logarithm of the two-sided p-value.
        log_p: f64,
        /// The two-sided p-value.
        p: f64,
        /// The same, valid at any look; absent before both arms have the least number of units.
        always_valid: Option<Box<AlwaysValid>>,
        /// What someone who knew nothing before would bet.
        bayesian: Option<Bayesian>,
        /// The p-value of the method that decides, corrected for all primary metrics and arms, for a primary metric.
        adjusted_p: Option<f64>,
    },
    /// No numbers.
    Unavailable {
        /// Why.
        unavailable: String,
    },
}

/// A comparison that may be read at any time and as often as one likes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AlwaysValid {
    /// The moment of the last look, in event time.
    pub last_look: Option<Timestamp>,
    /// How many looks there were.
    pub looks: u64,
    /// Units of both arms at the last look.
    pub units: u64,
    /// The difference at the last look, with its interval.
    pub difference: Interval,
    /// Natural logarithm of the two-sided p-value: the smallest of all looks.
    pub log_p: f64,
    /// That p-value.
    pub p: f64,
    /// Which way the difference pointed at that look: 1, or -1.
    pub evidence_sign: f64,
}

/// A comparison as a bet. It is no test: looked at again and again it finds a winner where there is none.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Bayesian {
    /// The chance that the arm is better than the control.
    pub chance_to_win: f64,
    /// What taking the arm would lose on average, in units of the metric, where it is worse after all.
    pub expected_loss: f64,
}

/// An estimate and its interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// The estimate.
    pub value: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// The decision for one arm.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verdict {
    /// The arm.
    pub arm: String,
    /// The decision.
    pub verdict: VerdictKind,
    /// The rule that made it.
    pub rule: &'static str,
    /// The reason in a sentence.
    pub reason: String,
}

/// What can be said of an arm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum VerdictKind {
    /// It is better than the control.
    Better,
    /// It is worse than the control.
    Worse,
    /// It differs from the control by less than anybody would mind.
    Equivalent,
    /// It cannot be said, or not yet.
    Inconclusive,
}

impl VerdictKind {
    /// All there are.
    pub(crate) const ALL: [Self; 4] = [Self::Better, Self::Worse, Self::Equivalent, Self::Inconclusive];

    /// The word that reports have for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Worse => "worse",
            Self::Equivalent => "equivalent",
            Self::Inconclusive => "inconclusive",
        }
    }
}

/// A shadow compared with production on the events that both have scored.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ShadowReport {
    /// The shadow's version.
    pub version: String,
    /// The production version that it is compared with.
    pub production: String,
    /// Events that the shadow has scored.
    pub predictions: u64,
    /// Events of them that production has scored too, itself and not in another version's place.
    pub pairs: u64,
    /// What was compared.
    pub metrics: Vec<PairedReport>,
}

/// One metric in pairs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PairedReport {
    /// Its name.
    pub name: String,
    /// Which way is good: `higher` or `lower`.
    pub better: &'static str,
    /// Pairs with an outcome whose windows have closed.
    pub pairs: u64,
    /// Units that they belong to.
    pub units: u64,
    /// Production's mean over these pairs.
    pub production: Option<f64>,
    /// The shadow's mean over the same pairs.
    pub shadow: Option<f64>,
    /// The mean difference, clustered by unit, or why there is none.
    #[serde(flatten)]
    pub result: ComparisonResult,
}
