//! What must be set for the whole process before it has threads.

use std::sync::Once;

/// The variable by which the runtime asks how many threads a matrix product may use.
const THREADS_VARIABLE: &str = "RAYON_NUM_THREADS";

/// Why the process could not be prepared.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// There are threads already, so the environment must not be changed.
    #[error(
        "the process has {threads} threads already; prepare it first, or start it with {THREADS_VARIABLE}=1"
    )]
    Threads {
        /// How many.
        threads: usize,
    },
    /// The number of threads is not to be known here.
    #[error("cannot count this process's threads; start it with {THREADS_VARIABLE}=1")]
    Unknown,
}

/// Prepares the process for scoring; `main` calls this first, before it starts a runtime or a thread.
///
/// Without it scores are the same but slow: candle asks on **every** matrix product how many threads to use, and
/// where `RAYON_NUM_THREADS` is not set, it reads the whole of `/proc/cpuinfo` to find out. Products are small
/// here and run on the thread that asks for them, so the answer is 1. A number that is set already is left alone.
///
/// # Errors
/// Where threads run already, or it cannot be known whether they do (on systems without `/proc`). The error says
/// what to do; a program may log it and go on.
pub fn prepare_process() -> Result<(), PrepareError> {
    if is_prepared() {
        return Ok(());
    }
    let threads = std::fs::read_dir("/proc/self/task").map_err(|_| PrepareError::Unknown)?.count();
    if threads != 1 {
        return Err(PrepareError::Threads { threads });
    }
    #[expect(unsafe_code, clippy::disallowed_methods, reason = "candle has no other way to be told")]
    // SAFETY: this is the only thread, so nobody reads or writes the environment meanwhile.
    unsafe {
        std::env::set_var(THREADS_VARIABLE, "1");
    }
    Ok(())
}

/// Whether the variable holds what candle takes for an answer.
fn is_prepared() -> bool {
    let threads = std::env::var(THREADS_VARIABLE).ok().and_then(|value| value.parse::<usize>().ok());
    threads.is_some_and(|threads| threads > 0)
}

/// Says once if the process was not prepared.
pub(crate) fn warn_unprepared() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        if !is_prepared() {
            tracing::warn!("{THREADS_VARIABLE} is not set: every score pays for reading /proc/cpuinfo");
        }
    });
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_environment_is_left_alone_once_there_are_threads() {
        // The harness's own thread and this one; a harness that was started prepared needs nothing.
        match (is_prepared(), prepare_process()) {
            (true, Ok(())) => {}
            (false, Err(PrepareError::Threads { threads })) => assert!(threads > 1),
            other => panic!("{other:?}"),
        }
    }
}
