//! Predictions that serin made, which the pass-through writes in place of its own: their sizes are right, and they
//! compress as real ones do.

use std::path::Path;

use anyhow::{Context, ensure};
use bytes::Bytes;
use serde_json::Value;

/// A prediction without its key, which is that of the record that is passed through.
pub(crate) struct Sample {
    pub(crate) value: Bytes,
    pub(crate) headers: Vec<(String, String)>,
}

/// Samples, one after the other and over again.
pub(crate) struct Samples {
    all: Vec<Sample>,
    next: usize,
}

impl Samples {
    /// Reads what `serin tail --format json` has written.
    pub(crate) fn read(file: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(file)?;
        let all = text.lines().map(sample).collect::<anyhow::Result<Vec<_>>>()?;
        ensure!(!all.is_empty(), "there are none");
        Ok(Self { all, next: 0 })
    }

    /// Replaces what the names of headers begin with.
    pub(crate) fn rename(&mut self, from: &str, to: &str) {
        for (name, _) in self.all.iter_mut().flat_map(|sample| &mut sample.headers) {
            *name = name.replace(from, to);
        }
    }

    pub(crate) fn next(&mut self) -> &Sample {
        let sample = &self.all[self.next];
        self.next = (self.next + 1) % self.all.len();
        sample
    }
}

fn sample(line: &str) -> anyhow::Result<Sample> {
    let record: Value = serde_json::from_str(line)?;
    let headers = record["headers"].as_array().context("a record has headers")?;
    let text = |value: &Value| value.as_str().map(str::to_owned).context("a header is text");
    let header = |header: &Value| anyhow::Ok((text(&header["name"])?, text(&header["value"])?));
    Ok(Sample {
        value: serde_json::to_vec(&record["value"])?.into(),
        headers: headers.iter().map(header).collect::<anyhow::Result<_>>()?,
    })
}
