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

/// A small generator of numbers (SplitMix64), so that a failure comes again with its seed.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ mixed >> 31) % end as u64).unwrap()
    }
}

/// What numbers are replaced by: the ends of integers and floats, and what is no number at all.
const EXTREMES: [&str; 12] = [
    "-1",
    "0",
    "2147483647",
    "-2147483648",
    "4294967295",
    "18446744073709551616",
    "1e308",
    "1e999",
    "NaN",
    "inf",
    "",
    "[",
];

/// Damages a file in one of the ways in which files get damaged, or are made to harm.
fn damage(bytes: &mut Vec<u8>, random: &mut Random) {
    let at = random.below(bytes.len());
    let length = random.below(64.min(bytes.len() - at)) + 1;
    match random.below(6) {
        0 => bytes[at] ^= 1 << random.below(8),
        1 => bytes[at] = u8::try_from(random.below(256)).unwrap(),
        2 => bytes.truncate(at),
        3 => drop(bytes.drain(at..(at + length).min(bytes.len()))),
        4 => {
            let copy = bytes[at..(at + length).min(bytes.len())].to_vec();
            bytes.splice(at..at, copy);
        }
        _ => {
            let is_number = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
            let Some(from) = bytes[at..].iter().position(is_number).map(|from| at + from) else { return };
            let end =
                bytes[from..].iter().position(|byte| !is_number(byte)).map_or(bytes.len(), |end| from + end);
            bytes.splice(from..end, EXTREMES[random.below(EXTREMES.len())].bytes());
        }
    }
}

/// A reader.
type Load = fn(&str, &[u8], Iterations) -> Result<(Forest, Description), Problems>;

/// Loads damaged copies of a file: each is refused with its place, or scores rows of its own width without panic.
/// Gives how many were refused and how many loaded.
fn survive(file: &[u8], load: Load) -> [usize; 2] {
    let mut counts = [0; 2];
    for seed in 0..400 {
        let mut random = Random(seed);
        let mut bytes = file.to_vec();
        for _ in 0..=random.below(3) {
            damage(&mut bytes, &mut random);
            if bytes.is_empty() {
                break;
            }
        }
        match load("damaged", &bytes, Iterations::All) {
            Err(problems) => {
                assert!(!problems.problems.is_empty() && problems.problems.len() <= 21, "seed {seed}");
                counts[0] += 1;
            }
            Ok((forest, _)) => {
                let values = [f64::NAN, 0.0, -1.0, 1e30, 3.0];
                let rows: Vec<f64> =
                    values.repeat(forest.columns()).into_iter().take(5 * forest.columns()).collect();
                let mut outputs = vec![0.0; 5 * forest.outputs(Output::Prediction)];
                forest.predict(&rows, &mut outputs, &mut Scratch::default());
                counts[1] += 1;
            }
        }
    }
    counts
}

#[test]
fn damaged_files_are_refused_or_score_and_never_panic() {
    for (name, load) in [
        ("lightgbm.txt.gz", Forest::lightgbm as Load),
        ("xgboost.json.gz", Forest::xgboost),
        ("xgboost.ubj.gz", Forest::xgboost),
    ] {
        let [refused, loaded] = survive(&file(name), load);
        println!("{name}: {refused} refused, {loaded} loaded");
        assert!(
            refused > 100 && loaded > 20,
            "{name}: {refused} refused, {loaded} loaded: the damage is one-sided"
        );
    }
}

/// A stump in LightGBM's text; cases replace parts of it.
const STUMP: &str = "tree
version=v4
num_class=1
num_tree_per_iteration=1
label_index=0
max_feature_idx=1
objective=regression
feature_names=a b
feature_infos=[0:1] [0:1]
tree_sizes=100

Tree=0
num_leaves=2
num_cat=0
split_feature=1
threshold=0.5
decision_type=2
left_child=-1
right_child=-2
leaf_value=10 20
is_linear=0
shrinkage=1


end of trees
";

fn lightgbm(text: &str) -> Result<(Forest, Description), Vec<String>> {
    Forest::lightgbm("file", text.as_bytes(), Iterations::All).map_err(texts)
}

fn texts(problems: Problems) -> Vec<String> {
    problems.problems.iter().map(ToString::to_string).collect()
}

#[test]
fn a_stump_is_read() {
    let (forest, description) = lightgbm(STUMP).unwrap();
    assert_eq!(predict(&forest, &[0.0, 0.5, 0.0, 0.6, 9.0, f64::NAN]), [10.0, 20.0, 10.0]);
    assert_eq!(description.format, "LightGBM text v4");
    assert_eq!(description.prediction, Prediction::Value);
    assert_eq!((description.trees, description.iterations, description.outputs), (1, 1, 1));
}

#[test]
fn faults_of_a_lightgbm_model_have_their_place() {
    let cases = [
        ("tree\n", "treee\n", "file: it is no LightGBM text model: these begin with a line `tree`"),
        ("end of trees", "", "file: it is cut off: no line `end of trees`"),
        ("version=v4", "version=v5", "header: version `v5` is not supported, expected v3 or v4"),
        ("num_class=1", "num_class=x", "header: `num_class` is `x`, expected 0 to 4096"),
        (
            "num_class=1",
            "num_class=1\nnew_key=1",
            "header: `new_key` is not known, and may change what the model computes",
        ),
        ("num_class=1", "num_class=1\nnum_class=1", "file: `num_class` is there twice in one section"),
        (
            "max_feature_idx=1",
            "max_feature_idx=99999999",
            "header: `max_feature_idx` is `99999999`, expected 0 to 1048575",
        ),
        ("objective=regression", "objective=ranking", "header: objective `ranking` is not supported"),
        (
            "objective=regression",
            "objective=regression cube",
            "header: objective `regression`: `cube` is not known",
        ),
        ("objective=regression", "objective=binary", "header: the objective does not say its `sigmoid`"),
        (
            "objective=regression",
            "objective=multiclass num_class:3",
            "header: objective `multiclass num_class:3` needs 3 trees an iteration, not 1",
        ),
        (
            "feature_names=a b",
            "feature_names=a",
            "header: `feature_names` has 1 words, but there are 2 columns",
        ),
        ("tree_sizes=100", "tree_sizes=100 100", "trees: the header lists 2 trees, but the file has 1"),
        ("Tree=0", "Tree=1", "trees: `Tree=1` follows where tree 0 is due"),
        ("num_leaves=2", "num_leaves=3", "tree 0: `leaf_value` has 2 numbers, expected 3"),
        ("num_leaves=2", "num_leaves=99999999", "tree 0: `num_leaves` is `99999999`, expected 0 to 8388608"),
        ("split_feature=1", "split_feature=2", "tree 0: split 0: there is no column 2"),
        ("threshold=0.5", "threshold=nan", "tree 0: split 0: the threshold is NaN"),
        ("threshold=0.5", "threshold=half", "tree 0: `threshold`: `half` is no number"),
        ("decision_type=2", "decision_type=14", "tree 0: split 0: `decision_type` 14 is not known"),
        ("decision_type=2", "decision_type=1", "tree 0: split 0: there is no set of categories `0.5`"),
        ("left_child=-1", "left_child=0", "tree 0: split 0 has two parents, or is its own ancestor"),
        ("left_child=-1", "left_child=-2", "tree 0: leaf 1 has two parents, or is its own ancestor"),
        ("left_child=-1", "left_child=7", "tree 0: there is no split 7, but a split leads to it"),
        ("leaf_value=10 20", "leaf_value=10 inf", "tree 0: `leaf_value` has `inf`"),
        (
            "is_linear=0",
            "is_linear=1",
            "tree 0: linear trees (`linear_tree`) are not supported: their leaves are no constants",
        ),
        (
            "shrinkage=1",
            "curvature=1",
            "tree 0: `curvature` is not known, and may change what the model computes",
        ),
    ];
    for (part, other, expected) in cases {
        let text = STUMP.replacen(part, other, 1);
        assert_ne!(text, STUMP, "{part} is there");
        assert_eq!(lightgbm(&text).map(|_| ()).unwrap_err(), [expected], "{other}");
    }
}

/// A stump in XGBoost's JSON; cases replace parts of it.
const XGBOOST_STUMP: &str = r#"{"learner":{"attributes":{"best_iteration":"0"},"feature_names":["a","b"],"feature_types":["float","int"],
"gradient_booster":{"model":{"gbtree_model_param":{"num_parallel_tree":"1","num_trees":"1"},"iteration_indptr":[0,1],
"tree_info":[0],"trees":[{"categories":[],"categories_nodes":[],"categories_segments":[],"categories_sizes":[],
"default_left":[1,0,0],"id":0,"left_children":[1,-1,-1],"right_children":[2,-1,-1],"split_conditions":[0.5,10,20],
"split_indices":[1,0,0],"split_type":[0,0,0],"tree_param":{"num_nodes":"3","size_leaf_vector":"1"}}]},"name":"gbtree"},
"learner_model_param":{"base_score":"5E-1","num_class":"0","num_feature":"2","num_target":"1"},
"objective":{"name":"reg:squarederror"}},"version":[3,2,0]}"#;

fn xgboost(text: &str) -> Result<(Forest, Description), Vec<String>> {
    Forest::xgboost("file", text.as_bytes(), Iterations::Best).map_err(texts)
}

#[test]
fn an_xgboost_stump_is_read() {
    let (forest, description) = xgboost(XGBOOST_STUMP).unwrap();
    assert_eq!(predict(&forest, &[0.0, 0.5, 0.0, 0.4, 9.0, f64::NAN]), [20.5, 10.5, 10.5]);
    assert_eq!(description.format, "XGBoost JSON 3.2.0");
    assert_eq!(description.best_iterations, Some(1));
    assert_eq!(description.columns[1], Column { name: "b".to_owned(), kind: ColumnKind::Integer });
}

#[test]
fn crossing_quantiles_are_sorted_by_those_versions_that_sort_them() {
    let model = XGBOOST_STUMP
        .replace("reg:squarederror", "reg:quantileerror")
        .replace("\"num_target\":\"1\"", "\"num_target\":\"2\"")
        .replace("5E-1", "[5E-1,1E0]");
    let (forest, _) = xgboost(&model).unwrap();
    assert_eq!(predict(&forest, &[0.0, 0.0]), [10.5, 1.0]);
    let (forest, _) = xgboost(&model.replace("[3,2,0]", "[3,4,1]")).unwrap();
    assert_eq!(predict(&forest, &[0.0, 0.0]), [1.0, 10.5]);
}

#[test]
fn faults_of_an_xgboost_model_have_their_place() {
    let cases = [
        ("{\"learner\"", "{\"teacher\"", "file: it is no XGBoost model: these have a member `learner`"),
        ("\"version\":[3,2,0]", "\"version\":[3]", "version: expected three whole numbers"),
        (
            "\"objective\":",
            "\"subjective\":",
            "learner: `subjective` is not known, and may change what the model computes",
        ),
        ("reg:squarederror", "reg:cubederror", "objective: objective `reg:cubederror` is not supported"),
        ("\"reg:squarederror\"", "7", "objective: `name` is a number, expected a text"),
        ("\"5E-1\"", "\"half\"", "objective: `base_score` is `half`, expected a number or an array of them"),
        ("\"5E-1\"", "\"[1,2]\"", "objective: `base_score` has 2 numbers, expected 1 or 1"),
        ("\"5E-1\"", "\"1E99\"", "objective: `base_score` `1E99` is a margin of `inf`"),
        (
            "\"name\":\"gbtree\"",
            "\"name\":\"gblinear\"",
            "gradient_booster: booster `gblinear` is not supported, expected gbtree or dart",
        ),
        ("\"name\":\"gbtree\"", "\"name\":\"dart\"", "gradient_booster: `gbtree` is missing"),
        (
            "\"num_feature\":\"2\"",
            "\"num_feature\":\"0\"",
            "learner_model_param: `num_feature` is 0, expected 1 to 1048576",
        ),
        (
            "\"num_feature\":\"2\"",
            "\"num_feature\":\"3\"",
            "columns: `feature_names` has 2 texts, but there are 3 columns",
        ),
        (
            "\"num_class\":\"0\"",
            "\"num_class\":\"9999\"",
            "learner_model_param: 9999 classes or targets are more than 4096",
        ),
        (
            "\"iteration_indptr\":[0,1]",
            "\"iteration_indptr\":[0,2]",
            "iterations: `iteration_indptr` does not ascend from 0 to 1, the number of trees",
        ),
        ("\"tree_info\":[0]", "\"tree_info\":[1]", "tree_info: there is no class or target `1`"),
        ("\"num_trees\":\"1\"", "\"num_trees\":\"2\"", "gradient_booster: `num_trees` is 2, but there are 1"),
        (
            "\"best_iteration\":\"0\"",
            "\"best_iteration\":\"5\"",
            "iterations: 6 iterations were asked for, but the file has 1",
        ),
        (
            "\"best_iteration\":\"0\"",
            "\"best\":\"0\"",
            "iterations: the file has no attribute `best_iteration`: score with all",
        ),
        ("\"num_nodes\":\"3\"", "\"num_nodes\":\"4\"", "tree 0: `left_children` has 3 numbers, expected 4"),
        (
            "\"size_leaf_vector\":\"1\"",
            "\"size_leaf_vector\":\"2\"",
            "tree 0: vector leaves (`multi_output_tree`) are not supported",
        ),
        (
            "\"left_children\":[1,",
            "\"left_children\":[0,",
            "tree 0: node 0 has two parents, or is its own ancestor",
        ),
        (
            "\"left_children\":[1,",
            "\"left_children\":[9,",
            "tree 0: there is no node `9`, but a split leads to it",
        ),
        ("\"left_children\":[1,-1", "\"left_children\":[1,2", "tree 0: node 1 has one child"),
        ("\"split_indices\":[1,", "\"split_indices\":[2,", "tree 0: node 0: there is no column `2`"),
        (
            "\"split_conditions\":[0.5,",
            "\"split_conditions\":[NaN,",
            "tree 0: node 0: `split_conditions` is `NaN`",
        ),
        (
            "\"split_type\":[0,",
            "\"split_type\":[1,",
            "tree 0: 1 nodes are categorical, but 0 have categories",
        ),
        (
            "\"categories_nodes\":[]",
            "\"categories_nodes\":[0]",
            "tree 0: the arrays of categorical splits do not fit together",
        ),
        (
            "\"id\":0",
            "\"identity\":0",
            "tree 0: `identity` is not known, and may change what the model computes",
        ),
    ];
    for (part, other, expected) in cases {
        let text = XGBOOST_STUMP.replacen(part, other, 1);
        assert_ne!(text, XGBOOST_STUMP, "{part} is there");
        assert_eq!(xgboost(&text).map(|_| ()).unwrap_err(), [expected], "{other}");
    }
}

#[test]
fn many_faults_are_told_at_once_but_not_without_end() {
    let tree = &STUMP[STUMP.find("Tree=0").unwrap()..STUMP.find("end of trees").unwrap()];
    let bad = tree.replace("threshold=0.5", "threshold=nan");
    let trees: String = (0..50).map(|at| bad.replace("Tree=0", &format!("Tree={at}"))).collect();
    let text = STUMP.replace(tree, &trees).replace("tree_sizes=100\n", "");
    let faults = lightgbm(&text).map(|_| ()).unwrap_err();
    assert_eq!(faults.len(), 21);
    assert_eq!(faults[20], "trees after it: not read, since so many before are faulty");
}

#[test]
fn a_batch_as_large_as_the_last_one_allocates_nothing() {
    let (forest, _) = Forest::xgboost("model", &file("xgboost.ubj.gz"), Iterations::All).unwrap();
    let rows = vec![0.5; 300 * forest.columns()];
    let mut outputs = vec![0.0; 300];
    let mut scratch = Scratch::default();
    forest.predict(&rows, &mut outputs, &mut scratch);
    let before = scratch.sizes();
    for batch in BATCHES {
        forest.predict(&rows[..batch * forest.columns()], &mut outputs[..batch], &mut scratch);
        assert_eq!(scratch.sizes(), before, "{batch}");
    }
}

#[test]
#[should_panic(expected = "whole rows of 2 numbers")]
fn a_row_that_is_cut_off_is_a_broken_invariant() {
    lightgbm(STUMP).unwrap().0.predict(&[0.0; 3], &mut [0.0], &mut Scratch::default());
}
