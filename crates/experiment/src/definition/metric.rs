//! What is compared.

use std::time::Duration;

use compact_str::CompactString;

use super::Quantity;

/// One thing that is compared between the arms (`[[metric]]`).
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// What the metric is called in reports: `"loss per card"`. Required; 1 to 64 bytes without control
    /// characters, unique in the experiment.
    pub name: CompactString,
    /// What the metric is for. Required.
    pub role: MetricRole,
    /// How a unit's values become one number, and units become an estimate (`kind`, `aggregate`). Required.
    pub kind: MetricKind,
    /// The quantity behind it. Required: `outcome.NAME`, `prediction.NAME`, or a quality computed from the two:
    /// `log_loss(prediction.P, outcome.Y)`, `brier(prediction.P, outcome.Y)`,
    /// `accuracy(prediction.P, outcome.Y, 0.5)`.
    pub of: Quantity,
    /// What a prediction without an outcome means. Default: `"exclude"`.
    pub absent: Absent,
    /// How long after a prediction its outcomes count: `"30d"`. Required where an outcome is used, refused
    /// elsewhere; above 0, at most 366 days. `None` exactly if `of` uses no outcome.
    ///
    /// Long enough for nearly all outcomes to have arrived. Too short hides slow effects; too long delays every
    /// answer, because a unit enters the tests only after it.
    pub attribution: Option<Duration>,
    /// Which direction is an improvement. Required.
    pub better: Better,
    /// Where a unit's number is held: `winsorize = [0, 500]`. For means and counts. Default: nowhere.
    ///
    /// A few huge values widen every interval. Fix the bounds before the experiment from what was seen before it,
    /// the same for all arms; reports count the units that were held.
    pub winsorize: Option<Winsorize>,
    /// The smallest difference that anybody would mind, on the metric's own scale, above 0. For primary and
    /// secondary metrics. Default: none.
    ///
    /// An arm whose interval lies within it on both sides, for every primary metric, is equivalent; without it no
    /// arm is ever called so.
    pub minimum_effect: Option<f64>,
}

/// The bounds at which a unit's number is held.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Winsorize {
    /// The lower one. Finite.
    pub low: f64,
    /// The upper one, above the lower. Finite.
    pub high: f64,
}

/// What a metric is for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MetricRole {
    /// `"primary"`: decides. One is best; several share alpha.
    Primary,
    /// `"secondary"`: explains the primary ones, and decides nothing.
    Secondary,
    /// `"guardrail"`: must not get worse by more than a margin.
    Guardrail {
        /// The loss that is still acceptable (`margin`), on the metric's own scale, above 0: 0.005 of an approval
        /// rate is half a percentage point. At most 1 for metrics that lie between 0 and 1. Required for
        /// guardrails, refused elsewhere.
        ///
        /// The guardrail passes when the interval excludes a loss as large as this. Smaller margins need more
        /// units, by the square.
        margin: f64,
    },
}

/// How a unit's values become one number, and the units an estimate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricKind {
    /// `"proportion"`: the share of units with at least one value that is not zero.
    Proportion,
    /// `"mean"`: the average over units of each unit's aggregate. Every unit counts alike.
    Mean(Aggregate),
    /// `"count"`: the average over units of how many values that are not zero each has, as in chargebacks per card.
    Count,
    /// `"ratio"`: the sum of values over the number of events, with the unit as the cluster. Every event counts
    /// alike, so busy units weigh more.
    Ratio,
}

/// How the values of one unit become its number in a mean (`aggregate`). Default: `"sum"`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Aggregate {
    /// `"sum"`: the total, as in loss per card.
    #[default]
    Sum,
    /// `"mean"`: the average of the unit's own values, as in the typical error for a card.
    Mean,
    /// `"first"`: the unit's first value in time, as in the first amount borrowed.
    First,
    /// `"last"`: its last value in time, as in the final balance.
    Last,
}

impl MetricKind {
    /// Its name in definitions and reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Proportion => "proportion",
            Self::Mean(_) => "mean",
            Self::Count => "count",
            Self::Ratio => "ratio",
        }
    }
}

impl MetricRole {
    /// Its name in definitions and reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Secondary => "secondary",
            Self::Guardrail { .. } => "guardrail",
        }
    }
}

impl Winsorize {
    /// `value`, held within the bounds.
    pub fn hold(self, value: f64) -> f64 {
        value.clamp(self.low, self.high)
    }
}

/// What a prediction without an outcome means (`absent`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Absent {
    /// `"zero"`: nothing was reported because nothing happened, as with a chargeback. For outcomes only.
    Zero,
    /// `"exclude"`: the outcome is unknown, and the prediction is left out. Fair only if the treatment does not
    /// influence whether the outcome arrives.
    #[default]
    Exclude,
}

/// Which direction is an improvement (`better`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// `"higher"`.
    Higher,
    /// `"lower"`.
    Lower,
}

impl Metric {
    /// Whether the metric can only lie between 0 and 1.
    ///
    /// True of proportions, and of averages of qualities that do: Brier score and accuracy. A ratio of outcomes
    /// may be money over events and is not bounded by its kind.
    pub fn is_unit_interval(&self) -> bool {
        is_unit_interval(self.kind, &self.of)
    }
}

pub(super) fn is_unit_interval(kind: MetricKind, of: &Quantity) -> bool {
    let averaged = matches!(
        kind,
        MetricKind::Ratio | MetricKind::Mean(Aggregate::Mean | Aggregate::First | Aggregate::Last)
    );
    let bounded = matches!(of, Quantity::Brier { .. } | Quantity::Accuracy { .. });
    kind == MetricKind::Proportion || averaged && bounded
}
