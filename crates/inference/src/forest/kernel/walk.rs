//! Exits by walking from node to node: several walks in lock step, so that one need not wait for another's memory.

use super::super::layout::{Layout, Placed, SMALL_NODES, SmallNode, Step};
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
        let found = if tree.is_small {
            let nodes = small(layout, tree);
            let places =
                walk::<ROWS>(tree.depth, |lane, place| step(at(nodes, place), |view| key(view, lane)));
            places.map(|place| number(at(nodes, place)))
        } else {
            let nodes = &layout.large[tree.node as usize..];
            let numbers = &layout.numbers[tree.node as usize..];
            let places =
                walk::<ROWS>(tree.depth, |lane, place| step(nodes[place as usize], |view| key(view, lane)));
            places.map(|place| numbers[place as usize])
        };
        exits.copy_from_slice(&found);
    }
}

/// Adds up what one row comes out at in all trees.
#[inline(always)]
pub(super) fn through_trees<T: Sum>(layout: &Layout, leaves: &[T], keys: &[i8], sums: &mut [T]) {
    for trees in layout.trees.chunks(TREES) {
        let depth = trees.iter().map(|tree| tree.depth).max().unwrap_or(0);
        let mut exits = [0; TREES];
        match trees.first_chunk::<TREES>() {
            Some(trees) if trees.iter().all(|tree| tree.is_small) => {
                let nodes = trees.each_ref().map(|tree| small(layout, tree));
                let places =
                    walk::<TREES>(depth, |lane, place| step(at(nodes[lane], place), |view| keys[view]));
                for lane in 0..TREES {
                    exits[lane] = number(at(nodes[lane], places[lane]));
                }
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
    let mut place = 0;
    for _ in 0..tree.depth {
        let next = match tree.is_small {
            true => step(at(small(layout, tree), place), |view| keys[view]),
            false => step(layout.large[(tree.node + place) as usize], |view| keys[view]),
        };
        if next == place {
            break;
        }
        place = next;
    }
    match tree.is_small {
        true => number(at(small(layout, tree), place)),
        false => layout.numbers[(tree.node + place) as usize],
    }
}

/// Walks from the root until all have arrived: `next` gives the next place of a walk.
#[inline(always)]
fn walk<const WALKS: usize>(depth: u32, next: impl Fn(usize, u32) -> u32) -> [u32; WALKS] {
    let mut places = [0; WALKS];
    for _ in 0..depth {
        let mut moved = 0;
        for (lane, place) in places.iter_mut().enumerate() {
            let next = next(lane, *place);
            moved |= *place ^ next;
            *place = next;
        }
        if moved == 0 {
            break;
        }
    }
    places
}

#[inline(always)]
fn step(node: impl Step, key: impl Fn(usize) -> i8) -> u32 {
    node.next(key(node.view()))
}

/// The nodes of a small tree, and some of those behind it.
#[inline(always)]
fn small<'l>(layout: &'l Layout, tree: &Placed) -> &'l [SmallNode; SMALL_NODES] {
    #[expect(clippy::expect_used, reason = "the layout has so many nodes behind its last tree")]
    layout.small[tree.node as usize..].first_chunk().expect("a small tree lies among enough nodes")
}

/// A node of a small tree, whose places are below [`SMALL_NODES`].
#[inline(always)]
fn at(nodes: &[SmallNode; SMALL_NODES], place: u32) -> SmallNode {
    nodes[place as usize % SMALL_NODES]
}

/// The number of a leaf of a small tree.
#[inline(always)]
fn number(leaf: SmallNode) -> u32 {
    #[expect(clippy::cast_possible_truncation, reason = "it is two bytes")]
    let number = leaf.view() as u32;
    number
}
