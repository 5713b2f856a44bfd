//! Scoring with one model: events in, outputs out, in blocks.

use std::sync::Arc;

use events::{Fields, Outputs};

use crate::dense::BLOCK_ROWS;
use crate::encoder::Bindings;
use crate::error::ScoreError;
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
            model,
        }
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

    fn score_block(&mut self, events: &[&Fields], results: &mut Vec<Result<Outputs, ScoreError>>) {
        self.errors.fill(None);
        self.model.encoder.encode(&mut self.bindings, events, &mut self.block, &mut self.errors);
        self.model.kernel.forward(&self.block, &mut self.scores);
        let names = &self.model.output_names;
        for (scores, error) in self.scores.chunks_exact(names.len()).zip(&mut self.errors).take(events.len()) {
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
