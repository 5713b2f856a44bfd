//! Predictions that serin made, which the pass-through writes in place of its own: their sizes are right, and they
//! compress as real ones do.

use std::path::Path;

use anyhow::ensure;
use bytes::Bytes;

/// The headers of serin's predictions.
pub(crate) const HEADERS: [(&str, &str); 2] =
    [("ce_type", "dev.serin.prediction.v1"), ("content-type", "application/json")];

/// Values of predictions, one after the other and over again.
pub(crate) struct Samples {
    values: Vec<Bytes>,
    next: usize,
}

impl Samples {
    /// Reads a file of one value a line.
    pub(crate) fn read(file: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(file)?;
        let values: Vec<_> = text.lines().map(|line| Bytes::copy_from_slice(line.as_bytes())).collect();
        ensure!(!values.is_empty(), "there are none");
        Ok(Self { values, next: 0 })
    }

    pub(crate) fn next(&mut self) -> Bytes {
        let value = self.values[self.next].clone();
        self.next = (self.next + 1) % self.values.len();
        value
    }
}
