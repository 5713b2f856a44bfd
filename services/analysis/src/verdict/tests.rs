use super::*;
use crate::report::{AlwaysValid, Arm, Interval, MetricArm, MetricReport, SampleRatio};
use crate::testing::{experiment, metric, with_decision, with_rollout};

/// What the numbers of a two-armed experiment were: 1,000 units in each arm, and nothing remarkable.
#[derive(Clone)]
struct Situation {
    units: [u64; 2],
    tested_units: [u64; 2],
    fallbacks: u64,
    mismatch: bool,
    /// Difference and corrected p-value of the primary metric, for which lower is better.
    primary: Option<(f64, f64)>,
    /// Interval of the guardrail, for which higher is better, with a margin of 0.02.
    guardrail: Option<(f64, f64)>,
}

const USUAL: Situation = Situation {
    units: [1_000; 2],
    tested_units: [1_000; 2],
    fallbacks: 0,
    mismatch: false,
    primary: Some((0.0, 1.0)),
    guardrail: Some((-0.01, 0.01)),
};

const BETTER: Situation = Situation { primary: Some((-0.5, 0.01)), ..USUAL };

fn definition() -> Experiment {
    let guardrail = "role = \"guardrail\"\nmargin = 0.02";
    let metrics =
        metric("loss", "mean", "prediction.p", "") + &metric("safety", "mean", "prediction.p", guardrail);
    experiment(
        &["control", "treatment"],
        &metrics.replacen("lower", "higher", 2).replacen("higher", "lower", 1),
    )
}

fn comparison(interval: Option<(f64, f64)>, adjusted_p: Option<f64>) -> Comparison {
    let result = match interval {
        Some((low, high)) => {
            let value = f64::midpoint(low, high);
            ComparisonResult::Tested {
                difference: Interval { value, standard_error: 0.1, low, high },
                relative: None,
                method: "Welch",
                log_p: 0.0,
                p: 1.0,
                always_valid: Some(Box::new(AlwaysValid {
                    last_look: None,
                    looks: 1,
                    units: 2_000,
                    difference: Interval { value, standard_error: 0.1, low, high },
                    log_p: 0.0,
                    p: 1.0,
                    evidence_sign: value.signum(),
                })),
                bayesian: None,
                adjusted_p,
            }
        }
        None => ComparisonResult::Unavailable { unavailable: "too few".into() },
    };
    Comparison { arm: "treatment".into(), result }
}

fn metric_report(name: &str, role: &'static str, units: [u64; 2], comparison: Comparison) -> MetricReport {
    let arm = |units| MetricArm {
        units,
        events: units,
        unusable: 0,
        winsorized_units: 0,
        immature_units: 0,
        late_outcomes: 0,
        value: Some(0.5),
        restated: None,
    };
    MetricReport {
        name: name.into(),
        role,
        kind: "mean",
        better: if role == "primary" { "lower" } else { "higher" },
        margin: None,
        minimum_effect: None,
        arms: units.map(arm).into(),
        comparisons: vec![comparison],
    }
}

fn report(situation: &Situation) -> ExperimentReport {
    let Situation { units, tested_units, fallbacks, mismatch, primary, guardrail } = situation.clone();
    let arm = |name: &str, units, fallbacks| Arm {
        name: name.into(),
        version: "1".into(),
        units,
        predictions: units,
        fallbacks,
    };
    let primary_interval = primary.map(|(value, _)| (value - 0.1, value + 0.1));
    let primary = comparison(primary_interval, primary.map(|(_, p)| p));
    ExperimentReport {
        name: "e".into(),
        hypothesis: "version 2 is better".into(),
        unit: "user".into(),
        method: "fixed",
        alpha: 0.05,
        arms: vec![arm("control", units[0], 0), arm("treatment", units[1], fallbacks)],
        crossovers: 0,
        unknown_arms: 0,
        sample_ratio: Some(SampleRatio {
            expected: vec![1_000.0; 2],
            log_p: if mismatch { -20.0 } else { -0.5 },
            always_valid_log_p: if mismatch { -10.0 } else { 0.0 },
            is_mismatch: mismatch,
        }),
        metrics: vec![
            metric_report("loss", "primary", tested_units, primary),
            metric_report("safety", "guardrail", tested_units, comparison(guardrail, None)),
        ],
        verdicts: Vec::new(),
        rollout: None,
    }
}

#[test]
fn the_first_rule_that_speaks_decides() {
    use VerdictKind::{Better, Inconclusive, Worse};
    let (violated, open) = (Some((-0.09, -0.03)), Some((-0.03, 0.03)));
    for (name, situation, verdict, rule) in [
        ("no units", Situation { units: [0, 1_000], ..BETTER }, Inconclusive, "data"),
        (
            "no units, whatever the guardrail",
            Situation { units: [1_000, 0], guardrail: violated, ..BETTER },
            Inconclusive,
            "data",
        ),
        ("a guardrail is violated", Situation { guardrail: violated, ..BETTER }, Worse, "guardrail"),
        (
            "violated on few units too",
            Situation { guardrail: violated, tested_units: [9, 9], ..BETTER },
            Worse,
            "guardrail",
        ),
        (
            "a guardrail at its margin",
            Situation { guardrail: Some((-0.05, -0.02)), ..BETTER },
            Inconclusive,
            "guardrail",
        ),
        ("a guardrail is open", Situation { guardrail: open, ..BETTER }, Inconclusive, "guardrail"),
        ("a guardrail cannot be tested", Situation { guardrail: None, ..BETTER }, Inconclusive, "guardrail"),
        (
            "a guardrail holds beyond its margin",
            Situation { guardrail: Some((-0.019, 0.5)), ..BETTER },
            Better,
            "primary",
        ),
        ("the split is broken", Situation { mismatch: true, ..BETTER }, Inconclusive, "sample_ratio"),
        ("the primary metric cannot be tested", Situation { primary: None, ..USUAL }, Inconclusive, "data"),
        ("too few units", Situation { tested_units: [9, 1_000], ..BETTER }, Inconclusive, "minimum_units"),
        (
            "too few units in the arm",
            Situation { tested_units: [1_000, 9], ..BETTER },
            Inconclusive,
            "minimum_units",
        ),
        ("just enough units", Situation { tested_units: [10, 10], ..BETTER }, Better, "primary"),
        ("worse", Situation { primary: Some((0.5, 0.01)), ..USUAL }, Worse, "primary"),
        (
            "worse, fallbacks or not",
            Situation { primary: Some((0.5, 0.01)), fallbacks: 900, ..USUAL },
            Worse,
            "primary",
        ),
        ("no difference", USUAL, Inconclusive, "primary"),
        (
            "a difference by chance",
            Situation { primary: Some((-0.5, 0.051)), ..USUAL },
            Inconclusive,
            "primary",
        ),
        ("at alpha", Situation { primary: Some((-0.5, 0.05)), ..USUAL }, Better, "primary"),
        ("better", BETTER, Better, "primary"),
        ("better, with one percent of fallbacks", Situation { fallbacks: 10, ..BETTER }, Better, "primary"),
        ("better, with more fallbacks", Situation { fallbacks: 11, ..BETTER }, Inconclusive, "fallbacks"),
    ] {
        let verdicts = verdicts(&definition(), &report(&situation));
        assert_eq!(verdicts.len(), 1, "{name}");
        assert_eq!(
            (verdicts[0].verdict, verdicts[0].rule),
            (verdict, rule),
            "{name}: {}",
            verdicts[0].reason
        );
        assert_eq!(verdicts[0].arm, "treatment");
    }
}

/// The same definition with another method, and a smallest effect of 0.2.
fn live() -> Experiment {
    let guardrail = "role = \"guardrail\"\nmargin = 0.02";
    let metrics = metric("loss", "mean", "prediction.p", "minimum_effect = 0.2")
        + &metric("safety", "mean", "prediction.p", guardrail);
    let metrics = metrics.replacen("lower", "higher", 2).replacen("higher", "lower", 1);
    with_decision(&["control", "treatment"], &metrics, "method = \"always-valid\"\nmaximum_fallbacks = 0.02")
}

/// What only a look at any time says of the primary metric: its interval, and which way its evidence pointed.
fn watched(report: &mut ExperimentReport, seen: Option<(f64, f64, f64)>) {
    let ComparisonResult::Tested { always_valid, .. } = &mut report.metrics[0].comparisons[0].result else {
        panic!("a comparison");
    };
    match seen {
        None => *always_valid = None,
        Some((low, high, sign)) => {
            let always = always_valid.as_mut().unwrap();
            let value = f64::midpoint(low, high);
            always.difference = Interval { value, low, high, ..always.difference };
            always.evidence_sign = sign;
        }
    }
}

#[test]
fn a_live_experiment_is_decided_by_what_is_valid_at_any_time() {
    use VerdictKind::{Better, Equivalent, Inconclusive, Worse};
    let usual = Some((-0.6, -0.4, -1.0));
    for (name, situation, seen, verdict, rule) in [
        ("better", BETTER, usual, Better, "primary"),
        ("not looked at yet", BETTER, None, Inconclusive, "data"),
        ("turned round since", BETTER, Some((-0.3, 0.1, 1.0)), Inconclusive, "primary"),
        ("worse", BETTER, Some((0.4, 0.6, 1.0)), Worse, "primary"),
        ("no difference that matters", USUAL, Some((-0.19, 0.19, 1.0)), Equivalent, "equivalence"),
        ("as wide as the smallest effect", USUAL, Some((-0.2, 0.19, 1.0)), Inconclusive, "primary"),
        (
            "equivalent, had it not fallen back",
            Situation { fallbacks: 21, ..USUAL },
            Some((-0.19, 0.19, 1.0)),
            Inconclusive,
            "fallbacks",
        ),
        (
            "as many fallbacks as the definition allows",
            Situation { fallbacks: 20, ..BETTER },
            usual,
            Better,
            "primary",
        ),
        ("a broken split", Situation { mismatch: true, ..BETTER }, usual, Inconclusive, "sample_ratio"),
    ] {
        let mut report = report(&situation);
        watched(&mut report, seen);
        let verdict_of = &verdicts(&live(), &report)[0];
        assert_eq!((verdict_of.verdict, verdict_of.rule), (verdict, rule), "{name}: {}", verdict_of.reason);
    }
}

#[test]
fn a_fixed_test_passes_nobody_while_units_are_open() {
    let mut report = report(&BETTER);
    report.metrics[0].arms[1].immature_units = 3;
    let verdict = &verdicts(&definition(), &report)[0];
    assert_eq!((verdict.verdict, verdict.rule), (VerdictKind::Inconclusive, "maturity"));
    assert_eq!(verdict.reason, "3 units are still open, and a fixed test is read once");
    // Live, those that have matured may speak.
    assert_eq!(verdicts(&live(), &report)[0].verdict, VerdictKind::Better);
}

#[test]
fn reasons_name_what_decided() {
    for (situation, says) in [
        (Situation { guardrail: Some((-0.09, -0.03)), ..BETTER }, "guardrail \"safety\" is violated"),
        (
            Situation { mismatch: true, ..BETTER },
            "the split is broken (p = 2.1e-9): its numbers mean nothing",
        ),
        (Situation { tested_units: [9, 12], ..BETTER }, "9 matured units in the smaller arm, 10 are needed"),
        (Situation { fallbacks: 25, ..BETTER }, "production made 2.5 % of the arm's predictions"),
        (BETTER, "\"loss\" is better, and no guardrail is violated"),
    ] {
        assert_eq!(verdicts(&definition(), &report(&situation))[0].reason, says);
    }
}

#[test]
fn one_primary_metric_that_is_worse_outweighs_one_that_is_better() {
    let metrics = metric("first", "mean", "prediction.p", "") + &metric("second", "mean", "prediction.q", "");
    let definition = experiment(&["control", "treatment"], &metrics);
    let mut report = report(&USUAL);
    let interval = |value: f64| Some((value - 0.1, value + 0.1));
    report.metrics = vec![
        metric_report("first", "primary", [1_000; 2], comparison(interval(-0.5), Some(0.01))),
        metric_report("second", "primary", [1_000; 2], comparison(interval(0.5), Some(0.01))),
    ];
    let verdict = &verdicts(&definition, &report)[0];
    assert_eq!((verdict.verdict, verdict.reason.as_str()), (VerdictKind::Worse, "\"second\" is worse"));
}

#[test]
fn each_treatment_has_a_verdict_of_its_own() {
    let definition = experiment(&["control", "one", "two"], &metric("loss", "mean", "prediction.p", ""));
    let mut report = report(&USUAL);
    report.arms.push(Arm { name: "two".into(), ..report.arms[1].clone() });
    report.arms[1].name = "one".into();
    // Holm made 0.06 of 0.03 and of 0.04: neither is enough, though each alone would be.
    for (p, expected) in [
        ([0.06, 0.06], [VerdictKind::Inconclusive; 2]),
        ([0.02, 0.06], [VerdictKind::Better, VerdictKind::Inconclusive]),
        ([0.02, 0.04], [VerdictKind::Better; 2]),
    ] {
        let mut loss = metric_report("loss", "primary", [1_000; 2], comparison(None, None));
        loss.arms.push(loss.arms[1].clone());
        loss.comparisons = p.map(|p| comparison(Some((-0.6, -0.4)), Some(p))).into();
        report.metrics = vec![loss];
        let found = verdicts(&definition, &report);
        assert_eq!(found.iter().map(|each| each.verdict).collect::<Vec<_>>(), expected, "{p:?}");
        assert_eq!((found[0].arm.as_str(), found[1].arm.as_str()), ("one", "two"));
    }
}

#[test]
fn a_rollout_goes_on_where_no_arm_is_worse_and_guardrails_hold() {
    let metrics = metric("loss", "mean", "prediction.p", "")
        + &metric("safety", "mean", "prediction.p", "role = \"guardrail\"\nmargin = 0.02");
    let metrics = metrics.replacen("lower", "higher", 2).replacen("higher", "lower", 1);
    let whole = with_rollout(&["control", "treatment"], &metrics, "[0.02, 0.5, 1.0]");
    assert_eq!(rollout(&whole, &report(&BETTER)), None, "it has reached the last step");
    let begun = whole.with_coverage(::experiment::BasisPoints::new(200).unwrap()).unwrap();
    for (name, situation, is_allowed) in [
        ("no difference, and safe", USUAL, true),
        ("better", BETTER, true),
        ("worse", Situation { primary: Some((0.5, 0.01)), ..USUAL }, false),
        ("not shown to be safe", Situation { guardrail: Some((-0.03, 0.03)), ..USUAL }, false),
        ("few units", Situation { tested_units: [9, 9], ..USUAL }, false),
        ("a broken split", Situation { mismatch: true, ..USUAL }, false),
        ("fallen back", Situation { fallbacks: 30, ..USUAL }, false),
    ] {
        let step = rollout(&begun, &report(&situation)).unwrap();
        assert_eq!(step.is_allowed, is_allowed, "{name}: {}", step.reason);
        assert_eq!(format!("{} {}", step.coverage, step.next), "0.02 0.5", "{name}");
    }
}
