//! Places where a crash test ends the process, as `kill -9` would.
//!
//! `SERIN_FAILPOINT=<point>:<n>` kills the process when it passes the point for the n-th time. Without the
//! feature `failpoints` nothing of this is compiled in.

/// A place where the process can be killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Point {
    /// Writes were accepted, nothing of them is written.
    CommitBefore,
    /// All rows are inserted, the store has not been told to commit.
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

    use super::Point;

    /// Passes until the process dies, and where it dies.
    static ARMED: LazyLock<Option<(Point, AtomicU64)>> = LazyLock::new(|| {
        let text = std::env::var("SERIN_FAILPOINT").ok()?;
        Some(parse(&text).unwrap_or_else(|| panic!("SERIN_FAILPOINT={text:?} is not <point>:<n>")))
    });

    fn parse(text: &str) -> Option<(Point, AtomicU64)> {
        let (name, passes) = text.split_once(':')?;
        let point = match name {
            "commit.before" => Point::CommitBefore,
            "commit.inside" => Point::CommitInside,
            "commit.after" => Point::CommitAfter,
            "storage.write" => Point::StorageWrite,
            "storage.sync" => Point::StorageSync,
            _ => return None,
        };
        Some((point, AtomicU64::new(passes.parse().ok().filter(|passes| *passes > 0)?)))
    }

    pub(crate) fn pass(point: Point) {
        if let Some((armed, passes)) = &*ARMED
            && *armed == point
            && passes.fetch_sub(1, Ordering::Relaxed) == 1
        {
            die();
        }
    }

    fn die() -> ! {
        let killed = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        panic!("a process cannot kill itself: {killed:?}");
    }
}
