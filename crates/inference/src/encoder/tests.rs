use proptest::prelude::*;

use super::bindings::BINDINGS_MAX;
use super::*;
use crate::manifest::Manifest;
use crate::testing::fields;

const MANIFEST: &str = r#"
name = "m"
version = "1"
format = "safetensors"
file = "f"
layers = ["linear"]
output = [{ name = "y" }]
input = [
    { feature = "filled", kind = "number", fill = 3, mean = 1, scale = 2 },
    { feature = "needed", kind = "number" },
    { feature = "open", kind = "one_hot", values = ["a", "b"], unknown = "zeros", missing = "zeros" },
    { feature = "closed", kind = "one_hot", values = [7, 0.5] },
    { feature = "flag", kind = "one_hot", values = [true] , missing = "zeros" },
    { feature = "grade", kind = "ordinal", values = ["low", "high"], unknown = -1, missing = 9 },
]
"#;

/// An event that the manifest accepts, and its row.
const EVENT: &str = r#"{"filled": 2, "needed": 5, "open": "b", "closed": 7, "flag": true, "grade": "high"}"#;
const ROW: [f32; 8] = [0.5, 5.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0];

fn encoder() -> Encoder {
    Encoder::in_order(&Manifest::parse("model.toml", MANIFEST).unwrap().inputs)
}

fn encode(bindings: &mut Bindings, events: &[Fields]) -> Vec<Result<Vec<f32>, ScoreError>> {
    let encoder = encoder();
    let events: Vec<&Fields> = events.iter().collect();
    // What an earlier block left behind must not shine through.
    let mut block = vec![f32::NAN; (events.len() + 1) * encoder.width()];
    let mut errors = vec![None; events.len()];
    encoder.encode(bindings, &events, Rows { numbers: &mut block, texts: &mut [] }, &mut errors);
    let (rows, rest) = block.split_at(events.len() * encoder.width());
    assert!(rest.iter().all(|value| *value == 0.0), "rows after the last event are zero");
    assert!(rows.iter().all(|value| value.is_finite()), "refused events leave nothing infinite");
    let rows = rows.chunks(encoder.width()).map(<[f32]>::to_vec);
    rows.zip(errors).map(|(row, error)| error.map_or(Ok(row), Err)).collect()
}

/// The event with some features replaced, or taken out where the replacement is `"-"`.
fn with(changes: &str) -> Fields {
    let mut event: serde_json::Map<String, serde_json::Value> = serde_json::from_str(EVENT).unwrap();
    let changes: serde_json::Map<String, serde_json::Value> = serde_json::from_str(changes).unwrap();
    for (name, value) in changes {
        if value == "-" { drop(event.remove(&name)) } else { drop(event.insert(name, value)) }
    }
    fields(&serde_json::to_string(&event).unwrap())
}

#[test]
fn events_are_encoded_as_the_manifest_says() {
    let row = |changes: &[(usize, f32)]| {
        let mut row = ROW;
        changes.iter().for_each(|(at, value)| row[*at] = *value);
        row
    };
    let cases = [
        ("{}", row(&[])),
        (r#"{"more": "is ignored"}"#, row(&[])),
        (r#"{"filled": null}"#, row(&[(0, 1.0)])),
        (r#"{"filled": "-"}"#, row(&[(0, 1.0)])),
        (r#"{"filled": "NaN"}"#, row(&[(0, 1.0)])),
        (r#"{"needed": true}"#, row(&[(1, 1.0)])),
        (r#"{"needed": false}"#, row(&[(1, 0.0)])),
        (r#"{"needed": -1e-300}"#, row(&[(1, 0.0)])),
        (r#"{"open": "a"}"#, row(&[(2, 1.0), (3, 0.0)])),
        (r#"{"open": "c"}"#, row(&[(3, 0.0)])),
        (r#"{"open": null}"#, row(&[(3, 0.0)])),
        (r#"{"open": "-"}"#, row(&[(3, 0.0)])),
        (r#"{"closed": 0.5}"#, row(&[(4, 0.0), (5, 1.0)])),
        (r#"{"flag": null}"#, row(&[(6, 0.0)])),
        (r#"{"grade": "low"}"#, row(&[(7, 0.0)])),
        (r#"{"grade": "LOW"}"#, row(&[(7, -1.0)])),
        (r#"{"grade": null}"#, row(&[(7, 9.0)])),
    ];
    for (changes, expected) in cases {
        assert_eq!(encode(&mut Bindings::default(), &[with(changes)]), [Ok(expected.to_vec())], "{changes}");
    }
}

#[test]
fn events_that_do_not_fit_are_refused_with_feature_and_value() {
    let long = format!(r#"{{"needed": "{}"}}"#, "é".repeat(100));
    let shortened = format!("feature `needed`: expected a number, found the text `{}…`", "é".repeat(64));
    let cases = [
        (
            r#"{"needed": null}"#,
            "feature `needed` is missing, and the model has nothing that stands in for it",
        ),
        (
            r#"{"needed": "-"}"#,
            "feature `needed` is missing, and the model has nothing that stands in for it",
        ),
        (
            r#"{"needed": "NaN"}"#,
            "feature `needed` is missing, and the model has nothing that stands in for it",
        ),
        (r#"{"needed": "12.5"}"#, "feature `needed`: expected a number, found the text `12.5`"),
        (&long, &shortened),
        (
            r#"{"needed": "inf"}"#,
            "feature `needed`: `inf` is infinite, or too large for the model's 32-bit floats",
        ),
        (
            r#"{"filled": -1e300}"#,
            "feature `filled`: `-1e300` is infinite, or too large for the model's 32-bit floats",
        ),
        (r#"{"open": 1}"#, "feature `open`: expected a text, found the number `1`"),
        (r#"{"closed": "7"}"#, "feature `closed`: expected a number, found the text `7`"),
        (r#"{"closed": true}"#, "feature `closed`: expected a number, found the truth value `true`"),
        (r#"{"closed": 8}"#, "feature `closed`: the model does not know the number `8`"),
        (r#"{"closed": "inf"}"#, "feature `closed`: the model does not know the number `inf`"),
        (
            r#"{"closed": "NaN"}"#,
            "feature `closed` is missing, and the model has nothing that stands in for it",
        ),
        (r#"{"flag": 1}"#, "feature `flag`: expected a truth value, found the number `1`"),
        (r#"{"flag": false}"#, "feature `flag`: the model does not know the truth value `false`"),
        (r#"{"grade": 1}"#, "feature `grade`: expected a text, found the number `1`"),
        // Of two faults the first column's is told.
        (r#"{"closed": 8, "needed": "x"}"#, "feature `needed`: expected a number, found the text `x`"),
    ];
    for (changes, expected) in cases {
        let results = encode(&mut Bindings::default(), &[with("{}"), with(changes), with("{}")]);
        assert_eq!(results[1].as_ref().map_err(ToString::to_string), Err(expected.to_owned()), "{changes}");
        assert_eq!(
            (&results[0], &results[2]),
            (&Ok(ROW.to_vec()), &Ok(ROW.to_vec())),
            "neighbours of {changes}"
        );
    }
}

#[test]
fn a_truth_value_may_be_too_large_too() {
    let manifest = MANIFEST.replace("kind = \"number\" },", "kind = \"number\", scale = 1e-300 },");
    let encoder = Encoder::in_order(&Manifest::parse("model.toml", &manifest).unwrap().inputs);
    let event = with(r#"{"needed": true}"#);
    let (mut block, mut errors) = (vec![0.0_f32; encoder.width()], vec![None]);
    encoder.encode(
        &mut Bindings::default(),
        &[&event],
        Rows { numbers: &mut block, texts: &mut [] },
        &mut errors,
    );
    assert_eq!(errors, [Some(ScoreError::InfiniteFeature { feature: "needed".into(), value: 1.0 })]);
}

#[test]
fn endless_shapes_take_bounded_memory() {
    let mut bindings = Bindings::default();
    for at in 0..3 * BINDINGS_MAX {
        let event = with(&format!(r#"{{"field {at}": 1}}"#));
        assert_eq!(encode(&mut bindings, &[event]), [Ok(ROW.to_vec())]);
    }
    assert!(bindings.known.len() <= BINDINGS_MAX);
}

proptest! {
    /// Whatever shapes are mixed in a batch, and however bindings were used before, each event gets its own row.
    #[test]
    fn mixed_shapes_are_encoded_like_single_events(picks in prop::collection::vec(0..5_usize, 1..40)) {
        let shapes = [
            with("{}"),
            with(r#"{"filled": "-", "extra": 1}"#),
            fields(r#"{"grade": "low", "flag": true, "closed": 0.5, "open": "a", "needed": 1, "filled": 1}"#),
            with(r#"{"needed": "-"}"#),
            Fields::default(),
        ];
        let events: Vec<Fields> = picks.iter().map(|pick| shapes[*pick].clone()).collect();
        let mut bindings = Bindings::default();
        let together = encode(&mut bindings, &events);
        for (event, result) in events.iter().zip(together) {
            prop_assert_eq!(&encode(&mut bindings, std::slice::from_ref(event))[0], &result);
        }
    }
}
