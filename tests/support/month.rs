//! One undisturbed run of the demo, which all tests compare with.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use serde_json::Value;

use super::log::Log;
use super::process::{run, serin};

/// What the demo leaves behind when nobody disturbs it.
pub(crate) static UNDISTURBED: LazyLock<Run> = LazyLock::new(|| {
    let scratch = tempfile::tempdir().unwrap();
    let directory = scratch.path().join("log");
    let answer = run(demo(&directory)).with_code(0).json();
    Run { answer, topics: Topics::read(&Log::open(&directory)) }
});

/// The demo's answer and its topics.
pub(crate) struct Run {
    pub(crate) answer: Value,
    pub(crate) topics: Topics,
}

/// The demo on a log in `directory`.
pub(crate) fn demo(directory: &Path) -> Command {
    let mut command = serin(["demo", "--format", "json", "--directory"]);
    command.arg(directory);
    command
}

/// Values of the records of a topic, partition by partition, in order.
pub(crate) type Partitions = BTreeMap<u32, Vec<Value>>;

/// All that a run puts on the log and that does not depend on the clock.
#[derive(Debug, PartialEq)]
pub(crate) struct Topics {
    pub(crate) features: Partitions,
    pub(crate) outcomes: Partitions,
    pub(crate) dead_letters: Partitions,
    pub(crate) predictions: Partitions,
    pub(crate) shadow_predictions: Partitions,
    pub(crate) deployments: Partitions,
}

impl Topics {
    pub(crate) fn read(log: &Log) -> Self {
        let read = |topic| {
            let mut partitions = Partitions::new();
            for record in log.read(topic) {
                let mut value = super::log::json(&record);
                for clock in ["scored_at", "created_at"] {
                    drop(value.as_object_mut().unwrap().remove(clock));
                }
                partitions.entry(record.partition).or_default().push(value);
            }
            partitions
        };
        Self {
            features: read("features"),
            outcomes: read("outcomes"),
            dead_letters: read("features.dlq"),
            predictions: read("predictions"),
            shadow_predictions: read("shadow-predictions"),
            deployments: read("deployments"),
        }
    }
}

/// Asserts that a run that was disturbed ended as one that was not: nothing lost, nothing twice, the same order in
/// every partition, the same report.
#[track_caller]
pub(crate) fn assert_undisturbed(log: &Log, answer: &Value) {
    let Run { answer: expected, topics } = &*UNDISTURBED;
    for part in ["events", "dead_letters", "counts", "adds_up", "report"] {
        assert_eq!(answer[part], expected[part], "{part}");
    }
    let found = Topics::read(log);
    let pairs = [
        ("features", &found.features, &topics.features),
        ("outcomes", &found.outcomes, &topics.outcomes),
        ("dead letters", &found.dead_letters, &topics.dead_letters),
        ("predictions", &found.predictions, &topics.predictions),
        ("shadow predictions", &found.shadow_predictions, &topics.shadow_predictions),
        ("deployments", &found.deployments, &topics.deployments),
    ];
    for (name, found, expected) in pairs {
        let count = |partitions: &Partitions| -> usize { partitions.values().map(Vec::len).sum() };
        assert_eq!(count(found), count(expected), "{name}");
        // Too long to be printed.
        assert!(found == expected, "{name} are as many as they should be, but not the same");
    }
}
