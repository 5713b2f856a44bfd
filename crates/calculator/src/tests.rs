//! Every case of `testdata/reference.ndjson`: a request, and what another program answers.
//!
//! The numbers were computed by the program in `source`, most with 40 to 70 digits or exact fractions; each must be met within
//! the case's relative tolerance. Answers may say more than is expected, never less.

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
