//! Tree ensembles from the files of their trainers: LightGBM's text, XGBoost's JSON and UBJSON.
//!
//! A [`Forest`] gives what the trainer's own `predict` gives, to the last bit where the trainer is deterministic
//! itself: LightGBM compares and sums in 64 bits, XGBoost rounds inputs to 32 and sums in 32, tree after tree; and so
//! does this. What it does not know it refuses at load, by name.
//!
//! **Invariant:** a row's predictions depend on the row alone: every [`Kernel`] gives the same bits, whatever the row
//! is batched with.

mod description;
mod document;
mod ensemble;
mod kernel;
mod layout;
mod lightgbm;
#[cfg(test)]
mod tests;
mod transform;
mod xgboost;

use experiment::Problems;

pub use description::{Category, Column, ColumnKind, Description, Prediction};
pub use kernel::{Kernel, Scratch};

use ensemble::Ensemble;
use layout::Layout;
use transform::Transform;

/// How many iterations (rounds of boosting) of a file are scored with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Iterations {
    /// All that the file has, as `Booster.predict` of both libraries does with a loaded model.
    #[default]
    All,
    /// Those up to the best one, as early stopping found it.
    ///
    /// XGBoost writes it into the file as the attribute `best_iteration`; without it loading fails. LightGBM does not
    /// say it: `save_model` writes no more than those, so all are meant.
    Best,
    /// The first so many, at least one.
    First(usize),
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Output {
    /// What the trainer's `predict` gives: probabilities, values, a class.
    #[default]
    Prediction,
    /// The margins: sums of leaves, before the objective transforms them.
    Raw,
}

/// A tree ensemble. Immutable, so all threads share it; each has a [`Scratch`] of its own.
#[derive(Debug)]
pub struct Forest {
    columns: usize,
    start: Vec<f64>,
    divisor: Option<f64>,
    transform: Transform,
    layout: Layout,
}

impl Forest {
    /// Reads LightGBM's text format; faults are reported under `place`.
    ///
    /// # Errors
    /// Where the text is faulty or cut off, or says something that is not supported.
    pub fn lightgbm(
        place: &str,
        bytes: &[u8],
        iterations: Iterations,
    ) -> Result<(Self, Description), Problems> {
        let (ensemble, description) = lightgbm::read(place, bytes, iterations)?;
        Ok((Self::new(place, ensemble)?, description))
    }

    /// Reads XGBoost's JSON or UBJSON, told apart by their content; faults are reported under `place`.
    ///
    /// # Errors
    /// Where the document is faulty or cut off, or says something that is not supported.
    pub fn xgboost(
        place: &str,
        bytes: &[u8],
        iterations: Iterations,
    ) -> Result<(Self, Description), Problems> {
        let (ensemble, description) = xgboost::read(place, bytes, iterations)?;
        Ok((Self::new(place, ensemble)?, description))
    }

    fn new(place: &str, ensemble: Ensemble) -> Result<Self, Problems> {
        let (columns, divisor, transform) = (ensemble.columns, ensemble.divisor, ensemble.transform);
        let start = ensemble.start.clone();
        let layout = Layout::new(ensemble).map_err(|fault| {
            let mut problems = Problems::new(place);
            problems.push("trees", fault);
            problems
        })?;
        Ok(Self { columns, start, divisor, transform, layout })
    }

    /// How many numbers a row has, in the order of [`Description::columns`].
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// How many numbers come of a row.
    pub fn outputs(&self, output: Output) -> usize {
        match output {
            Output::Prediction => self.transform.outputs(self.start.len()),
            Output::Raw => self.start.len(),
        }
    }

    /// Writes the predictions of `rows` into `outputs`, both row-major.
    ///
    /// NaN is a missing value; a category is its code. Infinities are numbers like others: LightGBM takes them so, and
    /// XGBoost's own `DMatrix` refuses them. Allocates nothing once `scratch` has seen a batch as large.
    ///
    /// # Panics
    /// Where the lengths of `rows` and `outputs` are not those of one number of rows.
    pub fn predict(&self, rows: &[f64], outputs: &mut [f64], scratch: &mut Scratch) {
        self.predict_as(Output::Prediction, rows, outputs, scratch);
    }

    /// As [`Forest::predict`], with the kind of output to choose.
    ///
    /// # Panics
    /// As there.
    pub fn predict_as(&self, output: Output, rows: &[f64], outputs: &mut [f64], scratch: &mut Scratch) {
        let width = self.outputs(output);
        let count = rows.len() / self.columns;
        assert_eq!(rows.len(), count * self.columns, "whole rows of {} numbers", self.columns);
        assert_eq!(outputs.len(), count * width, "{width} outputs for each of {count} rows");
        let mut done = 0;
        while done < count {
            let scored = scratch.score(self, &rows[done * self.columns..]);
            for (row, outputs) in outputs[done * width..].chunks_exact_mut(width).take(scored).enumerate() {
                let margins = scratch.margins(row);
                self.finish(output, margins);
                outputs.copy_from_slice(&margins[..width]);
            }
            done += scored;
        }
    }

    fn finish(&self, output: Output, margins: &mut [f64]) {
        if output == Output::Prediction {
            if let Some(divisor) = self.divisor {
                margins.iter_mut().for_each(|margin| *margin /= divisor);
            }
            self.transform.apply(margins);
        }
    }
}

/// The number of iterations that was asked for, if there are as many.
fn first(count: usize, all: usize) -> Result<usize, String> {
    match count {
        1.. if count <= all => Ok(count),
        _ => Err(format!("{count} iterations were asked for, but the file has {all}")),
    }
}
