use events::FeatureEvent;

use super::*;
use crate::testing::{HANGS, event, faulty};

/// Long for who answers, on a busy machine, and soon for who waits.
const SOON: Duration = Duration::from_secs(1);
const LATE: Result<(), &str> = Err("late");
const REFUSED: Result<(), &str> = Err("unavailable");

/// What becomes of events with these features: their results without the outputs.
fn score(candidate: &mut Candidate, features: &[f64]) -> Vec<Result<(), &'static str>> {
    let events: Vec<FeatureEvent> = features.iter().map(|x| event("a", *x)).collect();
    let mut results = Vec::new();
    candidate.start(events.len(), events.iter().map(|event| &event.features));
    candidate.finish(&mut results);
    results.into_iter().map(|result| result.map(drop).map_err(|error| error.reason())).collect()
}

#[test]
fn a_part_comes_back_in_order() {
    let mut candidate = Candidate::new(&faulty("2"), DEADLINE);
    let (events, mut results) = ([event("a", 1.0), event("b", 2.0)], Vec::new());
    for _ in 0..3 {
        candidate.start(2, events.iter().map(|event| &event.features));
        candidate.finish(&mut results);
        let outputs: Vec<_> =
            results.iter().map(|result| result.as_ref().unwrap().get("y").unwrap()).collect();
        assert_eq!(outputs, [1.5, 2.5]);
    }
    candidate.finish(&mut results);
    assert!(results.is_empty(), "nothing was handed out");
}

#[test]
fn one_that_hangs_misses_its_deadline_and_is_disabled_with_its_second_thread() {
    let mut candidate = Candidate::new(&faulty("2"), SOON);
    assert_eq!(score(&mut candidate, &[1.0]), [Ok(())]);
    assert_eq!(score(&mut candidate, &[1.0, HANGS]), [LATE, LATE]);
    assert_eq!(score(&mut candidate, &[1.0]), [Ok(())], "on a second thread");
    assert_eq!(score(&mut candidate, &[HANGS]), [LATE]);
    for _ in 0..3 {
        assert_eq!(score(&mut candidate, &[1.0]), [REFUSED]);
    }
}
