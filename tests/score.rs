//! Models as their users have them: each artifact of the example gives its trainer's own scores, from files, from the
//! stream, with the manifest that is there and with the one that is drafted.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::log::Log;
use crate::support::process::{Ended, Running, run, serin, serin_on};
use crate::support::{root, wait_for};

const CONFIGURATION: i32 = 78;
const USAGE: i32 = 64;
const EVENTS: &str = "examples/flights/data/features-2013-04.ndjson.gz";
const STORE: &str = "examples/flights/models/late";

/// The versions with scores of their trainers, and how close to them is asked for, relative to the score where that
/// is beyond 1: networks compute in 32 bits.
const VERSIONS: [(&str, f64); 5] =
    [("linear-1", 1e-5), ("mlp-1", 1e-5), ("lightgbm-1", 1e-6), ("xgboost-1", 1e-6), ("logreg-1", 1e-6)];

/// The first flights of April 2013, and what the trainers' own `predict` gave for each.
struct Month {
    folder: TempDir,
    /// Event ids, in order, with the scores by version.
    scores: Vec<(String, BTreeMap<String, f64>)>,
}

impl Month {
    fn new() -> Self {
        let scores = scores();
        let folder = tempfile::tempdir().unwrap();
        let lines = unzipped(EVENTS).take(scores.len()).map(|line| line + "\n");
        fs::write(folder.path().join("events.ndjson"), lines.collect::<String>()).unwrap();
        Self { folder, scores }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn events(&self) -> PathBuf {
        self.path("events.ndjson")
    }

    /// What a model gives for all flights.
    fn score(&self, model: &Path) -> Vec<(String, f64)> {
        let output = self.path("scores.ndjson");
        let ended = score(model, &self.events(), &output).with_code(0);
        assert!(ended.err.contains(&format!("{} events scored", self.scores.len())), "{}", ended.err);
        let scored = read(&output).into_iter().map(|line| {
            let (names, id) = (line.as_object().unwrap().len(), line["event_id"].as_str().unwrap());
            assert_eq!(names, 2, "{line}");
            (id.to_owned(), line["late"].as_f64().unwrap_or_else(|| panic!("{line}")))
        });
        scored.collect()
    }

    #[track_caller]
    fn assert_scored_as(&self, version: &str, tolerance: f64, scored: &[(String, f64)]) {
        assert_eq!(scored.len(), self.scores.len());
        for ((id, got), (expected_id, expected)) in scored.iter().zip(&self.scores) {
            assert_eq!(id, expected_id, "{version}");
            let expected = expected[version];
            let miss = (got - expected).abs();
            assert!(
                miss <= tolerance * expected.abs().max(1.0),
                "{version}, {id}: {got}, expected {expected}"
            );
        }
    }
}

fn unzipped(path: &str) -> impl Iterator<Item = String> {
    let file = File::open(root().join(path)).unwrap();
    BufReader::new(GzDecoder::new(file)).lines().map(Result::unwrap)
}

fn scores() -> Vec<(String, BTreeMap<String, f64>)> {
    let mut lines = unzipped("tests/score/scores-2013-04.csv.gz");
    let versions: Vec<String> = lines.next().unwrap().split(',').skip(1).map(str::to_owned).collect();
    let row = |line: String| {
        let (id, scores) = line.split_once(',').unwrap();
        let scores = scores.split(',').map(|score| score.parse().unwrap());
        (id.to_owned(), versions.iter().cloned().zip(scores).collect())
    };
    lines.map(row).collect()
}

fn read(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn score(model: &Path, input: &Path, output: &Path) -> Ended {
    run(serin(["score", "--model", text(model), "--input", text(input), "--output", text(output)]))
}

fn init(path: &Path, more: &[&str]) -> Ended {
    run(serin(["model", "init", text(path)].into_iter().chain(more.iter().copied())))
}

fn bits(scored: &[(String, f64)]) -> Vec<u64> {
    scored.iter().map(|(_, score)| score.to_bits()).collect()
}

#[test]
fn every_model_of_the_example_gives_its_trainers_scores() {
    let month = Month::new();
    for (version, tolerance) in VERSIONS {
        let scored = month.score(&root().join(STORE).join(version));
        month.assert_scored_as(version, tolerance, &scored);
    }
}

#[test]
fn artifacts_without_a_manifest_give_the_same_scores() {
    let month = Month::new();
    let artifacts = [("lightgbm-1", "model.txt"), ("xgboost-1", "model.ubj"), ("logreg-1", "model.onnx")];
    for (version, file) in artifacts {
        let whole = root().join(STORE).join(version);
        let bare = month.path(version);
        fs::create_dir(&bare).unwrap();
        fs::copy(whole.join(file), bare.join(file)).unwrap();
        if version == "lightgbm-1" {
            // LightGBM knows categories by their codes alone.
            let codes = root().join("crates/inference/testdata/forest/categories.json");
            fs::copy(codes, bare.join("categories.json")).unwrap();
        }
        let first = month.scores[0].0.clone();
        fs::write(bare.join("expected.ndjson"), format!("{{\"event_id\":\"{first}\",\"late\":0.5}}\n"))
            .unwrap();
        let expected = bits(&month.score(&whole));
        assert_eq!(bits(&month.score(&bare)), expected, "{version}, the folder");
        assert_eq!(bits(&month.score(&bare.join(file))), expected, "{version}, the file");
        let told = init(&bare, &[]).with_code(0).out;
        assert!(told.contains("outputs: late") && told.contains("next: serin model check"), "{told}");
        assert_eq!(bits(&month.score(&bare)), expected, "{version}, drafted");
        let told = init(&bare, &[]).with_code(1).err;
        assert!(told.contains("never overwritten"), "{told}");
    }
}

/// What `preprocessing.json` would say, from the manifest of the example.
fn preprocessing(manifest: &Path) -> String {
    let manifest: toml::Table = fs::read_to_string(manifest).unwrap().parse().unwrap();
    let inputs = manifest["input"].as_array().unwrap();
    let of_kind = |kind: &str, fields: &[&str]| -> Vec<Value> {
        let inputs = inputs.iter().filter(|input| input["kind"].as_str() == Some(kind));
        let entry = |input: &toml::Value| {
            let fields = fields.iter().map(|field| {
                let key = match *field {
                    "feature" => "name",
                    "values" => "one_hot",
                    other => other,
                };
                (key.to_owned(), serde_json::to_value(&input[*field]).unwrap())
            });
            Value::Object(fields.collect())
        };
        inputs.map(entry).collect()
    };
    let layers: Vec<_> =
        manifest["layers"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
    serde_json::json!({
        "architecture": layers.join(", "),
        "numeric": of_kind("number", &["feature", "fill", "mean", "scale"]),
        "categorical": of_kind("one_hot", &["feature", "values"]),
    })
    .to_string()
}

#[test]
fn networks_are_drafted_from_their_preprocessing() {
    let month = Month::new();
    for version in ["linear-1", "mlp-1"] {
        let whole = root().join(STORE).join(version);
        let bare = month.path(version);
        fs::create_dir(&bare).unwrap();
        fs::copy(whole.join("model.safetensors"), bare.join("model.safetensors")).unwrap();
        let told = score(&bare, &month.events(), &month.path("none")).with_code(CONFIGURATION).err;
        assert!(told.contains("which activations") && told.contains("serin model init"), "{told}");
        fs::write(bare.join("preprocessing.json"), preprocessing(&whole.join("model.toml"))).unwrap();
        let drafted = month.path("drafted");
        init(&bare, &["--output", text(&drafted), "--output-names", "late"]).with_code(0);
        assert_eq!(bits(&month.score(&drafted)), bits(&month.score(&whole)), "{version}");
        fs::remove_dir_all(drafted).unwrap();
    }
}

#[test]
fn the_stream_gives_what_files_give() {
    let month = Month::new();
    let log_directory = month.path("log");
    let versions = ["lightgbm-1", "xgboost-1", "logreg-1"];
    let shadows: Vec<_> = versions.iter().map(|version| format!("{{ version = \"{version}\" }}")).collect();
    let mut command = serin_on(&log_directory, ["up"]);
    command.env("SERIN__MODEL__LATE__SHADOWS", format!("[{}]", shadows.join(", ")));
    let mut service = Running::start(command);
    service.await_log("started");
    run(serin_on(&log_directory, ["produce", text(&month.events()), "-t", "features"])).with_code(0);
    let log = Log::of_owner(&log_directory).unwrap();
    for version in versions {
        let group = format!("serin.shadow.{version}");
        let events = u64::try_from(month.scores.len()).unwrap();
        wait_for(&group, || log.committed(&group, "features").filter(|position| *position == events));
    }
    let mut streamed: BTreeMap<(String, String), u64> = BTreeMap::new();
    for prediction in log.read_json("shadow-predictions") {
        let field = |name: &str| prediction[name].as_str().unwrap().to_owned();
        let score = prediction["outputs"]["late"].as_f64().unwrap().to_bits();
        streamed.insert((field("version"), field("event_id")), score);
    }
    drop(log);
    service.terminate();
    service.end().with_code(0);
    assert_eq!(streamed.len(), versions.len() * month.scores.len());
    for version in versions {
        for (id, score) in month.score(&root().join(STORE).join(version)) {
            assert_eq!(streamed[&(version.to_owned(), id)], score.to_bits(), "{version}");
        }
    }
}

#[test]
fn a_line_that_cannot_be_scored_has_its_line_and_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    let (input, output) = (folder.path().join("in"), folder.path().join("out"));
    let lines = "{\"event_id\":\"a\",\"features\":{\"dow\":1}}\n\
                 \n\
                 {\"event_id\":\"b\",\"features\":{\"dow\":\"Monday\"}}\n\
                 {\"event_id\":\"c\",\"features\":{\"dow\":1,\n\
                 [1, 2]\n\
                 {\"features\":{\"dow\":2}}\n";
    fs::write(&input, lines).unwrap();
    let ended = score(&root().join(STORE).join("mlp-1"), &input, &output).with_code(1);
    assert!(ended.err.contains("2 events scored by late, version mlp-1"), "{}", ended.err);
    assert!(ended.err.contains("3 of 5 events could not be scored"), "{}", ended.err);
    assert!(ended.err.contains("line 3: feature `dow`: expected a number"), "{}", ended.err);
    let scored = read(&output);
    let ids: Vec<_> = scored.iter().map(|line| line["event_id"].as_str()).collect();
    assert_eq!(ids, [Some("a"), Some("b"), Some("c"), None, None]);
    let errors: Vec<_> =
        scored.iter().map(|line| (line["line"].as_u64(), line["error"].is_string())).collect();
    assert_eq!(errors, [(None, false), (Some(3), true), (Some(4), true), (Some(5), true), (None, false)]);
    assert!(scored[0]["late"].is_number() && scored[4]["late"].is_number());
}

#[test]
fn events_in_a_shape_of_their_own_are_found_where_the_mapping_says() {
    let folder = tempfile::tempdir().unwrap();
    let (input, config) = (folder.path().join("in"), folder.path().join("serin.toml"));
    fs::write(&input, "{\"no\":7,\"deep\":{\"x\":{\"dow\":1}}}\n{\"dow\":1}\n").unwrap();
    let mapping = "[input]\nevent = { id = \"/no\", units = { u = \"/no\" }, features = \"/deep/x\" }\n";
    fs::write(&config, mapping).unwrap();
    let model = root().join(STORE).join("mlp-1");
    let with = |more: &[&str]| {
        let arguments = ["score", "-m", text(&model), "-i", text(&input)];
        run(serin(arguments.into_iter().chain(more.iter().copied())))
    };
    let mapped = with(&["--config", text(&config)]).with_code(1).out;
    let first: Value = serde_json::from_str(mapped.lines().next().unwrap()).unwrap();
    assert_eq!(first["event_id"], "7");
    let told = with(&["--event-id", "/no", "--features", "/"]).with_code(0).out;
    let second: Value = serde_json::from_str(told.lines().nth(1).unwrap()).unwrap();
    assert_eq!((&second["event_id"], &second["late"]), (&Value::Null, &first["late"]));
    let told = with(&["--features", "features"]).with_code(USAGE).err;
    assert!(told.contains("is not a JSON pointer"), "{told}");
    fs::write(&config, mapping.replace("event =", "evnet =")).unwrap();
    let told = with(&["--config", text(&config)]).with_code(CONFIGURATION).err;
    assert!(told.contains("did you mean `event`?"), "{told}");
}

#[test]
fn an_output_that_cannot_be_written_is_told_before_the_work() {
    let folder = tempfile::tempdir().unwrap();
    // A model that is not there would be told after the output.
    let (model, input) = (folder.path().join("nowhere"), folder.path().join("in"));
    fs::write(&input, "").unwrap();
    for output in [folder.path().to_owned(), folder.path().join("no/out")] {
        let told = score(&model, &input, &output).with_code(1).err;
        assert!(told.contains(&format!("cannot write {}", output.display())), "{told}");
    }
    let output = folder.path().join("out");
    fs::write(&output, "what was there").unwrap();
    score(&model, &input, &output).with_code(CONFIGURATION);
    assert_eq!(fs::read_to_string(&output).unwrap(), "what was there");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing is left beside it");
}

/// Folders as other systems lay them out, around the artifact of the example.
#[test]
fn folders_of_other_systems_work_as_they_are() {
    let month = Month::new();
    let whole = root().join(STORE).join("xgboost-1");
    let expected = bits(&month.score(&whole));
    let name_output = |folder: &Path| {
        fs::write(folder.join("expected.ndjson"), "{\"event_id\":\"e\",\"late\":0.5}\n").unwrap();
    };
    let put = |folder: &Path, file: &str| {
        fs::create_dir_all(folder).unwrap();
        fs::copy(whole.join("model.ubj"), folder.join(file)).unwrap();
        name_output(folder);
    };
    let mlflow = month.path("mlflow");
    put(&mlflow, "model.ubj");
    let text_of = "flavors:\n  python_function:\n    data: model.ubj\n  xgboost:\n    data: model.ubj\n    \
                   model_class: xgboost.core.Booster\nmodel_id: null\nmodel_uuid: 96002291898a\n";
    fs::write(mlflow.join("MLmodel"), text_of).unwrap();
    let triton = month.path("late-triton");
    put(&triton.join("1"), "xgboost.json");
    put(&triton.join("3"), "xgboost.json");
    fs::write(triton.join("1/xgboost.json"), "{}").unwrap();
    fs::write(triton.join("config.pbtxt"), "backend: \"fil\"\nmax_batch_size: 8192\n").unwrap();
    let mlserver = month.path("mlserver");
    put(&mlserver, "model.bst");
    let settings = "{\"name\": \"late\", \"implementation\": \"mlserver_xgboost.XGBoostModel\", \"parameters\": {\"uri\": \
                    \"./model.bst\", \"version\": \"v7\"}}";
    fs::write(mlserver.join("model-settings.json"), settings).unwrap();
    let kserve = month.path("kserve");
    put(&kserve.join("only"), "anything.bin");
    for (folder, name, version) in [
        (&mlflow, "mlflow", "96002291898a"),
        (&triton, "late-triton", "3"),
        (&mlserver, "late", "v7"),
        (&kserve, "anything", "322f540bae02"),
    ] {
        assert_eq!(bits(&month.score(folder)), expected, "{}", folder.display());
        let told = run(serin(["model", "check", text(folder)])).with_code(0).out;
        let is_it = told.contains(&format!("model    {name}, version "));
        assert!(is_it && (name == "anything" || told.contains(version)), "{told}");
    }
    let decides = "backend: \"fil\"\nparameters [\n{ key: \"output_class\" value: { string_value: \"true\" } },\n\
                   { key: \"threshold\" value: { string_value: \"0.3\" } }\n]\n";
    fs::write(triton.join("config.pbtxt"), decides).unwrap();
    let output = month.path("classes.ndjson");
    score(&triton, &month.events(), &output).with_code(0);
    for (line, (_, scores)) in read(&output).iter().zip(&month.scores) {
        let (score, class) = (line["late"].as_f64().unwrap(), line["class"].as_f64().unwrap());
        assert!(class.total_cmp(&f64::from(u8::from(score >= 0.3))).is_eq(), "{line}");
        assert!((score - scores["xgboost-1"]).abs() < 1e-6, "{line}");
    }
    fs::write(mlflow.join("MLmodel"), "flavors:\n  sklearn:\n    pickled_model: model.pkl\n").unwrap();
    let told = init(&mlflow, &["--print"]).with_code(CONFIGURATION).err;
    assert!(told.contains("its flavours are sklearn") && told.contains("mlflow.onnx.log_model"), "{told}");
}

#[test]
fn what_is_no_model_is_refused_with_what_would_be() {
    let folder = tempfile::tempdir().unwrap();
    let (file, input) = (folder.path().join("file"), folder.path().join("in"));
    fs::write(&input, "").unwrap();
    let lightgbm = fs::read(root().join(STORE).join("lightgbm-1/model.txt")).unwrap();
    let cases: [(&[u8], &str); 6] = [
        (b"", "it is empty"),
        (b"\x80\x04\x95", "a Python pickle, which runs code when it is read"),
        (b"PK\x03\x04 archive/data.pkl", "torch.onnx.export"),
        (b"hello", "it is no model that is known here"),
        (b"{\"learner\":{}}", "1 problem"),
        (&lightgbm[..lightgbm.len() / 2], "problem"),
    ];
    for (bytes, says) in cases {
        fs::write(&file, bytes).unwrap();
        for ended in [score(&file, &input, Path::new("-")), init(&file, &["--print"])] {
            let told = ended.with_code(CONFIGURATION).err;
            assert!(told.contains(says), "{says:?} is not in\n{told}");
        }
    }
    fs::write(folder.path().join("a.txt"), &lightgbm).unwrap();
    fs::write(folder.path().join("b.txt"), &lightgbm).unwrap();
    fs::remove_file(&file).unwrap();
    let told = score(folder.path(), &input, Path::new("-")).with_code(CONFIGURATION).err;
    assert!(told.contains("it has 2 models, a.txt, b.txt: name the one that is meant"), "{told}");
}

#[test]
fn models_are_published_once_and_loaded_as_they_were() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    let model = root().join(STORE).join("lightgbm-1");
    let publish = || run(serin(["model", "publish", text(&model), text(&store)]));
    let told = publish().with_code(0).out;
    assert!(told.contains("published  late, version lightgbm-1"), "{told}");
    let told = publish().with_code(CONFIGURATION).err;
    assert!(told.contains("the version is there already"), "{told}");
    let listed = run(serin(["model", "list", text(&store), "--format", "json"])).with_code(0).json();
    assert_eq!(listed[0]["version"], "lightgbm-1");
    let place = PathBuf::from(listed[0]["place"].as_str().unwrap());
    run(serin(["model", "check", text(&place)])).with_code(0);
    let golden = place.join("golden.ndjson");
    let rows = fs::read_to_string(&golden).unwrap();
    fs::write(&golden, rows.lines().next().unwrap()).unwrap();
    let told = run(serin(["model", "check", text(&place)])).with_code(CONFIGURATION).err;
    assert!(told.contains("golden.ndjson: its sha256 is"), "{told}");
}
