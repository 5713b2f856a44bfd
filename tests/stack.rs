//! The stack of `docker-compose.yml`, held to what the house really has and was really tested with.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::support::root;

const DASHBOARD: &str = "deploy/grafana/dashboards/serin.json";
const ALERTS: &str = "deploy/prometheus/alerts.yml";

fn text(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn dashboard() -> Value {
    serde_json::from_str(&text(DASHBOARD)).unwrap()
}

/// The panels that ask something: those that are only titles of rows do not.
fn panels(dashboard: &Value) -> Vec<&Value> {
    let panels = dashboard["panels"].as_array().unwrap().iter();
    panels.filter(|panel| panel["type"] != "row").collect()
}

/// Every constant of the sources that names a metric.
fn declared() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut folders = vec![root().join("crates"), root().join("services")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.ends_with("metrics.rs") {
                names.extend(constants(&path));
            }
        }
    }
    assert!(names.len() > 20, "{names:?}");
    names
}

fn constants(file: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap();
    let values = text.lines().filter_map(|line| line.split_once(": &str = \"")?.1.strip_suffix("\";"));
    values.filter(|value| value.starts_with("serin_")).map(ToOwned::to_owned).collect()
}

/// The names of ours in text of any language.
fn named(text: &str) -> BTreeSet<&str> {
    let words = text.split(|each: char| !each.is_ascii_alphanumeric() && each != '_');
    words.filter(|word| word.starts_with("serin_")).collect()
}

/// The metric that a series belongs to: a histogram shows as three.
fn metric(series: &str) -> &str {
    let parts = ["_bucket", "_sum", "_count"];
    parts.iter().find_map(|part| series.strip_suffix(part)).unwrap_or(series)
}

#[test]
fn dashboard_and_alerts_name_metrics_that_there_are() {
    let declared = declared();
    for file in [DASHBOARD, ALERTS] {
        let text = text(file);
        let series = named(&text);
        assert!(series.len() >= 6, "{file}: {series:?}");
        for series in series {
            assert!(declared.contains(metric(series)), "{file}: there is no metric {series}");
        }
    }
}

#[test]
fn the_dashboard_asks_the_source_that_is_provisioned() {
    let dashboard = dashboard();
    let provisioned = text("deploy/grafana/provisioning/datasources/prometheus.yml");
    for panel in panels(&dashboard) {
        let source = panel["datasource"]["uid"].as_str().unwrap();
        assert!(provisioned.lines().any(|line| line.trim() == format!("uid: {source}")), "{panel}");
        assert!(!panel["targets"].as_array().unwrap().is_empty(), "{panel}");
        assert!(!panel["description"].as_str().unwrap().is_empty(), "{panel}");
    }
}

#[test]
fn panels_have_ids_of_their_own_and_do_not_overlap() {
    let dashboard = dashboard();
    let panels = dashboard["panels"].as_array().unwrap();
    let ids: BTreeSet<_> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    assert_eq!(ids.len(), panels.len());
    let mut cells = BTreeSet::new();
    for panel in panels {
        let [x, y, w, h] = ["x", "y", "w", "h"].map(|side| panel["gridPos"][side].as_u64().unwrap());
        assert!(x + w <= 24, "{}", panel["title"]);
        for cell in (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y))) {
            assert!(cells.insert(cell), "{} overlaps at {cell:?}", panel["title"]);
        }
    }
}

#[test]
fn the_stack_runs_the_servers_that_tests_run_against() {
    let compose = text("docker-compose.yml");
    let images: Vec<_> = compose.lines().filter_map(|line| line.trim().strip_prefix("image: ")).collect();
    let versions = text("tests/servers/versions");
    for (name, image) in [
        ("KAFKA_OLDER", "apache/kafka:VERSION"),
        ("NATS", "nats:VERSION-alpine"),
        ("APICURIO", "apicurio/apicurio-registry:VERSION"),
    ] {
        let version = versions.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('=')).unwrap();
        let wanted = image.replace("VERSION", version);
        assert!(images.contains(&&*wanted), "{wanted} is not among {images:?}");
    }
    assert!(images.iter().all(|image| *image == "serin" || image.contains(':')), "{images:?}");
}

#[test]
fn the_stack_opens_no_port_beyond_this_machine() {
    let compose = text("docker-compose.yml");
    let mut published = 0;
    let mut lines = compose.lines().peekable();
    while let Some(line) = lines.next() {
        assert!(!line.contains("network_mode"), "{line}");
        if line.trim() != "ports:" {
            continue;
        }
        while let Some(port) = lines.next_if(|line| line.trim().starts_with("- ")) {
            assert!(port.trim().starts_with("- 127.0.0.1:"), "{port}");
            published += 1;
        }
    }
    assert!(published >= 6, "{published} ports were found");
}

#[test]
fn prometheus_asks_every_service_of_ours() {
    let (compose, prometheus) = (text("docker-compose.yml"), text("deploy/prometheus/prometheus.yml"));
    let lines: Vec<_> = compose.lines().collect();
    let ours = lines.windows(2).filter(|pair| pair[1].trim() == "<<: *serin").map(|pair| pair[0].trim());
    let ours: Vec<_> = ours.filter_map(|name| name.strip_suffix(':')).collect();
    assert!(ours.len() >= 2, "{ours:?}");
    for service in ours {
        assert!(prometheus.contains(&format!("{service}:9464")), "{service} is not asked");
    }
}

#[test]
fn the_image_is_built_with_the_rust_that_the_house_asks_for() {
    let manifest: toml::Table = text("Cargo.toml").parse().unwrap();
    let rust = manifest["workspace"]["package"]["rust-version"].as_str().unwrap();
    let begins = format!("FROM rust:{rust}-");
    assert!(text("Dockerfile").lines().any(|line| line.starts_with(&begins)), "{begins}");
}
