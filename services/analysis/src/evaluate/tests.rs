use events::{OutcomeEvent, PredictionEvent, Subject, Unit};

use super::*;
use crate::testing::{
    Fact, Table, Vary, at, experiment, metric, outcome, question, served, tested, unavailable,
};
use crate::watermark::Source;

const ARMS: [&str; 2] = ["control", "treatment"];

fn ratio(of: &str, more: &str) -> String {
    metric("y", "ratio", of, &format!("attribution = \"100s\"\n{more}"))
}

/// Two units in each arm, at seconds 200 and 300, with an outcome `y` 10 seconds after each.
fn four_units() -> Vec<Fact> {
    let units =
        [("a", "control", 200), ("b", "control", 300), ("c", "treatment", 200), ("d", "treatment", 300)];
    let facts = units.iter().flat_map(|(unit, arm, seconds)| {
        let value = if *seconds == 200 { 1.0 } else { 3.0 };
        [served(unit, unit, *seconds).arm(arm).into(), outcome(unit, "y", value, seconds + 10).into()]
    });
    facts.collect()
}

#[test]
fn a_unit_is_tested_once_its_window_and_the_grace_have_passed() {
    let experiment = experiment(&ARMS, &ratio("outcome.y", ""));
    // Exposure window 600 s, attribution 100 s, grace 60 s: units of second 200 mature at 960, of 300 at 1060.
    for (watermark, matured) in [(310, 0), (959, 0), (960, 1), (1_059, 1), (1_060, 2)] {
        let mut table = Table::of(four_units());
        for source in [Source::Predictions, Source::Outcomes] {
            table.watermarks.observe(source, 0, at(watermark));
        }
        let report = table.report(&experiment);
        let metric = &report.experiments[0].metrics[0];
        for arm in &metric.arms {
            let expected = (matured, matured, 2 - matured);
            assert_eq!((arm.units, arm.events, arm.immature_units), expected, "at second {watermark}");
        }
        let is_tested = matches!(metric.comparisons[0].result, ComparisonResult::Tested { .. });
        assert_eq!(is_tested, matured == 2, "at second {watermark}");
        // The split counts all of them: it is decided when a unit comes in.
        assert_eq!(report.experiments[0].arms[0].units, 2);
        assert_eq!((report.is_complete, report.watermark), (false, Some(at(watermark))));
    }
}

#[test]
fn the_slowest_partition_holds_the_windows_open_until_nothing_will_follow() {
    let experiment = experiment(&ARMS, &ratio("outcome.y", ""));
    let mut table = Table::of(four_units());
    for (source, partition, seconds) in
        [(Source::Predictions, 0, 9_000), (Source::Outcomes, 0, 9_000), (Source::Predictions, 1, 950)]
    {
        table.watermarks.observe(source, partition, at(seconds));
    }
    assert_eq!(table.report(&experiment).experiments[0].metrics[0].arms[0].immature_units, 2);
    let report = table.complete(&experiment);
    assert_eq!(report.experiments[0].metrics[0].arms[0].immature_units, 0);
    assert_eq!((report.is_complete, report.watermark), (true, None));
}

#[test]
fn nothing_seen_is_nothing_said() {
    let experiment = experiment(&ARMS, &ratio("outcome.y", ""));
    let report = Table::new().complete(&experiment);
    assert_eq!((report.joined_events, report.watermark), (0, None));
    let report = &report.experiments[0];
    assert_eq!(report.sample_ratio, None);
    assert_eq!(report.metrics[0].arms[0].value, None);
    assert_eq!(
        unavailable(&report.metrics[0].comparisons[0].result),
        "too few units: 0, at least 2 are needed"
    );
}

/// Two units in each arm: `a` and `b` have three events and one, `c` and `d` the same. The second event of `a` and
/// `c` has no outcome.
fn uneven_units() -> Vec<Fact> {
    let mut facts: Vec<Fact> = Vec::new();
    for (first, second, arm, factor) in [("a", "b", "control", 1.0), ("c", "d", "treatment", 2.0)] {
        for (event, unit, y) in
            [("1", first, Some(2.0)), ("2", first, None), ("3", first, Some(4.0)), ("4", second, Some(0.0))]
        {
            let id = format!("{unit}{event}");
            facts.push(served(&id, unit, 200).arm(arm).into());
            facts.extend(y.map(|y| Fact::from(outcome(&id, "y", y * factor, 210))));
        }
    }
    facts
}

#[test]
fn units_become_one_number_each_as_the_kind_says() {
    // Values of `a` are 2, none, 4, and of `b` 0; those of the treatment are twice as large.
    for (kind, more, control, treatment, events) in [
        ("mean", "", 6.0 / 2.0, 12.0 / 2.0, 3),
        ("mean", "absent = \"zero\"", 6.0 / 2.0, 12.0 / 2.0, 4),
        ("mean", "aggregate = \"mean\"", 3.0 / 2.0, 6.0 / 2.0, 3),
        ("mean", "aggregate = \"mean\"\nabsent = \"zero\"", 2.0 / 2.0, 4.0 / 2.0, 4),
        ("ratio", "", 6.0 / 3.0, 12.0 / 3.0, 3),
        ("ratio", "absent = \"zero\"", 6.0 / 4.0, 12.0 / 4.0, 4),
        ("mean", "aggregate = \"first\"", 2.0 / 2.0, 4.0 / 2.0, 3),
        ("mean", "aggregate = \"last\"", 4.0 / 2.0, 8.0 / 2.0, 3),
        ("mean", "winsorize = [1, 7]", 7.0 / 2.0, 8.0 / 2.0, 3),
        ("count", "", 2.0 / 2.0, 2.0 / 2.0, 3),
        ("count", "absent = \"zero\"", 2.0 / 2.0, 2.0 / 2.0, 4),
        ("proportion", "", 0.5, 0.5, 3),
        ("proportion", "absent = \"zero\"", 0.5, 0.5, 4),
    ] {
        let metric = metric("y", kind, "outcome.y", &format!("attribution = \"100s\"\n{more}"));
        let report = Table::of(uneven_units()).complete(&experiment(&ARMS, &metric));
        let metric = &report.experiments[0].metrics[0];
        for (arm, value) in metric.arms.iter().zip([control, treatment]) {
            assert_eq!((arm.units, arm.events, arm.unusable), (2, events, 0), "{kind} {more}");
            assert!((arm.value.unwrap() - value).abs() < 1e-12, "{kind} {more}: {:?} {value}", arm.value);
        }
        let (difference, _) = tested(&metric.comparisons[0].result);
        assert!((difference.value - (treatment - control)).abs() < 1e-12, "{kind} {more}");
    }
}

#[test]
fn units_held_at_a_bound_are_counted() {
    let metric = metric("y", "mean", "outcome.y", "attribution = \"100s\"\nwinsorize = [0, 7]");
    let report = Table::of(uneven_units()).complete(&experiment(&ARMS, &metric));
    let held: Vec<_> = report.experiments[0].metrics[0].arms.iter().map(|arm| arm.winsorized_units).collect();
    assert_eq!(held, [0, 1]);
}

#[test]
fn a_unit_without_a_value_is_not_in_the_metric() {
    let facts: Vec<Fact> = uneven_units();
    let without_b = facts.into_iter().filter(|fact| match fact {
        Fact::Outcome(outcome) => outcome.occurred_at == at(210) && outcome.value != 0.0,
        Fact::Prediction(_) => true,
    });
    let report = Table::of(without_b).complete(&experiment(&ARMS, &ratio("outcome.y", "")));
    let report = &report.experiments[0];
    assert_eq!((report.arms[0].units, report.metrics[0].arms[0].units), (2, 1));
    assert_eq!(
        unavailable(&report.metrics[0].comparisons[0].result),
        "too few units: 1, at least 2 are needed"
    );
}

#[test]
fn values_that_cannot_be_used_are_counted() {
    let facts = four_units();
    let report = Table::of(facts).complete(&experiment(&ARMS, &ratio("brier(prediction.p, outcome.y)", "")));
    // Only the outcomes that are 1 are labels; the 3s are not.
    for arm in &report.experiments[0].metrics[0].arms {
        assert_eq!((arm.units, arm.events, arm.unusable, arm.value), (1, 1, 1, Some(0.25)));
    }
}

#[test]
fn fallbacks_stay_in_their_arm_and_are_counted() {
    let facts = [
        served("a", "a", 200).arm("control").into(),
        served("b", "b", 200).arm("treatment").fallback().into(),
        served("c", "b", 201).arm("treatment").into(),
    ];
    let report = Table::of(facts).complete(&experiment(&ARMS, &metric("p", "mean", "prediction.p", "")));
    let arm = &report.experiments[0].arms[1];
    assert_eq!((arm.units, arm.predictions, arm.fallbacks), (1, 2, 1));
}

#[test]
fn the_split_is_checked_against_the_widths() {
    let experiment = experiment(&ARMS, &metric("p", "mean", "prediction.p", ""));
    for (control, treatment, is_mismatch) in [(500, 500, false), (500, 560, false), (500, 680, true)] {
        let unit =
            |arm: &str, n: u32| Fact::from(served(&format!("{arm}{n}"), &format!("{arm}{n}"), 200).arm(arm));
        let units =
            (0..control).map(|n| unit("control", n)).chain((0..treatment).map(|n| unit("treatment", n)));
        let report = Table::of(units).complete(&experiment);
        let ratio = report.experiments[0].sample_ratio.clone().unwrap();
        assert_eq!(ratio.is_mismatch, is_mismatch, "{control} : {treatment}");
        let half = f64::from(control + treatment) / 2.0;
        assert_eq!(ratio.expected, [half, half]);
    }
}

#[test]
fn primary_p_values_are_corrected_over_arms_and_metrics_and_no_others() {
    let more = "role = \"secondary\"\nattribution = \"100s\"";
    let metrics = ratio("outcome.y", "") + &metric("second", "mean", "outcome.y", more);
    let experiment = experiment(&["control", "small", "large"], &metrics);
    let mut facts = Vec::new();
    for (arm, effect) in [("control", 0.0), ("small", 0.9), ("large", 2.0)] {
        for n in 0..20_u32 {
            let id = format!("{arm}{n}");
            facts.push(served(&id, &id, 200).arm(arm).into());
            facts.push(outcome(&id, "y", effect + f64::from(n % 5), 210).into());
        }
    }
    let report = Table::of(facts).complete(&experiment);
    let adjusted = |metric: usize, comparison: usize| match &report.experiments[0].metrics[metric].comparisons
        [comparison]
        .result
    {
        ComparisonResult::Tested { p, adjusted_p, .. } => (*p, *adjusted_p),
        ComparisonResult::Unavailable { unavailable } => panic!("{unavailable}"),
    };
    let ((small, small_adjusted), (large, large_adjusted)) = (adjusted(0, 0), adjusted(0, 1));
    assert!(large < small, "{large} {small}");
    // Holm: the smallest of two p-values is doubled, the other one stands, but not below the first.
    assert!((large_adjusted.unwrap() / (2.0 * large) - 1.0).abs() < 1e-9);
    assert!((small_adjusted.unwrap() - small.max(2.0 * large)).abs() < 1e-12);
    assert_eq!((adjusted(1, 0).1, adjusted(1, 1).1), (None, None));
}

#[test]
fn shadows_are_compared_by_the_quality_metrics_of_the_experiments_each_once() {
    let brier = "brier(prediction.p, outcome.y)";
    let metrics = ratio(brier, "")
        + &metric("again", "mean", brier, "role = \"secondary\"\nattribution = \"50s\"")
        + &metric("outcome", "mean", "outcome.y", "role = \"secondary\"\nattribution = \"50s\"")
        + &metric("output", "mean", "prediction.p", "role = \"secondary\"");
    let question = question(&experiment(&ARMS, &metrics));
    let names: Vec<_> = question.shadow_metrics.iter().map(|metric| metric.name.as_str()).collect();
    assert_eq!(names, ["y"]);
}

#[test]
fn experiments_are_reported_by_name_and_see_only_their_own() {
    let first = experiment(&ARMS, &metric("p", "mean", "prediction.p", ""));
    let question = Question::new(vec![first], &Config::default());
    let stranger = PredictionEvent { experiment: Some("f".into()), ..served("x", "x", 200).arm("control") };
    let table = Table::of(four_units().into_iter().chain([stranger.into()]));
    let report = evaluate(&table.joiner, &question, &table.watermarks);
    assert_eq!(report.experiments[0].arms.iter().map(|arm| arm.units).sum::<u64>(), 4);
}

fn about_unit(unit: &str, id: &str, value: f64, seconds: i64) -> OutcomeEvent {
    let subject = Subject::Unit(Unit { kind: "user".into(), id: unit.into() });
    OutcomeEvent { outcome_id: id.into(), subject, ..outcome("", "y", value, seconds) }
}

/// Two units in each arm with predictions at seconds 200 and 260, and facts about the units.
fn units_with_facts() -> Vec<Fact> {
    let units = [("a", "control"), ("b", "control"), ("c", "treatment"), ("d", "treatment")];
    let mut facts: Vec<Fact> = Vec::new();
    for (unit, arm) in units {
        for seconds in [200, 260] {
            facts.push(served(&format!("{unit}{seconds}"), unit, seconds).arm(arm).into());
        }
    }
    for (unit, values) in [
        ("a", vec![(1.0, 200), (2.0, 259), (0.0, 261), (8.0, 360)]),
        ("c", vec![(5.0, 361), (7.0, 199), (3.0, 270)]),
    ] {
        for (at, (value, seconds)) in values.into_iter().enumerate() {
            facts.push(about_unit(unit, &format!("{unit}{at}"), value, seconds).into());
        }
    }
    facts
}

#[test]
fn a_fact_about_a_unit_falls_to_the_last_prediction_before_it() {
    // Of `a` 1 + 2 fall to the first prediction and 0 + 8 to the second; of `c` 3 to the second, and what is before
    // all predictions or too late is nobody's. Each kind counts them as it says.
    for (kind, more, control, treatment, events) in [
        ("mean", "", 11.0, 3.0, [2, 1]),
        ("mean", "absent = \"zero\"", 11.0 / 2.0, 3.0 / 2.0, [4, 4]),
        ("mean", "aggregate = \"first\"", 3.0, 3.0, [2, 1]),
        ("count", "absent = \"zero\"", 3.0 / 2.0, 1.0 / 2.0, [4, 4]),
        ("ratio", "absent = \"zero\"", 11.0 / 4.0, 3.0 / 4.0, [4, 4]),
        ("proportion", "absent = \"zero\"", 0.5, 0.5, [4, 4]),
    ] {
        let metric = metric("y", kind, "outcome.y", &format!("attribution = \"100s\"\n{more}"));
        let report = Table::of(units_with_facts()).complete(&experiment(&ARMS, &metric));
        let arms = &report.experiments[0].metrics[0].arms;
        for (arm, (value, events)) in arms.iter().zip([control, treatment].into_iter().zip(events)) {
            assert_eq!((arm.value, arm.events), (Some(value), events), "{kind} {more}");
        }
    }
}

#[test]
fn a_fact_about_another_kind_of_unit_is_not_the_units_own() {
    let card = |fact: Fact| match fact {
        Fact::Outcome(event) => {
            let subject = Subject::Unit(Unit { kind: "card".into(), id: "a".into() });
            Fact::from(OutcomeEvent { subject, ..event })
        }
        Fact::Prediction(_) => fact,
    };
    let metric = metric("y", "mean", "outcome.y", "attribution = \"100s\"");
    let report = Table::of(units_with_facts().into_iter().map(card)).complete(&experiment(&ARMS, &metric));
    assert_eq!(report.experiments[0].metrics[0].arms[0].value, None);
}

#[test]
fn what_comes_after_maturity_is_counted_and_restated_and_not_in_the_tests() {
    // Units of second 200 mature at 960. The partition of outcomes comes to `seconds` before the correction does.
    for (seconds, late, value, restated) in [(960, 0, 9.0, None), (961, 1, 1.0, Some(9.0))] {
        let mut facts = four_units();
        facts.push(outcome("other", "y", 0.0, seconds).into());
        facts.push(OutcomeEvent { revision: 1, ..outcome("a", "y", 9.0, 210) }.into());
        let report = Table::of(facts).complete(&experiment(&ARMS, &ratio("outcome.y", "")));
        let arm = &report.experiments[0].metrics[0].arms[0];
        let mean = |of_a: f64| f64::midpoint(of_a, 3.0);
        assert_eq!((arm.late_outcomes, arm.value), (late, Some(mean(value))), "at {seconds}");
        assert_eq!(arm.restated, restated.map(mean), "at {seconds}");
        assert_eq!(report.experiments[0].metrics[0].arms[1].late_outcomes, 0);
    }
}
