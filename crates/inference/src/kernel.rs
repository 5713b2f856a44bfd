//! What computes a model's numbers from encoded rows; one case for each kind of artifact.

mod trees;

use experiment::Problems;

pub(crate) use self::trees::Trainer;
use crate::dense::{BLOCK_ROWS, Dense};
use crate::encoder::Encoder;
use crate::forest::{Forest, Output};
use crate::manifest::{Format, Manifest, Trees};
use crate::signature::Signature;

/// The most rows that any kernel computes at once.
pub(crate) const ROWS_MAX: usize = 256;

/// What computes a model's numbers from encoded rows.
#[derive(Debug)]
pub(crate) enum Kernel {
    /// A feed-forward network, over blocks of 32-bit floats.
    Dense(Dense),
    /// An ensemble of trees, over rows of doubles.
    Forest(Forest, Output),
    /// A model that fails on demand, to test those that depend on models.
    #[cfg(test)]
    Faulty(crate::testing::Faulty),
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
            Format::LightGbm(trees) => Self::trees(place, artifact, (Trainer::LightGbm, *trees), manifest),
            Format::XgBoost(trees) => Self::trees(place, artifact, (Trainer::XgBoost, *trees), manifest),
            Format::Onnx => Err(not_yet(place)),
        }
    }

    fn trees(
        place: &str,
        artifact: &[u8],
        (trainer, trees): (Trainer, Trees),
        manifest: &Manifest,
    ) -> Result<Loaded, Problems> {
        let (forest, signature) = trees::load(place, artifact, trainer, trees)?;
        let encoder = Encoder::by_name(&manifest.inputs, &signature, place)?;
        Ok(Loaded { kernel: Self::Forest(forest, trees::output(trees)), encoder, signature })
    }

    /// How many rows are computed at once.
    pub(crate) fn block_rows(&self) -> usize {
        match self {
            Self::Dense(_) => BLOCK_ROWS,
            Self::Forest(..) => ROWS_MAX,
            #[cfg(test)]
            Self::Faulty(_) => BLOCK_ROWS,
        }
    }

    /// How many numbers it gives for a row.
    pub(crate) fn outputs(&self) -> usize {
        match self {
            Self::Dense(network) => network.outputs(),
            Self::Forest(forest, output) => forest.outputs(*output),
            #[cfg(test)]
            Self::Faulty(_) => 1,
        }
    }
}

/// What an artifact says of itself.
pub(crate) fn describe(
    place: &str,
    artifact: &[u8],
    trainer: Option<Trainer>,
) -> Result<Signature, Problems> {
    match trainer {
        Some(trainer) => {
            trees::load(place, artifact, trainer, Trees::default()).map(|(_, signature)| signature)
        }
        None => Err(not_yet(place)),
    }
}

/// Whether two files of XGBoost hold the same trees.
pub(crate) fn are_one_forest(left: &[u8], right: &[u8]) -> bool {
    trees::are_one(left, right)
}

fn not_yet(place: &str) -> Problems {
    let mut problems = Problems::new(place);
    problems.push("format", "\"onnx\" is not implemented yet");
    problems
}
