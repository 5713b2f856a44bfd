use super::*;
use crate::report::{ComparisonResult, ExperimentReport, VerdictKind};
use crate::testing::{Chance, Fact, Table, Vary, at, metric, outcome, served, with_decision};
use crate::watermark::Source;

#[test]
fn looks_are_at_multiples_and_see_what_came_up_to_them() {
    let mut looks = Looks { every: 10, next: None };
    for (moment, due) in [
        (-12, None),
        (-10, None),
        (-9, Some(-10)),
        (0, None),
        (10, Some(0)),
        (10, None),
        (31, Some(10)),
        (40, None),
    ] {
        assert_eq!(looks.before(moment), due, "{moment}");
    }
    assert_eq!((looks.last(39), looks.last(40)), (None, Some(40)));
    let far = &mut Looks { every: 10, next: None };
    let first = -(i64::MAX / 10) * 10;
    assert_eq!((far.before(i64::MIN), far.before(i64::MAX)), (None, Some(first)));
}

const LIVE: &str = "method = \"always-valid\"\nplanned_units = 400\nlook_every = \"10m\"";

/// Units that come in one a minute, in turn, with one event each; the treatment's outcomes are larger by `effect`.
fn facts(units: u32, effect: f64, chance: &mut Chance) -> Vec<Fact> {
    let unit = |n: u32| {
        let (id, seconds) = (format!("u{n:04}"), 200 + 60 * i64::from(n));
        let (arm, moved) = if n.is_multiple_of(2) { ("control", 0.0) } else { ("treatment", effect) };
        let y = chance.uniform() + moved;
        [Fact::from(served(&id, &id, seconds).arm(arm)), outcome(&id, "y", y, seconds + 50).into()]
    };
    (0..units).flat_map(unit).collect()
}

fn experiment(kind: &str) -> Experiment {
    with_decision(&["control", "treatment"], &metric("y", kind, "outcome.y", "attribution = \"100s\""), LIVE)
}

fn always(report: &ExperimentReport) -> Option<AlwaysValid> {
    match &report.metrics[0].comparisons[0].result {
        ComparisonResult::Tested { always_valid, .. } => always_valid.as_deref().cloned(),
        ComparisonResult::Unavailable { .. } => None,
    }
}

#[test]
fn a_later_report_takes_the_same_looks_and_some_more() {
    let facts = facts(300, -0.1, &mut Chance(7));
    let experiment = experiment("mean");
    let upto = |seconds: i64| {
        let mut table = Table::of(facts.iter().filter(|fact| fact.time() <= at(seconds)).cloned());
        for source in [Source::Predictions, Source::Outcomes] {
            table.watermarks.observe(source, 0, at(seconds));
        }
        always(&table.report(&experiment).experiments[0])
    };
    // Ten units an arm have matured after twenty minutes and the windows, which are 760 seconds with the grace.
    assert_eq!(upto(2_000), None);
    let mut before: Option<AlwaysValid> = None;
    for seconds in (2_400..20_000).step_by(150) {
        let Some(now) = upto(seconds) else { panic!("no look at {seconds}") };
        let look = now.last_look.unwrap().as_micros() / 1_000_000;
        assert!(look % 600 == 0 && look <= seconds && look > seconds - 1_200, "{look} {seconds}");
        if let Some(before) = before {
            assert!(now.log_p <= before.log_p && now.looks >= before.looks, "at {seconds}");
            if now.looks == before.looks {
                assert_eq!(now, before, "between looks nothing changes");
            }
        }
        before = Some(now);
    }
    assert!(before.unwrap().looks > 20);
}

#[test]
fn an_effect_is_found_and_decides() {
    for (kind, effect, verdict) in [
        ("mean", -0.2, VerdictKind::Better),
        ("mean", 0.2, VerdictKind::Worse),
        ("ratio", -0.2, VerdictKind::Better),
    ] {
        let report = Table::of(facts(600, effect, &mut Chance(3))).complete(&experiment(kind));
        let report = &report.experiments[0];
        let always = always(report).unwrap();
        assert!(always.difference.low < effect && effect < always.difference.high, "{kind}: {always:?}");
        assert_eq!(
            (report.verdicts[0].verdict, always.units),
            (verdict, 600),
            "{}",
            report.verdicts[0].reason
        );
    }
}

#[test]
fn where_there_is_no_effect_few_ever_see_one() {
    let (mut chance, experiment) = (Chance(11), experiment("mean"));
    let runs = 150;
    let mut ever = || {
        let report = Table::of(facts(240, 0.0, &mut chance)).complete(&experiment);
        always(&report.experiments[0]).unwrap().p <= 0.05
    };
    let alarms = (0..runs).filter(|_| ever()).count();
    // At most 5 %, and four standard deviations of chance. A fixed test at the same looks alarms in some 30 % of runs.
    assert!(alarms <= 18, "{alarms} of {runs}");
}

#[test]
fn a_broken_split_is_seen_at_some_look_and_a_healthy_one_is_not() {
    for (every_third, is_mismatch) in [(false, false), (true, true)] {
        let unit = |n: u32| {
            let id = format!("u{n:04}");
            let is_control = if every_third { !n.is_multiple_of(3) } else { !n.is_multiple_of(2) };
            let arm = if is_control { "control" } else { "treatment" };
            Fact::from(served(&id, &id, 200 + 60 * i64::from(n)).arm(arm))
        };
        let report = Table::of((0..600).map(unit)).complete(&experiment("mean"));
        let ratio = report.experiments[0].sample_ratio.clone().unwrap();
        assert_eq!(ratio.is_mismatch, is_mismatch, "{ratio:?}");
        assert_eq!(ratio.always_valid_log_p < -7.6, is_mismatch, "{ratio:?}");
    }
}
