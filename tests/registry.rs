//! The whole house beside a real schema registry: schemas that change while events stream by, our own events as
//! others read them, and dead letters that go back.

use std::path::Path;
use std::process::Command;

use bytes::Bytes;
use messaging::{Headers, Output};
use serde_json::{Value, json};

use crate::malformed::cases::event;
use crate::support::log::{Log, header};
use crate::support::process::{Ended, Running, ask, run, serin_on};
use crate::support::wait_for;

/// `serin` on a log of one partition, with a registry.
fn serin<'a>(directory: &Path, registry: &str, arguments: impl IntoIterator<Item = &'a str>) -> Command {
    let mut command = serin_on(directory, arguments);
    command.env("SERIN__BROKER__PARTITIONS", "1").env("SERIN__REGISTRY__URL", registry);
    command.env("SERIN__REGISTRY__RETRY", "100ms");
    command
}

fn answer(ended: Ended) -> Value {
    ended.with_code(0).json()
}

/// Registers `schema` as any producer does; returns its id.
fn register(registry: &servers::Registry, subject: &str, schema: &Value) -> u32 {
    use std::io::{Read as _, Write as _};
    let body = json!({ "schema": schema.to_string() }).to_string();
    let mut stream = std::net::TcpStream::connect(registry.address()).unwrap();
    write!(
        stream,
        "POST /apis/ccompat/v7/subjects/{subject}/versions HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
         content-type: application/vnd.schemaregistry.v1+json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (_, id) = answer.split_once("\"id\":").unwrap_or_else(|| panic!("{answer}"));
    id.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap()
}

/// The schema of a flight; a later one has a field more, and another order.
fn schema(is_later: bool) -> Value {
    let text = |name: &str| json!({ "name": name, "type": "string" });
    let features =
        json!({ "name": "features", "type": { "type": "map", "values": ["null", "double", "string"] } });
    let mut fields = vec![text("event_id"), text("unit_id"), text("event_time"), features];
    if is_later {
        fields.reverse();
        fields.push(text("gate"));
    }
    json!({ "type": "record", "name": "Flight", "namespace": "airport", "fields": fields })
}

fn zigzag(number: usize) -> Vec<u8> {
    let (mut rest, mut bytes) = (number * 2, Vec::new());
    while rest >= 0x80 {
        bytes.push(u8::try_from(rest & 0x7f).unwrap() | 0x80);
        rest >>= 7;
    }
    bytes.push(u8::try_from(rest).unwrap());
    bytes
}

fn text(text: &str) -> Vec<u8> {
    [zigzag(text.len()), text.as_bytes().to_vec()].concat()
}

/// A flight in the Confluent wire format, as the specification of Avro has it.
fn avro(id: u32, event_id: &str, is_later: bool) -> Vec<u8> {
    let event = event(event_id);
    let mut features = zigzag(event["features"].as_object().unwrap().len());
    for (name, value) in event["features"].as_object().unwrap() {
        features.extend(text(name));
        match value {
            Value::Null => features.extend(zigzag(0)),
            Value::String(value) => features.extend([zigzag(2), text(value)].concat()),
            number => {
                let number = number.as_f64().unwrap().to_le_bytes().to_vec();
                features.extend([zigzag(1), number].concat());
            }
        }
    }
    features.extend(zigzag(0));
    let of = |name: &str| text(event[name].as_str().unwrap());
    let mut parts = vec![of("event_id"), of("unit_id"), of("event_time"), features];
    if is_later {
        parts.reverse();
        parts.push(text("B6"));
    }
    [vec![0], id.to_be_bytes().to_vec(), parts.concat()].concat()
}

fn append(log: &Log, value: Vec<u8>) {
    log.append(Output {
        topic: "features".into(),
        partition: None,
        timestamp: 1_364_806_440_000,
        key: Some(Bytes::from_static(b"N566UW")),
        value: Some(value.into()),
        headers: Headers::new(),
    });
}

fn await_scored(log: &Log, records: u64) {
    wait_for("all are scored", || log.committed("serin", "features").filter(|position| *position == records));
}

fn ids(log: &Log) -> Vec<String> {
    let ids = log.read_json("predictions");
    ids.iter().map(|each| each["event_id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn schemas_may_change_and_the_registry_may_be_away() {
    let scratch = tempfile::tempdir().unwrap();
    let directory = scratch.path().join("log");
    let registry = servers::Registry::start();
    let mut service = Running::start(serin(&directory, &registry.url(), ["up"]));
    let admin = service.admin();
    service.await_log("started");
    let is_ready =
        |expected: &str| wait_for(expected, || ask(&admin, "/readyz").contains(expected).then_some(()));
    is_ready("HTTP/1.1 200");
    let log = Log::of_owner(&directory).unwrap();
    let first = register(&registry, "features-value", &schema(false));
    append(&log, avro(first, "a", false));
    let later = register(&registry, "features-value", &schema(true));
    append(&log, avro(later, "b", true));
    append(&log, avro(first, "c", false));
    await_scored(&log, 3);

    registry.kill();
    append(&log, avro(later, "d", true));
    await_scored(&log, 4);
    append(&log, avro(later + 1, "e", true));
    append(&log, avro(first, "f", false));
    is_ready("HTTP/1.1 503");
    assert!(ask(&admin, "/readyz").contains("schema registry"), "{}", ask(&admin, "/readyz"));
    wait_for("production and the shadow to wait", || {
        ask(&admin, "/metrics").contains("serin_registry_waiting 2").then_some(())
    });
    assert!(ask(&admin, "/livez").starts_with("HTTP/1.1 200"));
    registry.restart();
    await_scored(&log, 6);
    is_ready("HTTP/1.1 200");
    assert_eq!(ids(&log), ["a", "b", "c", "d", "f"]);
    let letters = log.read("features.dlq");
    assert_eq!(letters.len(), 1, "of an id that the registry, when it was back, did not know");
    assert_eq!(header(&letters[0], "__connect.errors.exception.class.name"), "unknown_schema");
    service.terminate();
    let told = service.end().with_code(0).err;
    assert_eq!(told.matches("the schema registry cannot answer").count(), 1, "{told}");
}

#[test]
fn our_own_schemas_are_registered_by_command_alone() {
    let scratch = tempfile::tempdir().unwrap();
    let directory = scratch.path().join("log");
    let registry = servers::Registry::start();
    let on = |arguments: &str| {
        let mut command = serin(&directory, &registry.url(), arguments.split(' '));
        command.env("SERIN__OUTPUT__ENCODING", "avro").env("SERIN__OUTPUT__FRAMING", "confluent");
        command
    };
    let told = run(on("up")).with_code(1).err;
    assert!(
        told.contains("subject \"predictions-value\"") && told.contains("serin schema register"),
        "{told}"
    );
    let told = run(on("schema check")).with_code(0).out;
    assert!(told.contains("predictions-value: not there yet, and free"), "{told}");
    let registered = answer(run(on("schema register --format json")));
    let subjects: Vec<_> = registered.as_array().unwrap().iter().map(|each| &each["subject"]).collect();
    assert_eq!(subjects, ["predictions-value", "shadow-predictions-value"]);
    assert_eq!(answer(run(on("schema check --format json"))), registered);

    let mut service = Running::start(on("up"));
    service.await_log("started");
    wait_for("its socket", || Log::of_owner(&directory).map(drop));
    let log = Log::of_owner(&directory).unwrap();
    append(&log, event("a").to_string().into_bytes());
    await_scored(&log, 1);
    let prediction = log.read("predictions").remove(0);
    let id = u32::try_from(registered[0]["id"].as_u64().unwrap()).unwrap().to_be_bytes();
    assert_eq!(prediction.value.as_ref().unwrap()[..5], [&[0], &id[..]].concat());
    // The analysis learns the schema from the registry, as any other consumer would.
    wait_for("a report", || {
        let report = log.read_json("reports").pop()?;
        (report["counts"]["predictions"] == 1).then_some(())
    });
    service.terminate();
    service.end().with_code(0);
}

#[test]
fn a_command_that_needs_a_registry_says_so() {
    let scratch = tempfile::tempdir().unwrap();
    let told = run(serin_on(scratch.path(), ["schema", "check"])).with_code(78).err;
    assert!(told.contains("needs a schema registry"), "{told}");
    let mut faulty = serin_on(scratch.path(), ["up"]);
    faulty.env("SERIN__REGISTRY__URL", "localhost:8081").env("SERIN__OUTPUT__FRAMING", "header");
    let told = run(faulty).with_code(78).err;
    for words in ["begins with \"http://\"", "needs `encoding = \"avro\"`"] {
        assert!(told.contains(words), "{told}");
    }
}

#[test]
fn dead_letters_go_back_after_a_fix() {
    let scratch = tempfile::tempdir().unwrap();
    let directory = scratch.path().join("log");
    let on = |arguments: &str| {
        let mut command = serin_on(&directory, arguments.split(' '));
        command.env("SERIN__BROKER__PARTITIONS", "1");
        command
    };
    // Events that are too large for the configuration, among others that never can be scored.
    let up = |limit: &str, records: u64| {
        let mut command = on("up");
        command.env("SERIN__INPUT__MAX_PAYLOAD", limit);
        let mut service = Running::start(command);
        service.await_log("started");
        wait_for("its socket", || Log::of_owner(&directory).map(drop));
        let log = Log::of_owner(&directory).unwrap();
        await_scored(&log, records);
        let owned = run(on("redrive")).with_code(1).err;
        assert!(owned.contains("another process owns it"), "{owned}");
        drop(log);
        service.terminate();
        service.end().with_code(0);
    };
    {
        let log = Log::open(&directory);
        append(&log, event("a").to_string().into_bytes());
        append(&log, b"{".to_vec());
        append(&log, event("b").to_string().into_bytes());
    }
    up("100 B", 3);
    let told = run(on("redrive --reason too_large --dry-run")).with_code(0).out;
    assert!(told.starts_with("3 dead letters of features.dlq: 2 would be sent"), "{told}");
    let told = run(on("redrive --reason too_large --rate 100")).with_code(0).out;
    let expected = "3 dead letters of features.dlq: 2 sent to where they came from\n  2 too_large\n\
                    1 stay: of another reason or an earlier time, or dealt with before\n";
    assert_eq!(told, expected);
    let again = answer(run(on("redrive --reason too_large --format json")));
    assert_eq!((&again["read"], &again["sent"]), (&json!(0), &json!(0)));
    up("1 MiB", 5);
    let log = Log::open(&directory);
    assert_eq!(ids(&log), ["a", "b"]);
    let redriven = &log.read("features")[3];
    assert_eq!(header(redriven, "serin-origin"), format!("features/{}/0", redriven.partition));
    assert_eq!(log.read("features.dlq").len(), 3);
}
