use events::Fields;

use super::*;
use crate::encoder::{Bindings, Rows};
use crate::error::ScoreError;
use crate::manifest::Manifest;
use crate::signature::Column as ArtifactColumn;
use crate::testing::fields;

fn column(name: &str, kind: ColumnKind) -> ArtifactColumn {
    ArtifactColumn { name: name.into(), kind }
}

/// An artifact with a column of each kind.
fn signature() -> Signature {
    let own = ["low", "high"].map(|text| Value::Text(text.into())).to_vec();
    Signature {
        columns: vec![
            column("wide", ColumnKind::Number(DataType::Double)),
            column("narrow", ColumnKind::Number(DataType::Float)),
            column("city", ColumnKind::Text),
            column("count", ColumnKind::Number(DataType::Int64)),
            column("flag", ColumnKind::Boolean),
            column("colour=red", ColumnKind::Number(DataType::Float)),
            column("grade", ColumnKind::Category(own)),
            column("colour=blue", ColumnKind::Number(DataType::Float)),
            column("code", ColumnKind::Category(Vec::new())),
        ],
        is_named: true,
        ..Signature::default()
    }
}

/// Not in the artifact's order.
const INPUTS: &str = r#"
    { feature = "colour", kind = "one_hot", values = ["blue", "red"], unknown = "zeros", missing = "nan" },
    { feature = "x", column = "wide", kind = "number", missing_value = -999 },
    { feature = "narrow", kind = "number" },
    { feature = "count", kind = "number" },
    { feature = "flag", kind = "boolean" },
    { feature = "city", kind = "text", fill = "" },
    { feature = "grade", kind = "category", values = ["low", "high"] },
    { feature = "code", kind = "category", values = [10, 20], unknown = -1, missing = "refuse" },
"#;

fn inputs(text: &str) -> Vec<Input> {
    let manifest = format!(
        "name = \"m\"\nversion = \"1\"\nformat = \"onnx\"\nfile = \"f\"\noutput = [{{ name = \"y\" }}]\ninput = [{text}]"
    );
    Manifest::parse("model.toml", &manifest).unwrap_or_else(|problems| panic!("{problems}")).inputs
}

fn problems(text: &str) -> Vec<String> {
    match Encoder::by_name(&inputs(text), &signature(), "file") {
        Ok(_) => Vec::new(),
        Err(problems) => problems.problems.iter().map(ToString::to_string).collect(),
    }
}

/// The numbers and the text of an event.
fn encode(event: &Fields) -> Result<(Vec<f64>, String), ScoreError> {
    let encoder = Encoder::by_name(&inputs(INPUTS), &signature(), "file").unwrap();
    let mut numbers = vec![0.0; encoder.width()];
    let mut texts = vec!["before".into(); encoder.texts()];
    let mut errors = [None];
    let rows = Rows { numbers: &mut numbers, texts: &mut texts };
    encoder.encode(&mut Bindings::default(), &[event], rows, &mut errors);
    let [error] = errors;
    error.map_or_else(|| Ok((numbers, texts[0].to_string())), Err)
}

const EVENT: &str = r#"{"x": 1e300, "narrow": 0.1, "city": "Köln", "count": 7, "flag": true, "colour": "red", "grade": "high", "code": 20}"#;
/// The columns of numbers in the artifact's order, of which those of text are not.
const ROW: [f64; 8] = [1e300, 0.100_000_001_490_116_12, 7.0, 1.0, 1.0, 1.0, 0.0, 1.0];

/// The event with some features replaced.
fn with(changes: &str) -> Fields {
    let mut event: serde_json::Map<String, serde_json::Value> = serde_json::from_str(EVENT).unwrap();
    event.extend(serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(changes).unwrap());
    fields(&serde_json::to_string(&event).unwrap())
}

fn bits(row: &[f64]) -> Vec<u64> {
    row.iter().map(|value| value.to_bits()).collect()
}

#[test]
fn each_input_finds_its_column_and_its_type() {
    let nan = f64::NAN;
    let row = |changes: &[(usize, f64)]| {
        let mut row = ROW;
        changes.iter().for_each(|(at, value)| row[*at] = *value);
        row
    };
    for (changes, numbers, text) in [
        ("{}", row(&[]), "Köln"),
        (r#"{"x": "inf"}"#, row(&[(0, f64::INFINITY)]), "Köln"),
        (r#"{"x": -999}"#, row(&[(0, nan)]), "Köln"),
        (r#"{"x": null, "narrow": "NaN", "city": null}"#, row(&[(0, nan), (1, nan)]), ""),
        (r#"{"flag": 0, "x": false}"#, row(&[(0, 0.0), (3, 0.0)]), "Köln"),
        (r#"{"colour": "blue"}"#, row(&[(4, 0.0), (6, 1.0)]), "Köln"),
        (r#"{"colour": "green"}"#, row(&[(4, 0.0)]), "Köln"),
        (r#"{"colour": null}"#, row(&[(4, nan), (6, nan)]), "Köln"),
        (r#"{"grade": "middling"}"#, row(&[(5, nan)]), "Köln"),
        (r#"{"grade": null, "code": 30}"#, row(&[(5, nan), (7, -1.0)]), "Köln"),
    ] {
        let (got, got_text) = encode(&with(changes)).unwrap();
        assert_eq!(bits(&got), bits(&numbers), "{changes}");
        assert_eq!(got_text, text, "{changes}");
    }
}

#[test]
fn what_a_column_cannot_hold_refuses_the_event() {
    for (changes, says) in [
        (r#"{"narrow": 1e300}"#, "feature `narrow`: `1e300` is infinite"),
        (r#"{"count": 1.5}"#, "feature `count`: expected a whole number, found the number `1.5`"),
        (r#"{"count": 1e17}"#, "feature `count`: expected a whole number"),
        (r#"{"count": null}"#, "feature `count` is missing"),
        (r#"{"flag": 2}"#, "feature `flag`: expected a truth value, found the number `2`"),
        (r#"{"flag": null}"#, "feature `flag` is missing"),
        (r#"{"city": 7}"#, "feature `city`: expected a text, found the number `7`"),
        (r#"{"grade": 1}"#, "feature `grade`: expected a text"),
        (r#"{"code": null}"#, "feature `code` is missing"),
    ] {
        let told = encode(&with(changes)).unwrap_err().to_string();
        assert!(told.starts_with(says), "{changes}: {told}");
    }
}

#[test]
fn every_column_is_fed_once_and_by_what_fits() {
    let with = |from: &str, to: &str| {
        assert!(INPUTS.contains(from), "{from}");
        problems(&INPUTS.replacen(from, to, 1))
    };
    assert_eq!(problems(INPUTS), [""; 0]);
    assert_eq!(
        with("\"narrow\"", "\"narow\""),
        [
            "input \"narow\": the artifact has no column `narow`; did you mean `narrow`?",
            "columns: no input feeds `narrow` of the artifact's 9"
        ]
    );
    assert_eq!(
        with("\"narrow\"", "\"grade\""),
        [
            "input \"grade\": the column `grade` is fed by the feature \"grade\" already",
            "columns: no input feeds `narrow` of the artifact's 9"
        ]
    );
    assert_eq!(
        with("\"red\"", "\"rde\""),
        [
            "input \"colour\": the artifact has no column `colour=rde`; did you mean `colour=red`?",
            "columns: no input feeds `colour=red` of the artifact's 9"
        ]
    );
    assert_eq!(
        with("kind = \"text\", fill = \"\"", "kind = \"number\""),
        ["input \"city\": the column `city` holds text: `kind` must be \"text\""]
    );
    assert_eq!(
        with("\"narrow\", kind = \"number\"", "\"narrow\", kind = \"text\""),
        ["input \"narrow\": the column `narrow` holds numbers; \"text\" is for columns of text"]
    );
    assert_eq!(
        with("[\"low\", \"high\"]", "[\"low\", \"hihg\"]"),
        [
            "input \"grade\": the column `grade` has 2 categories of its own, and `values` has 2: the first difference is at \
             place 1, the text `high` against the text `hihg`"
        ]
    );
}
