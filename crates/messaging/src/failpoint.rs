//! Places where a crash test ends the process, as `kill -9` would, or stops it.
//!
//! `SERIN_FAILPOINT=<point>:<n>` kills the process when it passes the point for the n-th time; with `:stop` behind it the
//! process stops there until it is sent SIGCONT. Without the feature `failpoints` nothing of this is compiled in.

/// A place where the process can be killed or stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Point {
    /// Writes were accepted, nothing of them is written.
    CommitBefore,
    /// All outputs are sent, nothing says yet where the group goes on.
    CommitSent,
    /// Outputs and positions are there, and the store or server has not been told to commit them.
    CommitInside,
    /// The commit is durable, nobody has been told.
    CommitAfter,
    /// The store is about to write bytes to its file: in the midst of a commit, or when opening.
    StorageWrite,
    /// The store is about to sync its file.
    StorageSync,
}

/// Passes a point: does nothing, or does not return.
#[cfg(not(feature = "failpoints"))]
pub(crate) const fn pass(_: Point) {}

#[cfg(feature = "failpoints")]
pub(crate) use enabled::pass;

#[cfg(feature = "failpoints")]
mod enabled {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    use rustix::process::Signal;

    use super::Point;

    /// What happens where, and after how many passes.
    struct Armed {
        point: Point,
        passes: AtomicU64,
        signal: Signal,
    }

    static ARMED: LazyLock<Option<Armed>> = LazyLock::new(|| {
        let text = std::env::var("SERIN_FAILPOINT").ok()?;
        Some(parse(&text).unwrap_or_else(|| panic!("SERIN_FAILPOINT={text:?} is not <point>:<n>[:stop]")))
    });

    fn parse(text: &str) -> Option<Armed> {
        let (name, rest) = text.split_once(':')?;
        let (passes, signal) = match rest.split_once(':') {
            None => (rest, Signal::KILL),
            Some((passes, "stop")) => (passes, Signal::STOP),
            Some(_) => return None,
        };
        let point = match name {
            "commit.before" => Point::CommitBefore,
            "commit.sent" => Point::CommitSent,
            "commit.inside" => Point::CommitInside,
            "commit.after" => Point::CommitAfter,
            "storage.write" => Point::StorageWrite,
            "storage.sync" => Point::StorageSync,
            _ => return None,
        };
        let passes = passes.parse().ok().filter(|passes| *passes > 0)?;
        Some(Armed { point, passes: AtomicU64::new(passes), signal })
    }

    pub(crate) fn pass(point: Point) {
        if let Some(armed) = &*ARMED
            && armed.point == point
            && armed.passes.fetch_sub(1, Ordering::Relaxed) == 1
        {
            send(armed.signal);
        }
    }

    /// Kills the process, or stops it here until somebody lets it go on.
    fn send(signal: Signal) {
        let sent = rustix::process::kill_process(rustix::process::getpid(), signal);
        assert!(sent.is_ok() && signal == Signal::STOP, "a process cannot signal itself: {sent:?}");
    }
}
