use super::*;
use crate::testing::{PANICS, faulty};

fn read(lines: &str) -> Result<Vec<Row>, Problems> {
    parse("golden.ndjson".as_ref(), lines.as_bytes(), &["y".into()])
}

/// Checks rows against the model y = x + 0.5.
fn prove(lines: &str) -> Result<(), String> {
    let rows = read(lines).map_err(|problems| problems.to_string())?;
    let model = Arc::into_inner(faulty("1")).unwrap();
    check(model, &rows, 1e-5, "golden.ndjson".as_ref()).map(drop).map_err(|error| error.to_string())
}

#[test]
fn rows_within_the_tolerance_pass() {
    let lines = r#"{"event_id": "a", "features": {"x": 1, "other": null}, "outputs": {"y": 1.500009}}

        {"features": {"x": -0.5}, "outputs": {"y": -0.000009}}"#;
    assert_eq!(prove(lines), Ok(()));
    assert_eq!(read(lines).unwrap().len(), 2);
}

#[test]
fn rows_that_miss_are_told_and_counted() {
    let hit = r#"{"features": {"x": 1}, "outputs": {"y": 1.5}}"#;
    let miss = r#"{"features": {"x": 1}, "outputs": {"y": 1.6}}"#;
    let cases = [
        (
            format!("{hit}\n{miss}\n{miss}"),
            "golden.ndjson: 2 of 3 golden rows miss: line 2: output `y` is 1.5, expected 1.6 within 0.00001",
        ),
        (
            format!("\n{}", hit.replace("1}, ", "null}, ")),
            "golden.ndjson: 1 of 1 golden rows miss: line 2: feature `x` is missing, and the model has nothing that \
             stands in for it",
        ),
        (
            hit.replace("1}, ", &format!("{PANICS}}}, ")),
            "golden.ndjson: 1 of 1 golden rows miss: line 1: the model panicked: cannot stand 1001",
        ),
    ];
    for (lines, expected) in cases {
        assert_eq!(prove(&lines), Err(expected.to_owned()), "{lines}");
    }
}

#[test]
fn faulty_rows_are_refused_with_their_line() {
    let cases = [
        ("", "file: it has no rows"),
        ("\n \n", "file: it has no rows"),
        ("\n{", "line 2: EOF while parsing an object at line 1 column 1"),
        (r#"{"features": {}}"#, "line 1: missing field `outputs` at line 1 column 16"),
        (
            r#"{"features": {}, "outputs": {"y": null}}"#,
            "line 1: invalid type: null, expected f64 at line 1 column 38",
        ),
        (r#"{"features": {}, "outputs": {}}"#, "line 1: output `y` is missing"),
        (r#"{"features": {}, "outputs": {"y": 1, "z": 1}}"#, "line 1: the model has no output `z`"),
        (
            r#"{"features": {"x": [1]}, "outputs": {"y": 1}}"#,
            "line 1: feature `x`: expected null, a truth value, a number or a text",
        ),
    ];
    for (lines, expected) in cases {
        let problems = read(lines).unwrap_err();
        assert_eq!(problems.to_string(), format!("golden.ndjson: 1 problem\n  {expected}"), "{lines}");
    }
    let unknown = read(r#"{"feature": {}, "outputs": {"y": 1}}"#).unwrap_err().to_string();
    assert!(unknown.contains("line 1: unknown field `feature`"), "{unknown}");
}

#[test]
fn there_is_a_limit_to_rows_and_to_listed_faults() {
    let rows = "{\"features\": {}, \"outputs\": {\"y\": 1}}\n";
    assert_eq!(read(&rows.repeat(GOLDEN_ROWS_MAX)).unwrap().len(), GOLDEN_ROWS_MAX);
    let problems = read(&rows.repeat(GOLDEN_ROWS_MAX + 1)).unwrap_err().to_string();
    assert_eq!(problems, "golden.ndjson: 1 problem\n  line 10001: at most 10000 rows are allowed");
    assert_eq!(read(&"{\n".repeat(1_000)).unwrap_err().problems.len(), LISTED_MAX + 1);
}
