//! The report of what is wrong with a configuration.

use std::fmt;

/// The most problems in one report. Who has more has one cause for most of them.
pub const MAX_PROBLEMS: usize = 50;

/// All that is wrong with one file, in the order of its lines.
///
/// Shown as the name of the file with the number of problems, then a line each, indented by two spaces:
///
/// ```text
/// serin.toml: 2 problems
///   line 3: `broker.ulr`: unknown field; did you mean `url`?
///   line 7: `input.timeout`: expected a duration such as "250ms", "5s" or "14d", found "5 parsecs"
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems {
    /// The name of the file.
    pub place: String,
    /// What is wrong with it; none only while a service collects its own with [`Problems::push`].
    pub problems: Vec<Problem>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where the value was written.
    pub place: Place,
    /// The path of the field, such as `broker.url`; empty where the file as a whole is meant.
    pub path: String,
    /// The value and what would be right. Never a secret's value.
    pub message: String,
}

/// Where a value was written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// In no particular line.
    Whole,
    /// In this line of the file, counted from 1.
    Line(usize),
    /// In this variable of the environment.
    Variable(String),
}

impl Problems {
    /// A report of `problems` in the file `place`, in the order of their places and without repetitions, cut to
    /// [`MAX_PROBLEMS`].
    pub fn new(place: impl Into<String>, mut problems: Vec<Problem>) -> Self {
        problems.sort_by(|a, b| (&a.place, &a.path).cmp(&(&b.place, &b.path)));
        problems.dedup();
        problems.truncate(MAX_PROBLEMS);
        Self { place: place.into(), problems }
    }

    /// A report of a single problem.
    pub fn one(place: impl Into<String>, problem: Problem) -> Self {
        Self::new(place, vec![problem])
    }

    /// Adds a problem, unless [`MAX_PROBLEMS`] are there already.
    pub fn push(&mut self, problem: Problem) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(problem);
        }
    }

    /// `checked`, unless there are problems.
    ///
    /// # Errors
    ///
    /// This report, in the order of places, where it has problems.
    pub fn or<T>(self, checked: T) -> Result<T, Self> {
        if self.problems.is_empty() { Ok(checked) } else { Err(Self::new(self.place, self.problems)) }
    }
}

impl Problem {
    /// A problem of the file as a whole.
    pub fn whole(message: impl Into<String>) -> Self {
        Self { place: Place::Whole, path: String::new(), message: message.into() }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.problems.len();
        let noun = if count == 1 { "problem" } else { "problems" };
        let more = if count < MAX_PROBLEMS { "" } else { " or more" };
        write!(f, "{}: {count} {noun}{more}", self.place)?;
        self.problems.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Whole => {}
            Place::Line(line) => write!(f, "line {line}: ")?,
            Place::Variable(name) => write!(f, "{name}: ")?,
        }
        if !self.path.is_empty() {
            write!(f, "`{}`: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for Problems {}
