//! Deployments: which versions of a model serve, and whom.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// The complete routing state of one logical model. A later revision replaces an earlier one as a whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Deployment {
    /// The logical model.
    pub model: Arc<str>,
    /// One more than the revision before it; a record with any other number is ignored.
    #[serde(with = "crate::count")]
    pub revision: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// The version that serves everybody outside experiments.
    pub production: Arc<str>,
    /// Versions that score silently.
    pub shadows: Vec<Shadow>,
    /// Experiments that run on the model, in disjoint ranges of one layer.
    pub experiments: Vec<ExperimentRoute>,
}

/// A version that scores silently.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shadow {
    /// The version.
    pub version: Arc<str>,
    /// Share of events that it scores, in basis points: 10,000 is every event.
    pub share: u16,
}

/// How one experiment routes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExperimentRoute {
    /// The experiment's name.
    pub name: Arc<str>,
    /// The kind of unit that is randomized.
    pub unit: Arc<str>,
    /// The salt that assigns arms.
    pub salt: Arc<str>,
    /// Share of the layer range that takes part, in basis points.
    pub coverage: u16,
    /// Where the experiment lies among those on the same model.
    pub layer: LayerRoute,
    /// Who is eligible: units whose context passes every rule.
    pub targeting: Vec<TargetingRule>,
    /// The arms, control first.
    pub arms: Vec<ArmRoute>,
}

/// A range of buckets in a layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerRoute {
    /// The salt that assigns units to ranges.
    pub salt: Arc<str>,
    /// First bucket of the range.
    pub start: u16,
    /// First bucket after the range.
    pub end: u16,
}

/// An arm of an experiment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArmRoute {
    /// The arm's name.
    pub name: Arc<str>,
    /// The version that it is served by.
    pub version: Arc<str>,
    /// Its weight in basis points; the weights of an experiment add up to 10,000.
    pub weight: u16,
}

/// One condition on a field of the context.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetingRule {
    /// The field.
    pub field: Arc<str>,
    /// What it is tested for.
    pub test: TargetingTest,
    /// What it is tested against; numbers in decimal, truth values as `true` and `false`.
    pub values: Vec<Arc<str>>,
}

/// What a field of the context is tested for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetingTest {
    /// It equals one of the values.
    In,
    /// It is present and equals none of the values.
    NotIn,
    /// It is a number, and at least the only value.
    AtLeast,
    /// It is a number, and at most the only value.
    AtMost,
}
