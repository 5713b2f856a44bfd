//! The conformance suite over the embedded log: in memory, in a directory with and without syncs.

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
mod relaxed {
    use super::*;
    conformance!(file, directory(Durability::Relaxed), kept);
}
