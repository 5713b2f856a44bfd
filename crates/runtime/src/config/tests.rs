mod environment;
mod secrets;
mod shapes;

use std::collections::{BTreeMap, HashMap};
use std::fs;

use proptest::prelude::*;
use serde::Deserialize;

use super::*;
use crate::admin::{Address, AdminConfig};
use crate::telemetry::Logging;

#[derive(Debug, PartialEq, Deserialize)]
struct Written {
    broker: Broker,
    input: Input,
    #[serde(default)]
    admin: AdminConfig,
    #[serde(default)]
    log: Logging,
    #[serde(default)]
    model: HashMap<String, Model>,
    #[serde(default)]
    arm: Vec<Arm>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Broker {
    url: String,
    #[serde(default)]
    password: Option<Secret>,
    #[serde(default)]
    encoding: Encoding,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Encoding {
    #[default]
    Json,
    SingleObject,
    Confluent {
        registry: String,
    },
}

#[derive(Debug, PartialEq, Deserialize)]
struct Input {
    topic: String,
    group: String,
    #[serde(default)]
    batch: Batch,
    timeout: Duration,
    largest: Size,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(default)]
struct Batch {
    records: u16,
    idempotent: bool,
}

impl Default for Batch {
    fn default() -> Self {
        Self { records: 512, idempotent: true }
    }
}

#[derive(Debug, PartialEq, Deserialize)]
struct Model {
    production: String,
    #[serde(default)]
    shadows: Vec<Shadow>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Shadow {
    version: String,
    #[serde(default)]
    share: Option<f64>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(try_from = "WrittenArm")]
struct Arm {
    name: String,
    weight: u32,
    pause: Option<Duration>,
}

#[derive(Deserialize)]
struct WrittenArm {
    name: String,
    weight: u32,
    #[serde(default)]
    pause: Option<Duration>,
}

impl TryFrom<WrittenArm> for Arm {
    type Error = String;

    fn try_from(written: WrittenArm) -> Result<Self, String> {
        if written.weight > 10_000 {
            return Err(format!("`weight` is in basis points; {} is more than 10000", written.weight));
        }
        Ok(Self { name: written.name, weight: written.weight, pause: written.pause })
    }
}

const WHOLE: &str = r#"
[broker]
url = "file:///var/lib/serin"

[input]
topic = "features"
group = "serin"
timeout = "250ms"
largest = "5 MiB"
"#;

fn environment(variables: &[(&str, &str)]) -> BTreeMap<String, String> {
    variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn read(text: &str, variables: &[(&str, &str)]) -> Result<Written, Problems> {
    load(text, "serin.toml", &environment(variables))
}

/// Asserts that reading `text` under `variables` reports exactly `lines`.
#[track_caller]
fn check_faults(text: &str, variables: &[(&str, &str)], lines: &[&str]) {
    let report = read(text, variables).unwrap_err().to_string();
    let (head, told) = report.split_once('\n').unwrap();
    let told: Vec<_> = told.lines().map(|line| line.strip_prefix("  ").unwrap()).collect();
    assert_eq!(told, lines, "{report}");
    let noun = if lines.len() == 1 { "problem" } else { "problems" };
    assert_eq!(head, format!("serin.toml: {} {noun}", lines.len()));
}

#[test]
fn a_whole_file_is_read() {
    let text = format!(
        "{WHOLE}batch = {{ records = 64 }}\n[admin]\naddress = \"off\"\n[model.fraud]\nproduction = \"12\"\n\
         shadows = [{{ version = \"14\" }}, {{ version = \"13\", share = 0.1 }}]\n[[arm]]\nname = \"control\"\nweight = 5000\n"
    );
    let written = read(&text, &[]).unwrap();
    assert_eq!(written.broker.url, "file:///var/lib/serin");
    assert_eq!(written.input.timeout.get(), std::time::Duration::from_millis(250));
    assert_eq!(written.input.largest.bytes(), 5 * 1024 * 1024);
    assert_eq!(written.input.batch, Batch { records: 64, idempotent: true });
    assert_eq!(written.admin.address, Address::Off);
    assert_eq!(written.model["fraud"].shadows[1], Shadow { version: "13".to_owned(), share: Some(0.1) });
    assert_eq!(written.arm, [Arm { name: "control".to_owned(), weight: 5000, pause: None }]);
}

#[test]
fn all_faults_are_reported_at_once_in_the_order_of_lines() {
    let text = r#"
[broker]
ulr = "kafka://localhost:9092"
encoding = "confluant"

[input]
topic = 7
timeout = "5 parsecs"
largest = 5242880
batch = { records = 70000, idempotent = "yes" }

[admin]
address = "localhost"

[modle.fraud]
production = "12"

[[arm]]
name = "control"
weight = 5000
[[arm]]
name = "canary"
weight = 12000
[[arm]]
weight = -1
pause = 5
"#;
    check_faults(
        text,
        &[],
        &[
            "line 3: `broker.ulr`: unknown field; did you mean `url`?",
            "line 4: `broker.encoding`: expected one of \"json\", \"single-object\", \"confluent\", \
             found \"confluant\"; did you mean \"confluent\"?",
            "line 6: `input.group`: missing",
            "line 7: `input.topic`: expected text, found 7",
            "line 8: `input.timeout`: expected a duration such as \"250ms\", \"5s\" or \"14d\" \
             (us, ms, s, m, h, d), found \"5 parsecs\"",
            "line 9: `input.largest`: expected a size such as \"512 B\", \"64 KiB\" or \"5 MiB\" \
             (B, kB, MB, GB, TB, KiB, MiB, GiB, TiB), found 5242880",
            "line 10: `input.batch.idempotent`: expected true or false, found \"yes\"",
            "line 10: `input.batch.records`: expected a whole number from 0 to 65535, found 70000",
            "line 13: `admin.address`: expected an IP address with a port, such as \"127.0.0.1:9464\", \
             or \"off\", found \"localhost\"",
            "line 15: `modle`: unknown field; did you mean `model`?",
            "line 21: `arm[1]`: `weight` is in basis points; 12000 is more than 10000",
            "line 24: `arm[2].name`: missing",
            "line 25: `arm[2].weight`: expected a whole number from 0 to 4294967295, found -1",
            "line 26: `arm[2].pause`: expected a duration such as \"250ms\", \"5s\" or \"14d\" \
             (us, ms, s, m, h, d), found 5",
        ],
    );
}

#[test]
fn an_empty_file_misses_every_section() {
    check_faults("", &[], &["`broker`: missing", "`input`: missing"]);
    check_faults(
        "[input]\n[broker]\n",
        &[],
        &[
            "line 1: `input.group`: missing",
            "line 1: `input.largest`: missing",
            "line 1: `input.timeout`: missing",
            "line 1: `input.topic`: missing",
            "line 2: `broker.url`: missing",
        ],
    );
}

#[test]
fn faults_inside_maps_arrays_and_variants_have_their_path() {
    let text = format!(
        "{WHOLE}[broker.encoding.confluent]\nregistry = 5\n[model.\"card fraud\"]\nproduction = 12\n\
         shadows = [{{ version = \"1\", share = \"all\" }}, {{ versoin = \"2\" }}, 3]\n"
    );
    check_faults(
        &text,
        &[],
        &[
            "line 11: `broker.encoding.confluent.registry`: expected text, found 5",
            "line 13: `model.\"card fraud\".production`: expected text, found 12",
            "line 14: `model.\"card fraud\".shadows[0].share`: expected a number, found \"all\"",
            "line 14: `model.\"card fraud\".shadows[1].versoin`: unknown field; did you mean `version`?",
            "line 14: `model.\"card fraud\".shadows[2]`: expected a table, found 3",
        ],
    );
}

#[test]
fn all_errors_of_syntax_are_found_before_anything_else() {
    let report = read("[broker\nurl = \"a\"\n\n[input]\ntopic = hunter2\ngroup = 'x\n", &[]).unwrap_err();
    let places: Vec<_> = report.problems.iter().map(|problem| problem.place.clone()).collect();
    assert_eq!(places, [Place::Line(1), Place::Line(5), Place::Line(6)], "{report}");
    assert!(!report.to_string().contains("hunter2"), "{report}");
}

#[test]
fn a_report_ends_somewhere() {
    let mut text = WHOLE.to_owned();
    for index in 0..80 {
        text += &format!("[model.m{index}]\nproduction = {index}\n");
    }
    let report = read(&text, &[]).unwrap_err();
    assert_eq!(report.problems.len(), MAX_PROBLEMS);
    assert!(report.to_string().starts_with("serin.toml: 50 problems or more\n"), "{report}");
    let many: String = (0..60_000).map(|index| format!("k{index} = 1\n")).collect();
    assert_eq!(read(&many, &[]).unwrap_err().problems.len(), MAX_PROBLEMS);
    let many = format!("{WHOLE}[[arm]]\nname = [{}]", "0,".repeat(400_000));
    assert_eq!(read(&many, &[]).unwrap_err().problems.len(), 2);
    let long = "#".repeat(MAX_BYTES + 1);
    check_faults(&long, &[], &["is larger than 1048576 bytes, the most a configuration may have"]);
}

#[test]
fn texts_are_quoted_in_part_only() {
    let text = format!("{WHOLE}[admin]\naddress = \"{}\"", "é".repeat(1_000));
    let report = read(&text, &[]).unwrap_err();
    assert!(report.to_string().contains(&format!("found \"{}\"…", "é".repeat(60))), "{report}");
}

#[test]
fn rules_of_a_service_are_reported_in_the_same_form() {
    let text = format!("{WHOLE}batch = {{ records = 0 }}");
    let document =
        Document::parse(&text, "serin.toml", &environment(&[("SERIN__BROKER__URL", "x")])).unwrap();
    let written: Written = document.read().unwrap();
    let mut problems = document.problems();
    assert_eq!(problems.clone().or(()), Ok(()));
    problems.push(
        document.problem("input.batch.records", format!("{} is less than 1", written.input.batch.records)),
    );
    problems.push(document.problem("input.retries", "missing, because `group` is there"));
    problems.push(document.problem("broker.url", "has no scheme"));
    let report = problems.or(()).unwrap_err();
    assert_eq!(
        report.to_string(),
        "serin.toml: 3 problems\n  line 5: `input.retries`: missing, because `group` is there\n  \
         line 10: `input.batch.records`: 0 is less than 1\n  SERIN__BROKER__URL: `broker.url`: has no scheme"
    );
}

#[test]
fn files_are_opened_or_their_fault_reported() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("serin.toml");
    let report = Document::open(&path, &BTreeMap::new()).unwrap_err();
    assert!(report.to_string().contains("1 problem\n  cannot be read: No such file"), "{report}");
    fs::write(&path, WHOLE).unwrap();
    let document = Document::open(&path, &BTreeMap::new()).unwrap();
    assert_eq!(document.read::<Written>().unwrap().input.topic, "features");
    fs::write(&path, [0xff, 0xfe]).unwrap();
    let report = Document::open(&path, &BTreeMap::new()).unwrap_err();
    assert!(report.to_string().contains("cannot be read: stream did not contain valid UTF-8"), "{report}");
}

#[test]
fn numbers_beyond_all_types_are_faults() {
    let text = format!("{WHOLE}[[arm]]\nname = \"a\"\nweight = 99999999999999999999\n");
    check_faults(
        &text,
        &[],
        &[
            "line 12: `arm[0].weight`: expected a whole number from 0 to 4294967295, found 99999999999999999999",
        ],
    );
    let text = format!("{WHOLE}[[arm]]\nname = \"a\"\nweight = {}\n", "9".repeat(60));
    check_faults(&text, &[], &["line 12: a number that cannot be represented"]);
}

#[test]
fn what_is_nested_too_deeply_is_refused() {
    let deep = format!("a = {}1{}", "[".repeat(10_000), "]".repeat(10_000));
    assert!(!read(&deep, &[]).unwrap_err().problems.is_empty());
    let variable = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
    assert!(!read(WHOLE, &[("SERIN__ARM", &variable)]).unwrap_err().problems.is_empty());
    let steps = format!("SERIN__{}", vec!["A"; 10_000].join("__"));
    check_faults(
        WHOLE,
        &[(&steps, "x")],
        &[&format!("{steps}: names no field; paths have 16 steps at most")],
    );
}

#[test]
fn the_closest_word_is_suggested_only_where_it_is_close() {
    let words = ["url", "password", "encoding"];
    for (word, expected) in [
        ("ulr", Some("url")),
        ("URL", Some("url")),
        ("pasword", Some("password")),
        ("encodings", Some("encoding")),
        ("topic", None),
        ("", None),
    ] {
        assert_eq!(closest(word, words), expected, "{word}");
    }
    assert_eq!(closest("url", []), None);
}

proptest! {
    /// Whatever is written, the reader answers with a value or a report that says something.
    #[test]
    fn no_text_makes_the_reader_panic(text in "(\\PC|\n){0,200}") {
        if let Err(report) = read(&text, &[]) {
            prop_assert!(!report.problems.is_empty());
        }
    }

    /// Any subset of known faults is reported whole: none hides another, and none is invented.
    #[test]
    fn no_fault_hides_another(chosen in proptest::collection::vec(any::<bool>(), 9)) {
        let lines = [
            ("url = \"a\"", "url = 5", "broker.url"),
            ("password = \"a\"", "password = 5", "broker.password"),
            ("encoding = \"json\"\n[input]", "encoding = \"yaml\"\n[input]", "broker.encoding"),
            ("topic = \"a\"", "topic = 5", "input.topic"),
            ("group = \"a\"", "gruop = \"a\"", "input.gruop"),
            ("timeout = \"5s\"", "timeout = \"5\"", "input.timeout"),
            ("largest = \"5 B\"", "", "input.largest"),
            ("[[arm]]\nname = \"a\"", "[[arm]]\nname = true", "arm[0].name"),
            ("weight = 5", "weight = \"5\"", "arm[0].weight"),
        ];
        let text = lines.iter().zip(&chosen).fold("[broker]\n".to_owned(), |text, ((good, bad, _), wrong)| {
            text + if *wrong { bad } else { good } + "\n"
        });
        let mut expected: Vec<_> = lines.iter().zip(&chosen).filter(|(_, wrong)| **wrong).map(|(line, _)| line.2).collect();
        let report = read(&text, &[]);
        let mut told: Vec<_> = report.as_ref().err().into_iter().flat_map(|report| &report.problems).map(|problem| problem.path.as_str()).collect();
        expected.sort_unstable();
        told.sort_unstable();
        prop_assert_eq!(told, expected, "{:?}", report);
    }
}
