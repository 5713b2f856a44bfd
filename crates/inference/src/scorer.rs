//! Scoring with one model: events in, outputs out, in blocks.

#[cfg(test)]
mod tests;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use compact_str::CompactString;
use events::{Fields, Outputs};

use crate::encoder::{self, Bindings};
use crate::error::{ScoreError, shorten};
use crate::failpoint::Failure;
use crate::forest::Scratch;
use crate::kernel::{Kernel, ROWS_MAX};
use crate::model::Model;
use crate::onnx;

/// A model with the working memory to score by it: for one thread, reused from batch to batch.
#[derive(Debug)]
pub struct Scorer {
    model: Arc<Model>,
    bindings: Bindings,
    rows: Rows,
    /// What the artifact gives for them, row-major.
    given: Vec<f64>,
    /// For each event of a block, why it could not be encoded.
    errors: Vec<Option<ScoreError>>,
    /// One event's outputs.
    row: Vec<f64>,
    failure: Failure,
}

/// Encoded rows, row-major.
#[derive(Debug)]
enum Rows {
    /// Of a network, and what it gives for them.
    Floats { block: Vec<f32>, scores: Vec<f32> },
    /// Of trees, with their working memory.
    Doubles { numbers: Vec<f64>, scratch: Box<Scratch> },
    /// Of a graph, with its working memory.
    Mixed { numbers: Vec<f64>, texts: Vec<CompactString>, scratch: Box<onnx::Scratch> },
}

impl Rows {
    fn new(model: &Model) -> Self {
        let rows = model.kernel.block_rows();
        let width = rows * model.encoder.width();
        match &model.kernel {
            Kernel::Graph(graph) => Self::Mixed {
                numbers: vec![0.0; width],
                texts: vec![CompactString::default(); rows * model.encoder.texts()],
                scratch: Box::new(graph.scratch()),
            },
            Kernel::Forest(..) => Self::Doubles { numbers: vec![0.0; width], scratch: Box::default() },
            _ => Self::Floats { block: vec![0.0; width], scores: vec![0.0; rows * model.kernel.outputs()] },
        }
    }
}

impl Scorer {
    pub(crate) fn new(model: Arc<Model>) -> Self {
        let (rows, given) = (model.kernel.block_rows(), model.kernel.outputs());
        Self {
            bindings: Bindings::default(),
            rows: Rows::new(&model),
            given: vec![0.0; rows * given],
            errors: vec![None; rows],
            row: vec![0.0; model.answers.names().len()],
            failure: Failure::default(),
            model,
        }
    }

    /// The same, but failing where a test asks for it.
    pub(crate) fn with_failures(mut self) -> Self {
        self.failure = Failure::of(self.model.version());
        self
    }

    /// The model.
    pub fn model(&self) -> &Arc<Model> {
        &self.model
    }

    /// Scores events, and puts a result for each into `results`, in order, in place of what was there.
    ///
    /// A result depends on its event alone, to the last bit: not on what else is in the batch, nor where it
    /// stands in it. An event that cannot be scored gets an error; its neighbours do not notice.
    pub fn score<'e>(
        &mut self,
        events: impl IntoIterator<Item = &'e Fields>,
        results: &mut Vec<Result<Outputs, ScoreError>>,
    ) {
        results.clear();
        let mut events = events.into_iter();
        let rows = self.errors.len();
        let mut block: [&Fields; ROWS_MAX];
        while let Some(first) = events.next() {
            block = [first; ROWS_MAX];
            let rest = block[1..rows].iter_mut().zip(&mut events).map(|(place, event)| *place = event);
            let length = 1 + rest.count();
            self.score_block(&block[..length], results);
        }
    }

    /// Scores a block. If the model panics, its events are scored again one by one: so only those that make it
    /// panic fail, and which ones do is not a matter of their neighbours.
    fn score_block(&mut self, events: &[&Fields], results: &mut Vec<Result<Outputs, ScoreError>>) {
        let before = results.len();
        let Err(panic) = self.try_block(events, results) else {
            return;
        };
        results.truncate(before);
        if events.len() == 1 {
            results.push(Err(panic));
            return;
        }
        for event in events {
            self.score_block(std::slice::from_ref(event), results);
        }
    }

    /// Scores a block, and catches the model's panic.
    fn try_block(
        &mut self,
        events: &[&Fields],
        results: &mut Vec<Result<Outputs, ScoreError>>,
    ) -> Result<(), ScoreError> {
        // Every buffer is written before it is read again, and a cut results list is restored by the caller.
        let attempt = AssertUnwindSafe(|| self.compute_block(events, results));
        catch_unwind(attempt).map_err(|panic| {
            let text = panic.downcast_ref::<&str>().copied().map(str::to_owned);
            let message = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
            ScoreError::Panicked { message: shorten(&message) }
        })
    }

    fn compute_block(&mut self, events: &[&Fields], results: &mut Vec<Result<Outputs, ScoreError>>) {
        self.errors.fill(None);
        let Self { model, bindings, errors, given, .. } = self;
        match (&model.kernel, &mut self.rows) {
            (Kernel::Dense(network), Rows::Floats { block, scores }) => {
                let rows = encoder::Rows { numbers: block, texts: &mut [] };
                model.encoder.encode(bindings, events, rows, errors);
                network.forward(block, scores);
                widen(scores, given);
            }
            (Kernel::Forest(forest, output), Rows::Doubles { numbers, scratch }) => {
                let numbers = &mut numbers[..events.len() * forest.columns()];
                let given = &mut given[..events.len() * forest.outputs(*output)];
                let rows = encoder::Rows { numbers: &mut *numbers, texts: &mut [] };
                model.encoder.encode(bindings, events, rows, errors);
                forest.predict_as(*output, numbers, given, scratch);
            }
            (Kernel::Graph(graph), Rows::Mixed { numbers, texts, scratch }) => {
                let numbers = &mut numbers[..events.len() * graph.numbers()];
                let texts = &mut texts[..events.len() * graph.texts()];
                let given = &mut given[..events.len() * graph.outputs()];
                let rows = encoder::Rows { numbers: &mut *numbers, texts: &mut *texts };
                model.encoder.encode(bindings, events, rows, errors);
                graph.predict(numbers, texts, given, scratch);
            }
            #[cfg(test)]
            (Kernel::Faulty(faulty), Rows::Floats { block, scores }) => {
                let rows = encoder::Rows { numbers: block, texts: &mut [] };
                model.encoder.encode(bindings, events, rows, errors);
                faulty.forward(block, scores);
                widen(scores, given);
            }
            _ => unreachable!("rows are made for their kernel"),
        }
        self.failure.strike(&mut self.given);
        let given = self.given.chunks_exact(self.model.kernel.outputs());
        for (given, error) in given.zip(&mut self.errors).take(events.len()) {
            results.push(match error.take() {
                Some(error) => Err(error),
                None => self.model.answers.outputs(given, &mut self.row),
            });
        }
    }
}

fn widen(scores: &[f32], given: &mut [f64]) {
    for (wide, score) in given.iter_mut().zip(scores) {
        *wide = f64::from(*score);
    }
}
