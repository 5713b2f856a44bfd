//! Opens the store, which is whole from the moment that it has its name.

use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;

use redb::Database;

use crate::config::{Config, Durability};
use crate::embedded::ledger::Ledger;
use crate::embedded::storage::Storage;
use crate::embedded::tables;
use crate::error::Error;

const STORE_FILE: &str = "log.redb";
/// The store while it is created.
const NEW_STORE_FILE: &str = "log.redb.new";

/// Opens the store of a directory, or one in memory, and reads its state; creates it if it is not there.
///
/// The caller holds the directory's lock.
pub(crate) fn open(config: &Config, directory: Option<&Path>) -> Result<(Database, Ledger), Error> {
    let Some(directory) = directory else {
        return load(Storage::memory(), config, Path::new("memory"));
    };
    let path = directory.join(STORE_FILE);
    remove_unfinished(directory)?;
    if !path.try_exists().map_err(Error::io(format!("cannot look for {}", path.display())))? {
        create(config, directory)?;
    }
    load(Storage::file(&path, config.durability)?, config, directory)
}

/// Removes what a process left that ended while it created the store.
fn remove_unfinished(directory: &Path) -> Result<(), Error> {
    let unfinished = directory.join(NEW_STORE_FILE);
    match std::fs::remove_file(&unfinished) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(Error::io(format!("cannot remove {}", unfinished.display()))(error))
        }
        _ => Ok(()),
    }
}

/// Creates the store with its tables beside its place, and moves it there when all of it is on the disk.
///
/// A new store of redb gets its magic number last, and a file that has bytes and no magic number is refused for
/// ever: a process that dies on the way must not leave one under the store's name.
fn create(config: &Config, directory: &Path) -> Result<(), Error> {
    let (beside, path) = (directory.join(NEW_STORE_FILE), directory.join(STORE_FILE));
    // Synced whatever the configuration says: it is once in a log's life, and a name without its bytes cannot
    // be opened.
    let (store, _) = load(Storage::file(&beside, Durability::Commit)?, config, directory)?;
    drop(store);
    sync(&beside)?;
    std::fs::rename(&beside, &path).map_err(Error::io(format!("cannot create {}", path.display())))?;
    sync(directory)
}

fn sync(path: &Path) -> Result<(), Error> {
    let synced = File::open(path).and_then(|file| file.sync_all());
    synced.map_err(Error::io(format!("cannot sync {}", path.display())))
}

/// Opens what is in the storage and reads its state; sets empty storage up.
fn load(storage: Storage, config: &Config, directory: &Path) -> Result<(Database, Ledger), Error> {
    let cache = usize::try_from(config.cache_bytes).unwrap_or(usize::MAX);
    let store = Database::builder().set_cache_size(cache).create_with_backend(storage)?;
    let mut write = store.begin_write()?;
    let ledger = Ledger::load(&write)?.map_err(|found| Error::Format {
        directory: directory.to_owned(),
        found,
        expected: tables::FORMAT,
    })?;
    write.set_quick_repair(ledger.wants_quick_repair(config));
    write.commit()?;
    Ok((store, ledger))
}
