//! What goes in: flights of the example over and over, each under an id of its own, and one in a hundred poisoned.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use flate2::read::GzDecoder;
use messaging::{Headers, Output, Placed};
use serde_json::Value;

use crate::support::{Random, root};

/// One in this many is poisoned, as the 37th of each hundred.
const POISONED_ONE_IN: usize = 100;
const POISONED_AT: usize = 37;

/// What the configuration of the runs has as `input.max_payload`.
pub(crate) const MAX_PAYLOAD: usize = 64 << 10;

/// The flights of the month, in the order of the file.
static FLIGHTS: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let file = root().join("examples/flights/data/features-2013-04.ndjson.gz");
    let lines = BufReader::new(GzDecoder::new(std::fs::File::open(file).unwrap())).lines();
    lines.map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect()
});

/// One event, and what has to become of it.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) output: Output,
    pub(crate) due: Due,
}

/// What has to become of an event.
#[derive(Debug)]
pub(crate) enum Due {
    /// It is scored under this id, whose number ascends over all events, so over those of one key, too.
    Scored { id: String },
    /// It is a dead letter for this reason.
    Dead { reason: &'static str },
    /// It is one, too, but larger than the server takes: its value is left out, and a header says so.
    Omitted,
}

/// An event that is on the topic.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) event: Event,
    pub(crate) placed: Placed,
}

/// The id of an event: that of the flight, and its number.
fn id(flight: &str, number: usize) -> String {
    format!("{flight}#{number}")
}

/// The flight and the number of an event, by its id.
pub(crate) fn parts(id: &str) -> Option<(&str, usize)> {
    let (flight, number) = id.rsplit_once('#')?;
    Some((flight, number.parse().ok()?))
}

/// A minute before the runs began: producers of live events stamp them with about the time that it is. Of a producer
/// whose records are older than a day Kafka forgets across a restart what it has sent already, and what it sends again
/// is there twice.
static STARTED_MS: LazyLock<i64> = LazyLock::new(|| {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since_1970.as_millis()).unwrap() - 60_000
});

/// The event with this number.
pub(crate) fn event(number: usize) -> Event {
    let mut flight = FLIGHTS[number % FLIGHTS.len()].clone();
    let (name, key) = (text(&flight, "event_id"), text(&flight, "unit_id"));
    let id = id(&name, number);
    flight["event_id"] = id.clone().into();
    let (value, due, headers) = if number % POISONED_ONE_IN == POISONED_AT {
        let (value, reason) = poison(number / POISONED_ONE_IN, &flight);
        (value, Due::Dead { reason }, odd_headers())
    } else {
        let headers = if number.is_multiple_of(50) { odd_headers() } else { Headers::new() };
        (Some(flight.to_string().into()), Due::Scored { id }, headers)
    };
    let timestamp = *STARTED_MS + i64::try_from(number).unwrap();
    let (topic, key) = ("features".into(), Some(Bytes::from(key)));
    Event { output: Output { topic, partition: None, timestamp, key, value, headers }, due }
}

/// A month without poison, each flight under its own id.
pub(crate) fn month() -> impl Iterator<Item = Output> {
    (0..).zip(FLIGHTS.iter()).map(|(number, flight)| Output {
        topic: "features".into(),
        partition: None,
        timestamp: number,
        key: Some(text(flight, "unit_id").into()),
        value: Some(flight.to_string().into()),
        headers: Headers::new(),
    })
}

/// Nothing that could be scored or compressed: as large as a server may take it, and too large for a dead letter.
pub(crate) fn oversized(bytes: usize) -> Event {
    let mut random = Random(6);
    let value: Vec<u8> = (0..bytes).map(|_| random.below(256).to_le_bytes()[0]).collect();
    let (topic, value) = ("features".into(), Some(value.into()));
    let headers = Headers::new();
    let output = Output { topic, partition: Some(0), timestamp: *STARTED_MS, key: None, value, headers };
    Event { output, due: Due::Omitted }
}

/// Poison without a key, of the kind that is not even text.
pub(crate) fn keyless_poison() -> Event {
    let value = Some(Bytes::from_static(b"{\"\xff\": 1}"));
    let (topic, headers) = ("features".into(), odd_headers());
    let output = Output { topic, partition: Some(0), timestamp: *STARTED_MS, key: None, value, headers };
    Event { output, due: Due::Dead { reason: "malformed" } }
}

fn text(flight: &Value, field: &str) -> String {
    flight[field].as_str().unwrap().to_owned()
}

/// Kinds of poison in turn, each with the reason that its dead letter has to give.
fn poison(turn: usize, flight: &Value) -> (Option<Bytes>, &'static str) {
    let json = flight.to_string();
    let without_unit = json.replacen("unit_id", "unit_it", 1);
    let not_a_number = json.replacen("\"features\":{", "\"features\":{\"x\":NaN,", 1);
    let large = json.replacen('{', &format!("{{\"padding\":\"{}\",", "x".repeat(MAX_PAYLOAD)), 1);
    let avro = std::fs::read(root().join("schemas/golden/feature_event/v1.avro")).unwrap();
    let rows: [(Option<Bytes>, &str); 10] = [
        (Some(Bytes::from_static(b"\x07 is no magic byte of ours")), "unknown_encoding"),
        (
            Some(Bytes::from_static(b"\x00\x00\x0f\x42\x40 is of a schema that nobody knows")),
            "unknown_schema",
        ),
        (Some(Bytes::copy_from_slice(&avro[..avro.len() / 2])), "malformed"),
        (Some(Bytes::copy_from_slice(&json.as_bytes()[..json.len() / 2])), "malformed"),
        (Some(not_a_number.into()), "malformed"),
        (None, "empty"),
        (Some(Bytes::new()), "empty"),
        (Some(large.into()), "too_large"),
        (Some(without_unit.into()), "missing_field"),
        (Some(Bytes::from_static(b"{\"\xff\": 1}")), "malformed"),
    ];
    let count = rows.len();
    rows.into_iter().nth(turn % count).unwrap()
}

/// Headers that a record may have and that nobody expects.
fn odd_headers() -> Headers {
    let rows: [(&str, &[u8]); 8] = [
        ("twice", b"1"),
        ("twice", b"2"),
        ("Twice", b"3"),
        ("no text", b"\x00\xff\r\n\x80"),
        ("nothing", b""),
        ("a name: with \u{e4}\u{1f426} in it", b"x"),
        ("__connect.errors.topic", b"it failed elsewhere before"),
        ("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    ];
    let mut headers = Headers::new();
    for (name, value) in rows {
        headers.push(name, value);
    }
    headers
}

/// Events by their place on the topic.
pub(crate) fn by_place(sent: &[Sent]) -> BTreeMap<(u32, u64), &Event> {
    sent.iter().map(|sent| ((sent.placed.partition, sent.placed.offset), &sent.event)).collect()
}
