#![expect(clippy::float_cmp, reason = "values are carried here, not computed")]

use events::{Fallback, Subject, Unit};

use super::*;
use crate::testing::{Vary, at, outcome, served};

fn joiner() -> Joiner {
    Joiner::new("m".into(), 100)
}

fn only(joiner: &Joiner) -> &Joined {
    let events = joiner.in_order();
    assert_eq!(events.len(), 1);
    events[0].1
}

#[test]
fn either_side_may_come_first() {
    let (prediction, fact) = (served("e", "u", 0), outcome("e", "late", 1.0, 5));
    let mut prediction_first = joiner();
    prediction_first.prediction(prediction.clone(), 0).unwrap();
    assert_eq!(prediction_first.joined_events(), 0);
    prediction_first.outcome(fact.clone(), 0).unwrap();
    let mut outcome_first = joiner();
    outcome_first.outcome(fact, 0).unwrap();
    assert_eq!(outcome_first.joined_events(), 0);
    outcome_first.prediction(prediction, 0).unwrap();
    for joiner in [prediction_first, outcome_first] {
        assert_eq!(joiner.joined_events(), 1);
        assert_eq!(joiner.counts(), Counts { predictions: 1, outcomes: 1, ..Counts::default() });
        assert_eq!(only(&joiner).outcomes[0].value, 1.0);
    }
}

#[test]
fn a_shadow_alone_is_not_joined() {
    let mut joiner = joiner();
    joiner.prediction(served("e", "u", 0).shadow("3"), 0).unwrap();
    joiner.outcome(outcome("e", "late", 1.0, 5), 0).unwrap();
    assert_eq!(joiner.joined_events(), 0);
}

#[test]
fn of_two_predictions_for_one_slot_the_earlier_record_stands() {
    let mut joiner = joiner();
    for p in [0.1, 0.2] {
        joiner.prediction(served("e", "u", 0).says(p), 0).unwrap();
        joiner.prediction(served("e", "u", 0).says(p + 0.5).shadow("3"), 0).unwrap();
        joiner.prediction(served("e", "u", 0).says(p + 0.6).shadow("4"), 0).unwrap();
    }
    let expected =
        Counts { predictions: 1, shadow_predictions: 2, duplicate_predictions: 3, ..Counts::default() };
    assert_eq!(joiner.counts(), expected);
    let event = only(&joiner);
    assert_eq!(event.served.as_ref().unwrap().outputs.get("p"), Some(0.1));
    let shadows: Vec<_> = event.shadows.iter().map(|each| each.outputs.get("p")).collect();
    assert_eq!(shadows, [Some(0.6), Some(0.7)]);
}

#[test]
fn contradicting_records_stand_by_their_partition_and_not_by_chance() {
    let predictions = [(0.1, 2), (0.2, 1), (0.3, 3)];
    let outcomes = [(5.0, 0, 2), (6.0, 0, 1), (7.0, 1, 3), (8.0, 1, 2)];
    for rotation in 0..12 {
        let mut joiner = joiner();
        for at in 0..predictions.len() {
            let (p, partition) = predictions[(at + rotation) % predictions.len()];
            joiner.prediction(served("e", "u", 0).says(p), partition).unwrap();
            joiner.prediction(served("e", "u", 0).says(p).shadow("3"), partition).unwrap();
        }
        for at in 0..outcomes.len() {
            let (value, revision, partition) = outcomes[(at + rotation) % outcomes.len()];
            let fact = OutcomeEvent { revision, ..outcome("e", "late", value, 5) };
            joiner.outcome(fact, partition).unwrap();
        }
        let event = only(&joiner);
        assert_eq!(event.served.as_ref().unwrap().outputs.get("p"), Some(0.2), "rotation {rotation}");
        assert_eq!(event.shadows[0].outputs.get("p"), Some(0.2), "rotation {rotation}");
        assert_eq!(event.outcomes[0].value, 8.0, "rotation {rotation}");
        let expected = Counts {
            predictions: 1,
            shadow_predictions: 1,
            outcomes: 1,
            duplicate_predictions: 4,
            duplicate_outcomes: 3,
            revised_outcomes: 1,
            ..Counts::default()
        };
        assert_eq!(joiner.counts(), expected, "rotation {rotation}");
    }
}

#[test]
fn a_later_revision_replaces_and_all_others_are_duplicates() {
    // Revisions as they come, each with its own value; the value that stands, duplicates, revised.
    for (revisions, stands, duplicates, revised) in [
        (&[0][..], 0.0, 0, 0),
        (&[0, 0], 0.0, 1, 0),
        (&[0, 1], 1.0, 1, 1),
        (&[1, 0], 0.0, 1, 1),
        (&[0, 5, 2, 5, 7], 4.0, 4, 1),
        (&[3, 3, 1], 0.0, 2, 1),
    ] {
        let mut joiner = joiner();
        for (value, revision) in [0.0, 1.0, 2.0, 3.0, 4.0].into_iter().zip(revisions) {
            let fact = OutcomeEvent { revision: *revision, ..outcome("e", "late", value, 5) };
            joiner.outcome(fact, 0).unwrap();
        }
        let counts = joiner.counts();
        let found = (counts.outcomes, counts.duplicate_outcomes, counts.revised_outcomes);
        assert_eq!(found, (1, duplicates, revised), "{revisions:?}");
        assert_eq!(only(&joiner).outcomes[0].value, stands, "{revisions:?}");
    }
}

#[test]
fn a_revision_moves_an_outcome_in_time_too() {
    let mut joiner = joiner();
    joiner.outcome(outcome("e", "late", 1.0, 5), 0).unwrap();
    joiner.outcome(OutcomeEvent { revision: 1, ..outcome("e", "late", 1.0, 9) }, 0).unwrap();
    assert_eq!(only(&joiner).outcomes[0].occurred_at, at(9));
}

#[test]
fn what_does_not_belong_is_counted_and_not_kept() {
    let mut joiner = joiner();
    joiner.prediction(PredictionEvent { model: "n".into(), ..served("e", "u", 0) }, 0).unwrap();
    let unit = Subject::Unit(Unit { kind: "user".into(), id: "u".into() });
    for subject in [Subject::Prediction("p".into()), unit] {
        joiner.outcome(OutcomeEvent { subject, ..outcome("e", "late", 1.0, 5) }, 0).unwrap();
    }
    joiner.undecodable();
    let expected = Counts { other_models: 1, unjoinable_outcomes: 2, undecodable: 1, ..Counts::default() };
    assert_eq!(joiner.counts(), expected);
    assert!(joiner.in_order().is_empty());
}

#[test]
fn what_is_needed_of_a_prediction_is_kept() {
    let mut joiner = joiner();
    let event = PredictionEvent { fallback: Some(Fallback::Panic), ..served("e", "u", 3).arm("treatment") };
    joiner.prediction(event, 7).unwrap();
    let expected = Prediction {
        unit: "u".into(),
        occurred_at: at(3),
        version: "2".into(),
        arm: Some(("e".into(), "treatment".into())),
        is_fallback: true,
        outputs: Outputs::new(["p".into()].into(), &[0.5]),
        partition: 7,
    };
    assert_eq!(only(&joiner).served, Some(expected));
}

#[test]
fn a_full_state_takes_what_it_knows_and_refuses_what_is_new() {
    let mut joiner = Joiner::new("m".into(), 2);
    joiner.prediction(served("a", "u", 0), 0).unwrap();
    joiner.outcome(outcome("b", "late", 1.0, 5), 0).unwrap();
    joiner.outcome(outcome("a", "late", 1.0, 5), 0).unwrap();
    joiner.prediction(served("b", "u", 0).shadow("3"), 0).unwrap();
    let full = StateLimit { events: 2 };
    assert_eq!(joiner.prediction(served("c", "u", 0), 0), Err(full));
    assert_eq!(joiner.outcome(outcome("c", "late", 1.0, 5), 0), Err(full));
    assert!(full.to_string().contains("2 events") && full.to_string().contains("`analysis.max_events`"));
    // Of another model nothing is kept, so there is always room.
    joiner.prediction(PredictionEvent { model: "n".into(), ..served("c", "u", 0) }, 0).unwrap();
}

#[test]
fn events_are_in_the_order_of_their_time_and_then_their_id() {
    let mut joiner = joiner();
    for (event, seconds) in [("b", 2), ("c", 1), ("a", 2), ("d", 0)] {
        joiner.prediction(served(event, "u", seconds), 0).unwrap();
    }
    joiner.outcome(outcome("z", "late", 1.0, 5), 0).unwrap();
    let order: Vec<_> = joiner.in_order().into_iter().map(|(id, _)| id).collect();
    assert_eq!(order, ["z", "d", "c", "a", "b"]);
}
