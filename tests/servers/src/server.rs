//! What all servers have in common.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::guard::Guard;

/// How long a server may take until it answers. It bounds a failure; on a busy machine a start takes many seconds.
const PATIENCE: Duration = Duration::from_secs(120);

/// How often it is asked.
const ASK_EVERY: Duration = Duration::from_millis(50);

/// How many of the last lines of its log a failing test shows.
const TAIL_LINES: usize = 40;

/// A server process on 127.0.0.1, with its log and data in a folder of its own.
///
/// It is killed, and its folder removed, when it is dropped and when the test process ends in any other way. A test
/// that fails while it holds a server prints the end of the server's log.
#[derive(Debug)]
pub struct Server {
    name: &'static str,
    folder: PathBuf,
    guard: Mutex<Guard>,
    readiness: Readiness,
}

/// How one sees that a server serves, and not only listens.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Readiness {
    /// The port that is asked.
    pub(crate) port: u16,
    /// Asks it. An error is a no, too.
    pub(crate) ask: fn(SocketAddr) -> io::Result<bool>,
}

impl Server {
    /// Starts `command`, which runs in `folder`, and waits until it is ready.
    pub(crate) fn start(
        name: &'static str,
        folder: PathBuf,
        command: &Command,
        readiness: Readiness,
    ) -> Self {
        let server = Self::new(name, folder, command, readiness);
        server.restart();
        server
    }

    /// A server that is not running yet.
    pub(crate) fn new(name: &'static str, folder: PathBuf, command: &Command, readiness: Readiness) -> Self {
        let guard = Mutex::new(Guard::new(&folder, command));
        Self { name, folder, guard, readiness }
    }

    /// Ends the process as a power cut would (SIGKILL), and waits until it is gone. Its data stays.
    pub fn kill(&self) {
        self.send("KILL");
        self.order("await");
    }

    /// Asks the process to end (SIGTERM), and waits until it is gone. Its data stays.
    pub fn stop(&self) {
        self.send("TERM");
        self.order("await");
    }

    /// Starts the process, after [`kill`](Self::kill) or [`stop`](Self::stop), on the same ports and data, and waits
    /// until it is ready.
    ///
    /// # Panics
    ///
    /// With the end of its log when it is not ready within two minutes.
    pub fn restart(&self) {
        self.start_only();
        self.await_ready();
    }

    /// As [`restart`](Self::restart), without the wait.
    pub fn start_only(&self) {
        self.order("start");
    }

    /// Waits until the server answers a question.
    ///
    /// # Panics
    ///
    /// With the end of its log when it does not within two minutes.
    pub fn await_ready(&self) {
        let started = Instant::now();
        while !self.is_ready() {
            let log = || self.log_tail();
            assert!(
                started.elapsed() < PATIENCE,
                "{} is not ready within {PATIENCE:?}:\n{}",
                self.name,
                log()
            );
            pause(ASK_EVERY);
        }
    }

    /// Whether the server answers a question now.
    pub fn is_ready(&self) -> bool {
        (self.readiness.ask)(loopback(self.readiness.port)).unwrap_or(false)
    }

    /// Stops the process where it is (SIGSTOP): its connections stay, and nothing answers.
    pub fn pause(&self) {
        self.send("STOP");
    }

    /// Lets a paused process go on (SIGCONT).
    pub fn resume(&self) {
        self.send("CONT");
    }

    /// The id of the process, or 0 after [`kill`](Self::kill) and [`stop`](Self::stop).
    pub fn process_id(&self) -> u32 {
        self.order("tell")
    }

    /// The folder of its log and data.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The last lines of its log.
    pub fn log_tail(&self) -> String {
        let log = fs::read(self.folder.join("log")).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
    }

    fn send(&self, signal: &str) {
        self.order(&format!("send {signal}"));
    }

    fn order(&self, order: &str) -> u32 {
        self.guard.lock().unwrap_or_else(PoisonError::into_inner).order(order)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the end of {}'s log:\n{}", self.name, self.log_tail());
        }
    }
}

/// A folder for one server, which its guard will remove.
pub(crate) fn scratch(name: &str) -> PathBuf {
    let folder = tempfile::Builder::new().prefix(&format!("serin-{name}-")).tempdir();
    folder.expect("a temporary folder can be made").keep()
}

/// This port on 127.0.0.1.
pub(crate) fn loopback(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

/// Lets time pass between two looks.
#[expect(clippy::disallowed_methods, reason = "another process has nothing to wait on")]
pub(crate) fn pause(time: Duration) {
    std::thread::sleep(time);
}
