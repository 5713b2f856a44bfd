//! What may come in.

use serde_json::{Value, json};

/// What becomes of a record.
#[derive(Clone, Copy)]
pub(super) enum Fate {
    Scored,
    /// A dead letter with this reason, given up in this stage.
    Dead(&'static str, &'static str),
}

use Fate::{Dead, Scored};

pub(super) const DECODE: &str = "decode";
const SCORE: &str = "score";

/// A real event under another id.
pub(crate) fn event(id: &str) -> Value {
    json!({
        "event_id": id, "unit_id": "N566UW", "event_time": "2013-04-01T08:54:00Z",
        "features": {
            "dow": 0, "sched_minute": 300, "dep_delay": -6, "distance": 529, "carrier": "US", "origin": "EWR",
            "dest": "CLT", "temp": 44.96, "dewp": 42.98, "humid": 93.35, "wind_speed": 10.357, "precip": 0,
            "pressure": null, "visib": 9, "plane_built": 2012, "seats": 379,
        },
    })
}

/// An event with one field changed.
fn with(id: &str, pointer: &str, value: Value) -> Vec<u8> {
    let mut event = event(id);
    *event.pointer_mut(pointer).unwrap() = value;
    event.to_string().into_bytes()
}

/// An event whose text is changed.
fn edited(id: &str, from: &str, to: &str) -> Vec<u8> {
    let text = event(id).to_string();
    assert!(text.contains(from), "{from} is not in {text}");
    text.replacen(from, to, 1).into_bytes()
}

fn without(id: &str, field: &str) -> Vec<u8> {
    let mut event = event(id);
    event.as_object_mut().unwrap().remove(field).unwrap();
    event.to_string().into_bytes()
}

fn with_many_features(id: &str) -> Vec<u8> {
    let mut event = event(id);
    let features = event["features"].as_object_mut().unwrap();
    features.extend((0..5_000).map(|number| (format!("f{number}"), number.into())));
    event.to_string().into_bytes()
}

/// What may come in, what it is, and what becomes of it.
pub(super) fn cases() -> Vec<(&'static str, Vec<u8>, Fate)> {
    let id = "case";
    let lists =
        |levels: usize| format!("\"lists\":{}1{},\"event_id\"", "[".repeat(levels), "]".repeat(levels));
    let objects =
        |levels: usize| format!("\"a\":{}1{},\"temp\"", "{\"a\":".repeat(levels), "}".repeat(levels));
    let mut not_utf8 = edited(id, "N566UW", "N56?UW");
    let at = not_utf8.iter().position(|byte| *byte == b'?').unwrap();
    not_utf8[at] = 0xff;
    let unknown = edited(id, "{", "{\"unheard_of\":{\"a\":[1,{}]},");
    vec![
        ("truncated JSON", event(id).to_string().into_bytes()[..200].to_vec(), Dead("malformed", DECODE)),
        ("two objects", edited(id, "{", "{}{"), Dead("malformed", DECODE)),
        ("a NaN literal", edited(id, "44.96", "NaN"), Dead("malformed", DECODE)),
        ("a number beyond 64 bits", edited(id, "44.96", "1e400"), Dead("malformed", DECODE)),
        ("features nested too deep", edited(id, "\"temp\"", &objects(200)), Dead("malformed", DECODE)),
        ("invalid UTF-8", not_utf8, Dead("malformed", DECODE)),
        ("an array", b"[1, 2, 3]".to_vec(), Dead("unknown_encoding", DECODE)),
        ("no JSON at all", b"US1843;N566UW;44.96".to_vec(), Dead("unknown_encoding", DECODE)),
        ("no unit", without(id, "unit_id"), Dead("missing_field", DECODE)),
        ("no features", without(id, "features"), Dead("missing_field", DECODE)),
        ("null features", with(id, "/features", Value::Null), Dead("missing_field", DECODE)),
        ("a null unit", with(id, "/unit_id", Value::Null), Dead("missing_field", DECODE)),
        ("no time", without(id, "event_time"), Dead("missing_field", DECODE)),
        ("a list for a unit", with(id, "/unit_id", json!(["N566UW"])), Dead("wrong_type", DECODE)),
        ("a number for the features", with(id, "/features", json!(7)), Dead("wrong_type", DECODE)),
        ("a time that is none", with(id, "/event_time", json!("yesterday")), Dead("wrong_type", DECODE)),
        ("a unit twice", edited(id, "{", "{\"unit_id\":\"N1\","), Dead("duplicate_field", DECODE)),
        ("too many features", with_many_features(id), Dead("too_many_fields", DECODE)),
        ("ten megabytes", edited(id, "US", &"U".repeat(10_000_000)), Dead("too_large", DECODE)),
        ("a number as text", with(id, "/features/temp", json!("44.96")), Dead("wrong_type", SCORE)),
        ("a number for a category", with(id, "/features/carrier", json!(7)), Dead("wrong_type", SCORE)),
        (
            "a number beyond 32 bits",
            with(id, "/features/temp", json!(1e300)),
            Dead("infinite_feature", SCORE),
        ),
        ("fields that nobody asked for", unknown, Scored),
        ("features nested, but not too deep", edited(id, "\"temp\"", &objects(20)), Scored),
        ("lists nested deep where nobody looks", edited(id, "\"event_id\"", &lists(100_000)), Scored),
        ("a truth value for a number", with(id, "/features/temp", json!(true)), Scored),
        ("a category that nobody trained on", with(id, "/features/carrier", json!("ZZ")), Scored),
        ("a feature that is not there", edited(id, "\"temp\":44.96,", ""), Scored),
    ]
}
