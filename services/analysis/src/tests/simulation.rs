//! Experiments with a known truth, through the join and the evaluation: an effect is found, and none is not made up.

use crate::report::{ExperimentReport, VerdictKind};
use crate::testing::{Chance, Fact, Table, Vary, experiment, metric, outcome, served, tested};

/// An experiment on flights of aircraft: each has a rate of late arrivals of its own and one to nine flights, so
/// its flights are anything but independent. The treatment moves all rates by `effect`.
fn simulate(units: u32, effect: f64, chance: &mut Chance) -> ExperimentReport {
    let mut facts: Vec<Fact> = Vec::new();
    for unit in 0..units {
        let name = format!("u{unit}");
        let (arm, moved) = if unit % 2 == 0 { ("control", 0.0) } else { ("treatment", effect) };
        let rate = 0.1 + 0.8 * chance.uniform() + moved;
        for flight in 0..9 {
            if flight > 0 && chance.falls(0.4) {
                continue;
            }
            let id = format!("{name}-{flight}");
            facts.push(served(&id, &name, 200 + flight).arm(arm).into());
            facts.push(outcome(&id, "late", f64::from(u8::from(chance.falls(rate))), 250).into());
        }
    }
    let late = metric("late", "ratio", "outcome.late", "attribution = \"100s\"");
    let report = Table::of(facts).complete(&experiment(&["control", "treatment"], &late));
    report.experiments[0].clone()
}

#[test]
fn a_planted_effect_is_found() {
    let mut chance = Chance(1);
    for (effect, verdict) in [(-0.1, VerdictKind::Better), (0.1, VerdictKind::Worse)] {
        let report = simulate(800, effect, &mut chance);
        let (difference, p) = tested(&report.metrics[0].comparisons[0].result);
        assert!(difference.low < effect && effect < difference.high, "{effect}: {difference:?}");
        assert!(p < 0.001, "{effect}: p = {p}");
        assert_eq!(report.verdicts[0].verdict, verdict, "{}", report.verdicts[0].reason);
    }
}

#[test]
fn where_there_is_no_effect_one_test_in_twenty_finds_one() {
    let mut chance = Chance(2);
    let runs = 300;
    let rejected = (0..runs)
        .filter(|_| tested(&simulate(100, 0.0, &mut chance).metrics[0].comparisons[0].result).1 <= 0.05)
        .count();
    // Binomial(300, 0.05) lies in 5..=28 but for one time in a thousand. Flights taken as independent would reject
    // about 50 times.
    assert!((5..=28).contains(&rejected), "{rejected} of {runs} rejected");
}
