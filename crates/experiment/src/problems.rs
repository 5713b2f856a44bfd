//! The faults of one document, all of them at once.

use std::fmt;

use serde::Serialize;

/// One fault: where it is, and what is wrong there and would be right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Where in the document, in its own words: `coverage`, `arm "canary"`, `line 7`.
    pub place: String,
    /// What is wrong, with the offending value, and what would be right. Lowercase, no full stop.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

/// All faults of one document, so that one reading finds them all.
///
/// Other crates add to the same list what only they can know (that a version is missing from its store,
/// say), so that the user still meets one message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
pub struct Problems {
    /// The document: a path, usually.
    pub place: String,
    /// The faults, in the order in which they were found.
    pub problems: Vec<Problem>,
}

impl Problems {
    /// No faults yet in the document `place`.
    pub fn new(place: impl Into<String>) -> Self {
        Self { place: place.into(), problems: Vec::new() }
    }

    /// Adds a fault.
    pub fn push(&mut self, place: impl Into<String>, message: impl Into<String>) {
        self.problems.push(Problem { place: place.into(), message: message.into() });
    }

    /// `Ok` if nothing was added.
    ///
    /// # Errors
    /// Itself, if it holds a fault.
    pub fn into_result(self) -> Result<(), Self> {
        if self.problems.is_empty() { Ok(()) } else { Err(self) }
    }
}

/// One headline and a line for each fault, as a user reads them after `error: `.
impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.problems.len() == 1 { "" } else { "s" };
        write!(f, "{}: {} problem{plural}", self.place, self.problems.len())?;
        for problem in &self.problems {
            write!(f, "\n  {problem}")?;
        }
        Ok(())
    }
}
