//! Metrics: what they say, and every way to get one wrong.

use std::time::Duration;

use super::{LEAST, edit, faults, parse};
use crate::{Absent, Aggregate, Better, Metric, MetricKind, MetricRole, Quantity};

const METRIC: &str =
    "{ name = \"x\", role = \"primary\", kind = \"mean\", of = \"prediction.x\", better = \"higher\" }";

/// The metric of a definition that has `fields` besides its name.
fn with(fields: &str) -> String {
    edit(LEAST, METRIC, &format!("{{ name = \"x\", {fields} }}"))
}

fn metric(fields: &str) -> Metric {
    parse(&with(fields)).metrics[0].clone()
}

#[test]
fn each_kind_is_read() {
    let rest = "role = \"primary\", better = \"lower\", of = \"outcome.y\", attribution = \"1h\"";
    let rows = [
        ("kind = \"proportion\"", MetricKind::Proportion),
        ("kind = \"mean\"", MetricKind::Mean(Aggregate::Sum)),
        ("kind = \"mean\", aggregate = \"sum\"", MetricKind::Mean(Aggregate::Sum)),
        ("kind = \"mean\", aggregate = \"mean\"", MetricKind::Mean(Aggregate::Mean)),
        ("kind = \"mean\", aggregate = \"first\"", MetricKind::Mean(Aggregate::First)),
        ("kind = \"mean\", aggregate = \"last\"", MetricKind::Mean(Aggregate::Last)),
        ("kind = \"count\"", MetricKind::Count),
        ("kind = \"ratio\"", MetricKind::Ratio),
    ];
    for (kind, expected) in rows {
        let read = metric(&format!("{rest}, {kind}"));
        assert_eq!((read.kind, read.better), (expected, Better::Lower), "{kind}");
        assert_eq!((read.absent, read.attribution), (Absent::Exclude, Some(Duration::from_secs(3_600))));
    }
    assert_eq!(metric(&format!("{rest}, kind = \"mean\", absent = \"zero\"")).absent, Absent::Zero);
}

#[test]
fn quantities_are_read_and_written_alike() {
    let pair = || ("p".into(), "y-1.z".into());
    let ((p1, y1), (p2, y2), (p3, y3)): ((_, _), (_, _), (_, _)) = (pair(), pair(), pair());
    let rows = [
        ("outcome.loss", Quantity::Outcome("loss".into())),
        (" prediction.approved ", Quantity::Prediction("approved".into())),
        ("log_loss(prediction.p, outcome.y-1.z)", Quantity::LogLoss { prediction: p1, outcome: y1 }),
        ("brier( prediction.p ,outcome.y-1.z )", Quantity::Brier { prediction: p2, outcome: y2 }),
        (
            "accuracy(prediction.p, outcome.y-1.z, 0.5)",
            Quantity::Accuracy { prediction: p3, outcome: y3, threshold: 0.5 },
        ),
    ];
    for (text, expected) in rows {
        assert_eq!(text.parse(), Ok(expected.clone()), "{text}");
        assert_eq!(expected.to_string().parse(), Ok(expected), "{text}");
    }
}

#[test]
fn a_quantity_shows_where_it_is_wrong() {
    let rows = [
        ("", 1, "expected `outcome.NAME`, `prediction.NAME`,"),
        ("outcomes.x", 1, "expected `outcome.NAME`,"),
        ("outcome", 8, "expected a dot and a name"),
        ("outcome.", 9, "expected a name; a name cannot be empty"),
        ("outcome .x", 8, "expected a dot and a name"),
        ("outcome.é", 9, "expected a name; \"é\" is not a name;"),
        ("outcome.x y", 11, "expected nothing more here"),
        ("brier prediction.p", 7, "expected `(`"),
        ("brier(outcome.y, prediction.p)", 7, "expected `prediction.NAME`"),
        ("brier(prediction.p outcome.y)", 20, "expected `,`"),
        ("brier(prediction.p, outcome.y", 30, "expected `)`"),
        ("brier(prediction.p, outcome.y, 0.5)", 30, "expected `)`"),
        ("accuracy(prediction.p, outcome.y)", 33, "expected `,`"),
        ("accuracy(prediction.p, outcome.y, half)", 35, "expected a number such as `0.5`"),
        ("accuracy(prediction.p, outcome.y, nan)", 35, "expected a number such as `0.5`"),
    ];
    for (text, position, fault) in rows {
        let error = text.parse::<Quantity>().unwrap_err();
        assert_eq!(error.position, position, "{text}: {error}");
        assert!(error.fault.starts_with(fault), "{text}: {error}");
    }
}

#[test]
fn each_fault_has_its_place_and_what_would_be_right() {
    let outcome = "of = \"outcome.y\", attribution = \"1d\", better = \"lower\"";
    let prediction = "of = \"prediction.x\", better = \"lower\"";
    let quality = "of = \"brier(prediction.p, outcome.y)\", attribution = \"1d\", better = \"lower\"";
    let rows = [
        (
            format!("role = \"primary\", kind = \"count\", {quality}"),
            "`kind` is \"count\", which makes no sense of `brier(prediction.p, outcome.y)`;",
        ),
        (
            format!("role = \"primary\", kind = \"quantile\", {outcome}"),
            "`kind` is \"quantile\", which is not implemented yet;",
        ),
        (
            format!("role = \"primary\", kind = \"mea\", {outcome}"),
            "`kind` is \"mea\"; did you mean \"mean\"?",
        ),
        (
            format!("role = \"primary\", kind = \"mean\", aggregate = \"max\", {outcome}"),
            "`aggregate` is \"max\", which is not implemented yet;",
        ),
        (
            format!("role = \"primary\", kind = \"ratio\", aggregate = \"sum\", {outcome}"),
            "`aggregate` is for `kind` \"mean\"; leave it out",
        ),
        (
            format!("role = \"primary\", kind = \"mean\", winsorization = 0.99, {outcome}"),
            "`winsorization` is not implemented yet; write the bounds, `winsorize = [0, 500]`",
        ),
        (
            format!("role = \"primary\", kind = \"mean\", winsorize = 0.99, {outcome}"),
            "`winsorize` is 0.99; it must be two numbers,",
        ),
        (
            format!("role = \"primary\", kind = \"count\", winsorize = [5, 5], {outcome}"),
            "`winsorize` is [5, 5]; it must be two numbers,",
        ),
        (
            format!("role = \"primary\", kind = \"ratio\", winsorize = [0, 5], {outcome}"),
            "`winsorize` is for `kind` \"mean\" and \"count\"; leave it out",
        ),
        (
            format!("role = \"primary\", kind = \"mean\", minimum_effect = 0, {outcome}"),
            "`minimum_effect` is 0; it must be above 0,",
        ),
        (
            format!("role = \"primary\", kind = \"proportion\", minimum_effect = 2, {outcome}"),
            "`minimum_effect` is on the scale of the metric; 2 is more than the whole range 0..1",
        ),
        (
            format!("role = \"guardrail\", margin = 1, kind = \"mean\", minimum_effect = 1, {outcome}"),
            "`minimum_effect` is not for guardrails; they have a `margin`",
        ),
        (
            format!("role = \"primary\", kind = \"mean\", cuped = true, {outcome}"),
            "`cuped` is not implemented yet;",
        ),
        (
            format!("role = \"primary\", kind = \"mean\", pre_window = \"7d\", {outcome}"),
            "`pre_window` is not implemented yet;",
        ),
        (
            format!("role = \"primary\", kind = \"mean\", atribution = \"1d\", {prediction}"),
            "unknown field `atribution`; did you mean `attribution`?",
        ),
        (
            format!("role = \"primary\", kind = \"mean\", margin = 1, {outcome}"),
            "`margin` is for guardrails; leave it out,",
        ),
        (
            format!("role = \"guardrail\", kind = \"mean\", {outcome}"),
            "`margin` is missing; say which loss is still acceptable",
        ),
        (
            format!("role = \"guardrail\", kind = \"mean\", margin = 0, {outcome}"),
            "`margin` is 0; it must be above 0",
        ),
        (
            format!("role = \"guardrail\", kind = \"ratio\", margin = 1.5, {quality}"),
            "`margin` is for guardrails on the scale of the metric; 1.5 is more than the whole range 0..1",
        ),
        (
            format!("role = \"primary\", kind = \"proportion\", {quality}"),
            "`kind` is \"proportion\", which makes no sense of `brier(prediction.p, outcome.y)`;",
        ),
        (
            format!("role = \"primary\", kind = \"ratio\", absent = \"zero\", {quality}"),
            "`absent` is \"zero\", but without an outcome `brier(",
        ),
        (
            format!("role = \"primary\", kind = \"ratio\", absent = \"zero\", {prediction}"),
            "`absent` is \"zero\", but no outcome is used",
        ),
        (
            format!("role = \"primary\", kind = \"ratio\", attribution = \"1d\", {prediction}"),
            "`attribution` is for outcomes, and `prediction.x` uses none;",
        ),
        (
            "role = \"primary\", kind = \"ratio\", of = \"outcome.y\", better = \"lower\"".to_owned(),
            "`attribution` is missing; say how long",
        ),
        (
            "role = \"primary\", kind = \"ratio\", of = \"prediction.x\"".to_owned(),
            "`better` is missing; it can be \"higher\" or \"lower\"",
        ),
        (
            "role = \"primary\", kind = \"ratio\", of = \"loss\", better = \"lower\"".to_owned(),
            "`of`: \"loss\" at character 1: expected `outcome.NAME`,",
        ),
    ];
    for (fields, expected) in rows {
        let faults = faults(&with(&fields));
        // A metric that is no primary one leaves none, which is a fault of its own.
        let own: Vec<_> =
            faults.iter().filter(|fault| !fault.starts_with("experiment: no metric has")).collect();
        let [fault] = own.as_slice() else { panic!("{fields}: {faults:#?}") };
        assert!(fault.starts_with(&format!("metric \"x\": {expected}")), "{fields}: {fault}");
    }
}

#[test]
fn bounds_and_the_smallest_effect_are_read() {
    let rest = "role = \"primary\", better = \"lower\", of = \"outcome.y\", attribution = \"1h\"";
    let read = metric(&format!("{rest}, kind = \"mean\", winsorize = [0, 500.5], minimum_effect = 20"));
    let bounds = read.winsorize.unwrap();
    for (value, held) in [(-1.0, 0.0), (20.0, 20.0), (501.0, 500.5)] {
        assert!((bounds.hold(value) - held).abs() < 1e-12, "{value}");
    }
    assert_eq!(read.minimum_effect, Some(20.0));
    let read = metric(&format!("{rest}, kind = \"mean\""));
    assert_eq!((read.winsorize, read.minimum_effect), (None, None));
}

#[test]
fn a_margin_of_an_unbounded_metric_may_exceed_one() {
    let guardrail = "{ name = \"loss\", role = \"guardrail\", kind = \"ratio\", of = \"outcome.loss\", \
                     attribution = \"1d\", better = \"lower\", margin = 5 }";
    let experiment = parse(&edit(LEAST, METRIC, &format!("{METRIC}, {guardrail}")));
    assert_eq!(experiment.metrics[1].role, MetricRole::Guardrail { margin: 5.0 });
    assert!(!experiment.metrics[1].is_unit_interval());
}

#[test]
fn there_is_a_primary_metric_and_names_differ() {
    let secondary = edit(METRIC, "primary", "secondary");
    assert_eq!(
        faults(&edit(LEAST, METRIC, &secondary)),
        ["experiment: no metric has `role` \"primary\"; the one that decides must"]
    );
    assert_eq!(
        faults(&edit(LEAST, METRIC, &format!("{METRIC}, {METRIC}"))),
        ["experiment: two metrics are called \"x\"; names must differ"]
    );
    assert_eq!(
        faults(&edit(LEAST, "metric = [", "metrics = [")),
        ["experiment: unknown field `metrics`; did you mean `metric`?"]
    );
}
