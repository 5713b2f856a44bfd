//! Where in a configuration a value is.

use std::fmt;

/// The steps from the top of the file to a value.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Path(Vec<Step>);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    Key(String),
    Index(usize),
}

impl Path {
    pub(super) fn key(&self, key: &str) -> Self {
        self.with(Step::Key(key.to_owned()))
    }

    pub(super) fn index(&self, index: usize) -> Self {
        self.with(Step::Index(index))
    }

    pub(super) fn steps(&self) -> &[Step] {
        &self.0
    }

    /// This path and the ones above it, the nearest first, the whole file last.
    pub(super) fn upwards(&self) -> impl Iterator<Item = Self> + '_ {
        (0..=self.0.len()).rev().map(|length| Self(self.0.iter().take(length).cloned().collect()))
    }

    /// Whether `other` is beneath this path.
    pub(super) fn contains(&self, other: &Self) -> bool {
        other.0.len() > self.0.len() && other.0.starts_with(&self.0)
    }

    /// Reads what `Display` writes. Keys with dots or brackets of their own are not understood.
    pub(super) fn parse(text: &str) -> Self {
        let words = text.split(['.', '[']).filter(|word| !word.is_empty());
        Self(words.map(Step::parse).collect())
    }

    fn with(&self, step: Step) -> Self {
        Self(self.0.iter().cloned().chain([step]).collect())
    }
}

impl Step {
    fn parse(word: &str) -> Self {
        let index = word.strip_suffix(']').and_then(|digits| digits.parse().ok());
        index.map_or_else(|| Self::Key(word.to_owned()), Self::Index)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.0.iter().enumerate() {
            match step {
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Key(key) if is_bare(key) => write!(f, "{}{key}", if position == 0 { "" } else { "." })?,
                Step::Key(key) => write!(f, "{}{key:?}", if position == 0 { "" } else { "." })?,
            }
        }
        Ok(())
    }
}

/// Whether TOML lets the key stand without quotes.
fn is_bare(key: &str) -> bool {
    !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}
