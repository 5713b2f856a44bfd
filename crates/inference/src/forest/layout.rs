//! How a forest lies in memory for its kernels.
//!
//! A row's numbers are first ranked among the thresholds of their columns (`keys`), so that a kernel compares bytes:
//! exact for every float, with missing values, directions and categories already decided. Each split reads one
//! **view** of its column, and its question is always the same: is the key above the split's rank?
//!
//! The arms of each split are turned so that the first has the fewer leaves, and leaves are numbered from one side
//! to the other. A tree is kept in two forms. For the walk its **nodes** have their children side by side, and
//! leaves lead to themselves; those of small trees take four bytes, so that a forest stays in the cache. For the planes (after QuickScorer: Lucchese et al., SIGIR 2015) each split is a
//! **mask**: where the key is above the rank, the leaves of the first arm are out. Of those that remain when all
//! splits were asked, the first is the exit. Eight leaves are a plane of bits, for many rows at once; the masks of a
//! plane lie together, and since the first arm is the smaller one, few masks span two planes.

mod arrange;
pub(super) mod keys;
#[cfg(test)]
mod tests;
mod views;

use super::ensemble::{Ensemble, Precision, Tree};
use arrange::arrange;
use keys::Keys;
use views::Views;

/// Leaves of a plane: the bits of a byte.
pub(super) const PLANE_LEAVES: usize = 8;

/// The most leaves of a tree that is scored by planes. Their cost grows with the leaves, that of a walk with the
/// depth; and numbers of leaves fit into a byte.
pub(super) const PLANES_LEAVES_MAX: usize = 256;

/// The most nodes of a small tree: how far its children are is a byte.
const SMALL_NODES: usize = 256;

/// Views that a small tree may read.
pub(super) const SMALL_VIEWS: usize = 1 << u16::BITS;

/// A forest, laid out.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) keys: Keys,
    pub(super) trees: Vec<Placed>,
    /// Of small trees.
    pub(super) small: Vec<SmallNode>,
    /// Of large trees.
    pub(super) large: Vec<Node>,
    /// By node of a large tree, the number of the leaf that it is; 0 for splits.
    pub(super) numbers: Vec<u32>,
    pub(super) leaves: Leaves,
    pub(super) masks: Vec<Mask>,
    /// By plane, where its masks end.
    pub(super) planes: Vec<u32>,
}

/// Where the parts of a tree are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placed {
    pub(super) margin: u32,
    /// Its root.
    pub(super) node: u32,
    /// Whether its nodes are among the small ones.
    pub(super) is_small: bool,
    /// The most splits on the way to a leaf.
    pub(super) depth: u32,
    /// Its first leaf.
    pub(super) leaf: u32,
    /// Its first mask.
    pub(super) mask: u32,
    /// Its first plane.
    pub(super) plane: u32,
    /// How many planes it has; none where it is always walked.
    pub(super) planes: u32,
}

/// A node of a walk. Places are counted over all trees, so a walk needs to know nothing but its own place.
///
/// Its parts are read by reference: a processor loads three small ones sooner than it takes one apart.
pub(super) trait Step {
    /// The view that it reads. A leaf reads one too, and does not care what it says.
    fn view(&self) -> usize;
    /// The rank; no key is above that of a leaf.
    fn rank(&self) -> i8;
    /// How far ahead the first child is, with the other one beside it; 0 for a leaf, which leads to itself.
    fn ahead(&self) -> u32;
}

/// A node of a large tree.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    view: u32,
    /// How far ahead the first child is in the upper 24 bits, and the rank in the lower 8.
    link: u32,
}

impl Node {
    pub(super) fn new(view: u32, ahead: u32, rank: i8) -> Self {
        Self { view, link: ahead << 8 | u32::from(rank.cast_unsigned()) }
    }
}

impl Step for Node {
    #[inline(always)]
    fn view(&self) -> usize {
        self.view as usize
    }

    #[inline(always)]
    fn rank(&self) -> i8 {
        #[expect(clippy::cast_possible_truncation, reason = "the rank is the lower 8 bits")]
        let rank = (self.link as u8).cast_signed();
        rank
    }

    #[inline(always)]
    fn ahead(&self) -> u32 {
        self.link >> 8
    }
}

/// A node of a small tree.
#[derive(Clone, Copy, Debug)]
pub(super) struct SmallNode {
    view: u16,
    rank: i8,
    ahead: u8,
}

impl SmallNode {
    /// The same node in half the space, if it fits; `number`: that of the leaf, where it is one. A leaf has it in place
    /// of the view: there are at least as many keys as a small tree has leaves.
    fn of(node: Node, number: u32) -> Option<Self> {
        let ahead = u8::try_from(node.ahead()).ok()?;
        let view = u16::try_from(if ahead == 0 { number } else { node.view }).ok()?;
        Some(Self { view, rank: node.rank(), ahead })
    }

    /// The number of a leaf in its tree.
    #[inline(always)]
    pub(super) fn number(self) -> u32 {
        u32::from(self.view)
    }
}

impl Step for SmallNode {
    #[inline(always)]
    fn view(&self) -> usize {
        usize::from(self.view)
    }

    #[inline(always)]
    fn rank(&self) -> i8 {
        self.rank
    }

    #[inline(always)]
    fn ahead(&self) -> u32 {
        u32::from(self.ahead)
    }
}

/// A split as planes have it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mask {
    pub(super) view: u32,
    pub(super) rank: i8,
    /// The leaves of the plane that remain where the key is above the rank.
    pub(super) remain: u8,
}

/// The leaves of all trees, in the precision that they are summed in.
#[derive(Debug)]
pub(super) enum Leaves {
    Single(Vec<f32>),
    Double(Vec<f64>),
}

impl Layout {
    pub(super) fn new(ensemble: Ensemble) -> Result<Self, String> {
        let mut views = Views::new(&ensemble.trees);
        let mut layout = Self {
            keys: Keys::default(),
            trees: Vec::with_capacity(ensemble.trees.len()),
            small: Vec::new(),
            large: Vec::new(),
            numbers: Vec::new(),
            leaves: Leaves::new(ensemble.precision),
            masks: Vec::new(),
            planes: Vec::new(),
        };
        for tree in ensemble.trees {
            layout.add(tree, &mut views)?;
        }
        layout.keys = views.finish();
        // Behind the last leaf, so that a byte is a place in the leaves of every tree.
        layout.leaves.extend(&[0.0; PLANES_LEAVES_MAX]);
        Ok(layout)
    }

    fn add(&mut self, tree: Tree, views: &mut Views) -> Result<(), String> {
        let placed =
            |at: usize| u32::try_from(at).map_err(|_| "the trees have more than 2^32 nodes".to_owned());
        let by_planes = tree.leaves.len() <= PLANES_LEAVES_MAX;
        let margin = placed(tree.margin)?;
        let leaf = placed(self.leaves.len())?;
        let (mask, plane) = (placed(self.masks.len())?, placed(self.planes.len())?);
        let arranged = arrange(tree, views);
        let small = arranged.small_nodes();
        let is_small = small.is_some();
        let node = placed(if is_small { self.small.len() } else { self.large.len() })?;
        match small {
            Some(nodes) => self.small.extend(nodes),
            None => {
                self.large.extend(&arranged.nodes);
                self.numbers.extend(&arranged.numbers);
            }
        }
        self.leaves.extend(&arranged.leaves);
        if by_planes {
            for masks in arranged.masks() {
                self.masks.extend(masks);
                self.planes.push(placed(self.masks.len())?);
            }
        }
        let planes = placed(self.planes.len())? - plane;
        self.trees.push(Placed { margin, node, is_small, depth: arranged.depth, leaf, mask, plane, planes });
        Ok(())
    }
}

impl Leaves {
    fn new(precision: Precision) -> Self {
        match precision {
            Precision::Single => Self::Single(Vec::new()),
            Precision::Double => Self::Double(Vec::new()),
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Single(leaves) => leaves.len(),
            Self::Double(leaves) => leaves.len(),
        }
    }

    fn extend(&mut self, more: &[f64]) {
        match self {
            #[expect(clippy::cast_possible_truncation, reason = "they are 32-bit floats")]
            Self::Single(leaves) => leaves.extend(more.iter().map(|leaf| *leaf as f32)),
            Self::Double(leaves) => leaves.extend(more),
        }
    }
}
