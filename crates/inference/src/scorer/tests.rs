use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::sync::LazyLock;

use flate2::read::GzDecoder;
use proptest::prelude::*;

use super::*;
use crate::testing::{INFINITE, NAN, PANICS, faulty, fields};

/// Flights that the trainer scored: the first 3,000 of April 2013.
static FLIGHTS: LazyLock<Vec<(String, Fields)>> = LazyLock::new(|| {
    let file = gunzip("../../examples/flights/data/features-2013-04.ndjson.gz");
    let events = BufReader::new(file).lines().take(3_000).map(|line| {
        let event: serde_json::Value = serde_json::from_str(&line.unwrap()).unwrap();
        (event["event_id"].as_str().unwrap().to_owned(), fields(&event["features"].to_string()))
    });
    share_names(events.collect())
});

fn gunzip(path: &str) -> impl Read {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    GzDecoder::new(std::fs::File::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

/// Gives all events one list of names, as a decoder does.
fn share_names(events: Vec<(String, Fields)>) -> Vec<(String, Fields)> {
    let mut builder = events::FieldsBuilder::default();
    events
        .into_iter()
        .map(|(id, fields)| {
            assert!(fields.iter().all(|(name, value)| builder.push(name, value.clone())));
            (id, builder.finish())
        })
        .collect()
}

/// The trainer's scores, in the order of the flights: of the linear model, and of the perceptron.
fn expected() -> Vec<(String, [f64; 2])> {
    let lines = BufReader::new(gunzip("testdata/scores-2013-04.csv.gz")).lines().skip(1);
    let row = |line: String| {
        let mut cells = line.split(',');
        let id = cells.next().unwrap().to_owned();
        let [linear, perceptron] = [cells.next(), cells.next()].map(|score| score.unwrap().parse().unwrap());
        (id, [linear, perceptron])
    };
    lines.map(|line| row(line.unwrap())).collect()
}

fn flights_model(version: &str) -> Arc<Model> {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/flights/models/late");
    Arc::new(Model::load(&models.join(version)).unwrap())
}

fn score<'e>(scorer: &mut Scorer, events: impl IntoIterator<Item = &'e Fields>) -> Vec<f64> {
    let mut results = Vec::new();
    scorer.score(events, &mut results);
    results.into_iter().map(|result| result.unwrap().get("late").unwrap()).collect()
}

fn bits(scores: &[f64]) -> Vec<u64> {
    scores.iter().map(|score| score.to_bits()).collect()
}

#[test]
fn both_flights_models_reproduce_the_trainers_scores() {
    let expected = expected();
    assert_eq!((expected.len(), FLIGHTS.len()), (3_000, 3_000));
    for (at, version) in ["linear-1", "mlp-1"].into_iter().enumerate() {
        let model = flights_model(version);
        assert_eq!((model.golden_rows(), model.columns()), (30, 128));
        let mut scorer = model.scorer();
        let together = score(&mut scorer, FLIGHTS.iter().map(|(_, features)| features));
        let singly: Vec<f64> =
            FLIGHTS.iter().flat_map(|(_, features)| score(&mut scorer, [features])).collect();
        assert_eq!(bits(&together), bits(&singly), "{version}");
        for ((id, scores), ((expected_id, _), got)) in expected.iter().zip(FLIGHTS.iter().zip(together)) {
            assert_eq!(id, expected_id);
            assert!((got - scores[at]).abs() <= 1e-5, "{version}, {id}: {got}, expected {}", scores[at]);
        }
    }
}

#[test]
fn every_flights_model_is_the_version_of_its_directory_and_proves_itself() {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/flights/models/late");
    let mut versions: Vec<_> =
        models.read_dir().unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    versions.sort_unstable();
    assert_eq!(versions, ["lightgbm-1", "linear-1", "logreg-1", "mlp-1", "mlp-2", "xgboost-1"]);
    for version in versions {
        let model = flights_model(&version);
        assert_eq!((&**model.name(), &**model.version()), ("late", &*version));
        assert!(model.golden_rows() >= 20, "{version} has {} golden rows", model.golden_rows());
    }
}

#[test]
fn scores_have_the_same_bits_in_batches_of_every_size() {
    for version in ["linear-1", "mlp-1", "lightgbm-1", "xgboost-1", "logreg-1"] {
        let mut scorer = flights_model(version).scorer();
        let singly: Vec<f64> =
            FLIGHTS.iter().flat_map(|(_, features)| score(&mut scorer, [features])).collect();
        for size in 1..=300 {
            // A different window for each size.
            let window = size * 7..size * 8;
            let together = score(&mut scorer, FLIGHTS[window.clone()].iter().map(|(_, features)| features));
            assert_eq!(bits(&together), bits(&singly[window]), "{version}, a batch of {size}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Any events in any order, repeated or not: each has the score that it has alone.
    #[test]
    fn scores_have_the_same_bits_in_any_company(picks in prop::collection::vec(0..3_000_usize, 1..=300)) {
        let mut scorer = flights_model("mlp-1").scorer();
        let together = score(&mut scorer, picks.iter().map(|pick| &FLIGHTS[*pick].1));
        for (pick, together) in picks.iter().zip(together) {
            let alone = score(&mut scorer, [&FLIGHTS[*pick].1]);
            prop_assert_eq!(bits(&alone), bits(&[together]));
        }
    }
}

/// The results of the model y = x + 0.5, which fails on demand, as texts.
fn faulty_results(xs: &[f64]) -> Vec<String> {
    let events: Vec<Fields> = xs.iter().map(|x| fields(&format!(r#"{{"x": {x}}}"#))).collect();
    let mut results = Vec::new();
    faulty("1").scorer().score(&events, &mut results);
    let text = |result: Result<Outputs, ScoreError>| match result {
        Ok(outputs) => outputs.get("y").unwrap().to_string(),
        Err(error) => format!("{}: {error}", error.reason()),
    };
    results.into_iter().map(text).collect()
}

#[test]
fn an_event_that_fails_takes_no_neighbour_with_it() {
    let panicked = "panicked: the model panicked: cannot stand 1001";
    let nan = "not_finite: output `y` is `NaN`, not a finite number";
    let infinite = "not_finite: output `y` is `inf`, not a finite number";
    assert_eq!(faulty_results(&[PANICS]), [panicked]);
    assert_eq!(
        faulty_results(&[1.0, NAN, 2.0, PANICS, INFINITE, PANICS, 3.0]),
        ["1.5", nan, "2.5", panicked, infinite, panicked, "3.5"],
    );
    // A panic in the second of three blocks.
    let mut xs: Vec<f64> = (0..80).map(f64::from).collect();
    xs[40] = PANICS;
    let mut expected: Vec<String> = xs.iter().map(|x| (x + 0.5).to_string()).collect();
    expected[40] = panicked.to_owned();
    assert_eq!(faulty_results(&xs), expected);
}

#[test]
fn results_replace_what_was_there() {
    let mut scorer = faulty("1").scorer();
    let mut results = Vec::new();
    let event = fields(r#"{"x": 1}"#);
    scorer.score([&event, &event], &mut results);
    assert_eq!(results.len(), 2);
    scorer.score([], &mut results);
    assert_eq!(results.len(), 0);
}
