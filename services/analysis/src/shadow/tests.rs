use super::*;
use crate::testing::{Fact, Table, Vary, at, experiment, metric, outcome, served, tested, unavailable};
use crate::watermark::Source;

/// The report on one shadow `3`, compared by the Brier score of the outcome `y` within 100 seconds.
fn compare(facts: impl IntoIterator<Item = Fact>) -> ShadowReport {
    let brier = metric("Brier", "ratio", "brier(prediction.p, outcome.y)", "attribution = \"100s\"");
    let report = Table::of(facts).complete(&experiment(&["control", "treatment"], &brier));
    assert_eq!(report.shadows.len(), 1);
    report.shadows[0].clone()
}

/// One event that production and shadow have scored, and its outcome.
fn pair(event: &str, unit: &str, (production, shadow, y): (f64, f64, f64)) -> [Fact; 3] {
    [
        served(event, unit, 0).says(production).into(),
        served(event, unit, 0).says(shadow).shadow("3").into(),
        outcome(event, "y", y, 10).into(),
    ]
}

#[test]
fn a_pair_needs_the_production_version_by_itself() {
    let mut facts: Vec<Fact> = pair("a", "u", (0.5, 0.6, 1.0)).into();
    facts.extend(pair("b", "v", (0.5, 0.4, 1.0)));
    // Served by a canary; by production in a canary's place; not served at all.
    for (event, served_event) in [
        ("canary", Some(served("canary", "w", 0).arm("treatment"))),
        ("fallback", Some(served("fallback", "w", 0).arm("treatment").fallback())),
        ("unserved", None),
    ] {
        facts.extend(served_event.map(Fact::from));
        facts.push(served(event, "w", 0).shadow("3").into());
        facts.push(outcome(event, "y", 1.0, 10).into());
    }
    // The control arm is production too.
    facts.push(served("control", "x", 0).arm("control").into());
    facts.push(served("control", "x", 0).shadow("3").into());
    let report = compare(facts);
    assert_eq!((report.version.as_str(), report.production.as_str()), ("3", "1"));
    assert_eq!((report.predictions, report.pairs), (6, 3));
    // The control's event has no outcome.
    assert_eq!((report.metrics[0].pairs, report.metrics[0].units), (2, 2));
    let (difference, _) = tested(&report.metrics[0].result);
    let expected = f64::midpoint(0.16 - 0.25, 0.36 - 0.25);
    assert!((difference.value - expected).abs() < 1e-12, "{}", difference.value);
}

#[test]
fn differences_are_clustered_by_unit() {
    // Four units, ten events each that agree within the unit: as many units as there is evidence.
    let differences = [(0.5, 0.4), (0.5, 0.45), (0.5, 0.3), (0.5, 0.35)];
    let once = differences.iter().enumerate().flat_map(|(unit, (production, shadow))| {
        pair(&format!("e{unit}"), &format!("u{unit}"), (*production, *shadow, 0.0))
    });
    let often = differences.iter().enumerate().flat_map(|(unit, (production, shadow))| {
        (0..10).flat_map(move |n| {
            pair(&format!("e{unit}-{n}"), &format!("u{unit}"), (*production, *shadow, 0.0))
        })
    });
    let (once, often) = (compare(once), compare(often));
    assert_eq!((once.metrics[0].pairs, often.metrics[0].pairs), (4, 40));
    assert_eq!((once.metrics[0].units, often.metrics[0].units), (4, 4));
    let ((once, p_once), (often, p_often)) =
        (tested(&once.metrics[0].result), tested(&often.metrics[0].result));
    assert!((once.standard_error / often.standard_error - 1.0).abs() < 1e-9);
    assert!((p_once / p_often - 1.0).abs() < 1e-9, "{p_once} {p_often}");
}

#[test]
fn identical_models_do_not_differ() {
    let facts = (0..5_u32).flat_map(|n| {
        let p = 0.1 + 0.1 * f64::from(n);
        pair(&format!("e{n}"), &format!("u{n}"), (p, p, f64::from(n % 2)))
    });
    let report = compare(facts);
    let (difference, p) = tested(&report.metrics[0].result);
    assert_eq!((difference.value, difference.low, difference.high, p), (0.0, 0.0, 0.0, 1.0));
    assert_eq!(report.metrics[0].production, report.metrics[0].shadow);
}

#[test]
fn a_difference_without_spread_is_said_and_is_no_certainty() {
    let report = compare((0..5).flat_map(|n| pair(&format!("e{n}"), &format!("u{n}"), (0.5, 0.25, 0.0))));
    let why = unavailable(&report.metrics[0].result);
    assert!(why.contains("all units are alike") && why.contains("-0.1875"), "{why}");
    assert_eq!((report.metrics[0].production, report.metrics[0].shadow), (Some(0.25), Some(0.0625)));
    let json = serde_json::to_string(&report).unwrap();
    assert!(!json.contains("null") && !json.contains("NaN"), "{json}");
}

#[test]
fn without_production_there_are_no_pairs() {
    let report = compare([served("a", "u", 0).shadow("3").into(), outcome("a", "y", 1.0, 10).into()]);
    assert_eq!((report.production.as_str(), report.predictions, report.pairs), ("", 1, 0));
    let metric = &report.metrics[0];
    assert_eq!((metric.pairs, metric.production, metric.shadow), (0, None, None));
    assert_eq!(unavailable(&metric.result), "too few units: 0, at least 2 are needed");
}

#[test]
fn pairs_wait_for_their_windows() {
    let brier = metric("Brier", "ratio", "brier(prediction.p, outcome.y)", "attribution = \"100s\"");
    let experiment = experiment(&["control", "treatment"], &brier);
    // Attribution 100 s and grace 60 s after second 0.
    for (watermark, pairs) in [(159, 0), (160, 1)] {
        let mut table = Table::of(pair("a", "u", (0.5, 0.4, 1.0)));
        for source in [Source::Predictions, Source::ShadowPredictions, Source::Outcomes] {
            table.watermarks.observe(source, 0, at(watermark));
        }
        let report = table.report(&experiment);
        assert_eq!((report.shadows[0].pairs, report.shadows[0].metrics[0].pairs), (1, pairs));
    }
}

#[test]
fn each_shadow_has_a_report_of_its_own_by_version() {
    let brier = metric("Brier", "ratio", "brier(prediction.p, outcome.y)", "attribution = \"100s\"");
    let mut facts: Vec<Fact> = pair("a", "u", (0.5, 0.6, 1.0)).into();
    facts.push(served("a", "u", 0).shadow("10").into());
    facts.push(served("b", "u", 0).shadow("10").into());
    let report = Table::of(facts).complete(&experiment(&["control", "treatment"], &brier));
    let found: Vec<_> =
        report.shadows.iter().map(|each| (each.version.as_str(), each.predictions, each.pairs)).collect();
    assert_eq!(found, [("10", 2, 1), ("3", 1, 1)]);
}
