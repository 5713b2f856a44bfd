use tempfile::TempDir;

use super::*;
use crate::testing::{f32s, safetensors};

const MANIFEST: &str = r#"name = "m"
version = "VERSION"
format = "safetensors"
file = "weights"
layers = ["linear"]
input = [{ feature = "x", kind = "number" }]
output = [{ name = "y" }]
"#;

/// A directory with a version of the model y = 2 x.
fn directory(version: &str) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let weights = safetensors(&[("0.weight", "F32", &[1, 1], f32s(&[2.0]))]);
    fs::write(directory.path().join("weights"), weights).unwrap();
    fs::write(directory.path().join("model.toml"), MANIFEST.replace("VERSION", version)).unwrap();
    directory
}

fn store() -> (TempDir, Store) {
    let root = tempfile::tempdir().unwrap();
    let store = Store::at(root.path().to_str().unwrap()).unwrap();
    (root, store)
}

fn refusal<T: std::fmt::Debug>(result: Result<T, LoadError>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn what_is_published_is_listed_and_loads() {
    let (root, store) = store();
    assert_eq!(store.list().unwrap(), []);
    let published: Vec<_> =
        ["1", "2"].map(|version| store.publish(directory(version).path()).unwrap()).into_iter().collect();
    assert_eq!(store.list().unwrap(), published);
    assert_ne!(published[0].digest, published[1].digest);
    assert_eq!(published[0].place, root.path().join("m/1"));
    assert_eq!(&**Model::load(&published[1].place).unwrap().version(), "2");
    let left: Vec<_> = fs::read_dir(root.path().join("m")).unwrap().collect();
    assert_eq!(left.len(), 2, "nothing else is left: {left:?}");
}

#[test]
fn a_version_is_put_there_once() {
    let (root, store) = store();
    let first = store.publish(directory("1").path()).unwrap();
    let told = refusal(store.publish(directory("1").path()));
    assert!(told.contains("the version is there already"), "{told}");
    assert_eq!(store.list().unwrap(), [first]);
    let left: Vec<_> = fs::read_dir(root.path().join("m")).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

#[test]
fn what_was_changed_in_the_store_does_not_load() {
    let (_root, store) = store();
    let place = store.publish(directory("1").path()).unwrap().place;
    let with = |change: &dyn Fn(&Path), says: &str| {
        let copy = tempfile::tempdir().unwrap();
        for entry in fs::read_dir(&place).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
        }
        Model::load(copy.path()).unwrap();
        change(copy.path());
        let told = refusal(Model::load(copy.path()));
        assert!(told.contains(says), "{told}");
    };
    with(&|copy| fs::write(copy.join("README.md"), "new").unwrap(), "README.md: SHA256SUMS does not know it");
    with(
        &|copy| {
            let manifest = fs::read_to_string(copy.join("model.toml")).unwrap();
            fs::write(copy.join("model.toml"), manifest.replace("\"y\"", "\"z\"")).unwrap();
        },
        "model.toml: its sha256 is `",
    );
    with(
        &|copy| {
            let sums = fs::read_to_string(copy.join(SUMS_FILE)).unwrap();
            fs::write(copy.join(SUMS_FILE), sums + "00  golden.ndjson\n").unwrap();
        },
        "golden.ndjson: it is missing",
    );
    with(&|copy| fs::write(copy.join(SUMS_FILE), "x").unwrap(), "expected lines of a digest");
}

#[test]
fn what_is_no_version_is_not_published() {
    let (root, store) = store();
    let bare = directory("1");
    fs::remove_file(bare.path().join("model.toml")).unwrap();
    assert!(refusal(store.publish(bare.path())).contains("serin model init"));
    let nested = directory("1");
    fs::create_dir(nested.path().join("folder")).unwrap();
    assert!(refusal(store.publish(nested.path())).contains("folder"));
    let broken = directory("1");
    fs::write(broken.path().join("weights"), "x").unwrap();
    assert!(refusal(store.publish(broken.path())).contains("not a safetensors file"));
    assert_eq!(store.list().unwrap(), []);
    assert!(fs::read_dir(root.path().join("m")).is_err(), "nothing was begun");
    assert!(Store::at("s3://bucket/models").unwrap_err().to_string().contains("not implemented"));
}
