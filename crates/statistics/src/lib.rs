//! Tests, intervals and the summaries they need; pure: no I/O, no clock, no chance.
//!
//! A summary ([`Moments`], [`Comoments`], [`Proportion`]) is small, mergeable and fed one **unit of
//! randomization** at a time, never one event: events of one unit are not independent. A test is a function
//! over the summaries of two arms, control first; its effect is treatment minus control.
//!
//! **Invariant:** the natural logarithm of a p-value is the canonical one. It stays exact where the p-value
//! itself would be zero (beyond 38 standard errors).
//!
//! **Invariant:** a number that cannot be had is an [`Unavailable`] with its reason, never NaN.

mod binomial;
mod comoments;
mod fisher;
mod level;
mod mean;
mod moments;
mod multiplicity;
mod non_inferiority;
mod paired;
mod power;
mod proportion;
mod ratio;
mod relative;
mod result;
mod sample_ratio;
mod special;
#[cfg(test)]
mod tests;

pub use comoments::Comoments;
pub use fisher::fisher_exact;
pub use level::{Alpha, NotBetween, Power};
pub use mean::welch;
pub use moments::Moments;
pub use multiplicity::{benjamini_hochberg, holm};
pub use non_inferiority::{Direction, NonInferiority, non_inferior_proportions};
pub use paired::{McNemar, OneSample, clustered_mean, mcnemar};
pub use power::{Plan, RequiredUnits};
pub use proportion::{Proportion, two_proportions, wilson};
pub use ratio::ratio;
pub use result::{Comparison, Estimate, Test, Unavailable};
pub use sample_ratio::{SampleRatio, sample_ratio};
