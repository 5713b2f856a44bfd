//! A model: one version of one logical model, loaded, proven on its golden rows, and never changed again.

#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use experiment::Problems;
use sha2::{Digest, Sha256};

use crate::dense::Dense;
use crate::encoder::Encoder;
use crate::error::LoadError;
use crate::golden;
use crate::manifest::{Format, MANIFEST_BYTES_MAX, MANIFEST_FILE, Manifest};
use crate::scorer::Scorer;

/// The most bytes of an artifact: 256 MiB, far above any network for single events.
pub const ARTIFACT_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// One version of a logical model. Immutable, so it is shared by all threads that score with it; each of them
/// has a [`Scorer`] of its own.
#[derive(Debug)]
pub struct Model {
    manifest: Manifest,
    digest: Arc<str>,
    golden_rows: usize,
    pub(crate) output_names: Arc<[Arc<str>]>,
    pub(crate) encoder: Encoder,
    pub(crate) kernel: Kernel,
}

/// What computes a model's outputs from encoded rows; one case for each format.
#[derive(Debug)]
pub(crate) enum Kernel {
    /// A feed-forward network.
    Dense(Dense),
    /// A model that fails on demand, to test those that depend on models.
    #[cfg(test)]
    Faulty(crate::testing::Faulty),
}

impl Kernel {
    fn load(path: &Path, artifact: &[u8], format: &Format, columns: usize) -> Result<Self, Problems> {
        match format {
            Format::Safetensors { layers, tensors } => {
                Dense::load(&path.to_string_lossy(), artifact, layers, tensors, columns).map(Self::Dense)
            }
        }
    }

    /// Computes a block of [`crate::dense::BLOCK_ROWS`] rows.
    pub(crate) fn forward(&self, block: &[f32], outputs: &mut [f32]) {
        match self {
            Self::Dense(network) => network.forward(block, outputs),
            #[cfg(test)]
            Self::Faulty(faulty) => faulty.forward(block, outputs),
        }
    }

    fn outputs(&self) -> usize {
        match self {
            Self::Dense(network) => network.outputs(),
            #[cfg(test)]
            Self::Faulty(_) => 1,
        }
    }
}

impl Model {
    /// Loads the model in `directory`: reads `model.toml`, checks the artifact against it, and scores the golden
    /// rows. A model without golden rows loads; see [`Model::golden_rows`].
    ///
    /// # Errors
    /// Where a file cannot be read or is too large, where the manifest or the artifact is faulty (with all faults
    /// at once), and where a golden row is missed.
    pub fn load(directory: &Path) -> Result<Self, LoadError> {
        let path = directory.join(MANIFEST_FILE);
        let bytes = read(&path, MANIFEST_BYTES_MAX)?;
        let manifest = Manifest::parse(&path.to_string_lossy(), &String::from_utf8_lossy(&bytes))?;
        let path = directory.join(&manifest.file);
        let artifact = read(&path, ARTIFACT_BYTES_MAX)?;
        let digest = check_digest(&path, &artifact, manifest.sha256.as_deref())?;
        let encoder = Encoder::new(&manifest.inputs);
        let kernel = Kernel::load(&path, &artifact, &manifest.format, encoder.width())?;
        let model = Self::new(&path, manifest, digest, encoder, kernel)?;
        model.prove(directory)
    }

    pub(crate) fn new(
        path: &Path,
        manifest: Manifest,
        digest: Arc<str>,
        encoder: Encoder,
        kernel: Kernel,
    ) -> Result<Self, Problems> {
        let (found, named) = (kernel.outputs(), manifest.outputs.len());
        if found != named {
            let mut problems = Problems::new(path.to_string_lossy());
            problems.push("last layer", format!("it has {found} outputs, but the manifest names {named}"));
            return Err(problems);
        }
        let output_names = manifest.outputs.iter().map(Arc::clone).collect();
        Ok(Self { manifest, digest, golden_rows: 0, output_names, encoder, kernel })
    }

    /// Scores the golden rows, if the manifest has any.
    fn prove(self, directory: &Path) -> Result<Self, LoadError> {
        let Some(golden) = &self.manifest.golden else {
            return Ok(self);
        };
        let path = directory.join(&golden.file);
        let tolerance = golden.tolerance;
        let rows = golden::parse(&path, &read(&path, golden::BYTES_MAX)?, &self.output_names)?;
        let mut model = golden::check(self, &rows, tolerance, &path)?;
        model.golden_rows = rows.len();
        Ok(model)
    }

    /// The logical model.
    pub fn name(&self) -> &Arc<str> {
        &self.manifest.name
    }

    /// The version.
    pub fn version(&self) -> &Arc<str> {
        &self.manifest.version
    }

    /// What the manifest says.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// SHA-256 of the artifact, in lower-case hexadecimal: tells two artifacts of one version apart.
    pub fn digest(&self) -> &Arc<str> {
        &self.digest
    }

    /// The names of the outputs, in order.
    pub fn outputs(&self) -> &Arc<[Arc<str>]> {
        &self.output_names
    }

    /// How many floats an event is encoded to.
    pub fn columns(&self) -> usize {
        self.encoder.width()
    }

    /// How many golden rows the model has reproduced. With none, nothing has shown yet that it computes here
    /// what it computed where it was trained.
    pub fn golden_rows(&self) -> usize {
        self.golden_rows
    }

    /// Working memory to score with this model, for one thread.
    pub fn scorer(self: &Arc<Self>) -> Scorer {
        Scorer::new(Arc::clone(self))
    }
}

/// The bytes of a file, unless there are more than `limit`; never reads further than that.
fn read(path: &Path, limit: u64) -> Result<Vec<u8>, LoadError> {
    let unreadable = |source| LoadError::Read { path: path.to_owned(), source };
    let file = File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    match u64::try_from(bytes.len()) {
        Ok(length) if length <= limit => Ok(bytes),
        _ => Err(LoadError::TooLarge { path: path.to_owned(), limit }),
    }
}

fn check_digest(path: &Path, artifact: &[u8], expected: Option<&str>) -> Result<Arc<str>, LoadError> {
    let found: String = Sha256::digest(artifact).iter().map(|byte| format!("{byte:02x}")).collect();
    match expected {
        Some(expected) if expected != found => {
            Err(LoadError::Digest { path: path.to_owned(), expected: expected.to_owned(), found })
        }
        _ => Ok(found.into()),
    }
}
