//! Scoring with one model: events in, outputs out, in blocks.

#[cfg(test)]
mod tests;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use events::{Fields, Outputs};

use crate::dense::BLOCK_ROWS;
use crate::encoder::Bindings;
use crate::error::{ScoreError, shorten};
use crate::failpoint::Failure;
use crate::model::Model;

/// A model with the working memory to score by it: for one thread, reused from batch to batch.
#[derive(Debug)]
pub struct Scorer {
    model: Arc<Model>,
    bindings: Bindings,
    /// Encoded rows, row-major.
    block: Vec<f32>,
    /// What the model gives for them, row-major.
    scores: Vec<f32>,
    /// For each event of a block, why it could not be encoded.
    errors: Vec<Option<ScoreError>>,
    /// One event's outputs, widened.
    row: Vec<f64>,
    failure: Failure,
}

impl Scorer {
    pub(crate) fn new(model: Arc<Model>) -> Self {
        let outputs = model.output_names.len();
        Self {
            bindings: Bindings::default(),
            block: vec![0.0; BLOCK_ROWS * model.encoder.width()],
            scores: vec![0.0; BLOCK_ROWS * outputs],
            errors: vec![None; BLOCK_ROWS],
            row: vec![0.0; outputs],
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
        let mut block: [&Fields; BLOCK_ROWS];
        while let Some(first) = events.next() {
            block = [first; BLOCK_ROWS];
            let rest = block[1..].iter_mut().zip(&mut events).map(|(place, event)| *place = event);
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
        self.model.encoder.encode(&mut self.bindings, events, &mut self.block, &mut self.errors);
        self.model.kernel.forward(&self.block, &mut self.scores);
        self.failure.strike(&mut self.scores);
        let names = &self.model.output_names;
        for (scores, error) in self.scores.chunks_exact(names.len()).zip(&mut self.errors).take(events.len())
        {
            results.push(match error.take() {
                Some(error) => Err(error),
                None => outputs(names, scores, &mut self.row),
            });
        }
    }
}

/// The outputs of one event, if all of them are finite.
fn outputs(names: &Arc<[Arc<str>]>, scores: &[f32], row: &mut [f64]) -> Result<Outputs, ScoreError> {
    if let Some(at) = scores.iter().position(|score| !score.is_finite()) {
        return Err(ScoreError::NotFinite { output: Arc::clone(&names[at]), value: f64::from(scores[at]) });
    }
    for (wide, score) in row.iter_mut().zip(scores) {
        *wide = f64::from(*score);
    }
    Ok(Outputs::new(Arc::clone(names), row))
}
