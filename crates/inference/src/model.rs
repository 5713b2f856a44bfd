//! A model: one version of one logical model, loaded, proven on its golden rows, and never changed again.

#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use experiment::Problems;
use sha2::{Digest, Sha256};

use crate::answer::Answers;
use crate::encoder::Encoder;
use crate::error::LoadError;
use crate::golden;
use crate::kernel::{Kernel, Loaded};
use crate::manifest::Manifest;
use crate::package::{Names, Package};
use crate::scorer::Scorer;
use crate::signature::Signature;
use crate::store;

/// The most bytes of an artifact: 256 MiB, far above any network for single events.
pub const ARTIFACT_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// One version of a logical model. Immutable, so it is shared by all threads that score with it; each of them
/// has a [`Scorer`] of its own.
#[derive(Debug)]
pub struct Model {
    manifest: Manifest,
    digest: Arc<str>,
    golden_rows: usize,
    signature: Signature,
    pub(crate) answers: Answers,
    pub(crate) encoder: Encoder,
    pub(crate) kernel: Kernel,
}

impl Model {
    /// Loads the model at `path`: reads `model.toml`, checks the artifact against it, and scores the golden
    /// rows. A model without golden rows loads; see [`Model::golden_rows`]. It touches nothing that serves, so it may
    /// be called beside what does.
    ///
    /// Where there is no manifest, one is drafted as [`crate::Draft`] does: `path` may be an artifact, or a folder of
    /// MLflow, Triton, MLServer or KServe.
    ///
    /// # Errors
    /// Where a file cannot be read or is too large, where the manifest or the artifact is faulty (with all faults
    /// at once), where its content is not what a store has on record, and where a golden row is missed.
    pub fn load(path: &Path) -> Result<Self, LoadError> {
        Self::load_as(path, &Names::default())
    }

    /// The same, but under these names where a manifest has to be drafted; one that is there says its own.
    ///
    /// # Errors
    /// As [`Model::load`].
    pub fn load_as(path: &Path, names: &Names) -> Result<Self, LoadError> {
        let Package { manifest, directory } = Package::open(path, names)?;
        store::verify(&directory)?;
        let path = directory.join(&manifest.file);
        let artifact = read(&path, ARTIFACT_BYTES_MAX)?;
        let digest = check_digest(&path, &artifact, manifest.sha256.as_deref())?;
        let place = path.to_string_lossy();
        let loaded = Kernel::load(&place, &artifact, &manifest)?;
        let model = Self::new(&place, manifest, digest, loaded)?;
        model.prove(&directory)
    }

    pub(crate) fn new(
        place: &str,
        manifest: Manifest,
        digest: Arc<str>,
        loaded: Loaded,
    ) -> Result<Self, Problems> {
        let Loaded { kernel, encoder, signature } = loaded;
        let answers = Answers::bind(&manifest.outputs, &signature, place)?;
        Ok(Self { manifest, digest, golden_rows: 0, signature, answers, encoder, kernel })
    }

    /// Scores the golden rows, if the manifest has any.
    fn prove(self, directory: &Path) -> Result<Self, LoadError> {
        let Some(golden) = &self.manifest.golden else {
            return Ok(self);
        };
        let path = directory.join(&golden.file);
        let tolerance = golden.tolerance;
        let rows = golden::parse(&path, &read(&path, golden::BYTES_MAX)?, self.answers.names())?;
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
        self.answers.names()
    }

    /// What the artifact says of itself.
    pub fn signature(&self) -> &Signature {
        &self.signature
    }

    /// How many numbers and texts an event is encoded to.
    pub fn columns(&self) -> usize {
        self.encoder.width() + self.encoder.texts()
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
pub(crate) fn read(path: &Path, limit: u64) -> Result<Vec<u8>, LoadError> {
    let unreadable = |source| LoadError::Read { path: path.to_owned(), source };
    let file = File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    match u64::try_from(bytes.len()) {
        Ok(length) if length <= limit => Ok(bytes),
        _ => Err(LoadError::TooLarge { path: path.to_owned(), limit }),
    }
}

/// SHA-256 in lower-case hexadecimal.
pub(crate) fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn check_digest(path: &Path, artifact: &[u8], expected: Option<&str>) -> Result<Arc<str>, LoadError> {
    let found = digest(artifact);
    match expected {
        Some(expected) if expected != found => {
            Err(LoadError::Digest { path: path.to_owned(), expected: expected.to_owned(), found })
        }
        _ => Ok(found.into()),
    }
}
