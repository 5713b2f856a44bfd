//! An MLflow folder: `MLmodel` says which file is the model, and what its columns are called.

use std::path::Path;

use serde::Deserialize;

use super::folder::{Around, refuse};
use super::text::yaml;
use crate::error::{LoadError, shorten};
use crate::manifest::MANIFEST_BYTES_MAX;
use crate::model::read as read_file;

/// What says that a folder is MLflow's.
pub(super) const FILE: &str = "MLmodel";

/// The flavours that have a file which is read here, and the key that names it.
const FLAVOURS: [(&str, &str); 3] = [("lightgbm", "data"), ("xgboost", "data"), ("onnx", "data")];

/// A column of a signature.
#[derive(Deserialize)]
struct Column {
    name: Option<String>,
}

/// The file of the model below `folder`, and what is said of it.
pub(super) fn read(folder: &Path) -> Result<(String, Around), LoadError> {
    let path = folder.join(FILE);
    let bytes = read_file(&path, MANIFEST_BYTES_MAX)?;
    let entries = yaml(&String::from_utf8_lossy(&bytes)).map_err(|fault| refuse(&path, fault))?;
    let get = |key: &str| entries.iter().find(|(path, _)| path == key).map(|(_, value)| value.as_str());
    let file = FLAVOURS.iter().find_map(|(flavour, key)| {
        get(&format!("flavors.{flavour}.{key}")).map(|file| (*flavour, file.to_owned()))
    });
    let Some((flavour, file)) = file else {
        return Err(refuse(&path, unknown_flavour(&entries)));
    };
    check_inside(&file).map_err(|fault| refuse(&path, fault))?;
    let class = get(&format!("flavors.{flavour}.model_class")).unwrap_or_default();
    let columns = get("signature.inputs").map(columns).unwrap_or_default();
    let known = |key| get(key).filter(|value| *value != "null");
    let version = ["model_id", "model_uuid", "run_id"].into_iter().find_map(known);
    let around = Around {
        version: version.map(str::to_owned),
        predicts_best: class.contains("sklearn"),
        notes: vec![format!("{FILE}: the flavour is {flavour}, the file {file}")],
        columns,
        ..Around::default()
    };
    Ok((file, around))
}

fn unknown_flavour(entries: &[(String, String)]) -> String {
    let flavours = entries.iter().filter_map(|(path, _)| path.strip_prefix("flavors.")?.split('.').next());
    let mut flavours: Vec<_> =
        flavours.filter(|flavour| *flavour != "python_function").map(shorten).collect();
    flavours.dedup();
    let hint = match flavours.first().map(String::as_str) {
        Some("sklearn") => {
            "; a pickle or a skops archive is not read: log ONNX with `mlflow.onnx.log_model(skl2onnx.to_onnx(…))`"
        }
        Some("pytorch") => "; a pickle is not read: log ONNX with `mlflow.onnx.log_model`",
        Some("catboost") => "; log ONNX, which `model.save_model(\"model.onnx\", format=\"onnx\")` writes",
        _ => "",
    };
    let found = if flavours.is_empty() { "none".to_owned() } else { flavours.join(", ") };
    format!("its flavours are {found}: expected lightgbm, xgboost or onnx with a file in `data`{hint}")
}

/// A file below the folder, and not above it.
pub(super) fn check_inside(file: &str) -> Result<(), String> {
    let is_inside = !file.starts_with('/') && file.split('/').all(|step| step != "..");
    if is_inside {
        Ok(())
    } else {
        Err(format!("it names a file outside of its folder: \"{}\"", shorten(file)))
    }
}

/// The names of the columns of a signature; none where it has no names, or is one of tensors without any.
fn columns(signature: &str) -> Vec<String> {
    let columns: Vec<Column> = serde_json::from_str(signature).unwrap_or_default();
    let names: Option<Vec<String>> = columns.into_iter().map(|column| column.name).collect();
    names.unwrap_or_default()
}
