//! What computes a model's numbers from encoded rows; one case for each kind of artifact.

mod graph;
mod trees;

use experiment::Problems;

pub(crate) use self::trees::Trainer;
use crate::dense::{BLOCK_ROWS, Dense};
use crate::encoder::Encoder;
use crate::forest::{Forest, Output};
use crate::manifest::{Format, Manifest, Trees};
use crate::onnx::Graph;
use crate::signature::Signature;

/// How many rows a graph computes at once.
const GRAPH_ROWS: usize = crate::onnx::BLOCK_ROWS;
/// The most rows that any kernel computes at once.
pub(crate) const ROWS_MAX: usize = 256;

/// What computes a model's numbers from encoded rows.
#[derive(Debug)]
pub(crate) enum Kernel {
    /// A feed-forward network, over blocks of 32-bit floats.
    Dense(Dense),
    /// An ensemble of trees, over rows of doubles.
    Forest(Forest, Output),
    /// A graph, over rows of doubles and texts.
    Graph(Graph),
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
            Format::Onnx => {
                let (graph, signature) = graph::load(place, artifact, &manifest.outputs)?;
                let encoder = Encoder::by_name(&manifest.inputs, &signature, place)?;
                Ok(Loaded { kernel: Self::Graph(graph), encoder, signature })
            }
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
            Self::Graph(_) => GRAPH_ROWS,
            #[cfg(test)]
            Self::Faulty(_) => BLOCK_ROWS,
        }
    }

    /// How many numbers it gives for a row.
    pub(crate) fn outputs(&self) -> usize {
        match self {
            Self::Dense(network) => network.outputs(),
            Self::Forest(forest, output) => forest.outputs(*output),
            Self::Graph(graph) => graph.outputs(),
            #[cfg(test)]
            Self::Faulty(_) => 1,
        }
    }
}

/// What an artifact says of itself: trees of a trainer, or else a graph.
pub(crate) fn describe(
    place: &str,
    artifact: &[u8],
    trainer: Option<Trainer>,
) -> Result<Signature, Problems> {
    match trainer {
        Some(trainer) => {
            trees::load(place, artifact, trainer, Trees::default()).map(|(_, signature)| signature)
        }
        None => graph::load(place, artifact, &[]).map(|(_, signature)| signature),
    }
}

/// Whether two files of XGBoost hold the same trees.
pub(crate) fn are_one_forest(left: &[u8], right: &[u8]) -> bool {
    trees::are_one(left, right)
}
