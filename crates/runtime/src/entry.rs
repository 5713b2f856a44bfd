//! The way in and the way out of a process: threads, signals, panics, one error message and one exit code.

use std::error::Error;
use std::future::Future;
use std::io::Write as _;
use std::panic::PanicHookInfo;
use std::process::ExitCode;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use std::{fmt, io, panic, thread};

use anyhow::{Context as _, anyhow};

use crate::config::Problems;
use crate::output::ReaderGone;
use crate::shutdown::Shutdown;
use crate::telemetry::LoggingError;

/// Exit code of a process that did what it was asked, to the end.
pub const DRAINED: u8 = 0;
/// Exit code of a process that failed while it ran.
pub const FAILED: u8 = 1;
/// Exit code for a command line that cannot be meant; `EX_USAGE` of BSD's `sysexits.h`.
pub const USAGE: u8 = 64;
/// Exit code for a configuration that cannot be meant; `EX_CONFIG` of BSD's `sysexits.h`.
pub const CONFIGURATION: u8 = 78;

/// How long the work may go on after it was asked to stop: five seconds less than the thirty that Kubernetes
/// grants by default between SIGTERM and SIGKILL, so that the reason is said before the process is killed.
pub const DRAIN_LIMIT: Duration = Duration::from_secs(25);

/// How long blocking calls (a file system that hangs, say) may hold up the end of the process.
const BLOCKING_LIMIT: Duration = Duration::from_secs(2);

/// The name of the runtime's threads, by which the panic hook knows them.
const THREAD_NAME: &str = "runtime";

/// Set by the panic hook; the process then ends with [`FAILED`], whatever `body` says.
static PANICKED: AtomicBool = AtomicBool::new(false);

/// Runs `body` on a multi-threaded tokio runtime and returns the exit code of the process.
///
/// `body` is given a [`Shutdown`] that SIGTERM and SIGINT request; after that it has [`DRAIN_LIMIT`] to return.
/// An error is printed once to standard error, as `error: …` with a line `caused by: …` per cause, and decides the
/// code: [`CONFIGURATION`] where [`Problems`] or a wrong log level are among the causes, [`USAGE`] where [`Usage`] is, else [`FAILED`].
/// A standard output whose reader has left ([`Output`](crate::Output)) is a normal end.
///
/// A panic in a task, or in a blocking call of one, is logged with its place, requests the shutdown and ends the
/// process with [`FAILED`], caught or not: nobody may be waiting for that task. A panic on any other thread is logged only, because it belongs to whoever joins
/// the thread; so a model that panics on a scoring thread of its own does not take production with it.
pub fn main<F, Body>(body: F) -> ExitCode
where
    F: FnOnce(Shutdown) -> Body,
    Body: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    hook_panics();
    let runtime = tokio::runtime::Builder::new_multi_thread().thread_name(THREAD_NAME).enable_all().build();
    let runtime = match runtime.context("cannot start the threads of the process") {
        Ok(runtime) => runtime,
        Err(error) => return exit(Err(error)),
    };
    let ended = runtime.block_on(async {
        let shutdown = Shutdown::on_signals().context("cannot listen for signals")?;
        attend(body, shutdown).await
    });
    runtime.shutdown_timeout(BLOCKING_LIMIT);
    exit(ended)
}

/// Says how `ended` on standard error, if it failed, and turns it into the exit code; see [`main`].
///
/// For the part of a binary that comes before [`main`]: reading the command line and the configuration.
pub fn exit(ended: anyhow::Result<()>) -> ExitCode {
    let code = exit_code(&ended);
    if let Err(error) = ended
        && code != DRAINED
    {
        // Standard error may be closed too; there is nowhere left to say so, and the exit code still tells.
        drop(writeln!(io::stderr().lock(), "{}", Told(&error)));
    }
    ExitCode::from(code)
}

/// A command line that cannot be meant; makes [`main`] end with code 64.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Usage(pub String);

async fn attend<F, Body>(body: F, shutdown: Shutdown) -> anyhow::Result<()>
where
    F: FnOnce(Shutdown) -> Body,
    Body: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    // In a task of its own: the body then runs on the runtime's threads, and its panic comes back as a value.
    let mut work = tokio::spawn(body(shutdown.clone()));
    let panicked = watch_panics(shutdown.clone());
    let ended = tokio::select! {
        ended = &mut work => ended,
        () = overdue(&shutdown) => {
            work.abort();
            return Err(anyhow!("still busy {DRAIN_LIMIT:?} after the request to stop; gave up waiting"));
        }
    };
    panicked.abort();
    match ended {
        Ok(result) => result,
        Err(failure) => Err(anyhow::Error::new(failure).context("the process met a bug and stopped")),
    }
}

/// Requests the shutdown soon after a task has panicked. It looks rather than being told: a panic hook must not
/// take locks, and waking a task takes some.
fn watch_panics(shutdown: Shutdown) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(Duration::from_millis(50));
        while !PANICKED.load(Ordering::Acquire) {
            ticks.tick().await;
        }
        shutdown.request();
    })
}

async fn overdue(shutdown: &Shutdown) {
    shutdown.requested().await;
    tokio::time::sleep(DRAIN_LIMIT).await;
}

fn exit_code(ended: &anyhow::Result<()>) -> u8 {
    match ended {
        _ if PANICKED.load(Ordering::Acquire) => FAILED,
        Ok(()) => DRAINED,
        Err(error) if ReaderGone::caused(error) => DRAINED,
        Err(error) if error.chain().any(is_of_configuration) => CONFIGURATION,
        Err(error) if error.chain().any(|cause| cause.is::<Usage>()) => USAGE,
        Err(_) => FAILED,
    }
}

fn is_of_configuration(cause: &(dyn Error + 'static)) -> bool {
    let of_the_log = |error: &LoggingError| !matches!(error, LoggingError::Taken(_));
    cause.is::<Problems>() || cause.downcast_ref().is_some_and(of_the_log)
}

/// An error and its causes, a line each, as the user reads them.
struct Told<'a>(&'a anyhow::Error);

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.0)?;
        let mut said = self.0.to_string();
        for cause in self.0.chain().skip(1) {
            let cause = cause.to_string();
            // Transparent errors repeat their source word for word; once is enough.
            if cause != said {
                write!(f, "\ncaused by: {cause}")?;
                said = cause;
            }
        }
        Ok(())
    }
}

fn hook_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| panic::set_hook(Box::new(note_panic)));
}

fn note_panic(info: &PanicHookInfo<'_>) {
    let thread = thread::current();
    let thread = thread.name().unwrap_or("unnamed");
    let message = info.payload_as_str().unwrap_or("a panic without a message");
    let place = info.location().map_or_else(|| "unknown".to_owned(), ToString::to_string);
    if thread == THREAD_NAME || thread == "main" {
        PANICKED.store(true, Ordering::Release);
    }
    if tracing::dispatcher::has_been_set() {
        tracing::error!(thread, place, "panic: {message}");
    } else {
        // As in `exit`: where even standard error is closed, the exit code tells.
        drop(writeln!(io::stderr().lock(), "error: panic: {message} (thread {thread}, {place})"));
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::config::Problem;

    #[test]
    fn the_causes_decide_the_exit_code() {
        let problems = || anyhow::Error::new(Problems::one("serin.toml", Problem::whole("is empty")));
        let gone = || anyhow::Error::new(ReaderGone);
        for (error, code) in [
            (anyhow!("the broker gave up"), FAILED),
            (problems(), CONFIGURATION),
            (problems().context("cannot start"), CONFIGURATION),
            (anyhow::Error::new(LoggingError::Format("yaml".to_owned())), CONFIGURATION),
            (anyhow::Error::new(Usage("no such command".to_owned())), USAGE),
            (anyhow::Error::new(Usage("no such command".to_owned())).context("cannot start"), USAGE),
            (gone().context("cannot show the topic"), DRAINED),
            (anyhow::Error::new(io::Error::from(io::ErrorKind::BrokenPipe)), FAILED),
        ] {
            let shown = format!("{error:#}");
            assert_eq!(exit_code(&Err(error)), code, "{shown}");
        }
        assert_eq!(exit_code(&Ok(())), DRAINED);
    }

    #[test]
    fn an_error_is_told_with_each_cause_once() {
        let error = anyhow!("connection refused").context("cannot reach the broker").context("cannot start");
        let told = "error: cannot start\ncaused by: cannot reach the broker\ncaused by: connection refused";
        assert_eq!(Told(&error).to_string(), told);
        let transparent = anyhow!("the same words").context("the same words");
        assert_eq!(Told(&transparent).to_string(), "error: the same words");
    }

    #[tokio::test(start_paused = true)]
    async fn work_that_does_not_end_is_given_up() {
        let shutdown = Shutdown::new();
        shutdown.request();
        let ended = attend(|_| std::future::pending(), shutdown).await;
        assert_eq!(
            ended.unwrap_err().to_string(),
            "still busy 25s after the request to stop; gave up waiting"
        );
    }

    #[tokio::test]
    async fn work_is_handed_the_shutdown_and_returns_its_result() {
        let shutdown = Shutdown::new();
        shutdown.request();
        let body = |shutdown: Shutdown| async move {
            shutdown.requested().await;
            Err(anyhow!("drained too little"))
        };
        assert_eq!(attend(body, shutdown).await.unwrap_err().to_string(), "drained too little");
    }
}
