//! The conformance suite over the embedded log: in memory, in a directory with and without syncs.

#![expect(clippy::unwrap_used, reason = "helpers of tests panic as tests do")]

use messaging::conformance::Fixture;
use messaging::{Config, Durability, conformance};

fn directory(durability: Durability) -> Fixture {
    let directory = tempfile::tempdir().unwrap();
    let mut config = Config::new(format!("file://{}", directory.path().display()));
    config.durability = durability;
    Fixture::new(config, directory)
}

conformance!(memory, Config::new("memory://"));
conformance!(file, directory(Durability::Commit), kept);
mod times {
    use super::*;
    conformance!(@cases memory, Config::new("memory://"), any_time_is_kept);
    conformance!(@cases file, directory(Durability::Commit), any_time_is_kept);
}
mod relaxed {
    use super::*;
    conformance!(file, directory(Durability::Relaxed), kept);
}
