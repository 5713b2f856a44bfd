//! What is checked before anything runs: configurations, models, experiments. All faults at once, and exit code 78.

use std::path::{Path, PathBuf};

use crate::support::process::{CONFIG, Ended, run, serin, serin_on};
use crate::support::root;

const CONFIGURATION: i32 = 78;

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
        let told = run(serin_on(&scratch.path().join("log"), [command, "--check"])).with_code(0);
        assert!(told.err.contains("the configuration and the models are sound"), "{}", told.err);
        assert!(!scratch.path().join("log").exists());
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
        "(versions: lightgbm-1, linear-1, logreg-1, mlp-1, mlp-2, xgboost-1)",
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

/// A folder of experiments may be shared; one that is named is meant to run, and cannot be passed over.
#[test]
fn an_experiment_on_another_model_is_a_fault_where_it_is_named() {
    let scratch = Scratch::new();
    let folder = scratch.path().join("experiments/late-mlp");
    std::fs::create_dir_all(&folder).unwrap();
    let text = std::fs::read_to_string(root().join("experiments/late-mlp/experiment.toml")).unwrap();
    let text = text.replace("model = \"late\"", "model = \"early\"");
    std::fs::write(folder.join("experiment.toml"), text).unwrap();
    let experiments = root().join("experiments");
    let (ours, theirs) = (folder.parent().unwrap().to_str().unwrap(), experiments.to_str().unwrap());
    let config = scratch.config(&[(theirs, ours)]);
    let told = run(serin(["up", "--check", "--config", &config])).with_code(CONFIGURATION).err;
    let words = "experiment \"late-mlp\" is on model \"early\", and the model here is \"late\"";
    assert!(told.contains(words), "{told}");
    let config = scratch.config(&[(theirs, ours), ("run = [\"late-mlp\"]", "")]);
    run(serin(["up", "--check", "--config", &config])).with_code(0);
}

#[test]
fn a_configuration_that_is_not_there_ends_with_78() {
    let ended = run(serin(["up", "--config", "nowhere/serin.toml"])).with_code(CONFIGURATION);
    assert!(ended.err.contains("nowhere/serin.toml"), "{}", ended.err);
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
    let told = run(serin(["experiment", "check", good])).with_code(0).out;
    for words in
        ["late-mlp on model late", "control: version linear-1, 25.00 %", "canary: version mlp-1, 25.00 %"]
    {
        assert!(told.contains(words), "{words:?} is not in\n{told}");
    }
    let json = run(serin(["experiment", "check", good, "--format", "json"])).with_code(0).json();
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
