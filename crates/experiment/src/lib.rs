//! Experiments: what is asked, who takes part, and in which arm. Pure: no I/O, no clock, no chance.
//!
//! An [`Experiment`] is read from TOML text with [`Experiment::parse`], which reports every fault at once,
//! and answers [`Experiment::assign`]: does this unit take part, and which arm is it in? The answer is a
//! function of the definition and the unit alone, so every service, every language and every SQL warehouse
//! computes the same one (`schemas/assignment` has the formula and test vectors).
//!
//! **Invariant:** an [`Experiment`] that exists has been checked. Its data is read through `Deref` and
//! cannot be changed; the one thing that may change while it runs, its coverage, goes through
//! [`Experiment::with_coverage`].
//!
//! **Invariant:** a change of coverage moves no unit from one arm to another.

mod assignment;
mod definition;
mod definitions;
mod epoch;
mod problems;
mod share;
mod targeting;
#[cfg(test)]
mod tests;
mod together;

pub use assignment::{Assignment, Bucket, Salt, SaltError};
pub use definition::{
    Absent, Aggregate, Arm, Better, Correction, CoverageError, Decision, Definition, Experiment, Layer,
    Method, Metric, MetricKind, MetricRole, Quantity, QuantityError, Winsorize, limits,
};
pub use definitions::Definitions;
pub use epoch::Epoch;
pub use problems::{Problem, Problems};
pub use share::{BasisPoints, NotBasisPoints};
pub use targeting::{Condition, ContextValue, Rule, Values};
pub use together::check_together;
