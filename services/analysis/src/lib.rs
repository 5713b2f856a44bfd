//! Joins outcomes to the predictions that they follow, and asks which model is better.
//!
//! It reads predictions, shadow predictions and outcomes from the beginning of their topics, in event time, and
//! evaluates what it has joined into a [`Report`]: for each experiment a comparison of its arms per unit of
//! randomization, for each shadow a comparison in pairs with production.
//!
//! **Invariant:** a report is a function of the topics and of the experiments' definitions alone. It holds no
//! clock reading and does not depend on how the topics were read: a restart changes nothing in it.
//!
//! **Invariant:** statistics are per unit of randomization; events of one unit are not independent.

mod config;
mod evaluate;
mod exposure;
mod join;
mod late;
mod measure;
mod metrics;
mod observation;
mod publish;
mod render;
mod report;
mod running;
mod service;
mod shadow;
mod source;
mod split;
mod sums;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod verdict;
mod watch;
mod watermark;

pub use config::{Config, OutcomesConfig, ShadowMetric};
pub use evaluate::Question;
pub use join::{Counts, Joiner, StateLimit};
pub use render::render;
pub use report::{
    AlwaysValid, Arm, Bayesian, Comparison, ComparisonResult, ExperimentReport, Interval, MetricArm,
    MetricReport, PairedReport, Report, RolloutStep, SampleRatio, ShadowReport, Verdict, VerdictKind,
};
pub use service::{Analysis, Progress, look, run};
pub use source::Sources;
