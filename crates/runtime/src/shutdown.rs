//! Asking a process to stop, once, in a way that everything inside it can hear.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The request to stop: given by a signal, by a failing part or by a test, heard by every part.
///
/// Cheap to clone; clones hear and give the same request, which cannot be taken back. What runs in loops looks at
/// it between two rounds, finishes the round at hand and returns: this is what "drained" means.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    token: CancellationToken,
}

impl Shutdown {
    /// A request that nobody has made yet and that listens to no signal: for tests, and for parts of a whole.
    pub fn new() -> Self {
        Self::default()
    }

    /// A request made by the first SIGTERM or SIGINT that the process receives. The second one ends the process
    /// at once with code 130 (SIGINT) or 143 (SIGTERM), as a shell would report it, after a line that says so.
    ///
    /// # Errors
    ///
    /// When the operating system refuses a signal handler.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn on_signals() -> io::Result<Self> {
        let shutdown = Self::new();
        let signals = Signals::listen()?;
        drop(tokio::spawn(signals.attend(shutdown.clone())));
        Ok(shutdown)
    }

    /// Asks everything that holds this request, or a child of it, to stop. Asking twice changes nothing.
    pub fn request(&self) {
        self.token.cancel();
    }

    /// Whether somebody asked.
    pub fn is_requested(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Waits until somebody asks; returns at once if somebody already has. Safe to drop and to call again.
    pub async fn requested(&self) {
        self.token.cancelled().await;
    }

    /// A request for a part: it hears this one, but asking the part to stop does not stop the whole.
    #[must_use]
    pub fn child(&self) -> Self {
        Self { token: self.token.child_token() }
    }

    /// The same request as a token of `tokio_util`, for code that wants one.
    pub fn token(&self) -> &CancellationToken {
        &self.token
    }
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn attend(mut self, shutdown: Shutdown) {
        let first = self.next().await;
        // First the request, then the line: who reads the line may rely on the request.
        shutdown.request();
        tracing::info!(signal = first.name(), "stopping; a second signal ends the process at once");
        let second = self.next().await;
        tracing::warn!(signal = second.name(), "second signal: ending at once");
        std::process::exit(second.exit_code());
    }

    async fn next(&mut self) -> Stop {
        tokio::select! {
            _ = self.interrupt.recv() => Stop::Interrupt,
            _ = self.terminate.recv() => Stop::Terminate,
        }
    }
}

#[derive(Clone, Copy)]
enum Stop {
    Interrupt,
    Terminate,
}

impl Stop {
    fn name(self) -> &'static str {
        match self {
            Self::Interrupt => "SIGINT",
            Self::Terminate => "SIGTERM",
        }
    }

    /// 128 plus the signal's number, which is how shells and supervisors tell a killed process from a failed one.
    fn exit_code(self) -> i32 {
        match self {
            Self::Interrupt => 128 + 2,
            Self::Terminate => 128 + 15,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn all_clones_hear_one_request() {
        let shutdown = Shutdown::new();
        let (clone, child) = (shutdown.clone(), shutdown.child());
        let waiting = tokio::spawn(async move { clone.requested().await });
        assert!(!shutdown.is_requested());
        shutdown.request();
        shutdown.request();
        waiting.await.unwrap();
        child.requested().await;
        assert!(child.is_requested());
    }

    #[tokio::test]
    async fn a_part_that_stops_does_not_stop_the_whole() {
        let whole = Shutdown::new();
        let part = whole.child();
        part.request();
        assert!(part.is_requested() && !whole.is_requested());
    }
}
