//! How the answer is found (`[decision]`), and how far a good one goes (`[rollout]`).

use std::time::Duration;

use super::{
    limits,
    section::{Section, shown},
};
use crate::BasisPoints;

/// How the answer is found (`[decision]`). Everything in it has a default.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// When looking is allowed. Default: `"always-valid"`.
    pub method: Method,
    /// The chance of calling a difference where there is none, above 0 and below 0.5. Default: 0.05.
    ///
    /// Intervals have confidence 1 - alpha. Take 0.01 where acting on a false alarm costs more than waiting.
    pub alpha: f64,
    /// How alpha is shared among several metrics and arms. Default: `"holm"`.
    pub correction: Correction,
    /// No verdict before every arm has this many units in the tests, 2 to 1,000,000,000. Default: 100.
    ///
    /// The tests rest on averages being near normal; skewed values such as money need thousands. Always-valid
    /// inference begins to look here.
    pub minimum_units: u64,
    /// The units that all arms together are expected to have in the end, 2 to 1,000,000,000. Default: 5,000.
    ///
    /// Always-valid intervals are valid at any size and narrowest at this one; ten times too many or too few cost
    /// some 10 % of width.
    pub planned_units: u64,
    /// How often always-valid inference looks, in event time: `"1h"`. Default: 1h; above 0, at most 366 days.
    ///
    /// Looks are at multiples of it, whoever watches and whenever, so that the answer is the same for all.
    pub look_every: Duration,
    /// The largest share of an arm's predictions that production may have made in its place, 0 to 1. Default:
    /// 0.01. Above it the arm was not tried: it is neither better nor equivalent, whatever the metrics say.
    pub maximum_fallbacks: f64,
}

/// When looking at the result is allowed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Method {
    /// `"always-valid"`: at any time, and as often as one likes. Intervals are about half as wide again as fixed
    /// ones.
    #[default]
    AlwaysValid,
    /// `"fixed"`: once, at a sample size chosen before. Intervals and p-values are valid at that one look.
    Fixed,
}

/// How the chance of a false alarm is shared among several comparisons.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Correction {
    /// `"holm"`: the chance of any false alarm stays below alpha, whatever the dependence. For decisions.
    #[default]
    Holm,
    /// `"benjamini-hochberg"`: the expected share of false alarms among the alarms stays below alpha. For
    /// exploring many metrics.
    BenjaminiHochberg,
    /// `"none"`: each comparison has alpha to itself. For a single primary metric and a single treatment.
    None,
}

/// Decision when the definition says nothing.
impl Default for Decision {
    fn default() -> Self {
        Self {
            method: Method::default(),
            alpha: 0.05,
            correction: Correction::default(),
            minimum_units: 100,
            planned_units: 5_000,
            look_every: Duration::from_secs(3_600),
            maximum_fallbacks: 0.01,
        }
    }
}

/// Reads `[decision]`.
pub(super) fn read_decision(root: &mut Section<'_>) -> Decision {
    let default = Decision::default();
    let Some(table) = root.table("decision") else { return default };
    let mut section = Section::new("decision", table);
    let later = "use \"always-valid\", or \"fixed\" and look once";
    let method = section.choice(
        "method",
        &[("always-valid", Method::AlwaysValid), ("fixed", Method::Fixed)],
        &[("group-sequential", later), ("bayesian", later)],
    );
    let correction = section.choice(
        "correction",
        &[
            ("holm", Correction::Holm),
            ("benjamini-hochberg", Correction::BenjaminiHochberg),
            ("none", Correction::None),
        ],
        &[("e-bh", "use \"benjamini-hochberg\"")],
    );
    let alpha = section.number("alpha");
    if let Some(alpha) = alpha.filter(|&alpha| alpha <= 0.0 || alpha >= 0.5) {
        section.fault(format!("`alpha` is {alpha}; it must be above 0 and below 0.5, and is usually 0.05"));
    }
    let maximum_fallbacks = section.number("maximum_fallbacks");
    if let Some(share) = maximum_fallbacks.filter(|share| !(0.0..=1.0).contains(share)) {
        section.fault(format!("`maximum_fallbacks` is {share}; it must be a share from 0 to 1"));
    }
    let minimum_units = read_units(&mut section, "minimum_units");
    let planned_units = read_units(&mut section, "planned_units");
    let look_every = section.window("look_every");
    root.absorb(section.finish(&[]));
    Decision {
        method: method.unwrap_or(default.method),
        alpha: alpha.unwrap_or(default.alpha),
        correction: correction.unwrap_or(default.correction),
        minimum_units: minimum_units.unwrap_or(default.minimum_units),
        planned_units: planned_units.unwrap_or(default.planned_units),
        look_every: look_every.unwrap_or(default.look_every),
        maximum_fallbacks: maximum_fallbacks.unwrap_or(default.maximum_fallbacks),
    }
}

fn read_units(section: &mut Section<'_>, field: &'static str) -> Option<u64> {
    let written = section.integer(field)?;
    let units = u64::try_from(written).unwrap_or(0);
    if !(2..=limits::MAX_UNITS).contains(&units) {
        section.fault(format!("`{field}` is {written}; it must be from 2 to {}", limits::MAX_UNITS));
    }
    Some(units)
}

/// Reads the steps of `[rollout]`; none without it.
pub(super) fn read_rollout(root: &mut Section<'_>) -> Vec<BasisPoints> {
    let Some(table) = root.table("rollout") else { return Vec::new() };
    let mut section = Section::new("rollout", table);
    section.require(&[("steps", "give the coverages to go through, for example [0.02, 0.1, 0.5, 1.0]")]);
    let written = section.value("steps");
    let steps = written.and_then(|value| {
        let steps: Option<Vec<_>> = value.as_array()?.iter().map(step).collect();
        steps.filter(|steps| {
            (1..=limits::MAX_STEPS).contains(&steps.len()) && steps.is_sorted_by(|a, b| a < b)
        })
    });
    if let (Some(value), None) = (written, &steps) {
        section.fault(format!(
            "`steps` is {}; it must be 1 to {} coverages above 0 up to 1, each larger than the one before",
            shown(value),
            limits::MAX_STEPS
        ));
    }
    root.absorb(section.finish(&[]));
    steps.unwrap_or_default()
}

fn step(value: &toml::Value) -> Option<BasisPoints> {
    let step = BasisPoints::from_fraction(super::section::finite_number(value)?).ok()?;
    (step.get() > 0).then_some(step)
}
