//! Every case of `testdata/reference.ndjson`: a request, and what another program answers.
//!
//! The numbers were computed by the program in `source`, most with 40 to 70 digits or exact fractions; each must be
//! met within the case's relative tolerance. Answers may say more than is expected, never less.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::{answer, names};

fn cases() -> impl Iterator<Item = Value> {
    include_str!("../testdata/reference.ndjson").lines().map(|line| serde_json::from_str(line).unwrap())
}

#[test]
fn every_reference_case_is_met() {
    let mut faults = Vec::new();
    for case in cases() {
        let id = case["id"].as_str().unwrap();
        let answer = answer(case.to_string().as_bytes());
        assert_eq!(answer.id, case["id"]);
        match answer.outcome {
            Ok((_, results)) => faults.extend(
                unmet(case["expected"].as_object().unwrap(), &results, case["rtol"].as_f64().unwrap())
                    .map(|fault| format!("{id}: {fault}")),
            ),
            Err(fault) => faults.push(format!("{id}: {}: {fault}", fault.at)),
        }
    }
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn every_method_has_a_case() {
    let methods: BTreeSet<String> = cases().map(|case| case["method"].as_str().unwrap().to_owned()).collect();
    let names: BTreeSet<String> = names().map(str::to_owned).collect();
    assert_eq!((methods.len(), cases().count()), (77, 149));
    assert_eq!(methods, names);
}

fn unmet<'a>(
    expected: &'a Map<String, Value>,
    results: &'a Map<String, Value>,
    tolerance: f64,
) -> impl Iterator<Item = String> + 'a {
    expected.iter().filter_map(move |(key, wanted)| {
        let got = results.get(key);
        let met = got.is_some_and(|got| is_close(wanted, got, tolerance));
        (!met).then(|| format!("{key}: expected {wanted}, got {}", got.unwrap_or(&Value::Null)))
    })
}

fn is_close(expected: &Value, got: &Value, tolerance: f64) -> bool {
    match (expected, got) {
        (Value::Array(expected), Value::Array(got)) => {
            expected.len() == got.len() && expected.iter().zip(got).all(|(e, g)| is_close(e, g, tolerance))
        }
        (Value::Number(expected), Value::Number(got)) => {
            let (expected, got) = (expected.as_f64().unwrap(), got.as_f64().unwrap());
            (expected - got).abs() <= tolerance * expected.abs()
        }
        _ => expected == got,
    }
}

/// The name and the place of what is wrong with a request.
fn wrong(method: &str, inputs: &str) -> (&'static str, String) {
    let line = format!(r#"{{"id": 7, "method": "{method}", "inputs": {inputs}}}"#);
    let answer = answer(line.as_bytes());
    assert_eq!(answer.id, 7, "{line}");
    let fault = answer.outcome.expect_err(&line);
    (fault.name.as_str(), fault.at)
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let arm = r#"{"n": 5, "mean": 1, "var": 1}"#;
    let welch =
        |control: &str| wrong("mean.welch_t", &format!(r#"{{"control": {control}, "treatment": {arm}}}"#));
    for (control, name, at) in [
        (r#"{"n": 0, "mean": 1, "var": 1}"#, "zero-units", "inputs.control.n"),
        (r#"{"n": 2.5, "mean": 1, "var": 1}"#, "not-a-count", "inputs.control.n"),
        (r#"{"n": -2, "mean": 1, "var": 1}"#, "not-a-count", "inputs.control.n"),
        (r#"{"n": 1e17, "mean": 1, "var": 1}"#, "too-large", "inputs.control.n"),
        (r#"{"n": 5, "mean": 1, "var": -1}"#, "negative-variance", "inputs.control.var"),
        (r#"{"n": 5, "mean": NaN, "var": 1}"#, "not-finite", "inputs.control.mean"),
        (r#"{"n": 5, "mean": "inf", "var": 1}"#, "not-finite", "inputs.control.mean"),
        (r#"{"n": 5, "mean": "one", "var": 1}"#, "wrong-type", "inputs.control.mean"),
        (r#"{"n": 5, "mean": 1}"#, "missing-key", "inputs.control.var"),
        (r#"{"n": 5, "mean": 1, "var": 1, "sd": 1}"#, "unknown-key", "inputs.control.sd"),
        ("[]", "wrong-type", "inputs.control"),
    ] {
        assert_eq!(welch(control), (name, at.to_owned()), "{control}");
    }
    for (method, inputs, name, at) in [
        ("mean.welch", "{}", "unknown-method", "method"),
        ("proportion.one_sample_exact", r#"{"x": 4, "n": 3}"#, "count-above-units", "inputs.x"),
        (
            "proportion.one_sample_exact",
            r#"{"x": 1, "n": 3, "alpha": 0}"#,
            "alpha-out-of-range",
            "inputs.alpha",
        ),
        ("weighted.hajek", r#"{"x": [1, 2], "w": [1]}"#, "length-mismatch", "inputs.w"),
        ("distribution.student_t", r#"{"p_df": [[0.5, 3], [0.5]]}"#, "length-mismatch", "inputs.p_df[1]"),
        ("calibration", r#"{"y": [1], "p": [1.5]}"#, "out-of-range", "inputs.p[0]"),
        ("calibration", r#"{"y": [2], "p": [0.5]}"#, "wrong-type", "inputs.y[0]"),
    ] {
        assert_eq!(wrong(method, inputs), (name, at.to_owned()), "{method} {inputs}");
    }
}

#[test]
fn misspellings_are_told_from_what_was_meant() {
    let line = r#"{"method": "mean.welch_t", "inputs": {"contrl": {}, "treatment": {}}}"#;
    let fault = answer(line.as_bytes()).outcome.unwrap_err();
    assert_eq!(fault.message, "`control` is missing; is it meant by `contrl`?");
    let line = r#"{"method": "mean.wlech_t", "inputs": {}}"#;
    let fault = answer(line.as_bytes()).outcome.unwrap_err();
    assert_eq!(fault.message, "there is no method `mean.wlech_t`; did you mean `mean.welch_t`?");
}

#[test]
fn what_cannot_be_had_is_null_with_its_reason() {
    for (method, inputs, key) in [
        (
            "mean.welch_t",
            r#"{"control": {"n": 1, "mean": 1, "var": 0}, "treatment": {"n": 5, "mean": 2, "var": 1}}"#,
            "p_two_sided",
        ),
        (
            "mean.welch_t",
            r#"{"control": {"n": 3, "mean": 1, "var": 1e308}, "treatment": {"n": 3, "mean": 2, "var": 1e308}}"#,
            "p_two_sided",
        ),
        (
            "lift.relative",
            r#"{"control": {"n": 1, "mean": 1, "var": 0}, "treatment": {"n": 5, "mean": 2, "var": 1}}"#,
            "lift_log_ci_low",
        ),
        (
            "lift.relative",
            r#"{"control": {"n": 5, "mean": 0, "var": 1}, "treatment": {"n": 5, "mean": 2, "var": 1}}"#,
            "lift",
        ),
        ("proportion.ratio", r#"{"control": {"x": 0, "n": 5}, "treatment": {"x": 2, "n": 5}}"#, "risk_ratio"),
        (
            "sequential.normal_mixture_cs",
            r#"{"control": {"x": 0, "n": 5}, "treatment": {"x": 0, "n": 5}, "n_star": 100}"#,
            "p",
        ),
        ("paired.delong", r#"{"y": [1, 1], "score_prod": [1, 2], "score_shadow": [2, 1]}"#, "auc_prod"),
    ] {
        let line = format!(r#"{{"method": "{method}", "inputs": {inputs}}}"#);
        let (_, results) = answer(line.as_bytes()).outcome.unwrap();
        assert_eq!(results.get(key), Some(&Value::Null), "{line}");
        assert!(results["unavailable"].as_str().is_some_and(|reason| !reason.is_empty()), "{line}");
        assert!(!Value::Object(results).to_string().contains("nan"), "{line}");
    }
}
