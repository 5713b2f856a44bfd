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

pub mod bayes;
mod binomial;
mod calibration;
mod combination;
mod comoments;
mod contingency;
mod cuped;
mod cuped_ratio;
mod delong;
pub mod drift;
mod equivalence;
mod exact;
mod exact_interval;
mod fisher;
mod level;
mod loss;
mod mean;
mod moments;
mod multiplicity;
mod non_inferiority;
mod numeric;
mod paired;
mod power;
mod power_t;
mod proportion;
mod quantile;
mod rank;
mod rank_exact;
mod rates;
mod ratio;
mod relative;
mod result;
mod risk_ratio;
mod sample_ratio;
mod score_interval;
pub mod sequential;
mod shape;
mod sketch;
pub mod special;
mod strata;
mod survival;
#[cfg(test)]
mod tests;
mod unconditional;
mod weighted;

pub use binomial::{Binomial, exact_binomial};
pub use calibration::{Bin, Calibration, CalibrationReport};
pub use combination::{
    EBenjaminiHochberg, FisherCombination, cauchy_combined, e_benjamini_hochberg, fisher_combined, stouffer,
};
pub use comoments::Comoments;
pub use contingency::{Homogeneity, homogeneous};
pub use cuped::{Cuped, CupedLift, cuped, cuped_lift, lin};
pub use cuped_ratio::{QuadMoments, Quadruple, cuped_ratio};
pub use delong::{DeLong, delong, delong_binned};
pub use equivalence::Equivalence;
pub use exact::{ExactComoments, ExactMoments, OutOfRange};
pub use exact_interval::{clopper_pearson, jeffreys};
pub use fisher::{FisherTails, fisher_exact, fisher_tails};
pub use level::{Alpha, NotBetween, Power};
pub use loss::Loss;
pub use mean::{contrast, student, welch};
pub use moments::Moments;
pub use multiplicity::{benjamini_hochberg, benjamini_yekutieli, bonferroni, hochberg, holm, hommel, sidak};
pub use non_inferiority::{Direction, NonInferiority, non_inferior_proportions};
pub use paired::{McNemar, OneSample, clustered_mean, mcnemar};
pub use power::{Plan, RequiredUnits};
pub use power_t::{SequentialPrice, sequential_price, t_test_detectable, t_test_power, t_test_units};
pub use proportion::{Proportion, two_proportions, wilson};
pub use quantile::{
    OrderStatistics, QuantileDifference, QuantileEstimate, design_effect, linear_quantile, lower_quantile,
    order_statistics, quantile_difference,
};
pub use rank::{
    BrunnerMunzel, MannWhitney, SignedRank, brunner_munzel, hodges_lehmann, mann_whitney,
    mann_whitney_binned, signed_rank,
};
pub use rank_exact::mann_whitney_exact;
pub use rates::{Rate, Rates, rates};
pub use ratio::ratio;
pub use relative::{LiftIntervals, Value, lift_intervals, relative};
pub use result::{Comparison, Estimate, Test, Unavailable};
pub use risk_ratio::{Ratio, odds_ratio, risk_ratio};
pub use sample_ratio::{SampleRatio, sample_ratio};
pub use score_interval::{ScoreInterval, miettinen_nurminen};
pub use shape::Shape;
pub use sketch::QuantileSketch;
pub use strata::{Heterogeneity, PostStratified, Trend, heterogeneity, post_stratified, trend};
pub use survival::{LogRank, Step, Survival, log_rank};
pub use unconditional::{TABLES_MAX, Unconditional, unconditional};
pub use weighted::{Weighted, winsorized};
