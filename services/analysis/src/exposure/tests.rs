use events::PredictionEvent;

use super::*;
use crate::testing::{Table, Vary, at, experiment, metric, served};

/// By unit: its arm, since when, and how many predictions count.
type Found = Vec<(String, usize, Timestamp, usize)>;

fn collect(predictions: Vec<PredictionEvent>) -> (Found, u64, u64) {
    let table = Table::of(predictions.into_iter().map(Into::into));
    let experiment = experiment(&["control", "treatment"], &metric("p", "mean", "prediction.p", ""));
    let events = table.joiner.in_order();
    let exposures = Exposures::collect(&experiment, (&table.joiner, &events));
    let units = exposures.units.iter();
    let found = units.map(|(id, unit)| ((*id).to_owned(), unit.arm, unit.since, unit.predictions.len()));
    (found.collect(), exposures.crossovers, exposures.unknown_arms)
}

#[test]
fn a_unit_is_exposed_by_its_earliest_prediction_not_by_the_first_to_arrive() {
    let (units, ..) = collect(vec![
        served("late", "u", 500).arm("control"),
        served("early", "u", 200).arm("control"),
        served("between", "u", 300).arm("control"),
    ]);
    assert_eq!(units, [("u".into(), 0, at(200), 3)]);
}

#[test]
fn both_edges_of_the_exposure_window_belong_to_it() {
    let micros = |micros: i64| PredictionEvent {
        occurred_at: at(200).saturating_add_micros(micros),
        ..served(&format!("e{micros}"), "u", 0).arm("treatment")
    };
    let window = 600_000_000;
    let (units, ..) = collect(vec![micros(0), micros(window)]);
    assert_eq!(units, [("u".into(), 1, at(200), 2)]);
    let (units, ..) = collect(vec![micros(0), micros(window + 1)]);
    assert_eq!(units, [("u".into(), 1, at(200), 1)]);
}

#[test]
fn what_was_before_the_start_is_none_of_the_experiment() {
    let (units, ..) =
        collect(vec![served("before", "u", 99).arm("control"), served("at", "u", 100).arm("treatment")]);
    assert_eq!(units, [("u".into(), 1, at(100), 1)]);
}

#[test]
fn a_unit_in_two_arms_is_in_none_even_after_the_window() {
    let (units, crossovers, _) = collect(vec![
        served("a", "u", 200).arm("control"),
        served("b", "u", 9_000).arm("treatment"),
        served("c", "v", 200).arm("treatment"),
    ]);
    assert_eq!((units, crossovers), (vec![("v".into(), 1, at(200), 1)], 1));
}

#[test]
fn predictions_outside_the_experiment_expose_nobody() {
    let other = PredictionEvent { experiment: Some("f".into()), ..served("b", "u", 200).arm("control") };
    let shadow = served("c", "u", 200).arm("control").shadow("3");
    assert_eq!(collect(vec![served("a", "u", 200), other, shadow]), (vec![], 0, 0));
}

#[test]
fn unknown_arms_are_counted_and_nothing_else() {
    let (units, crossovers, unknown) = collect(vec![
        served("a", "u", 200).arm("ghost"),
        served("b", "u", 300).arm("control"),
        served("c", "v", 300).arm("ghost"),
    ]);
    assert_eq!((units, crossovers, unknown), (vec![("u".into(), 0, at(300), 1)], 0, 2));
}
