//! What both formats are read into: trees as they are written, before they are laid out for speed.

use super::transform::Transform;

/// The most leaves of a tree.
pub(super) const LEAVES_MAX: usize = 1 << 23;

/// The most margins of a row: classes or targets.
pub(super) const MARGINS_MAX: usize = 4_096;

/// The most columns of a row.
pub(super) const COLUMNS_MAX: usize = 1 << 20;

/// The most words of the sets of categories of one model: 256 MiB.
pub(super) const SET_WORDS_MAX: usize = 1 << 26;

/// A model: trees, each adding the value of one of its leaves to one of the margins.
#[derive(Debug)]
pub(super) struct Ensemble {
    pub(super) columns: usize,
    pub(super) precision: Precision,
    /// The margins before the first tree; as many as there are.
    pub(super) start: Vec<f64>,
    pub(super) trees: Vec<Tree>,
    /// What the sums are divided by before they are transformed.
    pub(super) divisor: Option<f64>,
    pub(super) transform: Transform,
}

/// The floats that margins are summed in, tree after tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Precision {
    /// 32 bits: XGBoost.
    Single,
    /// 64 bits: LightGBM.
    Double,
}

/// A tree.
#[derive(Debug)]
pub(super) struct Tree {
    /// The margin that it adds to.
    pub(super) margin: usize,
    pub(super) root: Child,
    pub(super) splits: Vec<Split>,
    pub(super) leaves: Vec<f64>,
}

/// What an arm of a split leads to, by its place in the tree's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Child {
    Split(u32),
    Leaf(u32),
}

/// An inner node: a question about one column.
#[derive(Clone, Debug)]
pub(super) struct Split {
    pub(super) column: u32,
    pub(super) reading: Reading,
    pub(super) question: Question,
    /// Where a missing value goes.
    pub(super) missing_left: bool,
    pub(super) left: Child,
    pub(super) right: Child,
}

/// What makes a value go left.
#[derive(Clone, Debug)]
pub(super) enum Question {
    /// LightGBM: at most the threshold. XGBoost: below it.
    Threshold(f64),
    /// A set of categories, a bit for each code.
    Set {
        /// 32 codes a word, the lowest bit first.
        words: Vec<u32>,
        /// Whether the members go left and all others right, or the other way round.
        members_left: bool,
    },
}

/// How a column's number is read before it is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Reading {
    /// As LightGBM without missing values: NaN is 0.
    Plain,
    /// As LightGBM's `zero_as_missing`: NaN and everything within 1e-35 of 0 is missing.
    ZeroMissing,
    /// As LightGBM: NaN is missing.
    NanMissing,
    /// As XGBoost: rounded to 32 bits; NaN is missing.
    Single,
}

/// Checks that the arms of all splits make one tree: each node is reached from the root once. Gives the depth.
///
/// A file can say anything; behind this no walk over a tree is endless.
pub(super) fn check_shape(tree: &Tree) -> Result<(), String> {
    let mut splits = vec![false; tree.splits.len()];
    let mut leaves = vec![false; tree.leaves.len()];
    let mut waiting = vec![tree.root];
    while let Some(child) = waiting.pop() {
        let (seen, at, kind) = match child {
            Child::Split(at) => (&mut splits, at, "split"),
            Child::Leaf(at) => (&mut leaves, at, "leaf"),
        };
        match seen.get_mut(at as usize) {
            None => return Err(format!("there is no {kind} {at}, but a split leads to it")),
            Some(true) => return Err(format!("{kind} {at} has two parents, or is its own ancestor")),
            Some(seen) => *seen = true,
        }
        if let Child::Split(at) = child {
            let split = &tree.splits[at as usize];
            waiting.extend([split.right, split.left]);
        }
    }
    match splits.iter().chain(&leaves).all(|seen| *seen) {
        true => Ok(()),
        false => Err("a node is not to be reached from the root".to_owned()),
    }
}
