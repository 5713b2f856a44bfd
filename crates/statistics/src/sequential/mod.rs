//! Inference that stays valid while one watches.
//!
//! A fixed-horizon p-value is valid once; looked at again and again it is bound to cross any line. An e-value may be
//! looked at after every event: the chance that it **ever** reaches 1 / alpha is at most alpha without an effect.
//! Here are three engines of them, and group-sequential boundaries for looks that are planned:
//!
//! - counts ([`counts`]): exact at any time, for conversions, errors, splits and discordant pairs;
//! - normal mixtures ([`NormalMixture`]): for whatever is asymptotically normal, after a burn-in;
//! - empirical Bernstein ([`bernstein`]): for bounded numbers, without any model of them;
//! - alpha spending ([`group`]): the most power where an end is planned.
//!
//! `log_e` is the canonical value; the p-value is e^-log_e, at most 1. In a stream keep the largest `log_e` seen.

mod anytime_t;
mod arms;
mod bernoulli;
pub mod bernstein;
pub mod betting;
pub mod boundary;
pub mod counts;
pub mod group;
mod normal_mixture;
pub mod quantile_band;

pub use anytime_t::{AnytimeT, anytime_t};
pub use arms::{conversions_sequential, means_sequential, ratios_sequential};
pub use bernoulli::bernoulli_interval;
pub use normal_mixture::{
    BURN_IN, NormalMixture, Sequential, log_mixture, proportions_sequential, statsig_critical,
};

/// The always-valid p-value's natural logarithm.
pub fn log_p(log_e: f64) -> f64 {
    (-log_e).min(0.0)
}
