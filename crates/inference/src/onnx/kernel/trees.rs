//! Trees: each row falls to a leaf of each tree, and the leaves' scores are put together.

use super::{Inputs, by_float};
use crate::onnx::math::Float;
use crate::onnx::tensor::{Buffer, Element};

/// An ensemble of trees.
#[derive(Clone, Debug)]
pub(in crate::onnx) struct Trees {
    /// Values of a row.
    pub(in crate::onnx) features: usize,
    pub(in crate::onnx) targets: usize,
    pub(in crate::onnx) aggregate: Aggregate,
    /// Of each tree, its root.
    pub(in crate::onnx) roots: Vec<u32>,
    pub(in crate::onnx) nodes: Vec<Node>,
    /// Scores of the leaves: a target and how much.
    pub(in crate::onnx) scores: Vec<(u32, f64)>,
    /// Values of the `Member` nodes.
    pub(in crate::onnx) members: Vec<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::onnx) enum Aggregate {
    Sum,
    Min,
    Max,
}

/// A question about a feature, or a leaf.
#[derive(Clone, Copy, Debug)]
pub(in crate::onnx) struct Node {
    pub(in crate::onnx) mode: Mode,
    /// That NaN says yes, whatever the question.
    pub(in crate::onnx) missing: bool,
    /// The feature; of a leaf, the first of its scores.
    pub(in crate::onnx) feature: u32,
    /// Where yes and no lead; of a leaf, `yes` is how many scores it has.
    pub(in crate::onnx) yes: u32,
    pub(in crate::onnx) no: u32,
    pub(in crate::onnx) value: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::onnx) enum Mode {
    Leaf,
    LessOrEqual,
    Less,
    GreaterOrEqual,
    Greater,
    Equal,
    NotEqual,
    /// Whether the feature is one of a list; the low bits of `value` are where in `members` the list begins,
    /// the high ones how long it is.
    Member,
}

impl Trees {
    pub(super) fn run(&self, rows: usize, inputs: Inputs<'_>, output: &mut Buffer, found: &mut Buffer) {
        let found = bool::values_mut(found);
        by_float!(output, T => self.score::<T>(rows, inputs.values(0), T::values_mut(output), found));
    }

    /// Tree by tree, so that a tree is in the cache for all rows; each row's sums are in the order of the trees.
    fn score<T: Float>(&self, rows: usize, input: &[T], output: &mut [T], found: &mut [bool]) {
        output[..rows * self.targets].fill(T::ZERO);
        found[..rows * self.targets].fill(false);
        for root in &self.roots {
            for row in 0..rows {
                let leaf = self.leaf(*root, &input[row * self.features..][..self.features]);
                let scores = &self.scores[leaf.feature as usize..][..leaf.yes as usize];
                for (target, score) in scores {
                    let at = row * self.targets + *target as usize;
                    self.add(&mut output[at], found[at], T::from_f64(*score));
                    found[at] = true;
                }
            }
        }
    }

    fn add<T: Float>(&self, sum: &mut T, found: bool, score: T) {
        match self.aggregate {
            Aggregate::Sum => *sum = *sum + score,
            Aggregate::Min if !found || score < *sum => *sum = score,
            Aggregate::Max if !found || score > *sum => *sum = score,
            _ => {}
        }
    }

    fn leaf<T: Float>(&self, root: u32, row: &[T]) -> Node {
        let mut node = self.nodes[root as usize];
        while node.mode != Mode::Leaf {
            let x = row[node.feature as usize];
            let yes = self.answer(&node, x) || (node.missing && x.is_nan());
            node = self.nodes[if yes { node.yes } else { node.no } as usize];
        }
        node
    }

    fn answer<T: Float>(&self, node: &Node, x: T) -> bool {
        let value = T::from_f64(node.value);
        match node.mode {
            Mode::Leaf => false,
            Mode::LessOrEqual => x <= value,
            Mode::Less => x < value,
            Mode::GreaterOrEqual => x >= value,
            Mode::Greater => x > value,
            Mode::Equal => x == value,
            Mode::NotEqual => x != value,
            Mode::Member => self.members(node).iter().any(|member| T::from_f64(*member) == x),
        }
    }

    fn members(&self, node: &Node) -> &[f64] {
        let packed = node.value.to_bits();
        let (first, count) = (packed & 0xffff_ffff, packed >> 32);
        let first = usize::try_from(first).unwrap_or(usize::MAX);
        &self.members[first..][..usize::try_from(count).unwrap_or_default()]
    }
}
