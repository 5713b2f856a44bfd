//! One process owns a directory.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use crate::error::Error;

const LOCK_FILE: &str = "serin.lock";

/// A lock on a directory, which the operating system releases when its process ends in any way. The file
/// holds the owner's process id for the error that a second one gets.
#[derive(Debug)]
pub(crate) struct DirectoryLock {
    _file: File,
}

impl DirectoryLock {
    /// Locks a directory; creates it, for its user alone, if it is not there.
    ///
    /// # Errors
    /// [`Error::Owned`] if another process, or another broker of this one, has it.
    pub(crate) fn take(directory: &Path) -> Result<Self, Error> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)
            .map_err(Error::io(format!("cannot create {}", directory.display())))?;
        let path = directory.join(LOCK_FILE);
        let context = || format!("cannot lock {}", path.display());
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(Error::io(context()))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Error::Owned { directory: directory.to_owned(), pid: read_pid(&mut file) });
            }
            Err(TryLockError::Error(error)) => return Err(Error::io(context())(error)),
        }
        write_pid(&mut file).map_err(Error::io(context()))?;
        Ok(Self { _file: file })
    }
}

fn read_pid(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    // Only the text of an error depends on this.
    file.take(16).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn write_pid(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn second_owner_is_told_who_the_first_is() {
        let directory = tempfile::tempdir().unwrap();
        let lock = DirectoryLock::take(directory.path()).unwrap();
        let error = DirectoryLock::take(directory.path()).unwrap_err().to_string();
        let pid = std::process::id();
        let expected = format!(
            "{} is in use by process {pid}; stop it, or reach it through its socket",
            directory.path().display()
        );
        assert_eq!(error, expected);
        drop(lock);
        DirectoryLock::take(directory.path()).unwrap();
    }
}
