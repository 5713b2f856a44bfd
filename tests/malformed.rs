//! Whatever comes in: each record is scored as documented or kept whole among the dead letters with its reason, and
//! its neighbours never notice.

pub(crate) mod cases;

use std::path::Path;

use bytes::Bytes;
use messaging::{Header, Headers, Output, Record};

use cases::Fate::{Dead, Scored};
use cases::{DECODE, Fate, cases, event};

use crate::support::log::{Log, header, json};
use crate::support::process::{Running, ask, run, serin_on};
use crate::support::wait_for;

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
