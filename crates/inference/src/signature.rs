//! What an artifact says of itself: the columns that it reads, and the numbers that it gives.

use std::sync::Arc;

use events::Value;

use crate::manifest::DataType;

/// What an artifact says of itself. `serin model init` drafts a manifest from it, and a manifest is bound to it by
/// name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Signature {
    /// The columns in the artifact's order; none for safetensors, whose tensors know only how many there are.
    pub columns: Vec<Column>,
    /// Whether the artifact itself names its columns. If not, their names are those that its library makes up.
    pub is_named: bool,
    /// The numbers that it gives, in order.
    pub outputs: Vec<ArtifactOutput>,
    /// What it was trained for, in its library's words: `binary`, `multi:softprob`.
    pub objective: Option<String>,
    /// How many rounds of boosting it has.
    pub iterations: Option<usize>,
    /// Which of them early stopping found best, counted from 1.
    pub best_iteration: Option<usize>,
}

/// A column of an artifact.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Its name.
    pub name: Arc<str>,
    /// What it holds.
    pub kind: ColumnKind,
}

/// What a column holds.
#[derive(Clone, Debug, PartialEq)]
pub enum ColumnKind {
    /// Numbers.
    Number(DataType),
    /// Truth values.
    Boolean,
    /// Codes of categories, which are these where the artifact keeps them; code 0 is the first.
    Category(Vec<Value>),
    /// Text.
    Text,
}

/// A number that an artifact gives.
#[derive(Clone, Debug, PartialEq)]
pub struct ArtifactOutput {
    /// Its name in the artifact, with the place in it where it has several: `probabilities[1]`.
    pub name: Arc<str>,
    /// The label of the class that it is about.
    pub label: Option<Arc<str>>,
    /// What it is.
    pub kind: ArtifactOutputKind,
}

/// What a number is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArtifactOutputKind {
    /// A probability of a class.
    Probability,
    /// The label, or the place of the label, of the class that was decided for.
    Class,
    /// Anything else: a mean, a count, a score.
    Value,
}

impl Signature {
    /// Of an artifact that knows no more than how many numbers it gives.
    pub(crate) fn of_outputs(count: usize) -> Self {
        let output = |at: usize| ArtifactOutput {
            name: at.to_string().into(),
            label: None,
            kind: ArtifactOutputKind::Value,
        };
        Self { outputs: (0..count).map(output).collect(), ..Self::default() }
    }

    /// The columns that hold numbers, truth values and categories among them.
    pub(crate) fn numbers(&self) -> usize {
        self.columns.iter().filter(|column| column.kind != ColumnKind::Text).count()
    }

    /// The columns that hold text.
    pub(crate) fn texts(&self) -> usize {
        self.columns.len() - self.numbers()
    }
}
