//! `serin demo` on the real month, recounted from the files without any code of the house.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::support::flights::{MONTH, Outcome, bucket};
use crate::support::month::{Partitions, UNDISTURBED};

/// The attribution window of the example's metrics, in days.
const ATTRIBUTION: i64 = 2;

/// How far sums may differ that were added up in another order.
const TOLERANCE: f64 = 1e-9;

fn values(partitions: &Partitions) -> impl Iterator<Item = &Value> {
    partitions.values().flatten()
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_else(|| panic!("`{field}` in {value}"))
}

/// Predictions by event id; a second one of an event is a failure.
fn by_event(partitions: &Partitions) -> BTreeMap<&str, &Value> {
    let mut events = BTreeMap::new();
    for value in values(partitions) {
        let twice = events.insert(text(value, "event_id"), value);
        assert!(twice.is_none(), "{value} and {twice:?}");
    }
    events
}

#[track_caller]
fn assert_close(found: &Value, expected: f64, what: &str) {
    let found = found.as_f64().unwrap_or_else(|| panic!("{what}: {found}"));
    assert!((found - expected).abs() <= TOLERANCE, "{what}: {found}, recounted {expected}");
}

#[test]
fn every_event_has_one_served_and_one_shadow_prediction() {
    let topics = &UNDISTURBED.topics;
    assert_eq!(MONTH.flights.len(), 28_330);
    assert_eq!(values(&topics.dead_letters).count(), 0);
    let mut ids = BTreeSet::new();
    for (partitions, shadow) in [(&topics.predictions, false), (&topics.shadow_predictions, true)] {
        let predictions = by_event(partitions);
        assert!(predictions.keys().copied().eq(MONTH.flights.keys().map(String::as_str)));
        for (id, prediction) in predictions {
            assert_eq!(text(prediction, "role") == "shadow", shadow, "{prediction}");
            assert_eq!(text(&prediction["unit"], "id"), MONTH.flights[id].unit, "{prediction}");
            let late = prediction["outputs"]["late"].as_f64().unwrap();
            assert!((0.0..=1.0).contains(&late), "{prediction}");
            assert!(ids.insert(text(prediction, "prediction_id")), "{prediction}");
        }
    }
    assert_eq!(ids.len(), 2 * MONTH.flights.len());
}

#[test]
fn joined_outcomes_are_those_of_the_files() {
    let joined = MONTH.outcomes.keys().filter(|id| MONTH.flights.contains_key(*id)).count();
    let answer = &UNDISTURBED.answer;
    assert_eq!(answer["adds_up"], true, "{answer:#}");
    assert_eq!(answer["events"], MONTH.flights.len());
    assert_eq!(answer["report"]["joined_events"], joined);
    // Each line says two things: whether the flight was late, and by how much.
    assert_eq!(answer["report"]["counts"]["outcomes"], 2 * MONTH.outcomes.len());
    assert_eq!(answer["report"]["counts"]["predictions"], MONTH.flights.len());
    assert_eq!(answer["report"]["counts"]["shadow_predictions"], MONTH.flights.len());
    for count in ["duplicate_predictions", "duplicate_outcomes", "undecodable"] {
        assert_eq!(answer["report"]["counts"][count], 0, "{count}");
    }
    assert_eq!(answer["report"]["orphan_outcomes"], 0);
}

/// Control begins at bucket 0 and canary at its cumulative weight of 5,000; half of each is covered.
fn arm(unit: &str) -> Option<&'static str> {
    match bucket("late-mlp", unit) {
        0..2_500 => Some("control"),
        5_000..7_500 => Some("canary"),
        _ => None,
    }
}

#[test]
fn units_are_in_the_arms_that_sha_256_gives_them() {
    for prediction in values(&UNDISTURBED.topics.predictions) {
        let unit = text(&prediction["unit"], "id");
        let (variant, role, version) = match arm(unit) {
            Some("canary") => (Some("canary"), "canary", "mlp-1"),
            Some(control) => (Some(control), text(prediction, "role"), "linear-1"),
            None => (None, "production", "linear-1"),
        };
        let found = (prediction["variant"].as_str(), text(prediction, "role"), text(prediction, "version"));
        assert_eq!(found, (variant, role, version), "{prediction}");
        assert_eq!(prediction["fallback"], Value::Null, "{prediction}");
        if variant.is_some() {
            assert_eq!(prediction["bucket"], bucket("late-mlp", unit), "{prediction}");
            assert_close(&prediction["propensity"], 0.25, "propensity");
        }
    }
}

#[test]
fn arms_hold_the_units_and_events_of_the_files() {
    let mut units: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut events: BTreeMap<&str, u64> = BTreeMap::new();
    for flight in MONTH.flights.values() {
        if let Some(arm) = arm(&flight.unit) {
            units.entry(arm).or_default().insert(&flight.unit);
            *events.entry(arm).or_default() += 1;
        }
    }
    // The numbers of the month as they were first counted, in case that both countings change together.
    assert_eq!((units["control"].len(), events["control"]), (813, 6_705));
    assert_eq!((units["canary"].len(), events["canary"]), (787, 6_810));
    let experiment = &UNDISTURBED.answer["report"]["experiments"][0];
    for (arm, name) in experiment["arms"].as_array().unwrap().iter().zip(["control", "canary"]) {
        assert_eq!(text(arm, "name"), name);
        assert_eq!((&arm["units"], &arm["predictions"]), (&units[name].len().into(), &events[name].into()));
    }
    assert_eq!((&experiment["crossovers"], &experiment["unknown_arms"]), (&0.into(), &0.into()));
}

/// The metrics of the example, from a score and what came of it.
fn metric(name: &str, late: f64, outcome: &Outcome) -> f64 {
    let was_late = outcome.late > 0.5;
    match name {
        "log loss" => -if was_late { late.ln() } else { (1.0 - late).ln() },
        "Brier score" => (late - outcome.late).powi(2),
        "accuracy" => f64::from(u8::from((late >= 0.5) == was_late)),
        "arrival delay, minutes" => outcome.delay,
        other => panic!("no recount of {other:?}"),
    }
}

#[derive(Default)]
struct Sum {
    units: BTreeSet<&'static str>,
    events: u64,
    sum: f64,
}

impl Sum {
    fn add(&mut self, id: &str, value: f64) {
        self.units.insert(&MONTH.flights[id].unit);
        self.events += 1;
        self.sum += value;
    }

    #[expect(clippy::cast_precision_loss, reason = "a month has far fewer than 2^53 flights")]
    fn mean(&self) -> f64 {
        self.sum / self.events as f64
    }
}

fn late(prediction: &Value) -> f64 {
    prediction["outputs"]["late"].as_f64().unwrap()
}

#[test]
fn metrics_of_the_arms_are_those_of_the_predictions_and_the_files() {
    let predictions = by_event(&UNDISTURBED.topics.predictions);
    let metrics = UNDISTURBED.answer["report"]["experiments"][0]["metrics"].as_array().unwrap();
    assert_eq!(metrics.len(), 4);
    for report in metrics {
        let name = text(report, "name");
        let mut arms: BTreeMap<&str, Sum> = BTreeMap::new();
        for (id, prediction) in &predictions {
            let Some(outcome) = MONTH.outcome(id, ATTRIBUTION) else { continue };
            let Some(arm) = arm(&MONTH.flights[*id].unit) else { continue };
            arms.entry(arm).or_default().add(id, metric(name, late(prediction), outcome));
        }
        for (found, arm) in report["arms"].as_array().unwrap().iter().zip(["control", "canary"]) {
            let recount = &arms[arm];
            assert_eq!(found["units"], recount.units.len(), "{name}, {arm}");
            assert_eq!(found["events"], recount.events, "{name}, {arm}");
            assert_eq!(
                (&found["unusable"], &found["immature_units"]),
                (&0.into(), &0.into()),
                "{name}, {arm}"
            );
            assert_close(&found["value"], recount.mean(), &format!("{name}, {arm}"));
        }
        let difference = arms["canary"].mean() - arms["control"].mean();
        assert_close(&report["comparisons"][0]["difference"]["value"], difference, name);
    }
}

#[test]
fn the_shadow_is_paired_with_production_alone() {
    let served = by_event(&UNDISTURBED.topics.predictions);
    let shadow = by_event(&UNDISTURBED.topics.shadow_predictions);
    let production: Vec<_> = served.iter().filter(|(_, each)| text(each, "version") == "linear-1").collect();
    let report = &UNDISTURBED.answer["report"]["shadows"][0];
    assert_eq!((text(report, "version"), text(report, "production")), ("mlp-2", "linear-1"));
    assert_eq!(report["predictions"], MONTH.flights.len());
    assert_eq!(report["pairs"], production.len());
    let metrics = report["metrics"].as_array().unwrap();
    assert_eq!(metrics.len(), 3);
    for metric_report in metrics {
        let name = text(metric_report, "name");
        let (mut ours, mut theirs) = (Sum::default(), Sum::default());
        for (id, prediction) in &production {
            let Some(outcome) = MONTH.outcome(id, ATTRIBUTION) else { continue };
            ours.add(id, metric(name, late(prediction), outcome));
            theirs.add(id, metric(name, late(shadow[*id]), outcome));
        }
        assert_eq!(metric_report["pairs"], ours.events, "{name}");
        assert_eq!(metric_report["units"], ours.units.len(), "{name}");
        assert_close(&metric_report["production"], ours.mean(), name);
        assert_close(&metric_report["shadow"], theirs.mean(), name);
        assert_close(&metric_report["difference"]["value"], theirs.mean() - ours.mean(), name);
    }
}
