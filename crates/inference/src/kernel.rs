//! What computes a model's numbers from encoded rows; one case for each kind of artifact.

use experiment::Problems;

use crate::dense::{BLOCK_ROWS, Dense};
use crate::encoder::Encoder;
use crate::manifest::{Format, Manifest};
use crate::signature::Signature;

/// What computes a model's numbers from encoded rows.
#[derive(Debug)]
pub(crate) enum Kernel {
    /// A feed-forward network, over blocks of 32-bit floats.
    Dense(Dense),
    /// A model that fails on demand, to test those that depend on models.
    #[cfg(test)]
    Faulty(crate::testing::Faulty),
}

/// What an artifact in this format says of itself.
pub(crate) fn describe(place: &str, _artifact: &[u8], format: &str) -> Result<Signature, Problems> {
    let mut problems = Problems::new(place);
    problems.push("format", format!("\"{format}\" is not implemented yet"));
    Err(problems)
}

/// Whether two files of XGBoost hold the same trees.
pub(crate) fn are_one_forest(_left: &[u8], _right: &[u8]) -> bool {
    false
}

/// An artifact, read: what computes, what feeds it, and what it says of itself.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) kernel: Kernel,
    pub(crate) encoder: Encoder,
    pub(crate) signature: Signature,
}

impl Kernel {
    /// Reads an artifact and binds the manifest's inputs to it; faults are reported under `place`.
    pub(crate) fn load(place: &str, artifact: &[u8], manifest: &Manifest) -> Result<Loaded, Problems> {
        match &manifest.format {
            Format::Safetensors { layers, tensors } => {
                let encoder = Encoder::in_order(&manifest.inputs);
                let network = Dense::load(place, artifact, layers, tensors, encoder.width())?;
                let signature = Signature::of_outputs(network.outputs());
                Ok(Loaded { kernel: Self::Dense(network), encoder, signature })
            }
            other => {
                let mut problems = Problems::new(place);
                problems.push("format", format!("\"{}\" is not implemented yet", other.word()));
                Err(problems)
            }
        }
    }

    /// How many rows are computed at once.
    pub(crate) fn block_rows(&self) -> usize {
        match self {
            Self::Dense(_) => BLOCK_ROWS,
            #[cfg(test)]
            Self::Faulty(_) => BLOCK_ROWS,
        }
    }

    /// How many numbers it gives for a row.
    pub(crate) fn outputs(&self) -> usize {
        match self {
            Self::Dense(network) => network.outputs(),
            #[cfg(test)]
            Self::Faulty(_) => 1,
        }
    }
}
