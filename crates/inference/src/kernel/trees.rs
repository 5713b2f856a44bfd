//! Ensembles of trees as kernels: what is asked of them, and what they say of themselves.

use std::fmt::Write;
use std::sync::Arc;

use events::Value;
use experiment::Problems;
use sha2::{Digest, Sha256};

use crate::forest::{self, Category, Description, Forest, Output, Prediction};
use crate::manifest::{DataType, Iterations, Trees};
use crate::signature::{ArtifactOutput, ArtifactOutputKind, Column, ColumnKind, Signature};

/// Whose file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trainer {
    LightGbm,
    XgBoost,
}

/// Reads an ensemble; faults are reported under `place`.
pub(super) fn load(
    place: &str,
    artifact: &[u8],
    trainer: Trainer,
    trees: Trees,
) -> Result<(Forest, Signature), Problems> {
    let iterations = match trees.iterations {
        Iterations::All => forest::Iterations::All,
        Iterations::Best => forest::Iterations::Best,
        Iterations::First(count) => forest::Iterations::First(count as usize),
    };
    let (forest, description) = match trainer {
        Trainer::LightGbm => Forest::lightgbm(place, artifact, iterations)?,
        Trainer::XgBoost => Forest::xgboost(place, artifact, iterations)?,
    };
    let outputs = forest.outputs(output(trees));
    let signature = signature(description, trainer, trees, outputs);
    Ok((forest, signature))
}

/// What the trees are asked for.
pub(crate) fn output(trees: Trees) -> Output {
    if trees.raw_scores { Output::Raw } else { Output::Prediction }
}

/// Whether two files of XGBoost hold the same trees.
pub(super) fn are_one(left: &[u8], right: &[u8]) -> bool {
    let read = |bytes| Forest::xgboost("model", bytes, forest::Iterations::All);
    match (read(left), read(right)) {
        (Ok((left, one)), Ok((right, other))) => {
            let is_like = one.columns == other.columns && one.objective == other.objective;
            is_like && print(&left).is_some_and(|print_left| print(&right) == Some(print_left))
        }
        _ => false,
    }
}

/// The digest of all that is in a forest.
fn print(forest: &Forest) -> Option<[u8; 32]> {
    struct Hashing(Sha256);
    impl Write for Hashing {
        fn write_str(&mut self, text: &str) -> std::fmt::Result {
            self.0.update(text.as_bytes());
            Ok(())
        }
    }
    let mut hashing = Hashing(Sha256::new());
    write!(hashing, "{forest:?}").ok()?;
    Some(hashing.0.finalize().into())
}

fn signature(description: Description, trainer: Trainer, trees: Trees, outputs: usize) -> Signature {
    let mut unassigned = assign(&description);
    let is_named = description.named && !is_made_up(&description.columns);
    let columns = description.columns.into_iter();
    let columns = columns.map(|column| {
        let kind = match column.kind {
            forest::ColumnKind::Category(own) => {
                let categories = own.or_else(|| unassigned.next()).unwrap_or_default();
                ColumnKind::Category(categories.into_iter().map(value).collect())
            }
            _ => ColumnKind::Number(held_in(trainer)),
        };
        Column { name: column.name.into(), kind }
    });
    Signature {
        columns: columns.collect(),
        is_named,
        outputs: (0..outputs).map(|at| given(description.prediction, trees, at, outputs)).collect(),
        objective: Some(description.objective),
        iterations: Some(description.iterations),
        best_iteration: description.best_iterations,
    }
}

/// Whether all names are those that LightGBM writes where nobody has named the columns.
fn is_made_up(columns: &[forest::Column]) -> bool {
    columns.iter().enumerate().all(|(at, column)| column.name == format!("Column_{at}"))
}

/// The lists of categories that the file has not given to a column: pandas' categorical columns in their order, which
/// is that of the columns. Where there are not as many of each, nothing tells which is whose.
fn assign(description: &Description) -> std::vec::IntoIter<Vec<Category>> {
    let is_waiting = |column: &&forest::Column| column.kind == forest::ColumnKind::Category(None);
    let waiting = description.columns.iter().filter(is_waiting).count();
    let lists =
        if waiting == description.unassigned.len() { description.unassigned.clone() } else { Vec::new() };
    lists.into_iter()
}

fn value(category: Category) -> Value {
    match category {
        Category::Text(text) => Value::Text(text.into()),
        Category::Number(number) => Value::Number(number),
        Category::Flag(flag) => Value::Bool(flag),
    }
}

/// XGBoost rounds all that it reads, and cannot read what becomes infinite then.
fn held_in(trainer: Trainer) -> DataType {
    match trainer {
        Trainer::LightGbm => DataType::Double,
        Trainer::XgBoost => DataType::Float,
    }
}

fn given(prediction: Prediction, trees: Trees, at: usize, count: usize) -> ArtifactOutput {
    let (word, kind) = match prediction {
        _ if trees.raw_scores => ("raw", ArtifactOutputKind::Value),
        Prediction::Probability => ("probability", ArtifactOutputKind::Probability),
        Prediction::Probabilities => ("probabilities", ArtifactOutputKind::Probability),
        Prediction::Class => ("class", ArtifactOutputKind::Class),
        Prediction::Value => ("value", ArtifactOutputKind::Value),
        Prediction::Score => ("score", ArtifactOutputKind::Value),
    };
    let name = if count == 1 { word.into() } else { format!("{word}[{at}]").into() };
    let label: Option<Arc<str>> = match prediction {
        Prediction::Probability if count == 1 => Some("1".into()),
        Prediction::Probabilities => Some(at.to_string().into()),
        _ => None,
    };
    ArtifactOutput { name, label, kind }
}
