use std::fs;

use tempfile::TempDir;

use super::*;
use crate::manifest::MANIFEST_BYTES_MAX;
use crate::testing::{f32s, safetensors};

const MANIFEST: &str = r#"name = "m"
version = "1"
format = "safetensors"
file = "weights"
layers = ["linear"]
input = [{ feature = "x", kind = "number" }]
output = [{ name = "y" }]
[golden]
file = "golden"
"#;

/// The digest that `sha256sum` prints for the weights of [`directory`].
const SHA256: &str = "38a9fd44ad6a759bd6e0a6b7a97c25221d217f0a676c2bb89ea7fbf1e8a6f7a9";

/// A directory with the model y = 2 x + 1.
fn directory(manifest: &str) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let weights =
        safetensors(&[("0.weight", "F32", &[1, 1], f32s(&[2.0])), ("0.bias", "F32", &[1], f32s(&[1.0]))]);
    fs::write(directory.path().join("weights"), weights).unwrap();
    fs::write(directory.path().join("golden"), r#"{"features": {"x": 3}, "outputs": {"y": 7}}"#).unwrap();
    fs::write(directory.path().join("model.toml"), manifest).unwrap();
    directory
}

/// The error of loading, with the directory's path cut out.
fn refusal(directory: &TempDir) -> String {
    let error = Model::load(directory.path()).unwrap_err().to_string();
    error.replace(&format!("{}/", directory.path().display()), "")
}

#[test]
fn a_model_knows_itself() {
    let directory =
        directory(&MANIFEST.replace("layers", &format!("sha256 = \"{}\"\nlayers", SHA256.to_uppercase())));
    let model = Model::load(directory.path()).unwrap();
    assert_eq!((&**model.name(), &**model.version(), &**model.digest()), ("m", "1", SHA256));
    assert_eq!((model.golden_rows(), model.columns(), model.outputs().join(" ")), (1, 1, "y".to_owned()));
}

#[test]
fn a_model_without_golden_rows_loads_and_says_so() {
    let directory = directory(&MANIFEST.replace("[golden]\nfile = \"golden\"\n", ""));
    assert_eq!(Model::load(directory.path()).unwrap().golden_rows(), 0);
}

#[test]
fn a_directory_that_does_not_fit_together_is_refused() {
    let wrong = "0".repeat(64);
    let cases = [
        (
            MANIFEST.replace("\"weights\"", "\"other\""),
            "other: No such file or directory (os error 2)".to_owned(),
        ),
        (
            MANIFEST.replace("\"golden\"", "\"rows\""),
            "rows: No such file or directory (os error 2)".to_owned(),
        ),
        (
            MANIFEST.replace("layers", &format!("sha256 = \"{wrong}\"\nlayers")),
            format!("weights: sha256 is `{SHA256}`, but the manifest says `{wrong}`"),
        ),
        (
            MANIFEST.replace("name = \"y\"", "name = \"y\" }, { name = \"z\""),
            "weights: 1 problem\n  last layer: it has 1 outputs, but the manifest names 2".to_owned(),
        ),
        (
            MANIFEST.replace("\"x\"", "\"z\""),
            "golden: 1 of 1 golden rows miss: line 1: feature `z` is missing, and the model has nothing that stands \
             in for it"
                .to_owned(),
        ),
        (
            MANIFEST.replace("kind = \"number\"", "kind = \"number\", mean = 1"),
            "golden: 1 of 1 golden rows miss: line 1: output `y` is 5, expected 7 within 0.00001".to_owned(),
        ),
        (MANIFEST.replace("version = \"1\"\n", ""), "model.toml: 1 problem\n  manifest: `version` is missing".to_owned()),
        (
            MANIFEST.replace("kind = \"number\"", "kind = \"one_hot\", values = [1, 2]"),
            "weights: 1 problem\n  tensor `0.weight`: its shape is [1, 1], but the inputs have 2 columns: expected [1, 2]"
                .to_owned(),
        ),
    ];
    for (manifest, expected) in cases {
        assert_eq!(refusal(&directory(&manifest)), expected, "{manifest}");
    }
}

#[test]
fn a_directory_without_a_model_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let told = refusal(&directory);
    assert!(told.contains("it has neither a model.toml nor a model"), "{told}");
}

#[test]
fn files_beyond_their_limit_are_not_read() {
    let directory = directory(MANIFEST);
    let grow = |file: &str, length: u64| {
        fs::File::options().write(true).open(directory.path().join(file)).unwrap().set_len(length).unwrap();
    };
    grow("golden", golden::BYTES_MAX + 1);
    assert_eq!(refusal(&directory), "golden: larger than the limit of 16777216 bytes");
    grow("weights", ARTIFACT_BYTES_MAX + 1);
    assert_eq!(refusal(&directory), "weights: larger than the limit of 268435456 bytes");
    grow("model.toml", MANIFEST_BYTES_MAX + 1);
    assert_eq!(refusal(&directory), "model.toml: larger than the limit of 1048576 bytes");
}
