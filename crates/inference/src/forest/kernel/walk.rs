//! Exits by walking from node to node: several walks in lock step, so that one need not wait for another's memory.

use super::super::layout::{Layout, Placed};
use super::Sum;

/// Walks in lock step.
const WALKS: usize = 8;

/// Steps between two looks at whether all walks have arrived.
const STRIDE: u32 = 2;

/// The numbers of the leaves that the rows of a block come out at.
#[inline(always)]
pub(super) fn exits<const LANES: usize>(
    layout: &Layout,
    tree: &Placed,
    keys: &[i8],
    exits: &mut [u32; LANES],
) {
    let nodes = &layout.nodes[tree.node as usize..];
    let numbers = &layout.numbers[tree.node as usize..];
    for (group, exits) in exits.chunks_exact_mut(WALKS).enumerate() {
        let mut places = [0_u32; WALKS];
        let mut steps = 0;
        while steps < tree.depth {
            let before = places;
            for _ in 0..STRIDE {
                for (lane, place) in places.iter_mut().enumerate() {
                    let node = nodes[*place as usize];
                    *place = node.next(keys[node.view as usize * LANES + group * WALKS + lane]);
                }
            }
            if places == before {
                break;
            }
            steps += STRIDE;
        }
        for (exit, place) in exits.iter_mut().zip(places) {
            *exit = numbers[place as usize];
        }
    }
}

/// Adds up what one row comes out at in all trees.
#[inline(always)]
pub(super) fn through_trees<T: Sum>(layout: &Layout, leaves: &[T], keys: &[i8], sums: &mut [T]) {
    for trees in layout.trees.chunks(WALKS) {
        let depth = trees.iter().map(|tree| tree.depth).max().unwrap_or(0);
        let mut roots = [0_u32; WALKS];
        for (root, tree) in roots.iter_mut().zip(trees) {
            *root = tree.node;
        }
        let mut places = [0_u32; WALKS];
        let mut steps = 0;
        while steps < depth {
            let before = places;
            for _ in 0..STRIDE {
                for (place, root) in places.iter_mut().zip(roots) {
                    let node = layout.nodes[(root + *place) as usize];
                    *place = node.next(keys[node.view as usize]);
                }
            }
            if places == before {
                break;
            }
            steps += STRIDE;
        }
        for ((tree, place), root) in trees.iter().zip(places).zip(roots) {
            let leaf = tree.leaf + layout.numbers[(root + place) as usize];
            sums[tree.margin as usize] += leaves[leaf as usize];
        }
    }
}
