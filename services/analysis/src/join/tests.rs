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
    prediction_first.outcome(fact.clone(), 0, at(0)).unwrap();
    let mut outcome_first = joiner();
    outcome_first.outcome(fact, 0, at(0)).unwrap();
    assert_eq!(outcome_first.joined_events(), 0);
    outcome_first.prediction(prediction, 0).unwrap();
    for joiner in [prediction_first, outcome_first] {
        assert_eq!(joiner.joined_events(), 1);
        assert_eq!(joiner.counts(), Counts { predictions: 1, outcomes: 1, ..Counts::default() });
        assert_eq!(only(&joiner).outcomes.iter().next().unwrap().last().value, 1.0);
    }
}

#[test]
fn a_shadow_alone_is_not_joined() {
    let mut joiner = joiner();
    joiner.prediction(served("e", "u", 0).shadow("3"), 0).unwrap();
    joiner.outcome(outcome("e", "late", 1.0, 5), 0, at(0)).unwrap();
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
        for n in 0..outcomes.len() {
            let (value, revision, partition) = outcomes[(n + rotation) % outcomes.len()];
            let fact = OutcomeEvent { revision, ..outcome("e", "late", value, 5) };
            joiner.outcome(fact, partition, at(0)).unwrap();
        }
        let event = only(&joiner);
        assert_eq!(event.served.as_ref().unwrap().outputs.get("p"), Some(0.2), "rotation {rotation}");
        assert_eq!(event.shadows[0].outputs.get("p"), Some(0.2), "rotation {rotation}");
        assert_eq!(event.outcomes.iter().next().unwrap().last().value, 8.0, "rotation {rotation}");
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
            joiner.outcome(fact, 0, at(0)).unwrap();
        }
        let counts = joiner.counts();
        let found = (counts.outcomes, counts.duplicate_outcomes, counts.revised_outcomes);
        assert_eq!(found, (1, duplicates, revised), "{revisions:?}");
        assert_eq!(only(&joiner).outcomes.iter().next().unwrap().last().value, stands, "{revisions:?}");
    }
}

#[test]
fn a_revision_moves_an_outcome_in_time_too() {
    let mut joiner = joiner();
    joiner.outcome(outcome("e", "late", 1.0, 5), 0, at(0)).unwrap();
    joiner.outcome(OutcomeEvent { revision: 1, ..outcome("e", "late", 1.0, 9) }, 0, at(0)).unwrap();
    assert_eq!(only(&joiner).outcomes.iter().next().unwrap().last().occurred_at, at(9));
}

#[test]
fn what_does_not_belong_is_counted_and_not_kept() {
    let mut joiner = joiner();
    joiner.prediction(PredictionEvent { model: "n".into(), ..served("e", "u", 0) }, 0).unwrap();
    joiner.undecodable();
    let expected = Counts { other_models: 1, undecodable: 1, ..Counts::default() };
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

fn about(subject: Subject, id: &str) -> OutcomeEvent {
    OutcomeEvent { outcome_id: id.into(), subject, ..outcome("", "late", 1.0, 5) }
}

#[test]
fn a_fact_about_a_prediction_finds_its_event_whichever_came_first() {
    let served_id = events::prediction_id("e", "m", events::SERVED_SLOT);
    let shadow_id = events::prediction_id("e", "m", &events::shadow_slot("3"));
    for order in [[0, 1, 2, 3], [2, 3, 0, 1], [2, 0, 1, 3], [0, 3, 2, 1], [3, 1, 2, 0]] {
        let mut joiner = joiner();
        for step in order {
            match step {
                0 => joiner.prediction(served("e", "u", 0), 0).unwrap(),
                1 => joiner.prediction(served("e", "u", 0).shadow("3"), 0).unwrap(),
                2 => joiner.outcome(about(Subject::Prediction(served_id.clone()), "a"), 0, at(0)).unwrap(),
                _ => joiner.outcome(about(Subject::Prediction(shadow_id.clone()), "b"), 0, at(0)).unwrap(),
            }
        }
        joiner.outcome(about(Subject::Prediction("nobody".into()), "c"), 0, at(0)).unwrap();
        let mut ids: Vec<_> = only(&joiner).outcomes.iter().map(|fact| fact.id.clone()).collect();
        ids.sort_unstable();
        assert_eq!(ids, ["a", "b"], "{order:?}");
        assert_eq!((joiner.orphan_outcomes(), joiner.counts().outcomes), (1, 3), "{order:?}");
    }
}

#[test]
fn one_fact_told_of_an_event_and_of_its_prediction_is_one() {
    let id = events::prediction_id("e", "m", events::SERVED_SLOT);
    for prediction_first in [false, true] {
        let mut joiner = joiner();
        let arrive = |joiner: &mut Joiner| joiner.prediction(served("e", "u", 0), 0).unwrap();
        if prediction_first {
            arrive(&mut joiner);
        }
        for subject in [Subject::Event("e".into()), Subject::Prediction(id.clone())] {
            joiner.outcome(OutcomeEvent { revision: 1, ..about(subject, "a") }, 0, at(0)).unwrap();
        }
        if !prediction_first {
            arrive(&mut joiner);
        }
        let expected = Counts {
            predictions: 1,
            outcomes: 1,
            duplicate_outcomes: 1,
            revised_outcomes: 1,
            ..Counts::default()
        };
        assert_eq!((joiner.counts(), joiner.joined_events()), (expected, 1));
    }
}

#[test]
fn facts_about_a_unit_are_kept_by_its_kind_and_id() {
    let mut joiner = joiner();
    let unit = |kind: &str| Subject::Unit(Unit { kind: kind.into(), id: "u".into() });
    assert!(joiner.about_unit("user", "u").is_none());
    for (kind, id) in [("user", "a"), ("user", "a"), ("user", "b"), ("card", "c")] {
        joiner.outcome(about(unit(kind), id), 0, at(0)).unwrap();
    }
    assert_eq!(joiner.about_unit("user", "u").unwrap().len(), 2);
    assert_eq!(joiner.about_unit("card", "u").unwrap().len(), 1);
    assert!(joiner.about_unit("user", "v").is_none());
    assert_eq!((joiner.counts().outcomes, joiner.counts().duplicate_outcomes), (3, 1));
}

#[test]
fn what_stood_at_a_moment_is_known_for_ever() {
    // Revision, value, partition, and how far the partition had come.
    let records = [(0, 1.0, 2, 10), (1, 2.0, 1, 30), (2, 3.0, 1, 20), (2, 4.0, 0, 40), (0, 5.0, 3, 50)];
    let standing =
        [(9, None), (10, Some(1.0)), (19, Some(1.0)), (20, Some(3.0)), (39, Some(3.0)), (40, Some(4.0))];
    for rotation in 0..records.len() {
        let mut joiner = joiner();
        for n in 0..records.len() {
            let (revision, value, partition, seen_at) = records[(n + rotation) % records.len()];
            let fact = OutcomeEvent { revision, ..outcome("e", "late", value, 5) };
            joiner.outcome(fact, partition, at(seen_at)).unwrap();
        }
        let fact = only(&joiner).outcomes.iter().next().unwrap();
        for (moment, value) in standing {
            assert_eq!(fact.standing(at(moment)).map(|each| each.value), value, "at {moment}, {rotation}");
        }
        // The one of partition 1 never stood, the last one neither.
        assert_eq!((fact.last().value, fact.history()), (4.0, 2));
    }
}

#[test]
fn facts_about_units_and_old_versions_take_room_too() {
    let mut joiner = Joiner::new("m".into(), 4);
    let unit = || Subject::Unit(Unit { kind: "user".into(), id: "u".into() });
    joiner.outcome(about(unit(), "a"), 0, at(0)).unwrap();
    joiner.outcome(about(Subject::Prediction("p".into()), "b"), 0, at(0)).unwrap();
    joiner.outcome(outcome("e", "late", 1.0, 5), 0, at(0)).unwrap();
    joiner.outcome(OutcomeEvent { revision: 1, ..outcome("e", "late", 2.0, 5) }, 0, at(9)).unwrap();
    // What is known may come again.
    joiner.outcome(about(unit(), "a"), 0, at(0)).unwrap();
    joiner.outcome(about(Subject::Prediction("p".into()), "b"), 0, at(0)).unwrap();
    let full = Err(StateLimit { events: 4 });
    assert_eq!(joiner.outcome(about(unit(), "c"), 0, at(0)), full);
    assert_eq!(joiner.outcome(about(Subject::Prediction("q".into()), "d"), 0, at(0)), full);
    assert_eq!(joiner.outcome(outcome("f", "late", 1.0, 5), 0, at(0)), full);
}

#[test]
fn a_full_state_takes_what_it_knows_and_refuses_what_is_new() {
    let mut joiner = Joiner::new("m".into(), 2);
    joiner.prediction(served("a", "u", 0), 0).unwrap();
    joiner.outcome(outcome("b", "late", 1.0, 5), 0, at(0)).unwrap();
    joiner.outcome(outcome("a", "late", 1.0, 5), 0, at(0)).unwrap();
    joiner.prediction(served("b", "u", 0).shadow("3"), 0).unwrap();
    let full = StateLimit { events: 2 };
    assert_eq!(joiner.prediction(served("c", "u", 0), 0), Err(full));
    assert_eq!(joiner.outcome(outcome("c", "late", 1.0, 5), 0, at(0)), Err(full));
    assert!(full.to_string().contains("2 entries") && full.to_string().contains("`analysis.max_events`"));
    // Of another model nothing is kept, so there is always room.
    joiner.prediction(PredictionEvent { model: "n".into(), ..served("c", "u", 0) }, 0).unwrap();
}

#[test]
fn events_are_in_the_order_of_their_time_and_then_their_id() {
    let mut joiner = joiner();
    for (event, seconds) in [("b", 2), ("c", 1), ("a", 2), ("d", 0)] {
        joiner.prediction(served(event, "u", seconds), 0).unwrap();
    }
    joiner.outcome(outcome("z", "late", 1.0, 5), 0, at(0)).unwrap();
    let order: Vec<_> = joiner.in_order().into_iter().map(|(id, _)| id).collect();
    assert_eq!(order, ["z", "d", "c", "a", "b"]);
}
