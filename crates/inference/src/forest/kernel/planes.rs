//! Exits by planes of leaves: every split of a tree is asked, for 32 or 64 rows in one instruction.

pub(super) mod avx2;
pub(super) mod avx512;

use super::super::layout::{Layout, Mask, PLANE_LEAVES, Placed};

/// By the lower half of a byte with one bit set, the place of that bit; by 0, 0.
const LOWER_PLACES: [i8; 16] = [0, 0, 1, 0, 2, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0];

/// The same of the upper half.
const UPPER_PLACES: [i8; 16] = [0, 4, 5, 0, 6, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0];

/// The planes of a tree, the last one first: the number of its first leaf, and its masks.
///
/// The exit is the first leaf that remains; from behind, each plane that has any overrules those before.
#[inline(always)]
fn backwards<'l>(layout: &'l Layout, tree: &Placed) -> impl Iterator<Item = (i8, &'l [Mask])> {
    let ends = &layout.planes[tree.plane as usize..][..tree.planes as usize];
    let first = tree.mask as usize;
    (0..ends.len()).rev().map(move |plane| {
        let from = plane.checked_sub(1).map_or(first, |before| ends[before] as usize);
        #[expect(clippy::cast_possible_truncation, reason = "numbers of leaves fit into a byte")]
        let leaf = (plane * PLANE_LEAVES) as u8;
        (leaf.cast_signed(), &layout.masks[from..ends[plane] as usize])
    })
}
