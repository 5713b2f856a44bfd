//! Where scores go: a file that is there whole or not at all, or standard output.

use std::fmt;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use runtime::Output;

/// Where scores go. Dropped before [`Sink::finish`], it leaves nothing behind.
pub(super) enum Sink {
    /// Standard output.
    Standard(Output),
    /// A pipe or a device, which cannot be replaced.
    Stream { path: PathBuf, writer: BufWriter<File> },
    /// A file, written beside its place and then moved there.
    File(Replacement),
}

/// A file on its way to its place.
pub(super) struct Replacement {
    path: PathBuf,
    /// Beside the place, so that moving it is one step.
    beside: PathBuf,
    writer: BufWriter<File>,
    is_done: bool,
}

impl Sink {
    /// Opens the file at `path`, or standard output where it is `-`.
    ///
    /// # Errors
    /// Where it cannot be written: said now, rather than after the work.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        if path.as_os_str() == "-" {
            return Ok(Self::Standard(Output::stdout()));
        }
        let unwritable = || format!("cannot write {}", path.display());
        match fs::metadata(path) {
            Ok(there) if there.is_dir() => bail!("cannot write {}: it is a directory", path.display()),
            Ok(there) if !there.is_file() => {
                let writer = BufWriter::new(File::options().write(true).open(path).with_context(unwritable)?);
                Ok(Self::Stream { path: path.to_owned(), writer })
            }
            _ => Replacement::open(path).map(Self::File).with_context(unwritable),
        }
    }

    /// Puts the file in its place.
    ///
    /// # Errors
    /// Where the rest of it cannot be written.
    pub(super) fn finish(mut self) -> anyhow::Result<()> {
        let place = self.to_string();
        let finished = match &mut self {
            Self::Standard(writer) => writer.flush(),
            Self::Stream { writer, .. } => writer.flush(),
            Self::File(file) => file.finish(),
        };
        finished.with_context(|| format!("cannot write {place}"))
    }
}

impl Replacement {
    fn open(path: &Path) -> std::io::Result<Self> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let beside = path.with_file_name(format!(".{name}.{}.partial", std::process::id()));
        let writer = BufWriter::with_capacity(1 << 16, File::create(&beside)?);
        Ok(Self { path: path.to_owned(), beside, writer, is_done: false })
    }

    fn finish(&mut self) -> std::io::Result<()> {
        self.writer.flush()?;
        self.writer.get_ref().sync_all()?;
        fs::rename(&self.beside, &self.path)?;
        self.is_done = true;
        Ok(())
    }
}

impl Drop for Replacement {
    fn drop(&mut self) {
        if !self.is_done {
            // What cannot be removed either is said by its name.
            drop(fs::remove_file(&self.beside));
        }
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Self::Standard(writer) => writer.write(bytes),
            Self::Stream { writer, .. } => writer.write(bytes),
            Self::File(file) => file.writer.write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match self {
            Self::Standard(writer) => writer.flush(),
            Self::Stream { writer, .. } => writer.flush(),
            Self::File(file) => file.writer.flush(),
        }
    }
}

impl fmt::Display for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Standard(_) => f.write_str("standard output"),
            Self::Stream { path, .. } => path.display().fmt(f),
            Self::File(file) => file.path.display().fmt(f),
        }
    }
}
