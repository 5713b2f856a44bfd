//! Pipelines that scikit-learn has just trained and exported, and networks as exporters write them, beside what
//! onnxruntime and scikit-learn compute with them: `tests/trainers/export.py` writes them, with the Python that
//! `scripts/trainers` installs.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "helpers of tests are not seen as tests"
)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use inference::onnx::{Description, Graph, Output, OutputKind};
use serde_json::Value;

/// Batches of one row, of few, of a block, and of several with what remains behind them.
const BATCHES: [usize; 5] = [usize::MAX, 1, 7, 64, 100];

/// How far an output may be from onnxruntime's, relative to one that is above 1.
const TOLERANCE: f64 = 1e-6;

/// Exports the graphs, once for all tests, and gives the folder of the cases with their index.
static CASES: LazyLock<(PathBuf, Vec<Value>)> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("exports");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/trainers/export.py");
    let exported = Command::new(python()).arg("-B").arg(script).arg(&folder).output().expect("Python starts");
    assert!(exported.status.success(), "{}", String::from_utf8_lossy(&exported.stderr));
    println!("{}", String::from_utf8_lossy(&exported.stdout));
    let index = std::fs::read(folder.join("cases.json")).unwrap();
    (folder, serde_json::from_slice(&index).unwrap())
});

/// The Python with the trainers, at the same place as in `scripts/trainers`.
fn python() -> PathBuf {
    let cache = |variable, below| Some(PathBuf::from(std::env::var_os(variable)?).join(below));
    let folder = cache("SERIN_TEST_TRAINERS", "")
        .or_else(|| cache("SERIN_CI_CACHE", "trainers"))
        .or_else(|| cache("XDG_CACHE_HOME", "serin-ci/trainers"))
        .or_else(|| cache("HOME", ".cache/serin-ci/trainers"))
        .expect("HOME is set");
    let installed = std::fs::read_to_string(folder.join("requirements.txt")).unwrap_or_default();
    assert!(
        installed == include_str!("../../../tests/trainers/requirements.txt"),
        "this test needs the real trainers, and {} does not have them: `make test` installs them, and so does \
         `scripts/trainers`",
        folder.display()
    );
    folder.join("bin/python")
}

/// A graph, its rows, and what it is to give for them.
struct Case<'i> {
    name: &'i str,
    index: &'i Value,
    graph: Graph,
    description: Description,
    numbers: Vec<f64>,
    texts: Vec<String>,
    rows: usize,
}

impl<'i> Case<'i> {
    fn load(index: &'i Value) -> Result<Self, String> {
        let name = index["name"].as_str().unwrap();
        let bytes = std::fs::read(CASES.0.join(format!("{name}.onnx"))).unwrap();
        let (graph, description) = Graph::load(name, &bytes).map_err(|problems| problems.to_string())?;
        let numbers = if graph.numbers() > 0 { numbers(&format!("{name}.numbers")) } else { Vec::new() };
        let texts = index["texts"].as_array().into_iter().flatten();
        Ok(Self {
            name,
            index,
            numbers,
            texts: texts.map(|text| text.as_str().unwrap().to_owned()).collect(),
            rows: usize::try_from(index["rows"].as_u64().unwrap_or(0)).unwrap(),
            graph,
            description,
        })
    }

    /// All outputs of all rows, scored in batches.
    fn score(&self, batch: usize) -> Vec<f64> {
        let (width, batch) = (self.graph.outputs(), batch.min(self.rows));
        let (numbers, texts) = (self.graph.numbers(), self.graph.texts());
        let mut scratch = self.graph.scratch();
        let mut outputs = vec![-1.0; self.rows * width];
        for (at, outputs) in outputs.chunks_mut(batch * width).enumerate() {
            let (first, rows) = (at * batch, outputs.len() / width);
            let numbers = &self.numbers[first * numbers..][..rows * numbers];
            let texts = &self.texts[first * texts..][..rows * texts];
            self.graph.predict(numbers, texts, outputs, &mut scratch);
        }
        outputs
    }

    /// Why it fails, if it does.
    fn fault(&self) -> Option<String> {
        let all = self.score(BATCHES[0]);
        for batch in &BATCHES[1..] {
            let found = self.score(*batch);
            if bits(&found) != bits(&all) {
                return Some(format!("{}: batches of {batch} give other bits", self.name));
            }
        }
        let mut first = 0;
        for output in self.description.outputs.iter().filter(|output| output.kind != OutputKind::Texts) {
            let column = |row: &[f64]| row[first..first + output.width].to_vec();
            let found: Vec<f64> = all.chunks_exact(self.graph.outputs()).flat_map(column).collect();
            if let Some(fault) = self.compare(output, &found) {
                return Some(format!("{}: `{}`: {fault}", self.name, output.name));
            }
            first += output.width;
        }
        None
    }

    fn compare(&self, output: &Output, found: &[f64]) -> Option<String> {
        let kind = &self.index["outputs"][&output.name];
        if let Some(labels) = kind.as_array() {
            let OutputKind::PerClass(classes) = &output.kind else {
                return Some("it has no classes".to_owned());
            };
            let labels: Vec<_> = labels.iter().map(|label| label.as_str().unwrap().to_owned()).collect();
            if classes.names() != labels {
                return Some(format!("classes {:?}, expected {labels:?}", classes.names()));
            }
        }
        if kind == "texts" {
            return self.compare_labels(output, found);
        }
        let expected = numbers(&format!("{}.{}", self.name, output.name));
        differing(found, &expected, TOLERANCE, output.width).or_else(|| {
            let tolerance = self.index["trainer"][&output.name].as_f64()?;
            let expected = numbers(&format!("{}.trainer.{}", self.name, output.name));
            differing(found, &expected, tolerance, output.width)
                .map(|fault| format!("{fault} (of the trainer)"))
        })
    }

    fn compare_labels(&self, output: &Output, found: &[f64]) -> Option<String> {
        let OutputKind::Label(labels) = &output.kind else { return Some("it has no labels".to_owned()) };
        let file = CASES.0.join(format!("{}.{}", self.name, output.name));
        let expected: Vec<String> = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        let names = labels.names();
        let place =
            |text: &String| names.iter().position(|name| name == text).map_or(-1.0, |place| place as f64);
        differing(found, &expected.iter().map(place).collect::<Vec<_>>(), 0.0, 1)
    }
}

fn numbers(file: &str) -> Vec<f64> {
    let bytes = std::fs::read(CASES.0.join(file)).unwrap();
    bytes.chunks_exact(8).map(|bytes| f64::from_le_bytes(bytes.try_into().unwrap())).collect()
}

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// The first value that is off, and how many are.
fn differing(found: &[f64], expected: &[f64], tolerance: f64, width: usize) -> Option<String> {
    if found.len() != expected.len() {
        return Some(format!("{} values, expected {}", found.len(), expected.len()));
    }
    let is_off = |at: &usize| {
        let (found, expected) = (found[*at], expected[*at]);
        let near = (found - expected).abs() <= tolerance * expected.abs().max(1.0);
        let is_same = found.to_bits() == expected.to_bits();
        !(near || is_same || (found.is_nan() && expected.is_nan()))
    };
    let off: Vec<usize> = (0..found.len()).filter(is_off).collect();
    let at = *off.first()?;
    Some(format!("{} off, the first {} for {} in row {}", off.len(), found[at], expected[at], at / width))
}

#[test]
fn graphs_give_what_onnxruntime_and_the_trainers_give() {
    let mut faults = Vec::new();
    let (mut graphs, mut rows) = (0, 0);
    for index in CASES.1.iter().filter(|index| index["says"].is_null()) {
        match Case::load(index) {
            Err(error) => faults.push(error),
            Ok(case) => {
                faults.extend(case.fault());
                graphs += 1;
                rows += case.rows;
            }
        }
    }
    println!("{graphs} graphs, {rows} rows, in batches of {BATCHES:?}");
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    assert!(graphs > 200, "{graphs} graphs");
}

/// Without the feature, all of them are refused. With it, those that onnxruntime runs at all are run row by row.
#[test]
fn what_is_not_built_in_is_refused_by_name_or_left_to_onnxruntime() {
    let mut seen = 0;
    for index in &CASES.1 {
        let Some(says) = index["says"].as_str() else { continue };
        seen += 1;
        match Case::load(index) {
            Err(error) => assert!(error.contains(says), "{error}"),
            Ok(case) if cfg!(feature = "onnxruntime") => assert_eq!(case.fault(), None),
            Ok(_) => panic!("{} is not refused", index["name"]),
        }
    }
    assert!(seen >= 6, "{seen}");
}
