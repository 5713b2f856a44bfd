//! `serin stats` from the command line to the exit code.

use serde_json::{Value, json};

use crate::support::process::{Ended, run, serin};

fn stats(arguments: &str) -> Ended {
    run(serin(["stats"].into_iter().chain(arguments.split_whitespace())))
}

#[test]
fn an_estimate_has_its_interval_and_a_p_value_its_estimate() {
    let told = stats("proportions --control 120/2400 --treatment 150/2380").with_code(0).out;
    for line in [
        "control       5.000 % [4.198, 5.946]   120 of 2,400",
        "difference    +1.303 points [-0.008562, +2.623], p = 0.0511 (score test)",
        "lift          +26.05 % [-0.1740, +59.16]",
    ] {
        assert!(told.lines().any(|told| told == line), "{told}");
    }
    for line in told.lines().filter(|line| line.contains("p = ")) {
        assert!(line.contains('[') && line.contains(']'), "{line}");
    }
}

#[test]
fn programs_get_all_digits() {
    let answer =
        stats("means --control 1000,10,2 --treatment 1100,10.2,2.2 --format json").with_code(0).json();
    let p = answer["log_p"].as_f64().unwrap().exp();
    assert!((answer["p"].as_f64().unwrap() - p).abs() < 1e-15, "{answer}");
    assert!(answer["always_valid"]["log_e"].is_f64(), "{answer}");
}

#[test]
fn numbers_that_cannot_be_meant_end_with_64_and_say_what_would_be_right() {
    for (arguments, told) in [
        ("proportions --control 5/3 --treatment 1/3", "5 successes are more than 3 units"),
        ("proportions --control 0/0 --treatment 1/3", "an arm without units has no share"),
        ("proportions --control 1:3 --treatment 1/3", "it must be successes/units, such as 120/2400"),
        ("proportions --control 1/3 --treatment 1/3 --alpha 1.5", "is not a probability between 0 and 1"),
        ("means --control 3,1,-1 --treatment 3,1,1", "a standard deviation of `-1` is negative"),
        ("adjust --p 0.1,NaN", "`NaN` is not a finite number"),
        ("power detectable --sd 1 --units 5", "--units takes those of control and treatment"),
    ] {
        let ended = stats(arguments).with_code(64);
        assert!(ended.err.contains(told), "{arguments}: {}", ended.err);
        assert_eq!(ended.out, "", "{arguments}");
    }
}

#[test]
fn a_line_that_is_wrong_is_named_and_the_run_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let (requests, answers) =
        (directory.path().join("cases.ndjson"), directory.path().join("answers.ndjson"));
    let lines = [
        r#"{"id": "a", "method": "paired.mcnemar", "inputs": {"b": 1, "c": 7}}"#,
        r#"{"id": "b", "method": "paired.mcnemr", "inputs": {"b": 1, "c": 7}}"#,
        r#"{"id": "c", "method": "paired.mcnemar", "inputs": {"b": NaN, "c": 7}}"#,
        r#"{"id": "d", "method": "paired.mcnemar", "inputs": {"b": 1, "c": 7, "d": 7}}"#,
        "{",
        r#"{"id": "e", "method": "paired.mcnemar", "inputs": {"b": 1, "c": 7}}"#,
    ];
    std::fs::write(&requests, lines.join("\n")).unwrap();
    let arguments =
        ["stats", "run", "--input", requests.to_str().unwrap(), "--output", answers.to_str().unwrap()];
    let ended = run(serin(arguments)).with_code(1);
    assert_eq!(ended.err, "error: 4 of 6 requests could not be answered\n");
    let answers = std::fs::read_to_string(answers).unwrap();
    let answers: Vec<Value> = answers.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let ids: Vec<&Value> = answers.iter().map(|answer| &answer["id"]).collect();
    assert_eq!(ids, [&json!("a"), &json!("b"), &json!("c"), &json!("d"), &Value::Null, &json!("e")]);
    let names: Vec<&Value> = answers.iter().map(|answer| &answer["error"]["name"]).collect();
    let expected = [
        json!(null),
        json!("unknown-method"),
        json!("not-finite"),
        json!("unknown-key"),
        json!("not-json"),
        json!(null),
    ];
    assert!(names.into_iter().eq(&expected), "{answers:?}");
    let p = answers[0]["results"]["p_midp"].as_f64().unwrap();
    assert!((p - 0.0390625).abs() < 1e-14, "{p}");
    assert!(answers[1]["error"]["message"].as_str().unwrap().contains("did you mean `paired.mcnemar`?"));
    let whole = run(serin(["stats", "run", "--input", "/nowhere/cases.ndjson"])).with_code(1);
    assert!(
        whole.err.starts_with("error: cannot read `/nowhere/cases.ndjson`\ncaused by: "),
        "{}",
        whole.err
    );
}
