//! Drafts a manifest from an artifact and what stands around it.

mod columns;
mod network;
mod write;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use experiment::Problems;

use self::write::{Writer, identifier, quoted};
use super::artifact::Kind;
use super::beside::Beside;
use super::folder::{Found, find, name_of};
use crate::error::LoadError;
use crate::kernel::{self, Trainer};
use crate::model::digest;
use crate::signature::{ArtifactOutput, ArtifactOutputKind, Signature};

/// The first digits of an artifact's digest that make a version of it.
const VERSION_DIGITS: usize = 12;

/// A manifest drafted from what an artifact says of itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// The text of `model.toml`.
    pub text: String,
    /// The directory that the artifact is in.
    pub directory: PathBuf,
    /// The artifact's file there.
    pub file: String,
    /// What was found out and what was guessed, for a person to look at.
    pub notes: Vec<String>,
    /// What nothing tells: without an answer the model cannot be scored.
    open: Vec<String>,
}

/// The names that a person gives, in place of those that are found or made up.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// Of the model.
    pub model: Option<String>,
    /// Of the version.
    pub version: Option<String>,
    /// Of the outputs, in order.
    pub outputs: Vec<String>,
    /// Of the features that feed the columns, in order, where the artifact does not name them.
    pub features: Vec<String>,
}

/// A draft in the making.
struct Drafter<'f> {
    found: &'f Found,
    beside: Beside,
    names: &'f Names,
    writer: Writer,
    notes: Vec<String>,
    open: Vec<String>,
}

impl Draft {
    /// Drafts the manifest of the artifact at `path`: a file, or a folder of a trainer, a registry or a server.
    ///
    /// # Errors
    /// Where there is no artifact that is known, or several, or it is faulty.
    pub fn of(path: &Path, names: &Names) -> Result<Self, LoadError> {
        let found = find(path)?;
        let directory = found.path.parent().map(Path::to_owned).unwrap_or_default();
        let beside = Beside::read(&directory)?;
        let file = name_of(&found.path);
        let drafter = Drafter {
            notes: found.around.notes.clone(),
            found: &found,
            beside,
            names,
            writer: Writer::default(),
            open: Vec::new(),
        };
        let Drafter { writer, notes, open, .. } = drafter.draft(&file)?;
        Ok(Self { text: writer.finish(&notes, &open), directory, file, notes, open })
    }

    /// The first question that nothing answers, if there is one.
    pub fn open_question(&self) -> Option<&str> {
        self.open.first().map(String::as_str)
    }

    /// All questions that nothing answers.
    pub fn open_questions(&self) -> &[String] {
        &self.open
    }
}

impl Drafter<'_> {
    fn draft(mut self, file: &str) -> Result<Self, LoadError> {
        let digest = digest(&self.found.bytes);
        self.head(file, &digest);
        match self.found.kind {
            Kind::Safetensors => self.network()?,
            kind => {
                let place = self.found.path.to_string_lossy();
                let signature = kernel::describe(&place, &self.found.bytes, kind.trainer())?;
                self.describe(&signature);
                self.iterations(&signature);
                self.columns(&signature);
                self.outputs(&signature);
            }
        }
        for file in &self.beside.files {
            self.notes.push(format!("{file} beside it was used"));
        }
        Ok(self)
    }

    /// Name, version, format and file.
    fn head(&mut self, file: &str, digest: &str) {
        let around = &self.found.around;
        let name = self
            .names
            .model
            .clone()
            .or_else(|| around.name.clone())
            .unwrap_or_else(|| made_up(&self.found.path));
        let version = self.names.version.clone().or_else(|| around.version.clone());
        let version = version.unwrap_or_else(|| digest[..VERSION_DIGITS].to_owned());
        self.writer.field("name", &quoted(&identifier(&name)));
        self.writer.field("version", &quoted(&identifier(&version)));
        self.writer.field("format", &quoted(self.found.kind.format()));
        self.writer.field("file", &quoted(file));
        self.writer.field("sha256", &quoted(digest));
    }

    fn describe(&mut self, signature: &Signature) {
        let mut parts = vec![format!("{} columns", signature.columns.len())];
        parts.extend(signature.iterations.map(|iterations| format!("{iterations} iterations")));
        parts.extend(signature.objective.as_ref().map(|objective| format!("objective {objective}")));
        self.notes.push(format!("{}: {}", self.found.kind, parts.join(", ")));
    }

    fn iterations(&mut self, signature: &Signature) {
        let Some(best) = signature.best_iteration.filter(|best| Some(*best) != signature.iterations) else {
            return;
        };
        let all = signature.iterations.unwrap_or_default();
        if self.found.around.predicts_best {
            self.writer.field("iterations", "\"best\"");
            self.notes.push(format!(
                "early stopping found iteration {best} of {all} best, which the class that was logged predicts with"
            ));
        } else {
            self.notes.push(format!(
                "all {all} iterations count, as in `Booster.predict`, though early stopping found {best} best: \
                 `iterations = \"best\"` is what XGBoost's scikit-learn classes predict with"
            ));
        }
    }

    /// The names of the columns that somebody knows: a person, or the signature of a registry.
    fn known_columns(&self, count: usize) -> Option<Vec<String>> {
        let known = [&self.names.features, &self.found.around.columns];
        known.into_iter().find(|names| names.len() == count).cloned()
    }

    /// The outputs that are worth a name: probabilities or values; of two classes the second one.
    fn outputs(&mut self, signature: &Signature) {
        let scores: Vec<_> =
            signature.outputs.iter().filter(|output| output.kind != ArtifactOutputKind::Class).collect();
        let is_pair =
            scores.len() == 2 && scores.iter().all(|output| output.kind == ArtifactOutputKind::Probability);
        let chosen = match (scores.is_empty(), is_pair) {
            (true, _) => signature.outputs.iter().collect(),
            (false, true) => vec![scores[1]],
            (false, false) => scores,
        };
        let names = self.output_names(
            &chosen.iter().map(|output| made_up_output(output, chosen.len())).collect::<Vec<_>>(),
        );
        let is_whole = chosen.len() == signature.outputs.len();
        for (name, output) in names.iter().zip(&chosen) {
            self.writer.table("output");
            self.writer.field("name", &quoted(name));
            if !is_whole {
                self.writer.field("of", &quoted(label_or_name(output, &signature.outputs)));
            }
        }
        if is_pair {
            let label = chosen[0].label.as_deref().unwrap_or("1");
            self.notes.push(format!("of two classes, the probability of \"{label}\" is given"));
        }
        self.decision(&names);
    }

    /// The names of outputs: a person's, those of the scores beside the artifact, or these.
    fn output_names(&mut self, made_up: &[String]) -> Vec<String> {
        let given = [&self.names.outputs, &self.beside.outputs];
        let fits = |names: &&&Vec<String>| names.len() == made_up.len();
        let names = given.iter().find(fits).map_or_else(|| made_up.to_vec(), |names| names.to_vec());
        let names: Vec<_> = names.iter().map(|name| identifier(name)).collect();
        self.notes.push(format!("outputs: {}", names.join(", ")));
        names
    }

    /// The class, where the server that the model comes from decides for one.
    fn decision(&mut self, names: &[String]) {
        if let (Some(threshold), [name]) = (self.found.around.threshold, names) {
            self.writer.table("output");
            self.writer.field("name", &quoted("class"));
            self.writer.field("kind", &quoted("class"));
            self.writer.field("of", &quoted(name));
            self.writer.field("threshold", &toml::Value::Float(threshold).to_string());
        }
    }
}

/// The label of an output's class, which says more than its place, where no other output has it.
fn label_or_name<'o>(output: &'o ArtifactOutput, outputs: &[ArtifactOutput]) -> &'o str {
    let is_its_own = |label: &&Arc<str>| {
        let has_it = |other: &&ArtifactOutput| other.label.as_ref() == Some(*label) || other.name == **label;
        outputs.iter().filter(has_it).count() == 1
    };
    output.label.as_ref().filter(is_its_own).unwrap_or(&output.name)
}

/// The name of a model that nothing names: that of its file, or of its folder where every file is called so.
fn made_up(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    if stem != "model" {
        return stem;
    }
    // The path may be `model.txt`, whose folder is where we are.
    let folder = path.parent().and_then(|folder| std::fs::canonicalize(folder).ok());
    folder.map_or(stem, |folder| name_of(&folder))
}

fn made_up_output(output: &ArtifactOutput, count: usize) -> String {
    match (&output.label, output.kind, count) {
        (_, ArtifactOutputKind::Probability, 1) => "probability".to_owned(),
        (Some(label), ArtifactOutputKind::Probability, _) => format!("class_{label}"),
        (_, ArtifactOutputKind::Class, 1) => "class".to_owned(),
        (_, _, 1) => "prediction".to_owned(),
        _ => output.name.to_string(),
    }
}

impl Kind {
    /// The word in the manifest.
    pub(super) fn format(self) -> &'static str {
        match self {
            Self::LightGbm => "lightgbm",
            Self::XgBoost => "xgboost",
            Self::Onnx => "onnx",
            Self::Safetensors => "safetensors",
        }
    }
}

impl Kind {
    /// Whose trees they are, if they are trees.
    fn trainer(self) -> Option<Trainer> {
        match self {
            Self::LightGbm => Some(Trainer::LightGbm),
            Self::XgBoost => Some(Trainer::XgBoost),
            Self::Onnx | Self::Safetensors => None,
        }
    }
}

/// Whether two files of XGBoost hold one model.
pub(super) fn are_one_model(left: &[u8], right: &[u8]) -> bool {
    kernel::are_one_forest(left, right)
}

fn fault(path: &Path, message: String) -> LoadError {
    let mut problems = Problems::new(path.to_string_lossy());
    problems.push("model", message);
    problems.into()
}

/// What is asked of a person about columns that have no names.
fn unnamed(names: &[String]) -> String {
    let name = |name: Option<&String>| name.cloned().unwrap_or_default();
    let (first, last, count) = (name(names.first()), name(names.last()), names.len());
    format!(
        "which features feed the {count} columns {first} to {last}: the artifact does not name them, and --feature-names does"
    )
}
