//! Whatever comes in: each record is scored as documented or kept whole among the dead letters with its reason, and
//! its neighbours never notice.

use std::path::Path;

use bytes::Bytes;
use messaging::{Header, Headers, Output, Record};
use serde_json::{Value, json};

use crate::support::log::{Log, header, json};
use crate::support::process::{Running, ask, run, serin_on};
use crate::support::wait_for;

/// What becomes of a record.
#[derive(Clone, Copy)]
enum Fate {
    Scored,
    /// A dead letter with this reason, given up in this stage.
    Dead(&'static str, &'static str),
}

use Fate::{Dead, Scored};

const DECODE: &str = "decode";
const SCORE: &str = "score";

fn event(id: &str) -> Value {
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
fn cases() -> Vec<(&'static str, Vec<u8>, Fate)> {
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
        ("no features", without(id, "features"), Scored),
        ("a feature that is not there", edited(id, "\"temp\":44.96,", ""), Scored),
    ]
}

/// A service on a log of one partition, so that there is one order to keep.
fn up(directory: &Path) -> Running {
    let mut command = serin_on(directory, ["up"]);
    command.env("SERIN__BROKER__PARTITIONS", "1").env("SERIN__ANALYSIS__INTERVAL", "50ms");
    Running::start(command)
}

fn await_scored(log: &Log, records: u64) {
    for group in ["serin", "serin.shadow.mlp-2"] {
        wait_for(group, || log.committed(group, "features").filter(|position| *position == records));
    }
}

/// The value of one metric with these labels.
fn metric(text: &str, name: &str, labels: &[&str]) -> Option<f64> {
    let is_it = |line: &&str| {
        line.starts_with(&format!("{name}{{")) && labels.iter().all(|label| line.contains(label))
    };
    text.lines().find(is_it)?.rsplit(' ').next()?.parse().ok()
}

fn predicted(log: &Log, topic: &str) -> Vec<String> {
    log.read_json(topic).iter().map(|each| each["event_id"].as_str().unwrap().to_owned()).collect()
}

/// Case by case: a good neighbour, and the case itself under an id of its own.
fn lines(cases: &[(&str, Vec<u8>, Fate)]) -> Vec<u8> {
    let mut lines = Vec::new();
    for (number, (_, bytes, _)) in cases.iter().enumerate() {
        lines.extend(event(&format!("neighbour-{number}")).to_string().into_bytes());
        lines.push(b'\n');
        lines.extend(bytes);
        lines.push(b'\n');
    }
    lines
}

#[track_caller]
fn assert_dead(letter: &Record, (offset, case): (usize, &str), value: Option<&[u8]>, fate: (&str, &str)) {
    // Some are too long to be printed.
    assert!(letter.value.as_deref() == value, "{case}: not byte for byte");
    let place = [("topic", "features"), ("partition", "0"), ("offset", &*offset.to_string())];
    let reason = [("connector.name", "serin"), ("stage", fate.1), ("exception.class.name", fate.0)];
    for (name, expected) in place.into_iter().chain(reason) {
        assert_eq!(header(letter, &format!("__connect.errors.{name}")), expected, "{case}");
    }
    let message = header(letter, "__connect.errors.exception.message");
    assert!(!message.is_empty() && message.len() < 1_000, "{case}: {message}");
}

#[test]
fn each_bad_event_is_a_dead_letter_and_its_neighbours_are_scored_in_order() {
    let scratch = tempfile::tempdir().unwrap();
    let directory = scratch.path().join("log");
    let mut service = up(&directory);
    let admin = service.admin();
    service.await_log("started");
    let cases = cases();
    let file = scratch.path().join("events.ndjson");
    std::fs::write(&file, lines(&cases)).unwrap();
    run(serin_on(&directory, ["produce", file.to_str().unwrap(), "--topic", "features"])).with_code(0);
    let log = Log::of_owner(&directory).unwrap();
    await_scored(&log, 2 * cases.len() as u64);

    // Of one batch, those that cannot be decoded are given up before those that cannot be scored.
    let mut letters = log.read("features.dlq");
    letters.sort_by_key(|letter| header(letter, "__connect.errors.offset").parse::<u64>().unwrap());
    let mut left = letters.iter();
    let mut expected = Vec::new();
    for (number, (case, bytes, fate)) in cases.iter().enumerate() {
        expected.push(format!("neighbour-{number}"));
        match fate {
            Scored => expected.push("case".to_owned()),
            Dead(reason, stage) => {
                let letter = left.next().unwrap_or_else(|| panic!("{case}: no dead letter"));
                assert_dead(letter, (2 * number + 1, case), Some(bytes), (reason, stage));
            }
        }
    }
    assert_eq!(left.count(), 0);
    assert_eq!(predicted(&log, "predictions"), expected);
    assert_eq!(predicted(&log, "shadow-predictions"), expected);

    assert!(ask(&admin, "/readyz").starts_with("HTTP/1.1 200"));
    let metrics = ask(&admin, "/metrics");
    for reason in ["malformed", "unknown_encoding", "missing_field", "wrong_type", "too_large"] {
        let count =
            cases.iter().filter(|(_, _, fate)| matches!(fate, Dead(each, _) if *each == reason)).count();
        let labels = ["lane=\"production\"", &format!("reason=\"{reason}\"")];
        let found = metric(&metrics, "serin_lane_dead_letters_total", &labels);
        assert_eq!(found.map(|found| found.to_string()), Some(count.to_string()), "{reason} in\n{metrics}");
    }
    service.terminate();
    let ended = service.end().with_code(0);
    assert!(ended.err.contains("drained"), "{}", ended.err);
}

#[test]
fn records_without_a_value_keep_their_key_and_headers() {
    let scratch = tempfile::tempdir().unwrap();
    let directory = scratch.path().join("log");
    let mut service = up(&directory);
    service.await_log("started");
    let log = Log::of_owner(&directory).unwrap();
    let values = [None, Some(Bytes::new()), Some(event("good").to_string().into())];
    for value in values {
        let headers: Headers =
            [Header { name: "traceparent".into(), value: Bytes::from_static(b"\x00\xff") }]
                .into_iter()
                .collect();
        let (topic, key) = ("features".into(), Some(Bytes::from_static(b"N\xff")));
        log.append(Output { topic, partition: None, timestamp: 1_364_806_440_000, key, value, headers });
    }
    await_scored(&log, 3);
    let letters = log.read("features.dlq");
    let values: Vec<_> = letters.iter().map(|letter| letter.value.clone()).collect();
    assert_eq!(values, [None, Some(Bytes::new())]);
    for (offset, letter) in letters.iter().enumerate() {
        assert_dead(letter, (offset, "empty"), letter.value.as_deref(), ("empty", DECODE));
        assert_eq!((letter.key.as_deref(), letter.timestamp), (Some(&b"N\xff"[..]), 1_364_806_440_000));
        assert_eq!(letter.headers.get("traceparent").map(|value| &**value), Some(&b"\x00\xff"[..]));
    }
    assert_eq!(predicted(&log, "predictions"), ["good"]);
}

#[test]
fn produce_passes_over_empty_lines_and_says_so() {
    let scratch = tempfile::tempdir().unwrap();
    let directory = scratch.path().join("log");
    let file = scratch.path().join("events.ndjson");
    std::fs::write(&file, format!("{}\n\n\r\n{}", event("a"), event("b"))).unwrap();
    let told =
        run(serin_on(&directory, ["produce", file.to_str().unwrap(), "--topic", "features"])).with_code(0);
    assert!(told.err.ends_with("2 records on features; 2 empty lines passed over\n"), "{}", told.err);
    assert_eq!(Log::open(&directory).read("features").len(), 2);
}

#[test]
fn an_event_that_comes_twice_is_scored_twice_and_counted_once() {
    let scratch = tempfile::tempdir().unwrap();
    let directory = scratch.path().join("log");
    let mut service = up(&directory);
    let admin = service.admin();
    service.await_log("started");
    let file = scratch.path().join("events.ndjson");
    std::fs::write(&file, format!("{}\n{}\n{}\n", event("twice"), event("once"), event("twice"))).unwrap();
    run(serin_on(&directory, ["produce", file.to_str().unwrap(), "--topic", "features"])).with_code(0);
    let log = Log::of_owner(&directory).unwrap();
    await_scored(&log, 3);
    let predictions = log.read("predictions");
    let [first, other, second] = &*predictions else { panic!("{predictions:?}") };
    assert_eq!(json(first)["prediction_id"], json(second)["prediction_id"]);
    assert_ne!(json(first)["prediction_id"], json(other)["prediction_id"]);
    wait_for("the analysis sees them", || {
        let metrics = ask(&admin, "/metrics");
        let count = |fate| metric(&metrics, "serin_analysis_records", &[&format!("fate=\"{fate}\"")]);
        let counts = ["prediction", "shadow_prediction", "duplicate_prediction"].map(count);
        (counts == [Some(2.0), Some(2.0), Some(2.0)]).then_some(())
    });
}

#[test]
fn a_malformed_outcome_is_counted_and_the_stream_goes_on() {
    let scratch = tempfile::tempdir().unwrap();
    let directory = scratch.path().join("log");
    let mut service = up(&directory);
    let admin = service.admin();
    service.await_log("started");
    let produce = |topic: &str, lines: String| {
        let file = scratch.path().join(topic);
        std::fs::write(&file, lines).unwrap();
        run(serin_on(&directory, ["produce", file.to_str().unwrap(), "--topic", topic])).with_code(0);
    };
    let outcome = |id: &str, late: &str| {
        format!(
            "{{\"event_id\":\"{id}\",\"outcome_time\":\"2013-04-01T10:43:00Z\",\"arr_delay\":-4,\"late\":{late}}}\n"
        )
    };
    produce("features", format!("{}\n{}\n", event("a"), event("b")));
    let bad = "{\"event_id\":\n[]\n".to_owned() + &outcome("b", "\"no\"");
    produce("outcomes", outcome("a", "0") + &bad + &outcome("b", "1"));
    wait_for("the analysis sees them", || {
        let metrics = ask(&admin, "/metrics");
        let count = |fate| metric(&metrics, "serin_analysis_records", &[&format!("fate=\"{fate}\"")]);
        let counts = ["prediction", "outcome", "undecodable"].map(count);
        (counts == [Some(2.0), Some(4.0), Some(3.0)]).then_some(())
    });
    let joined = wait_for("a report", || {
        let log = Log::of_owner(&directory)?;
        let last = log.read_json("reports").pop()?;
        (last["joined_events"] == 2).then_some(last)
    });
    assert_eq!(joined["counts"]["undecodable"], 3);
    let log = service.await_log("cannot read a record");
    assert!(log.contains("outcomes"), "{log}");
    service.terminate();
    service.end().with_code(0);
}
