use std::io::Read;
use std::path::Path;

use flate2::read::GzDecoder;

use super::*;

/// Batches that use every path: single rows, few of them, one block, several, and what remains behind them.
const BATCHES: [usize; 8] = [1, 2, 3, 31, 33, 64, 100, 300];

fn file(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/forest").join(name);
    let mut bytes = Vec::new();
    GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_end(&mut bytes).unwrap();
    bytes
}

/// The predictions of `rows`, which must be the same with every kernel and in every batch.
fn predict(forest: &Forest, rows: &[f64]) -> Vec<f64> {
    let (columns, width) = (forest.columns(), forest.outputs(Output::Prediction));
    let count = rows.len() / columns;
    let mut predictions: Vec<f64> = Vec::new();
    for kernel in Kernel::ALL.into_iter().filter(|kernel| kernel.is_available()) {
        let mut scratch = Scratch::with(kernel);
        for batch in BATCHES {
            let mut outputs = vec![f64::NAN; count * width];
            for (rows, outputs) in rows.chunks(batch * columns).zip(outputs.chunks_mut(batch * width)) {
                forest.predict(rows, outputs, &mut scratch);
            }
            if predictions.is_empty() {
                predictions = outputs;
            } else {
                let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
                assert_eq!(bits(&outputs), bits(&predictions), "{kernel:?} in batches of {batch}");
            }
        }
    }
    predictions
}

/// Flights with what the two trainers predict for them, as text, a line each.
fn flights() -> Vec<Vec<String>> {
    let text = String::from_utf8(file("flights.csv.gz")).unwrap();
    text.lines().map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

fn check(predictions: &[f64], expected: &[f64]) {
    assert_eq!(predictions.len(), expected.len());
    let distance = |(one, other): (&f64, &f64)| (one - other).abs() / other.abs().max(1.0);
    let worst = predictions.iter().zip(expected).map(distance).fold(0.0, f64::max);
    println!("the worst difference is {worst:e}");
    assert!(worst <= 1e-6, "{worst}");
}

#[test]
fn a_lightgbm_model_of_flights_gives_the_trainers_numbers() {
    let (forest, description) =
        Forest::lightgbm("model.txt", &file("lightgbm.txt.gz"), Iterations::All).unwrap();
    let categories: serde_json::Value =
        serde_json::from_slice(include_bytes!("../../testdata/forest/categories.json")).unwrap();
    let flights = flights();
    let (names, flights) = flights.split_first().unwrap();
    let number = |name: &str, value: &str| match categories["categories"].get(name) {
        Some(known) => {
            let known = known.as_array().unwrap();
            known.iter().position(|category| category == value).map_or(-1.0, |code| code as f64)
        }
        None => value.parse().unwrap_or(f64::NAN),
    };
    let columns = description.columns.len();
    assert_eq!(
        names[..columns],
        description.columns.iter().map(|column| column.name.clone()).collect::<Vec<_>>()
    );
    let rows: Vec<f64> =
        flights.iter().flat_map(|flight| (0..columns).map(|at| number(&names[at], &flight[at]))).collect();
    let expected: Vec<f64> = flights.iter().map(|flight| flight[columns].parse().unwrap()).collect();
    check(&predict(&forest, &rows), &expected);
}

#[test]
fn an_xgboost_model_of_flights_gives_the_trainers_numbers_in_both_encodings() {
    let flights = flights();
    let (names, flights) = flights.split_first().unwrap();
    let mut predictions = Vec::new();
    for name in ["xgboost.json.gz", "xgboost.ubj.gz"] {
        let (forest, description) = Forest::xgboost(name, &file(name), Iterations::All).unwrap();
        let number = |flight: &[String], column: &str| match column.split_once('=') {
            Some((name, category)) => {
                f64::from(flight[names.iter().position(|one| one == name).unwrap()] == category)
            }
            None => flight[names.iter().position(|one| one == column).unwrap()].parse().unwrap_or(f64::NAN),
        };
        let row = |flight: &Vec<String>| -> Vec<f64> {
            description.columns.iter().map(|column| number(flight, &column.name)).collect()
        };
        let rows: Vec<f64> = flights.iter().flat_map(row).collect();
        let expected: Vec<f64> =
            flights.iter().map(|flight| flight[names.len() - 1].parse().unwrap()).collect();
        predictions.push(predict(&forest, &rows));
        check(&predictions[0], &expected);
    }
    assert_eq!(predictions[0], predictions[1]);
}
