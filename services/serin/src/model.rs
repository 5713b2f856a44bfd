//! `serin model …`: models on their way from the trainer to the stream.

mod check;
mod golden;
mod init;
mod store;

use std::path::Path;

use inference::{LoadError, Model};
use runtime::config::{Problem, Problems};

pub(crate) use self::check::check;
pub(crate) use self::init::init;
pub(crate) use self::store::{list, publish};
use crate::progress::eprint_line;

/// Loads the model at `path`.
pub(crate) fn load(path: &Path) -> Result<Model, Problems> {
    Model::load(path).map_err(|error| problems(&path.display().to_string(), error))
}

/// What is wrong with a model at `place`, as a user reads it.
fn problems(place: &str, error: LoadError) -> Problems {
    match error {
        LoadError::Invalid(faults) => {
            let faulty = faults.problems.iter().map(|fault| Problem::whole(fault.to_string())).collect();
            Problems::new(faults.place, faulty)
        }
        other => Problems::one(place, Problem::whole(other.to_string())),
    }
}

/// Says what is to be known of a model before its scores are relied on.
pub(crate) fn warn(model: &Model) {
    if model.golden_rows() == 0 {
        eprint_line(
            "note: the model has no golden rows: nothing shows that it scores here as it was trained",
        );
    }
}
