//! One tree, turned and numbered.

use super::super::ensemble::{Child, Split, Tree};
use super::views::Views;
use super::{Mask, Node, PLANE_LEAVES, SMALL_NODES, SmallNode};

/// No key is above it.
const RANK_OF_LEAVES: i8 = i8::MAX;

/// A tree, its places counted from its own first node and leaf.
pub(super) struct Arranged {
    pub(super) nodes: Vec<Node>,
    pub(super) numbers: Vec<u32>,
    pub(super) leaves: Vec<f64>,
    pub(super) depth: u32,
    ranges: Vec<Ranged>,
}

/// A split with the leaves that it rules out where the key is above the rank.
struct Ranged {
    view: u32,
    rank: i8,
    first: usize,
    end: usize,
}

impl Arranged {
    /// The nodes in their small form, if they fit into it.
    pub(super) fn small_nodes(&self) -> Option<Vec<SmallNode>> {
        if self.nodes.len() > SMALL_NODES {
            return None;
        }
        self.nodes.iter().zip(&self.numbers).map(|(node, number)| SmallNode::of(*node, *number)).collect()
    }

    /// The masks of each plane.
    pub(super) fn masks(&self) -> Vec<Vec<Mask>> {
        let mut planes = vec![Vec::new(); self.leaves.len().div_ceil(PLANE_LEAVES)];
        for range in &self.ranges {
            let (first, last) = (range.first / PLANE_LEAVES, (range.end - 1) / PLANE_LEAVES);
            for (at, masks) in planes.iter_mut().enumerate().take(last + 1).skip(first) {
                let out = (0..PLANE_LEAVES)
                    .filter(|bit| (range.first..range.end).contains(&(at * PLANE_LEAVES + bit)))
                    .fold(0_u8, |out, bit| out | 1 << bit);
                masks.push(Mask { view: range.view, rank: range.rank, remain: !out });
            }
        }
        planes
    }
}

/// Turns and numbers a tree whose shape was checked. Without recursion: a tree may be as deep as it has leaves.
pub(super) fn arrange(tree: Tree, views: &mut Views) -> Arranged {
    let order = order(&tree);
    let (sizes, depths) = measure(&tree, &order);
    let depth = match tree.root {
        Child::Split(root) => depths[root as usize],
        Child::Leaf(_) => 0,
    };
    let leaves = vec![0.0; tree.leaves.len()];
    let nodes = 2 * tree.leaves.len() - 1;
    let mut arranged = Arranged {
        nodes: vec![Node::new(0, 0, RANK_OF_LEAVES); nodes],
        numbers: vec![0; nodes],
        leaves,
        depth,
        ranges: Vec::with_capacity(order.len()),
    };
    let size = |child: Child| match child {
        Child::Split(at) => sizes[at as usize],
        Child::Leaf(_) => 1,
    };
    let Tree { splits, leaves, root, .. } = tree;
    let mut splits: Vec<Option<Split>> = splits.into_iter().map(Some).collect();
    let mut free = 1;
    // What is to be placed: its node and its first leaf.
    let mut waiting = vec![(root, 0, 0)];
    while let Some((child, node, first)) = waiting.pop() {
        let at = match child {
            Child::Leaf(at) => {
                arranged.nodes[node] = Node::new(0, 0, RANK_OF_LEAVES);
                arranged.numbers[node] = index(first);
                arranged.leaves[first] = leaves[at as usize];
                continue;
            }
            Child::Split(at) => at as usize,
        };
        let Some(split) = splits[at].take() else { continue };
        let is_turned = size(split.left) > size(split.right);
        let (near, far) = if is_turned { (split.right, split.left) } else { (split.left, split.right) };
        let (view, rank) = views.find(split, is_turned);
        let end = first + size(near);
        arranged.nodes[node] = Node::new(view, index(free - node), rank);
        arranged.ranges.push(Ranged { view, rank, first, end });
        waiting.extend([(far, free + 1, end), (near, free, first)]);
        free += 2;
    }
    arranged
}

/// The splits, parents before their children.
fn order(tree: &Tree) -> Vec<usize> {
    let mut order = Vec::with_capacity(tree.splits.len());
    let mut waiting = vec![tree.root];
    while let Some(child) = waiting.pop() {
        if let Child::Split(at) = child {
            order.push(at as usize);
            waiting.extend([tree.splits[at as usize].right, tree.splits[at as usize].left]);
        }
    }
    order
}

/// By split, the leaves below it, and the splits on the longest way down, itself among them.
fn measure(tree: &Tree, order: &[usize]) -> (Vec<usize>, Vec<u32>) {
    let mut sizes = vec![0; tree.splits.len()];
    let mut depths = vec![0; tree.splits.len()];
    for at in order.iter().rev() {
        let split = &tree.splits[*at];
        let below = |child: Child| match child {
            Child::Split(at) => (sizes[at as usize], depths[at as usize]),
            Child::Leaf(_) => (1, 0),
        };
        let (left, right) = (below(split.left), below(split.right));
        sizes[*at] = left.0 + right.0;
        depths[*at] = 1 + left.1.max(right.1);
    }
    (sizes, depths)
}

/// A place in a tree, which has at most 2^24 nodes.
fn index(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}
