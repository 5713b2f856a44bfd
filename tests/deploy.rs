//! What serves changes while events stream by: nothing is lost, nothing is scored by a version that was not in force,
//! and what cannot be served changes nothing.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::support::log::Log;
use crate::support::process::{Ended, Running, run, serin_on};
use crate::support::{root, wait_for};

/// The first events of the month, each under an id of its own.
fn events(from: usize, count: usize) -> String {
    let month = std::fs::read(root().join("examples/flights/data/features-2013-04.ndjson.gz")).unwrap();
    let mut text = String::new();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&month[..]), &mut text).unwrap();
    let renamed = text.lines().skip(from).take(count).enumerate().map(|(at, line)| {
        let mut event: Value = serde_json::from_str(line).unwrap();
        event["event_id"] = format!("event-{}", from + at).into();
        format!("{event}\n")
    });
    renamed.collect()
}

fn produce(directory: &Path, (from, count): (usize, usize)) {
    let file = directory.with_extension(format!("{from}.ndjson"));
    std::fs::write(&file, events(from, count)).unwrap();
    let arguments = ["produce", file.to_str().unwrap(), "--topic", "features", "--key", "unit_id"];
    run(serin_on(directory, arguments)).with_code(0);
}

fn deploy(directory: &Path, arguments: &str) -> Ended {
    run(serin_on(directory, arguments.split_whitespace()))
}

/// What was in force at each revision: production, and the arms' versions.
fn history(directory: &Path) -> BTreeMap<u64, Vec<String>> {
    let text = deploy(directory, "deploy history --format json").with_code(0).out;
    let deployments = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    deployments
        .map(|deployment| {
            let arms = deployment["experiments"].as_array().unwrap().iter();
            let arms = arms.flat_map(|route| route["arms"].as_array().unwrap());
            let versions = arms.map(|arm| &arm["version"]).chain([&deployment["production"]]);
            let versions = versions.map(|version| version.as_str().unwrap().to_owned()).collect();
            (deployment["revision"].as_u64().unwrap(), versions)
        })
        .collect()
}

#[test]
fn versions_change_while_events_stream_by() {
    let scratch = tempfile::tempdir().unwrap();
    let directory = scratch.path().join("log");
    let mut service = Running::start(serin_on(&directory, ["stream"]));
    service.await_log("deployed");
    let changes = [
        "deploy set --production mlp-2",
        "experiment ramp late-mlp 0.8",
        "deploy set --production xgboost-1 --shadow linear-1=0.5",
        "experiment stop late-mlp",
        "deploy set --production lightgbm-1 --no-shadows",
        "experiment start late-mlp",
        "deploy rollback",
        "deploy rollback --to 1",
        "deploy set --production logreg-1",
        "deploy set --as-configured",
    ];
    const EACH: usize = 150;
    for (round, change) in changes.iter().enumerate() {
        produce(&directory, (round * EACH, EACH));
        deploy(&directory, change).with_code(0);
    }
    let refused = deploy(&directory, "deploy set --production nope").with_code(1);
    assert!(refused.err.contains("version \"nope\" is not in"), "{}", refused.err);
    produce(&directory, (changes.len() * EACH, EACH));
    let all = (changes.len() + 1) * EACH;
    let log = Log::of_owner(&directory).unwrap();
    wait_for("all is scored", || log.committed("serin", "features").filter(|at| *at == all as u64));

    let in_force = history(&directory);
    assert_eq!(in_force.len(), 1 + changes.len());
    let predictions = log.read_json("predictions");
    let mut seen: Vec<_> = predictions.iter().map(|each| each["event_id"].as_str().unwrap()).collect();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!((predictions.len(), seen.len()), (all, all), "none lost, none twice");
    let mut revisions = std::collections::BTreeSet::new();
    for each in &predictions {
        let revision = each["revision"].as_u64().unwrap();
        let version = each["version"].as_str().unwrap().to_owned();
        assert!(in_force[&revision].contains(&version), "revision {revision}: {each}");
        assert_eq!(each["fallback"], Value::Null, "{each}");
        revisions.insert(revision);
    }
    assert!(revisions.len() > 1, "{revisions:?}");
    assert!(log.read("features.dlq").is_empty());
    service.terminate();
    service.end().with_code(0);
}

#[test]
fn what_is_deployed_outlives_the_process_and_a_changed_configuration_is_told() {
    let scratch = tempfile::tempdir().unwrap();
    let directory = scratch.path().join("log");
    let nothing = deploy(&directory, "deploy show");
    assert_ne!(nothing.code, Some(0), "nothing runs, and nothing is there: {}", nothing.out);
    let mut service = Running::start(serin_on(&directory, ["stream"]));
    service.await_log("deployed");
    deploy(&directory, "deploy set --production mlp-2 --no-shadows").with_code(0);
    service.kill();
    let mut service = Running::start(serin_on(&directory, ["stream"]));
    let told = service.await_log("asks for another deployment");
    assert!(told.contains("revision=2") && told.contains("production=\"mlp-2\""), "{told}");
    produce(&directory, (0, 10));
    let log = Log::of_owner(&directory).unwrap();
    wait_for("all is scored", || log.committed("serin", "features").filter(|at| *at == 10));
    for each in log.read_json("predictions") {
        assert!(
            each["revision"] == 2
                && (each["version"] == "mlp-2"
                    || each["role"] == "canary"
                    || each["experiment"] == "late-mlp"),
            "{each}"
        );
    }
    let shown = deploy(&directory, "deploy show").with_code(0).out;
    assert!(shown.contains("revision 2") && shown.contains("production  mlp-2"), "{shown}");
    service.terminate();
    service.end().with_code(0);
}
