//! Every command from its command line to its exit code.

use std::io::Read as _;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::log::Log;
use crate::support::month::demo;
use crate::support::process::{Ended, Running, ask, run, serin, serin_on};
use crate::support::wait_for;

const USAGE: i32 = 64;

/// Every command there is, as it is typed.
const COMMANDS: [&str; 43] = [
    "up",
    "stream",
    "analyze",
    "score",
    "produce",
    "tail",
    "redrive",
    "schema",
    "schema register",
    "schema check",
    "health",
    "model",
    "model init",
    "model check",
    "model list",
    "model publish",
    "deploy",
    "deploy show",
    "deploy history",
    "deploy set",
    "deploy rollback",
    "experiment",
    "experiment check",
    "experiment report",
    "experiment start",
    "experiment ramp",
    "experiment stop",
    "stats",
    "stats run",
    "stats methods",
    "stats proportions",
    "stats means",
    "stats rates",
    "stats mcnemar",
    "stats split",
    "stats adjust",
    "stats power",
    "stats power proportions",
    "stats power means",
    "stats power non-inferiority",
    "stats power detectable",
    "demo",
    "completions",
];

/// Runs a command line.
fn serin_text(arguments: &str) -> Ended {
    run(serin(arguments.split_whitespace()))
}

/// The names under `Commands:` in a help text.
fn listed(help: &str) -> Vec<&str> {
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let commands = lines.take_while(|line| line.starts_with("  ")).filter(|line| !line.starts_with("   "));
    commands.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help").collect()
}

#[test]
fn every_command_explains_itself() {
    let help = serin_text("--help").with_code(0).out;
    let known = COMMANDS.iter().filter(|command| !command.contains(' '));
    assert!(known.copied().eq(listed(&help)), "{help}");
    for command in COMMANDS {
        let told = serin_text(&format!("{command} --help")).with_code(0);
        assert!(told.out.contains(&format!("Usage: serin {command}")), "{}", told.out);
        assert_eq!(told.err, "", "{command}");
        for nested in listed(&told.out) {
            assert!(COMMANDS.contains(&&*format!("{command} {nested}")), "{command} {nested}");
        }
    }
    let version = serin_text("--version").with_code(0).out;
    assert_eq!(version, format!("serin {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_command_line_that_cannot_be_meant_ends_with_64() {
    for (arguments, told) in [
        ("", "Usage: serin"),
        ("frobnicate", "unrecognized subcommand 'frobnicate'"),
        ("tial predictions", "a similar subcommand exists: 'tail'"),
        ("tail", "<TOPIC>"),
        ("tail predictions --count many", "invalid value 'many' for '--count <RECORDS>'"),
        ("produce events.ndjson", "--topic <TOPIC>"),
        ("completions tcsh", "invalid value 'tcsh'"),
        ("model", "Usage: serin model"),
        ("demo --speed 0", "--speed 0: must be a number above 0"),
        ("demo --speed NaN", "--speed NaN: must be a number above 0"),
        ("demo --format yaml", "invalid value 'yaml'"),
    ] {
        let ended = serin_text(arguments).with_code(USAGE);
        assert!(ended.err.contains(told), "serin {arguments}: {}", ended.err);
        assert_eq!(ended.out, "", "serin {arguments}");
    }
}

#[test]
fn completions_name_every_command() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = serin_text(&format!("completions {shell}")).with_code(0).out;
        for name in COMMANDS.iter().flat_map(|command| command.split(' ')) {
            assert!(script.contains(name), "{shell}: {name}");
        }
    }
}

#[test]
fn three_processes_work_on_one_log() {
    let scratch = tempfile::tempdir().unwrap();
    let log_directory = scratch.path().join("log");
    let mut service = Running::start(serin_on(&log_directory, ["up"]));
    let admin = service.admin();
    service.await_log("started");
    wait_for("the service is ready", || ask(&admin, "/readyz").starts_with("HTTP/1.1 200").then_some(()));

    let mut tail = Running::start(serin_on(&log_directory, ["tail", "predictions", "--from-beginning"]));
    let events = "examples/flights/data/features-2013-04.ndjson.gz";
    let produced = run(serin_on(&log_directory, ["produce", events, "-t", "features", "--key", "unit_id"]));
    assert!(produced.with_code(0).err.contains("28330 records on features"));
    // The last line of the file; its prediction comes through three processes.
    let last = crate::support::flights::MONTH.flights.iter().max_by_key(|(id, flight)| (flight.time, *id));
    let line = tail.await_output(last.unwrap().0);
    let prediction: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(prediction["model"], "late");
    tail.terminate();
    tail.end().with_code(0);

    // A second owner is told who the first one is, and does no harm.
    let second = run(serin_on(&log_directory, ["up"])).with_code(1);
    let told = format!("is in use by process {}; stop it, or reach it through its socket", service.id());
    assert!(second.err.contains(&told), "{}", second.err);

    let log = Log::of_owner(&log_directory).unwrap();
    wait_for("every lane is done", || {
        let done = |group| log.committed(group, "features") == Some(28_330);
        (done("serin") && done("serin.shadow.mlp-2")).then_some(())
    });
    drop(log);
    service.terminate();
    let ended = service.end().with_code(0);
    for lane in ["production", "shadow mlp-2"] {
        let is_it = |line: &&str| line.contains("drained") && line.contains(lane) && line.contains("28330");
        assert!(ended.err.lines().any(|line| is_it(&line)), "{lane}: {}", ended.err);
    }
    assert_eq!(ended.out, "");
    assert!(!ended.err.contains('\u{1b}'), "no colours where there is no terminal: {}", ended.err);
    assert_eq!(Log::open(&log_directory).read("predictions").len(), 28_330);
}

#[test]
fn a_finished_demo_can_be_looked_into() {
    let scratch = tempfile::tempdir().unwrap();
    let log_directory = scratch.path().join("log");
    let report = run(serin(["demo", "--directory", log_directory.to_str().unwrap()])).with_code(0);
    for words in ["28330 feature events", "The counts add up", "Where to go next", "shadow mlp-2"] {
        assert!(report.out.contains(words), "{words:?} is not in\n{}", report.out);
    }
    for told in [&report.out, &report.err] {
        assert!(!told.contains('\u{1b}'), "no colours where there is no terminal: {told}");
    }

    let again = run(demo(&log_directory)).with_code(0).json();
    let analyzed = run(serin_on(&log_directory, ["analyze", "--format", "json"])).with_code(0).json();
    assert_eq!(analyzed, again["report"]);
    let read = run(serin_on(&log_directory, ["analyze"])).with_code(0).out;
    assert!(report.out.contains(&read), "{read}\nis not in\n{}", report.out);

    // More may come to a log that is open: its windows are too, and nothing is said of those who are in them.
    let stands = run(serin_on(&log_directory, ["experiment", "report", "late-mlp", "--format", "json"]));
    let stands = stands.with_code(0).json();
    assert_eq!(
        (&stands["name"], &stands["verdicts"][0]["rule"]),
        (&"late-mlp".into(), &"minimum_units".into())
    );
    assert_eq!(stands["metrics"][0]["arms"][0]["immature_units"], stands["arms"][0]["units"]);
    let unknown = run(serin_on(&log_directory, ["experiment", "report", "late-mpl"])).with_code(1);
    assert!(unknown.err.contains("(analysed: late-mlp)"), "{}", unknown.err);

    tails_end_as_asked(&log_directory);
}

fn tails_end_as_asked(log: &Path) {
    let all = run(serin_on(log, ["tail", "predictions", "--until-end"])).with_code(0).out;
    assert_eq!(all.lines().count(), 28_330);
    let three =
        run(serin_on(log, ["tail", "predictions", "-b", "-n", "3", "--format", "json"])).with_code(0).out;
    let records: Vec<Value> = three.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(records.len(), 3);
    for record in records {
        assert_eq!(record["topic"], "predictions");
        assert_eq!(record["value"]["unit"]["id"], record["key"]);
    }
    let wrong = run(serin_on(log, ["tail", "predicitons"])).with_code(1).err;
    assert!(wrong.contains("there is no topic \"predicitons\" (topics: "), "{wrong}");
    closed_pipe_is_a_quiet_end(serin_on(log, ["tail", "predictions", "--until-end"]));
}

/// `serin tail … | head -1`: the reader goes while there is more to say than a pipe holds.
fn closed_pipe_is_a_quiet_end(mut command: Command) {
    let mut child = command.spawn().unwrap();
    let mut first = [0; 100];
    let mut out = child.stdout.take().unwrap();
    out.read_exact(&mut first).unwrap();
    drop(out);
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(0));
    assert_eq!(String::from_utf8(ended.stderr).unwrap(), "");
}
