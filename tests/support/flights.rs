//! The example's files, read by themselves: no code of the house has a part in it, so that a recount can find the
//! house wrong.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::sync::LazyLock;

use flate2::read::GzDecoder;
use jiff::Timestamp;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::root;

/// April 2013.
pub(crate) static MONTH: LazyLock<Month> = LazyLock::new(Month::read);

/// Flights and what came of them, by event id.
pub(crate) struct Month {
    pub(crate) flights: BTreeMap<String, Flight>,
    pub(crate) outcomes: BTreeMap<String, Outcome>,
}

/// One feature event.
pub(crate) struct Flight {
    pub(crate) unit: String,
    pub(crate) time: Timestamp,
}

/// What came of it.
pub(crate) struct Outcome {
    pub(crate) time: Timestamp,
    pub(crate) late: f64,
    pub(crate) delay: f64,
}

impl Month {
    fn read() -> Self {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let flight = |line: &Value| {
            let flight =
                Flight { unit: text(&line["unit_id"]), time: text(&line["event_time"]).parse().unwrap() };
            (text(&line["event_id"]), flight)
        };
        let outcome = |line: &Value| {
            let outcome = Outcome {
                time: text(&line["outcome_time"]).parse().unwrap(),
                late: line["late"].as_f64().unwrap(),
                delay: line["arr_delay"].as_f64().unwrap(),
            };
            (text(&line["event_id"]), outcome)
        };
        let (features, outcomes) = (lines("features-2013-04"), lines("outcomes-2013-04"));
        let month = Self {
            flights: features.iter().map(flight).collect(),
            outcomes: outcomes.iter().map(outcome).collect(),
        };
        assert_eq!(month.flights.len(), features.len(), "an event id comes twice");
        assert_eq!(month.outcomes.len(), outcomes.len(), "an outcome comes twice");
        month
    }

    /// The outcome of a flight, if it came within `days` of the flight.
    pub(crate) fn outcome(&self, id: &str, days: i64) -> Option<&Outcome> {
        let since = self.flights[id].time.as_second();
        let outcome = self.outcomes.get(id)?;
        (since..=since + days * 86_400).contains(&outcome.time.as_second()).then_some(outcome)
    }
}

fn lines(name: &str) -> Vec<Value> {
    let file = File::open(root().join(format!("examples/flights/data/{name}.ndjson.gz"))).unwrap();
    let lines = BufReader::new(GzDecoder::new(file)).lines();
    lines.map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect()
}

/// The bucket of a unit, as the documentation of assignment has it.
pub(crate) fn bucket(salt: &str, unit: &str) -> u64 {
    let digest = Sha256::digest([salt.as_bytes(), b"\0", unit.as_bytes()].concat());
    u64::from_be_bytes(digest[..8].try_into().unwrap()) % 10_000
}
