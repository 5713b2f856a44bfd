use super::*;
use crate::testing::{Table, at, outcome, served};

fn outputs(p: f64) -> Outputs {
    Outputs::new(["p".into()].into(), &[p])
}

fn quantity(text: &str) -> Quantity {
    text.parse().unwrap()
}

#[test]
fn quality_is_computed_from_prediction_and_outcome() {
    for (text, p, outcome, expected) in [
        ("prediction.p", 0.3, None, Some(0.3)),
        ("outcome.y", 0.3, Some(-4.0), Some(-4.0)),
        ("log_loss(prediction.p, outcome.y)", 0.25, Some(1.0), Some(4.0_f64.ln())),
        ("log_loss(prediction.p, outcome.y)", 0.25, Some(0.0), Some((4.0_f64 / 3.0).ln())),
        ("log_loss(prediction.p, outcome.y)", 0.0, Some(0.0), Some(1e-15)),
        ("log_loss(prediction.p, outcome.y)", 0.25, Some(0.5), None),
        ("brier(prediction.p, outcome.y)", 0.25, Some(1.0), Some(0.5625)),
        ("accuracy(prediction.p, outcome.y, 0.5)", 0.5, Some(1.0), Some(1.0)),
        ("accuracy(prediction.p, outcome.y, 0.5)", 0.49, Some(1.0), Some(0.0)),
        ("accuracy(prediction.p, outcome.y, 0.5)", 0.49, Some(0.0), Some(1.0)),
        ("prediction.q", 0.3, None, None),
    ] {
        let found = value(&quantity(text), &outputs(p), outcome);
        match (found, expected) {
            (Some(found), Some(expected)) => {
                assert!((found - expected).abs() <= 1e-15 * expected.abs().max(1e-3), "{text} {found}");
            }
            (found, expected) => assert_eq!(found, expected, "{text}"),
        }
    }
}

#[test]
fn one_confident_mistake_does_not_weigh_infinitely_much() {
    let loss = value(&quantity("log_loss(prediction.p, outcome.y)"), &outputs(0.0), Some(1.0)).unwrap();
    assert!((34.0..35.0).contains(&loss), "{loss}");
}

/// One event of the unit `u` at second 0, with its outcomes.
fn observed(of: &str, absent: Absent, outcomes: &[events::OutcomeEvent]) -> Observation {
    let mut table = Table::of([served("e", "u", 0).into()]);
    outcomes.iter().for_each(|outcome| table.take(outcome.clone().into(), 0));
    let events = table.joiner.in_order();
    let event = events[0].1;
    let (of, attribution) = (quantity(of), Some(Duration::from_secs(10)));
    let asked = Asked { of: &of, absent, attribution, until: Timestamp::MAX };
    observe(&asked, event.served.as_ref().unwrap(), event, &[])
}

#[test]
fn an_outcome_counts_from_the_event_to_the_end_of_its_window() {
    for (micros, counts) in [(-1, false), (0, true), (10_000_000, true), (10_000_001, false)] {
        let mut fact = outcome("e", "y", 7.0, 0);
        fact.occurred_at = at(0).saturating_add_micros(micros);
        let expected = if counts { Observation::Value(7.0) } else { Observation::Absent };
        assert_eq!(observed("outcome.y", Absent::Exclude, &[fact]), expected, "{micros} microseconds after");
    }
}

#[test]
fn an_outcome_that_did_not_come_is_nothing_or_zero_as_the_metric_says() {
    let other = outcome("e", "z", 7.0, 1);
    let late = outcome("e", "y", 7.0, 11);
    for outcomes in [&[][..], &[other], &[late]] {
        assert_eq!(observed("outcome.y", Absent::Exclude, outcomes), Observation::Absent);
        assert_eq!(observed("outcome.y", Absent::Zero, outcomes), Observation::Value(0.0));
        assert_eq!(observed("prediction.p", Absent::Exclude, outcomes), Observation::Value(0.5));
    }
}

#[test]
fn what_cannot_be_computed_is_unusable_and_not_absent() {
    let y = |value| [outcome("e", "y", value, 1)];
    for (of, value) in [
        ("log_loss(prediction.p, outcome.y)", 2.0),
        ("brier(prediction.p, outcome.y)", 0.5),
        ("brier(prediction.q, outcome.y)", 1.0),
        ("accuracy(prediction.q, outcome.y, 0.5)", 1.0),
        ("prediction.q", 1.0),
    ] {
        assert_eq!(observed(of, Absent::Exclude, &y(value)), Observation::Unusable, "{of} {value}");
    }
}

#[test]
fn of_several_facts_the_earliest_in_the_window_counts_whichever_came_first() {
    let fact = |id: &str, value, seconds| events::OutcomeEvent {
        outcome_id: id.into(),
        ..outcome("e", "y", value, seconds)
    };
    let facts = [fact("c", 1.0, -1), fact("b", 2.0, 3), fact("a", 3.0, 3), fact("d", 4.0, 2)];
    for rotation in 0..facts.len() {
        let mut facts = facts.to_vec();
        facts.rotate_left(rotation);
        assert_eq!(observed("outcome.y", Absent::Exclude, &facts), Observation::Value(4.0), "{rotation}");
        facts.retain(|each| each.outcome_id != "d");
        assert_eq!(observed("outcome.y", Absent::Exclude, &facts), Observation::Value(3.0), "{rotation}");
    }
}
