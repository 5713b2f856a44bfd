//! The owner of a log serves it to other processes on a Unix socket in its directory.
//!
//! A connection carries one request at a time, each answered by one response (`protocol`). Requests stand for
//! themselves: the owner keeps nothing about a peer between two of them, so that a peer may go away at any byte.

mod client;
mod protocol;
mod server;

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

pub use client::Remote;
pub(crate) use server::Server;

use crate::error::Error;

/// The longest path of a Unix socket: `sun_path` has 108 bytes (unix(7)), one of them for the end.
const MAX_PATH: usize = 107;

/// Refuses a path that the operating system would refuse, and says why.
pub(crate) fn check_path(path: &Path) -> Result<(), Error> {
    let length = path.as_os_str().as_bytes().len();
    if length > MAX_PATH {
        return Err(Error::SocketPath { path: path.to_owned(), length, limit: MAX_PATH });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
