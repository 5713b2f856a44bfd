#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "numbers that are small, and rounding as XGBoost rounds"
)]

use proptest::prelude::*;

use super::super::ensemble::{Child, Question, Reading, Split, Tree};
use super::super::transform::Transform;
use super::super::{Forest, Kernel, Output, Scratch};
use super::*;

/// The columns of the forests here.
const COLUMNS: usize = 3;

/// What makes a tree: for each split in turn, which leaf it takes the place of, and what it asks.
type Plan = Vec<(usize, u32, f64, u8, bool)>;

/// Grows a tree: it may be as deep as it likes, on any side.
fn grow(plan: &Plan, reading: Reading) -> Tree {
    let mut splits: Vec<Split> = Vec::new();
    let mut root = Child::Leaf(0);
    let mut leaves = 1_u32;
    for (place, column, threshold, set, missing_left) in plan {
        let (replaced, new) = (*place as u32 % leaves, leaves);
        let question = match set {
            0..8 => Question::Threshold(*threshold),
            _ => Question::Set { words: vec![u32::from(*set) * 0x0101_0101], members_left: set % 2 == 0 },
        };
        let split = Split {
            column: column % COLUMNS as u32,
            reading,
            question,
            missing_left: *missing_left,
            left: Child::Leaf(replaced),
            right: Child::Leaf(new),
        };
        let at = Child::Split(splits.len() as u32);
        let arms = splits.iter_mut().flat_map(|split| [&mut split.left, &mut split.right]);
        *arms.chain([&mut root]).find(|arm| **arm == Child::Leaf(replaced)).unwrap() = at;
        splits.push(split);
        leaves += 1;
    }
    let leaves = (0..leaves).map(|leaf| f64::from(leaf) + 0.1).collect();
    Tree { margin: 0, root, splits, leaves }
}

/// The leaf of a row as one reads it off the page.
fn exit(tree: &Tree, row: &[f64]) -> f64 {
    let mut child = tree.root;
    loop {
        let split = match child {
            Child::Leaf(leaf) => return tree.leaves[leaf as usize],
            Child::Split(at) => &tree.splits[at as usize],
        };
        child = if goes_left(split, row[split.column as usize]) { split.left } else { split.right };
    }
}

fn goes_left(split: &Split, x: f64) -> bool {
    let zero = f64::from(1e-35_f32);
    let single = f64::from(x as f32);
    // LightGBM's predictor keeps no number that is this close to zero.
    let x = if x.abs() <= zero { 0.0 } else { x };
    match (&split.question, split.reading) {
        (Question::Set { .. }, _) if x.is_nan() => split.missing_left,
        (Question::Set { words, members_left }, reading) => {
            let code = if reading == Reading::Single { single } else { x.trunc() };
            let is_member = (0.0..32.0).contains(&code) && words[0] >> code as u32 & 1 == 1;
            is_member == *members_left
        }
        (Question::Threshold(threshold), Reading::Single) => {
            if x.is_nan() {
                split.missing_left
            } else {
                single < *threshold
            }
        }
        (Question::Threshold(threshold), Reading::Plain) => (if x.is_nan() { 0.0 } else { x }) <= *threshold,
        (Question::Threshold(threshold), Reading::ZeroMissing) => {
            if x.is_nan() || x.abs() <= zero {
                split.missing_left
            } else {
                x <= *threshold
            }
        }
        (Question::Threshold(threshold), Reading::NanMissing) => {
            if x.is_nan() {
                split.missing_left
            } else {
                x <= *threshold
            }
        }
    }
}

fn forest(trees: Vec<Tree>) -> Forest {
    let ensemble = Ensemble {
        columns: COLUMNS,
        precision: Precision::Double,
        start: vec![0.0],
        trees,
        divisor: None,
        transform: Transform::Identity,
    };
    Forest::new("test", ensemble).unwrap()
}

/// What every kernel says of the rows, singly and together.
fn scores(forest: &Forest, rows: &[f64]) -> Vec<Vec<f64>> {
    let mut all = Vec::new();
    for kernel in Kernel::ALL.into_iter().filter(|kernel| kernel.is_available()) {
        let mut scratch = Scratch::with(kernel);
        let mut together = vec![0.0; rows.len() / COLUMNS];
        forest.predict_as(Output::Raw, rows, &mut together, &mut scratch);
        let mut singly = together.clone();
        for (row, score) in rows.chunks(COLUMNS).zip(&mut singly) {
            forest.predict(row, std::slice::from_mut(score), &mut scratch);
        }
        all.extend([together, singly]);
    }
    all
}

/// Numbers that are thresholds, next to them, missing, zero, infinite, and codes of categories.
fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => (-4_i8..4).prop_map(f64::from),
        1 => (-4_i8..4).prop_map(|x| f64::from(x).next_up()),
        1 => (-4_i8..4).prop_map(|x| f64::from(x).next_down()),
        1 => (0_u8..40).prop_map(f64::from),
        1 => prop::sample::select(vec![f64::NAN, 0.0, -0.0, 1e-36, -1e-36, f64::INFINITY, f64::NEG_INFINITY, 1e300, -0.5, 3e9]),
    ]
}

fn threshold() -> impl Strategy<Value = f64> {
    prop_oneof![
        8 => (-4_i8..4).prop_map(f64::from),
        1 => prop::sample::select(vec![f64::INFINITY, f64::NEG_INFINITY, -0.0, 1e-35_f32.into()]),
    ]
}

fn plan(leaves: usize) -> impl Strategy<Value = Plan> {
    prop::collection::vec((any::<usize>(), any::<u32>(), threshold(), 0_u8..12, any::<bool>()), 0..leaves)
}

fn reading() -> impl Strategy<Value = Reading> {
    prop::sample::select(vec![Reading::Plain, Reading::ZeroMissing, Reading::NanMissing, Reading::Single])
}

proptest! {
    #[test]
    fn every_kernel_comes_out_where_the_page_says(
        plans in prop::collection::vec((plan(40), reading()), 1..20),
        rows in prop::collection::vec(number(), COLUMNS..COLUMNS * 140),
    ) {
        let rows = &rows[..rows.len() / COLUMNS * COLUMNS];
        let trees: Vec<Tree> = plans.iter().map(|(plan, reading)| grow(plan, *reading)).collect();
        let sum = |row: &[f64]| trees.iter().fold(0.0, |sum, tree| sum + exit(tree, row));
        let expected: Vec<f64> = rows.chunks(COLUMNS).map(sum).collect();
        let forest = forest(plans.iter().map(|(plan, reading)| grow(plan, *reading)).collect());
        for found in scores(&forest, rows) {
            prop_assert_eq!(&found, &expected);
        }
    }
}

#[test]
fn columns_with_thousands_of_thresholds_have_several_views() {
    let plan: Plan =
        (0..2_000).map(|at| (at * 7, 0, f64::from(at as u32 * 7_919 % 2_000), 0, at % 2 == 0)).collect();
    for reading in [Reading::NanMissing, Reading::Single] {
        let tree = grow(&plan, reading);
        let rows: Vec<f64> =
            (-1..2_001).flat_map(|x| [f64::from(x), 0.0, 0.0, f64::from(x) + 0.5, 0.0, 0.0]).collect();
        let rows = [rows, vec![f64::NAN, 0.0, 0.0]].concat();
        let expected: Vec<f64> = rows.chunks(COLUMNS).map(|row| exit(&tree, row)).collect();
        let forest = forest(vec![tree]);
        assert!(forest.layout.keys.views() >= 8);
        for found in scores(&forest, &rows) {
            assert_eq!(found, expected);
        }
    }
}

#[test]
fn a_chain_of_a_hundred_thousand_splits_is_walked_to_its_end() {
    let count = 100_000_u32;
    let split = |at: u32| Split {
        column: 0,
        reading: Reading::NanMissing,
        question: Question::Threshold(f64::from(at)),
        missing_left: false,
        left: Child::Leaf(at),
        right: if at + 1 < count { Child::Split(at + 1) } else { Child::Leaf(count) },
    };
    let leaves = (0..=count).map(f64::from).collect();
    let tree = Tree { margin: 0, root: Child::Split(0), splits: (0..count).map(split).collect(), leaves };
    let forest = forest(vec![tree]);
    let rows = [[50_000.0, 0.0, 0.0], [0.0; 3], [1e9, 0.0, 0.0], [f64::NAN, 0.0, 0.0]].concat();
    for found in scores(&forest, &rows) {
        assert_eq!(found, [50_000.0, 0.0, 100_000.0, 100_000.0]);
    }
}
