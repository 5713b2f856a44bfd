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
}

/// One record of an outcome, where it lies.
#[derive(Clone, Copy, Debug)]
struct Told {
    value: f64,
    occurred_at: i64,
    revision: u64,
    partition: u32,
    /// The latest outcome of its partition up to it.
    seen_at: i64,
}

/// All records, each in its place.
struct Topics {
    /// By partition, in their order there.
    partitions: BTreeMap<u32, Vec<Fact>>,
    /// By event, what is told of it.
    told: Vec<Vec<Told>>,
}

impl Topics {
    /// Shuffles the records over partitions.
    fn new(truths: &[Truth], places: &[(u32, u32)]) -> Self {
        let facts: Vec<_> = truths
            .iter()
            .enumerate()
            .flat_map(|(at, truth)| truth.facts(at).into_iter().map(move |fact| (at, fact)))
            .collect();
        let rank = |at: usize| places[at % places.len()].0.rotate_left(u32::try_from(at).unwrap() % 32);
        let mut order: Vec<_> = (0..facts.len()).collect();
        order.sort_unstable_by_key(|at| (rank(*at), *at));
        let mut topics = Self { partitions: BTreeMap::new(), told: vec![Vec::new(); truths.len()] };
        let mut come_to: BTreeMap<u32, i64> = BTreeMap::new();
        for at in order {
            let ((event, fact), partition) = (&facts[at], places[at % places.len()].1);
            topics.partitions.entry(partition).or_default().push(fact.clone());
            if let Fact::Outcome(OutcomeEvent { value, revision, .. }) = fact {
                let occurred_at = fact.time().as_micros() / 1_000_000;
                let seen_at = come_to.entry(partition).or_insert(occurred_at);
                *seen_at = occurred_at.max(*seen_at);
                let (value, revision, seen_at) = (*value, *revision, *seen_at);
                topics.told[*event].push(Told { value, occurred_at, revision, partition, seen_at });
            }
        }
        topics
    }

    /// The outcome of an event as it stood at a moment, if it came within its window.
    fn outcome(&self, event: usize, truth: &Truth, until: i64) -> Option<f64> {
        let known = self.told[event].iter().filter(|told| told.seen_at <= until);
        let stands = known.max_by_key(|told| (told.revision, std::cmp::Reverse(told.partition)))?;
        (0..=100).contains(&(stands.occurred_at - truth.seconds)).then_some(stands.value)
    }

    /// Reads the partitions side by side, in turns that `picks` decides.
    fn read(&self, picks: &[u32]) -> Report {
        let mut left: Vec<_> =
            self.partitions.iter().map(|(partition, facts)| (*partition, facts.iter())).collect();
        let (mut table, mut turn) = (Table::new(), 0_usize);
        while !left.is_empty() {
            let pick = picks[turn % picks.len()].rotate_left(u32::try_from(turn).unwrap() % 32) as usize
                % left.len();
            turn += 1;
            match left[pick].1.next() {
                Some(fact) => table.take(fact.clone(), left[pick].0),
                None => drop(left.remove(pick)),
            }
        }
        table.complete(&definition())
    }
}

/// An event of a unit, and its outcome as it stood when the unit had matured.
#[derive(Clone, Copy)]
struct Seen<'t> {
    truth: &'t Truth,
    outcome: Option<f64>,
}

/// What a metric makes of an event: nothing, something that cannot be used, or a value.
fn value(metric: &str, seen: &Seen<'_>) -> Option<Result<f64, ()>> {
    match (metric, seen.outcome) {
        ("Brier", Some(2.0)) => Some(Err(())),
        ("Brier", Some(y)) => Some(Ok((seen.truth.p - y).powi(2))),
        ("Brier" | "typical", None) => None,
        (_, y) => Some(Ok(y.unwrap_or(0.0))),
    }
}

/// Units of an arm with their events, by a plain recount: crossovers and unknown arms beside them.
fn recount<'t>(truths: &'t [Truth], topics: &Topics) -> ([Vec<Vec<Seen<'t>>>; 2], u64, u64) {
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
        // The windows and the grace.
        let until = since + 600 + 100 + 60;
        let seen = |at: usize| Seen { truth: &truths[at], outcome: topics.outcome(at, &truths[at], until) };
        arms[arm].push(events.iter().filter(|(at, _)| at - since <= 600).map(|(_, at)| seen(*at)).collect());
    }
    (arms, crossovers, unknown)
}

/// The estimate of a metric over units, with their number and that of their events.
fn estimate(metric: &str, kind: &str, units: &[Vec<Seen<'_>>]) -> (u64, u64, u64, Option<f64>) {
    let usable = |unit: &Vec<Seen<'_>>| -> Vec<f64> {
        unit.iter().filter_map(|seen| value(metric, seen)?.ok()).collect()
    };
    let values: Vec<Vec<f64>> = units.iter().map(usable).filter(|values| !values.is_empty()).collect();
    let unusable = units.iter().flatten().filter(|seen| value(metric, seen) == Some(Err(()))).count();
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

fn check_arms(report: &Report, truths: &[Truth], topics: &Topics) {
    let report = &report.experiments[0];
    let (arms, crossovers, unknown) = recount(truths, topics);
    assert_eq!((report.crossovers, report.unknown_arms), (crossovers, unknown));
    for (at, units) in arms.iter().enumerate() {
        let arm = &report.arms[at];
        let predictions = units.iter().map(Vec::len).sum::<usize>() as u64;
        let fallbacks = units.iter().flatten().filter(|seen| seen.truth.is_fallback).count() as u64;
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

fn check_shadow(report: &Report, truths: &[Truth], topics: &Topics) {
    let scored: Vec<_> =
        truths.iter().enumerate().filter_map(|(at, truth)| Some((at, truth, truth.shadow?))).collect();
    if scored.is_empty() {
        assert!(report.shadows.is_empty());
        return;
    }
    let report = &report.shadows[0];
    assert_eq!(report.predictions, scored.len() as u64);
    // Production is what served outside the experiment; if nothing did, nobody can say which version it is.
    let is_known = scored.iter().any(|(_, truth, _)| truth.arm.is_none());
    let by_production = |truth: &Truth| {
        matches!(truth.arm, None | Some("control")) && (truth.arm.is_none() || !truth.is_fallback)
    };
    let pairs: Vec<_> = scored.into_iter().filter(|(_, truth, _)| is_known && by_production(truth)).collect();
    assert_eq!(report.pairs, pairs.len() as u64);
    let differences: Vec<f64> = pairs
        .iter()
        .filter_map(|(at, truth, shadow)| {
            let y = topics.outcome(*at, truth, truth.seconds + 100 + 60).filter(|y| *y < 2.0)?;
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

proptest! {
    #[test]
    fn the_order_of_reading_changes_nothing_and_a_recount_agrees(
        truths in prop::collection::vec(truth(), 0..60),
        places in prop::collection::vec((any::<u32>(), 0..4_u32), 1..50),
        picks in prop::collection::vec(prop::collection::vec(any::<u32>(), 1..50), 2),
    ) {
        let topics = Topics::new(&truths, &places);
        let [first, second] = [&picks[0], &picks[1]].map(|picks| topics.read(picks));
        let json = |report: &Report| serde_json::to_string(report).unwrap();
        prop_assert_eq!(json(&first), json(&second));
        prop_assert_eq!(first.counts.predictions, truths.len() as u64);
        let joined = truths.iter().filter(|truth| truth.late.is_some()).count() as u64;
        prop_assert_eq!(first.joined_events, joined);
        let corrected = truths.iter().filter(|truth| truth.late.is_some() && truth.wrong.is_some()).count();
        prop_assert_eq!(first.counts.revised_outcomes, corrected as u64);
        check_arms(&first, &truths, &topics);
        check_shadow(&first, &truths, &topics);
    }
}
