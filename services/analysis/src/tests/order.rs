//! A report does not depend on how the topics were read, and says what a plain recount of the same facts says.

use std::collections::BTreeMap;

use events::OutcomeEvent;
use experiment::Experiment;
use proptest::prelude::*;
use proptest::sample::select;

use crate::Report;
use crate::testing::{Fact, Table, Vary, experiment, metric, outcome, served, tested};

/// One event, and everything that is true of it.
#[derive(Clone, Debug)]
struct Truth {
    unit: u8,
    seconds: i64,
    arm: Option<&'static str>,
    p: f64,
    is_fallback: bool,
    shadow: Option<f64>,
    /// Value and seconds after the event, and a first report of it that was wrong.
    late: Option<(f64, i64)>,
    wrong: Option<f64>,
    /// How often each record comes.
    times: usize,
}

const METRICS: [(&str, &str, &str, &str); 4] = [
    ("Brier", "ratio", "brier(prediction.p, outcome.late)", ""),
    ("total", "mean", "outcome.late", "absent = \"zero\""),
    ("typical", "mean", "outcome.late", "aggregate = \"mean\""),
    ("any", "proportion", "outcome.late", "absent = \"zero\""),
];

fn definition() -> Experiment {
    let metrics = METRICS
        .map(|(name, kind, of, more)| metric(name, kind, of, &format!("attribution = \"100s\"\n{more}")));
    experiment(&["control", "treatment"], &metrics.concat())
}

fn truth() -> impl Strategy<Value = Truth> {
    let arm = select(vec![
        None,
        Some("control"),
        Some("control"),
        Some("treatment"),
        Some("treatment"),
        Some("ghost"),
    ]);
    let probability = || (0..=8_u8).prop_map(|eighths| f64::from(eighths) / 8.0);
    let label = || select(vec![0.0, 1.0, 1.0, 0.0, 2.0]);
    let who = (0..9_u8, 0..1_200_i64, arm, prop::bool::weighted(0.2), 1..3_usize);
    let what = (
        probability(),
        prop::option::of(probability()),
        prop::option::weighted(0.8, (label(), -10..130_i64)),
        prop::option::of(label()),
    );
    (who, what).prop_map(|((unit, seconds, arm, is_fallback, times), (p, shadow, late, wrong))| Truth {
        unit,
        seconds,
        // Units below six stay in one arm; the others may cross over.
        arm: if unit < 6 { arm.map(|_| ["control", "treatment"][usize::from(unit % 2)]) } else { arm },
        p,
        is_fallback,
        shadow,
        late,
        wrong,
        times,
    })
}

fn id(at: usize) -> String {
    format!("e{at:03}")
}

impl Truth {
    fn facts(&self, at: usize) -> Vec<Fact> {
        let (id, unit) = (id(at), format!("u{}", self.unit));
        let plain = served(&id, &unit, self.seconds).says(self.p);
        let prediction = match self.arm {
            Some(arm) if self.is_fallback => plain.clone().arm(arm).fallback(),
            Some(arm) => plain.clone().arm(arm),
            None => plain.clone(),
        };
        let mut facts: Vec<Fact> = vec![prediction.into()];
        facts.extend(self.shadow.map(|p| Fact::from(plain.says(p).shadow("3"))));
        if let Some((value, after)) = self.late {
            let fact = outcome(&id, "late", value, self.seconds + after);
            let right = OutcomeEvent { revision: u64::from(self.wrong.is_some()), ..fact.clone() };
            facts.push(right.into());
            facts.extend(self.wrong.map(|value| Fact::from(OutcomeEvent { value, ..fact })));
        }
        facts.iter().cycle().take(facts.len() * self.times).cloned().collect()
    }

    /// The outcome, if it came within its window.
    fn outcome(&self) -> Option<f64> {
        self.late.filter(|(_, after)| (0..=100).contains(after)).map(|(value, _)| value)
    }
}

/// What a metric makes of an event: nothing, something that cannot be used, or a value.
fn value(metric: &str, truth: &Truth) -> Option<Result<f64, ()>> {
    match (metric, truth.outcome()) {
        ("Brier", Some(2.0)) => Some(Err(())),
        ("Brier", Some(y)) => Some(Ok((truth.p - y).powi(2))),
        ("Brier" | "typical", None) => None,
        (_, y) => Some(Ok(y.unwrap_or(0.0))),
    }
}

/// Units of an arm with their events, by a plain recount: crossovers and unknown arms beside them.
fn recount(truths: &[Truth]) -> ([Vec<Vec<&Truth>>; 2], u64, u64) {
    let mut seen: BTreeMap<u8, Vec<(i64, usize)>> = BTreeMap::new();
    let mut unknown = 0;
    for (at, truth) in truths.iter().enumerate().filter(|(_, truth)| truth.seconds >= 100) {
        match truth.arm {
            Some("ghost") => unknown += 1,
            Some(_) => seen.entry(truth.unit).or_default().push((truth.seconds, at)),
            None => {}
        }
    }
    let (mut arms, mut crossovers) = ([Vec::new(), Vec::new()], 0);
    for (_, mut events) in seen {
        events.sort_unstable();
        let (since, first) = events[0];
        if events.iter().any(|(_, at)| truths[*at].arm != truths[first].arm) {
            crossovers += 1;
            continue;
        }
        let arm = usize::from(truths[first].arm == Some("treatment"));
        arms[arm]
            .push(events.iter().filter(|(at, _)| at - since <= 600).map(|(_, at)| &truths[*at]).collect());
    }
    (arms, crossovers, unknown)
}

/// The estimate of a metric over units, with their number and that of their events.
fn estimate(metric: &str, kind: &str, units: &[Vec<&Truth>]) -> (u64, u64, u64, Option<f64>) {
    let usable = |unit: &Vec<&Truth>| -> Vec<f64> {
        unit.iter().filter_map(|truth| value(metric, truth)?.ok()).collect()
    };
    let values: Vec<Vec<f64>> = units.iter().map(usable).filter(|values| !values.is_empty()).collect();
    let unusable = units.iter().flatten().filter(|truth| value(metric, truth) == Some(Err(()))).count();
    let count = |values: &Vec<f64>| f64::from(u32::try_from(values.len()).unwrap());
    let sum = |values: &Vec<f64>| values.iter().sum::<f64>();
    let per_unit =
        |of: fn(f64, f64) -> f64| values.iter().map(|each| of(sum(each), count(each))).sum::<f64>();
    let n = f64::from(u32::try_from(values.len()).unwrap());
    let value = match (metric, kind) {
        ("typical", _) => per_unit(|sum, count| sum / count) / n,
        (_, "ratio") => per_unit(|sum, _| sum) / per_unit(|_, count| count),
        (_, "proportion") => per_unit(|sum, _| if sum > 0.0 { 1.0 } else { 0.0 }) / n,
        _ => per_unit(|sum, _| sum) / n,
    };
    let events = values.iter().map(Vec::len).sum::<usize>() as u64;
    (values.len() as u64, events, unusable as u64, (n > 0.0).then_some(value))
}

fn check_arms(report: &Report, truths: &[Truth]) {
    let report = &report.experiments[0];
    let (arms, crossovers, unknown) = recount(truths);
    assert_eq!((report.crossovers, report.unknown_arms), (crossovers, unknown));
    for (at, units) in arms.iter().enumerate() {
        let arm = &report.arms[at];
        let predictions = units.iter().map(Vec::len).sum::<usize>() as u64;
        let fallbacks = units.iter().flatten().filter(|truth| truth.is_fallback).count() as u64;
        assert_eq!((arm.units, arm.predictions, arm.fallbacks), (units.len() as u64, predictions, fallbacks));
        for ((name, kind, ..), metric) in METRICS.iter().zip(&report.metrics) {
            let found = &metric.arms[at];
            let (units, events, unusable, value) = estimate(name, kind, units);
            assert_eq!((found.units, found.events, found.unusable), (units, events, unusable), "{name}");
            match (found.value, value) {
                (Some(found), Some(value)) => {
                    assert!((found - value).abs() < 1e-9, "{name}: {found} {value}");
                }
                (found, value) => assert_eq!(found, value, "{name}"),
            }
        }
    }
}

fn check_shadow(report: &Report, truths: &[Truth]) {
    let scored: Vec<_> = truths.iter().filter_map(|truth| Some((truth, truth.shadow?))).collect();
    if scored.is_empty() {
        assert!(report.shadows.is_empty());
        return;
    }
    let report = &report.shadows[0];
    assert_eq!(report.predictions, scored.len() as u64);
    // Production is what served outside the experiment; if nothing did, nobody can say which version it is.
    let is_known = scored.iter().any(|(truth, _)| truth.arm.is_none());
    let by_production = |truth: &Truth| {
        matches!(truth.arm, None | Some("control")) && (truth.arm.is_none() || !truth.is_fallback)
    };
    let pairs: Vec<_> = scored.into_iter().filter(|(truth, _)| is_known && by_production(truth)).collect();
    assert_eq!(report.pairs, pairs.len() as u64);
    let differences: Vec<f64> = pairs
        .iter()
        .filter_map(|(truth, shadow)| {
            let y = truth.outcome().filter(|y| *y < 2.0)?;
            Some((shadow - y).powi(2) - (truth.p - y).powi(2))
        })
        .collect();
    assert_eq!(report.metrics[0].pairs, differences.len() as u64);
    if let crate::ComparisonResult::Tested { .. } = report.metrics[0].result {
        let (difference, _) = tested(&report.metrics[0].result);
        let mean = differences.iter().sum::<f64>() / f64::from(u32::try_from(differences.len()).unwrap());
        assert!((difference.value - mean).abs() < 1e-9, "{} {mean}", difference.value);
    }
}

/// The records of all facts, shuffled, each from any partition.
fn read(facts: &[Fact], order: &[(u32, u32)]) -> Report {
    let mut places: Vec<_> = (0..facts.len()).map(|at| (order[at % order.len()], at)).collect();
    places.sort_unstable_by_key(|((rank, _), at)| (rank.rotate_left(u32::try_from(*at).unwrap() % 32), *at));
    let mut table = Table::new();
    for ((_, partition), at) in places {
        table.take(facts[at].clone(), partition);
    }
    table.complete(&definition())
}

proptest! {
    #[test]
    fn the_order_of_reading_changes_nothing_and_a_recount_agrees(
        truths in prop::collection::vec(truth(), 0..60),
        orders in prop::collection::vec(prop::collection::vec((any::<u32>(), 0..4_u32), 1..50), 2),
    ) {
        let facts: Vec<Fact> = truths.iter().enumerate().flat_map(|(at, truth)| truth.facts(at)).collect();
        let [first, second] = [&orders[0], &orders[1]].map(|order| read(&facts, order));
        let json = |report: &Report| serde_json::to_string(report).unwrap();
        prop_assert_eq!(json(&first), json(&second));
        prop_assert_eq!(first.counts.predictions, truths.len() as u64);
        let joined = truths.iter().filter(|truth| truth.late.is_some()).count() as u64;
        prop_assert_eq!(first.joined_events, joined);
        let corrected = truths.iter().filter(|truth| truth.late.is_some() && truth.wrong.is_some()).count();
        prop_assert_eq!(first.counts.revised_outcomes, corrected as u64);
        check_arms(&first, &truths);
        check_shadow(&first, &truths);
    }
}
