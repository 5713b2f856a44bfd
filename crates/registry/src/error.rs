//! What can go wrong with a registry.

use runtime::config::SecretError;

/// A registry did not do what it was asked to.
///
/// [`Error::is_passing`] says whether waiting can help.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// It cannot be reached, is busy, or answers with what no registry would: something else may stand in its place.
    #[error("the schema registry cannot answer: {problem}")]
    Unavailable {
        /// Which server, and what happened.
        problem: String,
    },
    /// It does not know us, or does not let us.
    #[error(
        "the schema registry at {url} refuses us with status {status}: {message}; see `registry.username`, `registry.password` and `registry.token`"
    )]
    Unauthorized {
        /// The server.
        url: String,
        /// 401 or 403.
        status: u16,
        /// What it says.
        message: String,
    },
    /// The password or the token cannot be had.
    #[error("cannot log in to the schema registry: {0}")]
    Secret(#[from] SecretError),
    /// A schema of ours is not there, and is not put there by itself.
    #[error(
        "the schema registry has no schema of ours under subject \"{subject}\"; `serin schema register` puts it there"
    )]
    NotRegistered {
        /// The subject.
        subject: String,
    },
    /// The registry understood, and said no.
    #[error("the schema registry refuses subject \"{subject}\": {message} (code {code})")]
    Refused {
        /// The subject.
        subject: String,
        /// Its code of the error.
        code: u32,
        /// What it says.
        message: String,
    },
    /// The client was closed in the midst of a request, as its process ends.
    #[error("the request to the schema registry was given up")]
    GivenUp,
}

impl Error {
    /// Whether the same request may have an answer later: the server was away, not the answer no.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}
