//! Reads a type from a tree again and again, each time past one more fault, so that all of them are found.
//!
//! Serde stops at the first fault. So a value that is wrong is reported and, for the next reading, replaced by a
//! stand-in of whatever type is asked for; where no stand-in is accepted, it is left out, and what cannot do
//! without it is left out in turn. A reading takes microseconds, and every one settles a value for good.

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde::de::DeserializeOwned;

use super::fault::{Fault, Kind, unknown_field};
use super::path::Path;
use super::problems::{MAX_PROBLEMS, Problem};
use super::reader::Reader;
use super::stand_in::ATTEMPTS;
use super::tree::Node;

/// The most readings; reached by no file that has fewer than a hundred faults.
const MAX_READINGS: usize = 1_000;

/// What stands in the next reading for a value that was wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Repair {
    /// A value made up for the type, the n-th attempt.
    StandIn(usize),
    /// Nothing.
    LeftOut,
    /// Nothing, and nothing is missing: no such field exists.
    Unknown,
}

impl Repair {
    /// Whether the type is read without a value that it should have had.
    fn is_a_loss(self) -> bool {
        self != Self::Unknown
    }
}

/// What is known of the faults so far.
pub(super) struct Repairs<'a> {
    root: &'a Node,
    repairs: RefCell<BTreeMap<Path, Repair>>,
    problems: RefCell<Vec<Problem>>,
}

pub(super) fn read<T: DeserializeOwned>(root: &Node) -> Result<T, Vec<Problem>> {
    let repairs = Repairs { root, repairs: RefCell::default(), problems: RefCell::default() };
    for _ in 0..MAX_READINGS {
        match T::deserialize(Reader::new(root, &repairs)) {
            Ok(value) if repairs.problems.borrow().is_empty() => return Ok(value),
            Ok(_) => break,
            Err(fault) => {
                if !repairs.get_past(fault) || repairs.problems.borrow().len() >= MAX_PROBLEMS {
                    break;
                }
            }
        }
    }
    Err(repairs.problems.into_inner())
}

impl Repairs<'_> {
    pub(super) fn of(&self, path: &Path) -> Option<Repair> {
        self.repairs.borrow().get(path).copied()
    }

    /// Reports a field that the struct at `path` does not have. Where it was probably meant to be another one,
    /// that one is not reported as missing.
    pub(super) fn unknown(
        &self,
        path: &Path,
        field: &str,
        known: &'static [&'static str],
        meant: Option<&str>,
    ) {
        let child = path.key(field);
        // Past the limit nothing is shown, and finding a place in a table of very many takes a while.
        if self.of(&child).is_none() && self.problems.borrow().len() < MAX_PROBLEMS {
            self.report(&child, unknown_field(field, known));
            self.set(child, Repair::Unknown);
            if let Some(meant) = meant {
                self.repairs.borrow_mut().entry(path.key(meant)).or_insert(Repair::StandIn(0));
            }
        }
    }

    /// Reports a fault, unless it only follows from another one, and repairs its place for the next reading.
    /// Returns false when nothing is left to repair.
    fn get_past(&self, fault: Fault) -> bool {
        let path = fault.path.unwrap_or_default();
        if let Some((stand_in, attempt)) = self.stand_in_above(&path) {
            return self.retry(stand_in, attempt);
        }
        match fault.kind {
            Kind::Missing(field) => self.missing(path, field),
            Kind::Unknown(field, message) => {
                let child = path.key(&field);
                if self.of(&child).is_some() {
                    return self.leave_out(path);
                }
                self.report(&child, message);
                self.set(child, Repair::Unknown);
                true
            }
            Kind::Wrong(message) => {
                if !self.has_losses(&path) {
                    self.report(&path, message);
                }
                self.replace(path)
            }
        }
    }

    fn missing(&self, path: Path, field: &'static str) -> bool {
        let child = path.key(field);
        if self.of(&child).is_some() {
            return self.leave_out(path);
        }
        self.report(&child, "missing".to_owned());
        self.replace(child)
    }

    /// Whether something is made up or left out beneath `path`; a struct may then be wrong because of that.
    fn has_losses(&self, path: &Path) -> bool {
        self.repairs.borrow().iter().any(|(repaired, repair)| repair.is_a_loss() && path.contains(repaired))
    }

    fn stand_in_above(&self, path: &Path) -> Option<(Path, usize)> {
        path.upwards().find_map(|above| match self.of(&above) {
            Some(Repair::StandIn(attempt)) => Some((above, attempt)),
            _ => None,
        })
    }

    fn retry(&self, path: Path, attempt: usize) -> bool {
        if attempt + 1 < ATTEMPTS {
            self.set(path, Repair::StandIn(attempt + 1));
            return true;
        }
        self.leave_out(path)
    }

    fn replace(&self, path: Path) -> bool {
        let is_part = !path.steps().is_empty();
        self.set(path, Repair::StandIn(0));
        is_part
    }

    fn leave_out(&self, path: Path) -> bool {
        let is_part = !path.steps().is_empty();
        self.set(path, Repair::LeftOut);
        is_part
    }

    fn set(&self, path: Path, repair: Repair) {
        self.repairs.borrow_mut().insert(path, repair);
    }

    fn report(&self, path: &Path, message: String) {
        let problem = Problem { place: self.root.place_of(path), path: path.to_string(), message };
        self.problems.borrow_mut().push(problem);
    }
}
