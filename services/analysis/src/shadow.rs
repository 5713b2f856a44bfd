//! Shadows, compared with production in pairs.
//!
//! A pair is one event that both the shadow and the production version have scored, production by itself and not
//! in another version's place. What differs between the two is the model alone, so far fewer events tell them
//! apart than an experiment needs; but nobody has acted on the shadow's score, so this says how well it predicts,
//! not what it would change.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use experiment::Absent;
use statistics::{Alpha, Comoments};

use crate::config::ShadowMetric;
use crate::evaluate::Closed;
use crate::join::{Joined, Prediction};
use crate::measure::{better, interval};
use crate::observation::{Asked, Observation, micros, observe};
use crate::report::{ComparisonResult, PairedReport, ShadowReport};

/// Compares every shadow version with the production version that scored most of the same events.
pub(crate) fn compare(
    events: &[(&str, &Joined)],
    metrics: &[ShadowMetric],
    closed: Closed,
) -> Vec<ShadowReport> {
    let versions: BTreeSet<&Arc<str>> =
        events.iter().flat_map(|(_, event)| event.shadows.iter().map(|shadow| &shadow.version)).collect();
    versions.into_iter().map(|version| compare_one(version, events, metrics, closed)).collect()
}

/// An event that both have scored.
struct Pair<'j> {
    production: &'j Prediction,
    shadow: &'j Prediction,
    event: &'j Joined,
}

fn compare_one(
    version: &Arc<str>,
    events: &[(&str, &Joined)],
    metrics: &[ShadowMetric],
    closed: Closed,
) -> ShadowReport {
    let scored: Vec<(&Prediction, &Joined)> = events
        .iter()
        .filter_map(|(_, event)| Some((event.shadows.iter().find(|each| each.version == *version)?, *event)))
        .collect();
    let production = production_version(&scored);
    let pairs: Vec<Pair<'_>> = scored
        .iter()
        .filter_map(|(shadow, event)| {
            let served = event.served.as_ref()?;
            let is_pair = production.is_some_and(|version| served.version == *version) && !served.is_fallback;
            is_pair.then_some(Pair { production: served, shadow, event })
        })
        .collect();
    ShadowReport {
        version: version.to_string(),
        production: production.map(ToString::to_string).unwrap_or_default(),
        predictions: scored.len() as u64,
        pairs: pairs.len() as u64,
        metrics: metrics.iter().map(|metric| compare_metric(metric, &pairs, closed)).collect(),
    }
}

/// The version that served most of these events outside experiments: production, whatever the experiments did.
fn production_version<'j>(scored: &[(&'j Prediction, &'j Joined)]) -> Option<&'j Arc<str>> {
    let mut counts: BTreeMap<&Arc<str>, u64> = BTreeMap::new();
    for served in scored.iter().filter_map(|(_, event)| event.served.as_ref()) {
        if served.arm.is_none() {
            *counts.entry(&served.version).or_default() += 1;
        }
    }
    counts.into_iter().max_by_key(|(_, count)| *count).map(|(version, _)| version)
}

fn compare_metric(metric: &ShadowMetric, pairs: &[Pair<'_>], closed: Closed) -> PairedReport {
    let mut units: BTreeMap<&str, (f64, u32)> = BTreeMap::new();
    let (mut production_sum, mut shadow_sum, mut count) = (0.0, 0.0, 0_u32);
    for Pair { production, shadow, event } in pairs {
        if !closed.is_over(production.occurred_at, micros(metric.attribution.get())) {
            continue;
        }
        let until = closed.moment(production.occurred_at, micros(metric.attribution.get()));
        let attribution = Some(metric.attribution.get());
        let asked = Asked { of: &metric.of, absent: Absent::Exclude, attribution, until };
        let values = (observe_one(&asked, production, event), observe_one(&asked, shadow, event));
        let (Some(of_production), Some(of_shadow)) = values else { continue };
        let unit = units.entry(&production.unit).or_default();
        unit.0 += of_shadow - of_production;
        unit.1 += 1;
        production_sum += of_production;
        shadow_sum += of_shadow;
        count += 1;
    }
    let mut differences = Comoments::default();
    for (sum, pairs) in units.values() {
        differences.push(*sum, f64::from(*pairs));
    }
    let mean = |sum: f64| (count > 0).then(|| sum / f64::from(count));
    PairedReport {
        name: metric.name.clone(),
        better: better(metric.better),
        pairs: u64::from(count),
        units: units.len() as u64,
        production: mean(production_sum),
        shadow: mean(shadow_sum),
        result: result(&differences),
    }
}

/// What shadows are compared by excludes events without an outcome: there is nothing to compare.
fn observe_one(asked: &Asked<'_>, prediction: &Prediction, event: &Joined) -> Option<f64> {
    match observe(asked, prediction, event, &[]) {
        Observation::Value(value) => Some(value),
        Observation::Several(..) | Observation::Absent | Observation::Unusable => None,
    }
}

fn result(differences: &Comoments) -> ComparisonResult {
    match statistics::clustered_mean(differences, Alpha::USUAL) {
        Ok(test) => ComparisonResult::Tested {
            difference: interval(&test.mean),
            relative: None,
            method: "paired, clustered by unit",
            log_p: test.log_p,
            p: test.log_p.exp(),
            always_valid: None,
            bayesian: None,
            adjusted_p: None,
        },
        Err(reason) => ComparisonResult::Unavailable { unavailable: reason.to_string() },
    }
}
