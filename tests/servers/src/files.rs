//! Where the servers' files are.

use std::env;
use std::path::{Path, PathBuf};

/// The versions, as `scripts/servers` reads them too.
const VERSIONS: &str = include_str!("../versions");

/// The folder of one server: its name in small letters, and its version.
///
/// # Panics
///
/// When it is not there, with what brings it.
pub(crate) fn folder(name: &str) -> PathBuf {
    folder_of(name, name)
}

/// As [`folder`], of the version that goes by a name of its own.
pub(crate) fn folder_of(name: &str, which: &str) -> PathBuf {
    let folder = servers().join(format!("{}-{}", name.to_lowercase(), version(which)));
    assert!(
        folder.is_dir(),
        "this test needs a real server, and {} is not there: `make test` fetches it, and so does `scripts/servers`",
        folder.display()
    );
    folder
}

/// A file that comes with this package.
pub(crate) fn own(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The Java that runs Kafka and the registry.
pub(crate) fn java() -> PathBuf {
    env::var_os("JAVA_HOME").map_or_else(|| "java".into(), |home| Path::new(&home).join("bin/java"))
}

fn version(name: &str) -> &'static str {
    let value = |line: &'static str| line.strip_prefix(name)?.strip_prefix('=');
    VERSIONS.lines().find_map(value).expect("every server has its version")
}

/// The same folder as in `scripts/servers`.
fn servers() -> PathBuf {
    let cache = |variable, below| Some(PathBuf::from(env::var_os(variable)?).join(below));
    cache("SERIN_TEST_SERVERS", "")
        .or_else(|| cache("SERIN_CI_CACHE", "servers"))
        .or_else(|| cache("XDG_CACHE_HOME", "serin-ci/servers"))
        .or_else(|| cache("HOME", ".cache/serin-ci/servers"))
        .expect("HOME is set")
}
