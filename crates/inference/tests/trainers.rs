//! Models that the real trainers have just trained, over a grid of their options, beside what the trainers themselves
//! predict with them: `tests/trainers` trains them, with the Python that `scripts/trainers` installs.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "helpers of tests are not seen as tests"
)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use inference::forest::{Category, ColumnKind, Description, Forest, Iterations, Kernel, Output, Scratch};
use serde_json::Value;

/// Batches that use every path: single rows, few, one block, several, and what remains behind them.
const BATCHES: [usize; 6] = [1, 2, 17, 64, 100, usize::MAX];

/// How far a prediction may be from the trainer's, relative to one that is above 1. Margins must be the same bits;
/// behind them stands an exponential, which another mathematics library may round otherwise.
const TOLERANCE: f64 = 1e-6;

/// Trains the models, once for all tests, and gives the folder of the cases with their index.
static CASES: LazyLock<(PathBuf, Vec<Value>)> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("trainers");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/trainers/train.py");
    let trained = Command::new(python()).arg("-B").arg(script).arg(&folder).output().expect("Python starts");
    assert!(trained.status.success(), "{}", String::from_utf8_lossy(&trained.stderr));
    println!("{}", String::from_utf8_lossy(&trained.stdout));
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

/// A case: a model and what the trainer predicts with it.
struct Case {
    name: String,
    model: Vec<u8>,
    library: String,
    iterations: Iterations,
    columns: usize,
    folder: PathBuf,
    index: Value,
}

fn cases() -> Vec<Case> {
    let (folder, index) = &*CASES;
    let case = |index: &Value| {
        let name = index["name"].as_str().unwrap().to_owned();
        let iterations = match &index["iterations"] {
            Value::Number(count) => Iterations::First(usize::try_from(count.as_u64().unwrap()).unwrap()),
            text if text == "best" => Iterations::Best,
            _ => Iterations::All,
        };
        Case {
            model: std::fs::read(folder.join(format!("{name}.model"))).unwrap(),
            library: index["library"].as_str().unwrap().to_owned(),
            iterations,
            columns: usize::try_from(index["columns"].as_u64().unwrap()).unwrap(),
            folder: folder.clone(),
            index: index.clone(),
            name,
        }
    };
    index.iter().map(case).collect()
}

impl Case {
    fn load(&self) -> Result<(Forest, Description), String> {
        let load = if self.library == "lightgbm" { Forest::lightgbm } else { Forest::xgboost };
        load(&self.name, &self.model, self.iterations).map_err(|problems| problems.to_string())
    }

    fn numbers(&self, what: &str) -> Vec<f64> {
        let bytes = std::fs::read(self.folder.join(format!("{}.{what}", self.name))).unwrap();
        bytes.chunks_exact(8).map(|bytes| f64::from_le_bytes(bytes.try_into().unwrap())).collect()
    }

    /// Why it fails, if it does: the first row that is off, and how many are.
    fn fault(&self, forest: &Forest) -> Option<String> {
        let rows = self.numbers("rows");
        for kernel in Kernel::ALL.into_iter().filter(|kernel| kernel.is_available()) {
            let mut scratch = Scratch::with(kernel);
            for batch in BATCHES {
                for (output, what) in [(Output::Raw, "margins"), (Output::Prediction, "predictions")] {
                    let found = score(forest, output, &rows, batch, &mut scratch);
                    if let Some(fault) = self.compare(&found, what, forest.outputs(output)) {
                        return Some(format!("{}: {kernel:?}, batches of {batch}: {fault}", self.name));
                    }
                }
            }
        }
        None
    }

    fn compare(&self, found: &[f64], what: &str, width: usize) -> Option<String> {
        let expected = self.numbers(what);
        if found.len() != expected.len() {
            return Some(format!("{} {what}, expected {}", found.len(), expected.len()));
        }
        let is_off = |(found, expected): (&f64, &f64)| match what {
            "margins" => found.to_bits() != expected.to_bits(),
            _ => {
                let is_near = (found - expected).abs() <= TOLERANCE * expected.abs().max(1.0);
                !is_near && found.to_bits() != expected.to_bits()
            }
        };
        let off: Vec<usize> = (0..found.len()).filter(|at| is_off((&found[*at], &expected[*at]))).collect();
        let at = *off.first()?;
        let row = &self.numbers("rows")[at / width * self.columns..][..self.columns];
        Some(format!("{} {what} off, the first {} for {}: {row:?}", off.len(), found[at], expected[at]))
    }
}

fn score(forest: &Forest, output: Output, rows: &[f64], batch: usize, scratch: &mut Scratch) -> Vec<f64> {
    let (columns, width) = (forest.columns(), forest.outputs(output));
    let mut outputs = vec![f64::NAN; rows.len() / columns * width];
    let batch = batch.min(rows.len() / columns);
    for (rows, outputs) in rows.chunks(batch * columns).zip(outputs.chunks_mut(batch * width)) {
        forest.predict_as(output, rows, outputs, scratch);
    }
    outputs
}

#[test]
fn every_kernel_gives_what_the_trainers_predict_row_by_row() {
    let mut faults = Vec::new();
    let (mut scored, mut rows, mut same, mut numbers) = (0, 0, 0, 0);
    for case in cases().iter().filter(|case| case.index["says"].is_null()) {
        let (forest, _) = match case.load() {
            Ok(loaded) => loaded,
            Err(error) => {
                faults.push(error);
                continue;
            }
        };
        faults.extend(case.fault(&forest));
        let expected = case.numbers("predictions");
        let found =
            score(&forest, Output::Prediction, &case.numbers("rows"), usize::MAX, &mut Scratch::default());
        same += found.iter().zip(&expected).filter(|(one, other)| one.to_bits() == other.to_bits()).count();
        numbers += expected.len();
        rows += expected.len() / forest.outputs(Output::Prediction);
        scored += 1;
    }
    println!("{scored} models, {rows} rows; {same} of {numbers} predictions are the trainer's bits");
    assert!(scored > 100 && rows > 20_000, "{scored} models, {rows} rows");
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn the_categories_of_data_frames_are_described() {
    let mut seen = 0;
    for case in cases() {
        let Some(expected) = case.index.get("categories") else { continue };
        let (_, description) = case.load().unwrap();
        for (name, categories) in expected.as_object().unwrap() {
            let column = description.columns.iter().find(|column| column.name == *name).unwrap();
            let wanted = |value: &Value| match value {
                Value::String(text) => Category::Text(text.clone()),
                value => Category::Number(value.as_f64().unwrap()),
            };
            let wanted: Vec<_> = categories.as_array().unwrap().iter().map(wanted).collect();
            assert_eq!(column.kind, ColumnKind::Category(Some(wanted)), "{}: {name}", case.name);
            seen += 1;
        }
    }
    assert_eq!(seen, 4);
}

#[test]
fn what_is_not_supported_is_refused_by_name() {
    let mut seen = 0;
    for case in cases() {
        let Some(says) = case.index["says"].as_str() else { continue };
        let error = case.load().unwrap_err();
        assert!(error.contains(says) && error.contains("not supported"), "{}: {error}", case.name);
        seen += 1;
    }
    assert_eq!(seen, 5);
}
