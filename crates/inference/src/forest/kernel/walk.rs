//! Exits by walking from node to node: several walks in lock step, so that one need not wait for another's memory.

use super::super::layout::{Layout, Placed, SMALL_VIEWS, Step};
use super::Sum;

/// Rows that walk through one tree in lock step.
pub(super) const ROWS: usize = 8;

/// Trees that one row walks through in lock step. More would not fit into the registers.
const TREES: usize = 8;

/// The numbers of the leaves that the first rows of a block come out at, a multiple of [`ROWS`].
#[inline(always)]
pub(super) fn exits<const LANES: usize>(layout: &Layout, tree: &Placed, keys: &[i8], exits: &mut [u32]) {
    for (group, exits) in exits.chunks_exact_mut(ROWS).enumerate() {
        let key = |view: usize, lane: usize| keys[view * LANES + group * ROWS + lane];
        let roots = [tree.node; ROWS];
        let found = if tree.is_small {
            walk(&layout.small, roots, tree.depth, key).map(|place| layout.small[place as usize].number())
        } else {
            walk(&layout.large, roots, tree.depth, key).map(|place| layout.numbers[place as usize])
        };
        exits.copy_from_slice(&found);
    }
}

/// Adds up what one row comes out at in all trees.
#[inline(always)]
pub(super) fn through_trees<T: Sum>(layout: &Layout, leaves: &[T], keys: &[i8], sums: &mut [T]) {
    for trees in layout.trees.chunks(TREES) {
        let mut exits = [0; TREES];
        match (trees.first_chunk::<TREES>(), keys.first_chunk::<SMALL_VIEWS>()) {
            (Some(trees), Some(keys)) if trees.iter().all(|tree| tree.is_small) => {
                let depth = trees.iter().map(|tree| tree.depth).max().unwrap_or(0);
                let roots = trees.each_ref().map(|tree| tree.node);
                let places = walk(&layout.small, roots, depth, |view, _| keys[view % SMALL_VIEWS]);
                exits = places.map(|place| layout.small[place as usize].number());
            }
            _ => {
                for (exit, tree) in exits.iter_mut().zip(trees) {
                    *exit = alone(layout, tree, keys);
                }
            }
        }
        for (tree, exit) in trees.iter().zip(exits) {
            sums[tree.margin as usize] += leaves[(tree.leaf + exit) as usize];
        }
    }
}

/// The number of the leaf that one row comes out at in one tree.
#[inline(always)]
fn alone(layout: &Layout, tree: &Placed, keys: &[i8]) -> u32 {
    let key = |view: usize, _| keys[view];
    if tree.is_small {
        let [place] = walk(&layout.small, [tree.node], tree.depth, key);
        layout.small[place as usize].number()
    } else {
        let [place] = walk(&layout.large, [tree.node], tree.depth, key);
        layout.numbers[place as usize]
    }
}

/// Walks from the roots until all have arrived: a leaf leads to itself.
#[inline(always)]
fn walk<const WALKS: usize>(
    nodes: &[impl Step],
    roots: [u32; WALKS],
    depth: u32,
    key: impl Fn(usize, usize) -> i8,
) -> [u32; WALKS] {
    let mut places = roots;
    for _ in 0..depth {
        let mut ways = 0;
        for (lane, place) in places.iter_mut().enumerate() {
            let node = &nodes[*place as usize];
            let ahead = node.ahead();
            // The sign of the difference: 1 where the key is above the rank.
            let is_above = (i32::from(node.rank()) - i32::from(key(node.view(), lane))).cast_unsigned() >> 31;
            *place += ahead + is_above;
            ways |= ahead;
        }
        if ways == 0 {
            break;
        }
    }
    places
}
