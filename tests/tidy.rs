//! The plan of the house, held by what is really in its files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use crate::support::root;

/// Which packages of the house each may name. No service knows another; only the binary knows them all.
const EDGES: [(&str, &[&str]); 13] = [
    ("events", &[]),
    ("statistics", &[]),
    ("calculator", &["statistics"]),
    ("experiment", &[]),
    ("messaging", &["runtime"]),
    ("runtime", &[]),
    (TESTED_ON, &[]),
    (MEASURED_BESIDE, &[]),
    ("inference", &["events", "experiment"]),
    ("registry", &["events", "runtime"]),
    ("stream-scorer", &["events", "experiment", "inference", "messaging", "registry", "runtime"]),
    ("analysis", &["events", "experiment", "messaging", "registry", "runtime", "statistics"]),
    (
        "serin",
        &[
            "analysis",
            "calculator",
            "events",
            "experiment",
            "inference",
            "messaging",
            "registry",
            "runtime",
            "statistics",
            "stream-scorer",
        ],
    ),
];

/// Starts real servers for tests. Every package may test with it, and none is built with it.
const TESTED_ON: &str = "servers";

/// What serin is measured beside on brokers. It shares nothing with serin but the brokers' clients.
const MEASURED_BESIDE: &str = "pass-through";

/// The one package of the house that may name each of these: every foreign world has one door.
const HOMES: [(&str, &str); 24] = [
    ("apache-avro", "events"),
    ("statrs", "statistics"),
    ("libm", "statistics"),
    ("sketches-ddsketch", "statistics"),
    ("candle-core", "inference"),
    ("gemm", "inference"),
    ("ort", "inference"),
    ("pulp", "inference"),
    ("async-nats", "messaging"),
    ("rdkafka", "messaging"),
    ("redb", "messaging"),
    ("postcard", "messaging"),
    ("rustix", "messaging"),
    ("ureq", "registry"),
    ("axum", "runtime"),
    ("hyper", "runtime"),
    ("hyper-util", "runtime"),
    ("metrics-exporter-prometheus", "runtime"),
    ("tracing-subscriber", "runtime"),
    ("clap", "serin"),
    ("clap_complete", "serin"),
    ("indicatif", "serin"),
    ("flate2", "serin"),
    ("rcgen", TESTED_ON),
];

/// Who else tests with a package that has a home, and what for.
const TESTED_WITH: [(&str, &str, &str); 4] = [
    ("runtime", "rustix", "sends signals to a process under test"),
    ("serin", "rustix", "sends signals to a process under test"),
    ("inference", "flate2", "reads the example's data"),
    ("stream-scorer", "flate2", "reads the example's data"),
];

/// The most lines of a source file.
const LINES_MAX: usize = 600;

/// A package's manifest.
struct Package {
    name: String,
    manifest: Table,
}

impl Package {
    /// The packages that it names in all tables that are called `kind`, those of single targets among them.
    fn named(&self, kind: &str) -> BTreeSet<&str> {
        let targets = self.manifest.get("target").and_then(Value::as_table);
        let tables = targets.into_iter().flat_map(|targets| targets.values()).filter_map(Value::as_table);
        let tables = tables.chain([&self.manifest]).filter_map(|table| table.get(kind)?.as_table());
        tables
            .flatten()
            .map(|(key, value)| value.get("package").and_then(Value::as_str).unwrap_or(key))
            .collect()
    }

    /// What it is built with.
    fn built_with(&self) -> BTreeSet<&str> {
        &self.named("dependencies") | &self.named("build-dependencies")
    }
}

fn table(file: &Path) -> Table {
    let text = std::fs::read_to_string(file).unwrap();
    text.parse().unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn packages() -> Vec<Package> {
    let folders = ["crates", "services"].map(|folder| std::fs::read_dir(root().join(folder)).unwrap());
    let folders = folders.into_iter().flatten().map(|folder| folder.unwrap().path());
    let folders = folders.chain(["tests/bench", "tests/servers"].map(|folder| root().join(folder)));
    let manifests = folders.map(|folder| folder.join("Cargo.toml"));
    manifests
        .filter(|manifest| manifest.is_file())
        .map(|manifest| {
            let manifest = table(&manifest);
            Package { name: manifest["package"]["name"].as_str().unwrap().to_owned(), manifest }
        })
        .collect()
}

/// Every file of ours: no build, no history, no log.
fn files() -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy();
            match path.is_dir() {
                // In a worktree `.git` is a file.
                _ if ["target", ".git", ".serin"].contains(&&*name) => {}
                true => folders.push(path),
                false => files.push(path),
            }
        }
    }
    assert!(files.len() > 100, "the files were not found");
    files
}

/// Every file of ours that is text, with its path from the root.
fn texts() -> impl Iterator<Item = (String, String)> {
    let root = root();
    files().into_iter().filter_map(move |file| {
        let text = String::from_utf8(std::fs::read(&file).unwrap()).ok()?;
        Some((file.strip_prefix(&root).unwrap().to_str().unwrap().to_owned(), text))
    })
}

fn sources() -> impl Iterator<Item = (String, String)> {
    texts().filter(|(name, _)| name.ends_with(".rs"))
}

#[test]
fn packages_name_only_those_below_them() {
    let packages = packages();
    let names: BTreeSet<&str> = packages.iter().map(|package| package.name.as_str()).collect();
    let edges: BTreeMap<_, _> = EDGES.into_iter().collect();
    assert_eq!(names, edges.keys().copied().collect(), "the table of edges has every package");
    for package in &packages {
        // Tests may not draw an edge either; a package may be its own, to see its own features.
        let mut named = &package.built_with() | &package.named("dev-dependencies");
        named.remove(package.name.as_str());
        assert!(!package.built_with().contains(TESTED_ON), "{} is built with {TESTED_ON}", package.name);
        named.remove(TESTED_ON);
        let drawn: BTreeSet<_> = named.intersection(&names).copied().collect();
        let allowed: BTreeSet<_> = edges[package.name.as_str()].iter().copied().collect();
        assert!(drawn.is_subset(&allowed), "{} names {:?}", package.name, &drawn - &allowed);
    }
}

#[test]
fn every_foreign_package_has_one_home() {
    let packages = packages();
    for (foreign, home) in HOMES {
        for package in &packages {
            // A baseline speaks to brokers by itself: through serin's own lanes it would share what they cost.
            let is_baseline = package.name == MEASURED_BESIDE && ["async-nats", "rdkafka"].contains(&foreign);
            let is_home = package.name == home || is_baseline;
            assert_eq!(package.built_with().contains(foreign), is_home, "{} and {foreign}", package.name);
            let is_tested_with = package.named("dev-dependencies").contains(foreign);
            let is_exception =
                TESTED_WITH.iter().any(|(name, with, _)| package.name == *name && foreign == *with);
            assert_eq!(is_tested_with, is_exception, "{} tests with {foreign}", package.name);
        }
    }
}

#[test]
fn versions_are_named_in_one_place() {
    for package in packages() {
        for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let dependencies = package.manifest.get(kind).and_then(Value::as_table).into_iter().flatten();
            for (name, how) in dependencies {
                assert!(how.get("version").is_none() && !how.is_str(), "{}: {name} = {how}", package.name);
            }
        }
        let lints = package.manifest.get("lints").and_then(|lints| lints.get("workspace"));
        assert_eq!(lints.and_then(Value::as_bool), Some(true), "{} has the house's lints", package.name);
    }
}

#[test]
fn what_ships_cannot_be_told_to_fail() {
    let workspace = table(&root().join("Cargo.toml"));
    let shared = workspace["workspace"]["dependencies"].to_string();
    assert!(!shared.contains("failpoints"), "{shared}");
    for package in packages() {
        let built_with = package.manifest.get("dependencies").map(Value::to_string).unwrap_or_default();
        assert!(!built_with.contains("failpoints"), "{}", package.name);
        let default = package.manifest.get("features").and_then(|features| features.get("default"));
        assert!(default.is_none(), "{} has default features", package.name);
    }
}

#[test]
fn every_schema_has_golden_bytes() {
    let schemas: Vec<_> =
        files().into_iter().filter(|file| file.extension().is_some_and(|is| is == "avsc")).collect();
    assert!(schemas.len() >= 4, "{schemas:?}");
    for schema in schemas {
        let golden = root().join("schemas/golden").join(schema.file_stem().unwrap());
        let files =
            std::fs::read_dir(&golden).unwrap_or_else(|error| panic!("{}: {error}", golden.display()));
        let names: BTreeSet<_> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        let avro: Vec<_> = names.iter().filter_map(|name| name.strip_suffix(".avro")).collect();
        assert!(!avro.is_empty(), "{}", golden.display());
        assert!(avro.iter().all(|name| names.contains(&format!("{name}.json"))), "{names:?}");
        assert_eq!(names.len(), 2 * avro.len(), "{names:?}");
    }
}

/// The constants that name metrics, by the text around them.
fn metrics(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.lines().filter_map(|line| {
        let (_, constant) = line.split_once("const ")?;
        let (name, value) = constant.split_once(": &str = \"")?;
        let value = value.strip_suffix("\";")?;
        value.starts_with("serin_").then_some((name, value))
    })
}

#[test]
fn every_metric_is_described() {
    let mut names = BTreeSet::new();
    for (file, text) in sources() {
        for (constant, name) in metrics(&text) {
            let begins = format!("{constant},");
            let described = ["counter", "gauge", "histogram"].iter().any(|kind| {
                let call = format!("describe_{kind}!(");
                text.split(&call).skip(1).any(|arguments| arguments.trim_start().starts_with(&begins))
            });
            assert!(described, "{file}: {constant} is not described");
            assert!(names.insert(name.to_owned()), "{file}: {name} is there twice");
        }
    }
    assert!(names.len() > 20, "{names:?}");
}

#[test]
fn every_description_of_metrics_is_given() {
    let sources: Vec<_> = sources().collect();
    for (file, text) in &sources {
        if !text.contains("fn describe()") || metrics(text).next().is_none() {
            continue;
        }
        let (folder, _) = file.rsplit_once("/src/").unwrap();
        let package = folder.rsplit('/').next().unwrap().replace('-', "_");
        let inside = sources.iter().filter(|(other, _)| other.starts_with(folder) && other != file);
        let is_given = inside.into_iter().any(|(_, text)| text.contains("describe();"))
            || sources.iter().any(|(_, text)| text.contains(&format!("{package}::metrics::describe();")));
        assert!(is_given, "{file}: nobody calls `describe`");
    }
}

#[test]
fn files_speak_of_no_machine_and_no_mirror() {
    // Folders that are somebody's own; this file names them.
    let own = ["/home/", "/root/", "/Users/", "/work/", "/opt/"];
    // Where Kafka's own image has its tools.
    let theirs = "/opt/kafka/bin/";
    for (file, text) in texts().filter(|(file, _)| file != "tests/tidy.rs") {
        for (number, line) in text.lines().enumerate() {
            let line = line.replace(theirs, "");
            let found = own.iter().find(|folder| line.contains(**folder));
            assert!(found.is_none(), "{file}:{}: {line}", number + 1);
        }
    }
    let lock = table(&root().join("Cargo.lock"));
    for package in lock["package"].as_array().unwrap() {
        let source = package.get("source").and_then(Value::as_str);
        let public = "registry+https://github.com/rust-lang/crates.io-index";
        assert!(source.is_none_or(|source| source == public), "{package}");
    }
    assert!(!root().join(".cargo").exists(), "settings of one machine are not the project's");
}

#[test]
fn source_files_are_no_longer_than_a_sitting() {
    for (file, text) in sources() {
        let lines = text.lines().count();
        assert!(lines <= LINES_MAX, "{file} has {lines} lines, more than {LINES_MAX}");
    }
}
