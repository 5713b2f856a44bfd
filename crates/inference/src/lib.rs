//! Scores feature events. Knows models and tensors; knows nothing of topics, HTTP or Avro.
//!
//! A [`Model`] is one version of a logical model, loaded from a directory with a [`Manifest`]: how features become
//! numbers, what computes on them, and golden rows that prove it computes what it computed where it was trained.
//! A [`Scorer`] scores batches of events with one model, on one thread. An [`Engine`] routes events between the
//! versions that a deployment names; a [`Shadow`] scores silently with one.
//!
//! **Invariant:** what a model gives for an event depends on the event alone, to the last bit, and not on the
//! batch that it is scored in.
//!
//! **Invariant:** only this crate knows tensors.

mod activation;
mod answer;
mod candidate;
mod dense;
mod encoder;
mod engine;
mod error;
mod failpoint;
pub mod forest;
mod golden;
mod kernel;
mod manifest;
pub mod metrics;
mod model;
pub mod onnx;
mod package;
mod process;
mod router;
mod scorer;
mod shadow;
mod signature;
mod store;
#[cfg(test)]
mod testing;

pub use candidate::DEADLINE;
pub use engine::{Engine, Scored};
pub use error::{GoldenMiss, LoadError, ScoreError};
pub use golden::GOLDEN_ROWS_MAX;
pub use manifest::{
    Absence, Activation, COLUMNS_MAX, Calibration, Categories, DataType, Format, Golden, INPUTS_MAX, Input,
    InputKind, Iterations, LAYERS_MAX, Labels, Layer, MANIFEST_BYTES_MAX, MANIFEST_FILE, Manifest,
    NAME_BYTES_MAX, OUTPUTS_MAX, Output, OutputKind, StandIn, Tensors, Trees,
};
pub use model::{ARTIFACT_BYTES_MAX, Model};
pub use package::{Draft, Names};
pub use process::{PrepareError, prepare_process};
pub use router::experiment_route;
pub use scorer::Scorer;
pub use shadow::Shadow;
pub use signature::{ArtifactOutput, ArtifactOutputKind, Column, ColumnKind, Signature};
pub use store::{FILES_MAX, SUMS_FILE, Store, Stored, VERSIONS_MAX};
