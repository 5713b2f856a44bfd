//! Every command from its command line to its exit code.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::log::Log;
use crate::support::month::demo;
use crate::support::process::{CONFIG, Ended, Running, ask, run, serin, serin_on};
use crate::support::{root, wait_for};

const USAGE: i32 = 64;
const CONFIGURATION: i32 = 78;

/// Every command there is, as it is typed.
const COMMANDS: [&str; 11] = [
    "up",
    "stream",
    "analyze",
    "produce",
    "tail",
    "model",
    "model check",
    "experiment",
    "experiment check",
    "demo",
    "completions",
];

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

/// A copy of the example's configuration with changes, in a folder of its own.
struct Scratch {
    folder: tempfile::TempDir,
}

impl Scratch {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn log(&self) -> PathBuf {
        self.path().join("log")
    }

    fn config(&self, changes: &[(&str, &str)]) -> String {
        let mut text = std::fs::read_to_string(root().join(CONFIG)).unwrap();
        let store = root().join("examples/flights/models/late");
        let experiments = root().join("experiments");
        let places =
            [("models/late", store.to_str().unwrap()), ("../../experiments", experiments.to_str().unwrap())];
        for (from, to) in places.iter().chain(changes) {
            assert!(text.contains(from), "{from:?} is not in\n{text}");
            text = text.replace(from, to);
        }
        let file = self.path().join("serin.toml");
        std::fs::write(&file, text).unwrap();
        file.to_str().unwrap().to_owned()
    }
}

#[test]
fn a_sound_configuration_passes_its_check_and_touches_nothing() {
    let scratch = Scratch::new();
    for command in ["up", "stream"] {
        let told = run(serin_on(&scratch.log(), [command, "--check"])).with_code(0);
        assert!(told.err.contains("the configuration and the models are sound"), "{}", told.err);
        assert!(!scratch.log().exists());
    }
}

/// Each configuration with all of its faults: those of its form first, and where there are none those of its
/// meaning.
#[test]
fn all_faults_of_a_configuration_are_told_at_once() {
    let form: &[(&str, &str)] = &[
        ("group = \"serin\"", "gruop = \"serin\""),
        ("production = \"linear-1\"", "production = 1"),
        ("[experiment]", "[experimnt]"),
    ];
    let form_told = [
        "serin.toml: 3 problems",
        "`input.gruop`: unknown field; did you mean `group`?",
        "`model.late.production`: expected",
        "`experimnt`: unknown field; did you mean `experiment`?",
    ];
    let meaning: &[(&str, &str)] = &[
        ("production = \"linear-1\"", "production = \"linear-9\""),
        ("{ version = \"mlp-2\" }", "{ version = \"mlp-2\", share = 2.5 }"),
        ("file://.serin/flights", "carrier-pigeon://loft"),
        ("\"late-mlp\"", "\"late-mpl\""),
        ("id = \"/event_id\"", "id = \"event_id\""),
        ("time = \"/outcome_time\"", "time = \"outcome_time\""),
    ];
    let meaning_told = [
        "serin.toml: 6 problems",
        "carrier-pigeon://loft",
        "late-mpl/experiment.toml",
        "version \"linear-9\" is not in",
        "(versions: linear-1, mlp-1, mlp-2)",
        "\"mlp-2\": share: ",
        "\"event_id\" is not a JSON pointer",
        "\"outcome_time\" is not a JSON pointer",
    ];
    for (changes, told) in [(form, &form_told[..]), (meaning, &meaning_told[..])] {
        let scratch = Scratch::new();
        let config = scratch.config(changes);
        let ended = run(serin(["up", "--check", "--config", &config])).with_code(CONFIGURATION);
        for words in told {
            assert!(ended.err.contains(words), "{words:?} is not in\n{}", ended.err);
        }
        assert_eq!(ended.out, "");
    }
}

#[test]
fn a_configuration_that_is_not_there_ends_with_78() {
    let ended = serin_text("up --config nowhere/serin.toml").with_code(CONFIGURATION);
    assert!(ended.err.contains("nowhere/serin.toml"), "{}", ended.err);
}

#[test]
fn three_processes_work_on_one_log() {
    let scratch = Scratch::new();
    let mut service = Running::start(serin_on(&scratch.log(), ["up"]));
    let admin = service.admin();
    service.await_log("started");
    wait_for("the service is ready", || ask(&admin, "/readyz").starts_with("HTTP/1.1 200").then_some(()));

    let mut tail = Running::start(serin_on(&scratch.log(), ["tail", "predictions", "--from-beginning"]));
    let events = "examples/flights/data/features-2013-04.ndjson.gz";
    let produced = run(serin_on(&scratch.log(), ["produce", events, "-t", "features", "--key", "unit_id"]));
    assert!(produced.with_code(0).err.contains("28330 records on features"));
    // The last line of the file; its prediction comes through three processes.
    let last = crate::support::flights::MONTH.flights.iter().max_by_key(|(id, flight)| (flight.time, *id));
    let line = tail.await_output(last.unwrap().0);
    let prediction: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(prediction["model"], "late");
    tail.terminate();
    tail.end().with_code(0);

    // A second owner is told who the first one is, and does no harm.
    let second = run(serin_on(&scratch.log(), ["up"])).with_code(1);
    let told = format!("is in use by process {}; stop it, or reach it through its socket", service.id());
    assert!(second.err.contains(&told), "{}", second.err);

    let log = Log::of_owner(&scratch.log()).unwrap();
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
    assert_eq!(Log::open(&scratch.log()).read("predictions").len(), 28_330);
}

#[test]
fn a_finished_demo_can_be_looked_into() {
    let scratch = Scratch::new();
    let report = run(serin(["demo", "--directory", scratch.log().to_str().unwrap()])).with_code(0);
    for words in ["28330 feature events", "The counts add up", "Where to go next", "shadow mlp-2"] {
        assert!(report.out.contains(words), "{words:?} is not in\n{}", report.out);
    }
    for told in [&report.out, &report.err] {
        assert!(!told.contains('\u{1b}'), "no colours where there is no terminal: {told}");
    }

    let again = run(demo(&scratch.log())).with_code(0).json();
    let analyzed = run(serin_on(&scratch.log(), ["analyze", "--format", "json"])).with_code(0).json();
    assert_eq!(analyzed, again["report"]);
    let read = run(serin_on(&scratch.log(), ["analyze"])).with_code(0).out;
    assert!(report.out.contains(&read), "{read}\nis not in\n{}", report.out);

    tails_end_as_asked(&scratch.log());
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

/// A copy of a model of the example.
fn copy_model(scratch: &Scratch) -> PathBuf {
    let copy = scratch.path().join("mlp-1");
    std::fs::create_dir(&copy).unwrap();
    for file in std::fs::read_dir(root().join("examples/flights/models/late/mlp-1")).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), copy.join(file.file_name())).unwrap();
    }
    copy
}

fn check_model(directory: &Path) -> Ended {
    run(serin(["model", "check", directory.to_str().unwrap()]))
}

#[test]
fn model_check_tells_a_good_model_from_a_tampered_one() {
    for version in ["linear-1", "mlp-1", "mlp-2"] {
        let told = check_model(&root().join("examples/flights/models/late").join(version)).with_code(0).out;
        assert!(
            told.contains(&format!("late, version {version}")) && told.contains("all reproduced"),
            "{told}"
        );
    }
    let scratch = Scratch::new();
    let weights = copy_model(&scratch).join("model.safetensors");
    let mut bytes = std::fs::read(&weights).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&weights, bytes).unwrap();
    let told = check_model(&scratch.path().join("mlp-1")).with_code(CONFIGURATION).err;
    assert!(told.contains("model.safetensors") && told.contains("sha256"), "{told}");

    let scratch = Scratch::new();
    let golden = copy_model(&scratch).join("golden.ndjson");
    let text = std::fs::read_to_string(&golden).unwrap();
    let (before, after) = text.split_once("\"outputs\":{\"late\":0.").unwrap();
    let digit = if after.starts_with('9') { "1" } else { "9" };
    std::fs::write(&golden, format!("{before}\"outputs\":{{\"late\":0.{digit}{}", &after[1..])).unwrap();
    let told = check_model(&scratch.path().join("mlp-1")).with_code(CONFIGURATION).err;
    assert!(told.contains("golden.ndjson") && told.contains('1'), "{told}");

    let told = check_model(&scratch.path().join("mlp-9")).with_code(CONFIGURATION).err;
    assert!(told.contains("mlp-9"), "{told}");
}

#[test]
fn experiment_check_tells_a_good_definition_from_a_bad_one() {
    let good = "experiments/late-mlp/experiment.toml";
    let told = serin_text(&format!("experiment check {good}")).with_code(0).out;
    for words in
        ["late-mlp on model late", "control: version linear-1, 25.00 %", "canary: version mlp-1, 25.00 %"]
    {
        assert!(told.contains(words), "{words:?} is not in\n{told}");
    }
    let json = serin_text(&format!("experiment check {good} --format json")).with_code(0).json();
    assert_eq!(json["arms"][1]["propensity"], 0.25);

    let text = std::fs::read_to_string(root().join(good)).unwrap();
    let changes = [
        ("coverage = 0.5 ", "coverage = 1.5 "),
        ("weight = 5000\n[[arm]]", "weight = 6000\n[[arm]]"),
        ("minimum_units = 500", "minimum_unit = 500"),
    ];
    let bad = changes.iter().fold(text, |text, (from, to)| {
        assert!(text.contains(from), "{from:?} is not in\n{text}");
        text.replacen(from, to, 1)
    });
    let scratch = Scratch::new();
    let file = scratch.path().join("experiment.toml");
    std::fs::write(&file, bad).unwrap();
    let told = run(serin(["experiment", "check", file.to_str().unwrap()])).with_code(CONFIGURATION).err;
    for words in ["3 problems", "coverage", "1.5", "weight", "minimum_unit"] {
        assert!(told.contains(words), "{words:?} is not in\n{told}");
    }
}
