//! What the tests stand on: processes, logs, and the example's data.

pub(crate) mod flights;
pub(crate) mod log;
pub(crate) mod month;
pub(crate) mod process;

use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How long something may take that is bound to happen, before the test gives up. It bounds a failure; nothing
/// passes or fails by being faster or slower below it.
const PATIENCE: Duration = Duration::from_secs(120);

/// How often it is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Looks until there is an answer.
pub(crate) fn wait_for<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    look_for(look).unwrap_or_else(|| panic!("{what}: not within {PATIENCE:?}"))
}

/// Looks until there is an answer or patience ends, for tests that then have more to say.
pub(crate) fn look_for<T>(mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let started = Instant::now();
    loop {
        let found = look();
        if found.is_some() || started.elapsed() >= PATIENCE {
            return found;
        }
        pause(LOOK_EVERY);
    }
}

/// Lets time pass: between two looks, or before a process is killed at a random moment.
#[expect(clippy::disallowed_methods, reason = "a test that looks at other processes has nothing to wait on")]
pub(crate) fn pause(time: Duration) {
    std::thread::sleep(time);
}

/// The generator `splitmix64` (Steele, Lea and Flood 2014, <https://doi.org/10.1145/2660193.2660195>): the same
/// seed, the same pauses.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// A whole number below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}
