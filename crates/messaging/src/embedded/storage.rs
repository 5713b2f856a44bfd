//! The bytes below the store: a file or memory, synced or not, with places to crash.

use std::fs::OpenOptions;
use std::io;
use std::ops::Bound;
use std::path::Path;

use redb::backends::{FileBackend, InMemoryBackend};
use redb::{BackendError, StorageBackend};

use crate::config::Durability;
use crate::error::Error;
use crate::failpoint::{self, Point};

/// A store's file, or memory that stands for one.
#[derive(Debug)]
pub(crate) struct Storage {
    medium: Medium,
    durability: Durability,
}

#[derive(Debug)]
enum Medium {
    File(FileBackend),
    Memory(InMemoryBackend),
}

impl Storage {
    /// Returns empty storage that vanishes with its owner.
    pub(crate) fn memory() -> Self {
        Self { medium: Medium::Memory(InMemoryBackend::new()), durability: Durability::Relaxed }
    }

    /// Opens a file, and creates it if need be.
    pub(crate) fn file(path: &Path, durability: Durability) -> Result<Self, Error> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(Error::io(format!("cannot open {}", path.display())))?;
        Ok(Self { medium: Medium::File(FileBackend::new(file)?), durability })
    }

    fn backend(&self) -> &dyn StorageBackend {
        match &self.medium {
            Medium::File(file) => file,
            Medium::Memory(memory) => memory,
        }
    }
}

impl StorageBackend for Storage {
    fn len(&self) -> io::Result<u64> {
        self.backend().len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.backend().read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.backend().set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        failpoint::pass(Point::StorageSync);
        match self.durability {
            Durability::Commit => self.backend().sync_data(),
            // What was written is with the operating system, which outlives us.
            Durability::Relaxed => Ok(()),
        }
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        failpoint::pass(Point::StorageWrite);
        self.backend().write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.backend().close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.backend().try_lock_range(start, end)
    }

    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.backend().try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.backend().lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.backend().lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.backend().unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.backend().query_lock_range(start, end)
    }
}
