//! What is asked: the definition of an experiment, checked.

mod decision;
mod duration;
pub mod limits;
mod metric;
mod quantity;
mod read;
mod read_metric;
pub(crate) mod section;

use std::{
    ops::{Deref, Range},
    time::Duration,
};

use compact_str::CompactString;
use jiff::Timestamp;

pub use decision::{Correction, Decision, Method};
pub use metric::{Absent, Aggregate, Better, Metric, MetricKind, MetricRole, Winsorize};
pub use quantity::{Quantity, QuantityError};

use crate::{
    Assignment, BasisPoints, ContextValue, Epoch, NotBasisPoints, Problems, Rule, Salt, assignment::Spans,
};

/// A checked experiment, ready to assign units. Its [`Definition`] is read through `Deref`.
#[derive(Clone, Debug)]
pub struct Experiment {
    definition: Definition,
    spans: Spans,
}

/// What an `experiment.toml` says.
#[derive(Clone, Debug, PartialEq)]
pub struct Definition {
    /// What the experiment is called in events, reports and on the command line. Required; an identifier: 1 to
    /// 64 ASCII letters, digits, `.`, `_` or `-`, the first one a letter or digit.
    ///
    /// Name the change, not the hope: `fraud-13`, not `better-fraud`.
    pub name: CompactString,
    /// What is believed to be true, in a sentence that the metrics can refute. Required; at most 1,000 bytes.
    pub hypothesis: String,
    /// The logical model whose versions are compared. Required; an identifier.
    pub model: CompactString,
    /// The kind of unit that is assigned and counted, such as `card`: one of the kinds in the events' `units`.
    /// Required; an identifier.
    ///
    /// Choose what keeps its treatment: if two events of one person must be treated alike, the unit is the
    /// person. Statistics count units, so a coarser unit means fewer of them and a longer experiment.
    pub unit: CompactString,
    /// What makes this experiment's buckets its own. Required; at most 128 bytes, no NUL, and used by nothing
    /// else, not even a layer.
    ///
    /// Use the experiment's name, and add a number when a new epoch needs a new salt: `fraud-13.2`.
    pub salt: Salt,
    /// The share of the layer's part that takes part, above 0 up to 1, in whole basis points (multiples of
    /// 0.0001). Required.
    ///
    /// It is shared out by weight: 0.02 with equal arms is a 1 % canary against a 1 % control. Start where a
    /// bad version costs little, and ramp up: that adds units to every arm and moves none.
    pub coverage: BasisPoints,
    /// When the experiment begins, as a TOML date-time with an offset: `2026-12-01T00:00:00Z`. Events that
    /// occurred before it are no exposures. Default: with the first prediction.
    pub start: Option<Timestamp>,
    /// How long after a unit's first prediction (its exposure) further predictions count as part of it:
    /// `"14d"`. Required; above 0, at most 366 days.
    ///
    /// Long enough to see a unit's habits, weekends included: one or two weeks for people. A unit enters the
    /// tests only after this window and the metric's attribution have passed, so longer is later.
    pub exposure_window: Duration,
    /// The layer that the experiment lives in, and its part of it (`[layer]`).
    pub layer: Layer,
    /// Who is eligible (`[[targeting]]`): all rules must hold. Default: everyone. At most 20 rules.
    pub targeting: Vec<Rule>,
    /// The arms (`[[arm]]`), the control first. 2 to 10; their weights sum to 10,000.
    pub arms: Vec<Arm>,
    /// What is compared (`[[metric]]`). 1 to 50, at least one of them primary.
    pub metrics: Vec<Metric>,
    /// How the answer is found (`[decision]`).
    pub decision: Decision,
    /// The coverages that a good treatment goes through (`[rollout]`, `steps`), each larger than the one before; 1
    /// to 20. Default: none.
    ///
    /// The report says when the evidence allows the next one; `serin experiment ramp` takes it.
    pub rollout: Vec<BasisPoints>,
}

/// One arm (`[[arm]]`): a version of the model, and a share of those who take part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arm {
    /// What the arm is called in events and reports. Required; an identifier, unique in the experiment.
    pub name: CompactString,
    /// The version of the model that serves this arm. Required; an identifier. Two arms may share one: that is
    /// an A/A test.
    pub version: CompactString,
    /// The arm's share of those who take part, in basis points, above 0: `weight = 5000`. Required; all weights
    /// sum to 10,000.
    ///
    /// Equal weights learn most from the fewest units. Fixed for good: a change opens a new epoch, and needs a
    /// new salt.
    pub weight: BasisPoints,
}

/// The layer (`[layer]`) that all experiments on one model share, and this experiment's part of it.
///
/// The layer's salt gives a unit a bucket, and the experiment whose range holds that bucket is the only one of
/// the layer that the unit can take part in. The experiment's own salt then decides the arm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// What makes the layer's buckets its own. Default: the model's name. All experiments on one model have the
    /// same; leave it alone unless two models must be kept apart together.
    pub salt: Salt,
    /// The experiment's part of the layer, `[start, end]` in buckets, the end exclusive. Default: `[0, 10000]`,
    /// all of it. Ranges of experiments on one model do not overlap.
    ///
    /// Leave room for the next experiment if you expect one: half of it is `[0, 5000]`.
    pub range: Range<u16>,
}

/// Why an experiment cannot run at a coverage.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CoverageError {
    /// The coverage is not a share in whole basis points.
    #[error(transparent)]
    NotBasisPoints(#[from] NotBasisPoints),
    /// An arm would have no bucket at all.
    #[error(
        "coverage {coverage} leaves arm \"{arm}\" without a bucket; the least that serves every arm is {least}"
    )]
    EmptyArm {
        /// The coverage asked for.
        coverage: BasisPoints,
        /// The first arm that it leaves empty.
        arm: CompactString,
        /// The smallest coverage that gives every arm a bucket.
        least: BasisPoints,
    },
}

impl Experiment {
    /// Reads an `experiment.toml`; `place` is what its faults are reported under, usually the path.
    ///
    /// # Errors
    /// All faults of the text at once, each with its place, the value and what would be right. What is not
    /// implemented yet is refused by name, never ignored.
    pub fn parse(place: &str, text: &str) -> Result<Self, Problems> {
        read::read_definition(place, text).map(Self::new)
    }

    /// The same experiment at another coverage: same arms, same units in them, and some more or fewer.
    ///
    /// # Errors
    /// A coverage that leaves an arm without a bucket.
    pub fn with_coverage(&self, coverage: BasisPoints) -> Result<Self, CoverageError> {
        check_coverage(&self.definition.arms, coverage)?;
        Ok(Self::new(Definition { coverage, ..self.definition.clone() }))
    }

    /// Which arm `unit` is in, if it takes part with an event of this context.
    ///
    /// Nothing if a targeting rule does not hold, if the unit lies outside the experiment's part of the layer,
    /// or if coverage does not reach it: such units get plain production and are no part of the comparison.
    /// `context` looks a field of the event's context up by name. Allocates nothing.
    pub fn assign<'c>(
        &self,
        unit: &str,
        context: impl Fn(&str) -> Option<ContextValue<'c>>,
    ) -> Option<Assignment<'_>> {
        let eligible = self.targeting.iter().all(|rule| rule.holds(context(&rule.field)));
        if !eligible || !self.layer.holds(unit) {
            return None;
        }
        let bucket = self.salt.bucket(unit);
        let arm = self.spans.arm(bucket)?;
        let Arm { name, version, .. } = &self.definition.arms[arm];
        Some(Assignment { arm, name, version, bucket, propensity: self.propensity(arm) })
    }

    /// How many buckets arm `index` spans now: floor(coverage x weight) in basis points, never 0.
    ///
    /// Sample-ratio checks compare counts with these widths, not with the weights.
    ///
    /// # Panics
    /// If there is no such arm.
    pub fn width(&self, index: usize) -> BasisPoints {
        self.spans.width(index)
    }

    /// The realised probability of arm `index` for an eligible unit; see [`Assignment::propensity`].
    ///
    /// # Panics
    /// If there is no such arm.
    pub fn propensity(&self, index: usize) -> f64 {
        self.layer.share() * self.width(index).fraction()
    }

    /// What must not change while units are pooled.
    pub fn epoch(&self) -> Epoch {
        Epoch::of(&self.definition)
    }

    fn new(definition: Definition) -> Self {
        let spans = Spans::new(definition.arms.iter().map(|arm| arm.weight), definition.coverage);
        Self { definition, spans }
    }
}

impl Deref for Experiment {
    type Target = Definition;

    fn deref(&self) -> &Definition {
        &self.definition
    }
}

/// Refuses a coverage at which an arm would have no bucket.
pub(crate) fn check_coverage(arms: &[Arm], coverage: BasisPoints) -> Result<(), CoverageError> {
    let Some(empty) = arms.iter().find(|arm| coverage.of(arm.weight).get() == 0) else { return Ok(()) };
    let reaches_all = |share: &BasisPoints| arms.iter().all(|arm| share.of(arm.weight).get() > 0);
    // An arm without weight is a fault of its own; asking for all is then the nearest to the truth.
    let least = (1..=10_000).filter_map(BasisPoints::new).find(reaches_all).unwrap_or(BasisPoints::ALL);
    Err(CoverageError::EmptyArm { coverage, arm: empty.name.clone(), least })
}
