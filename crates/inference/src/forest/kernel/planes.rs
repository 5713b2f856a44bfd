//! Exits by planes of leaves: every split of a tree is asked, for many rows in one instruction.

use super::super::layout::{Layout, PLANE_LEAVES, Placed};

/// The numbers of the leaves that rows come out at.
#[inline(always)]
pub(super) fn exits<const LANES: usize>(
    layout: &Layout,
    tree: &Placed,
    keys: &[i8],
    exits: &mut [u32; LANES],
) {
    let planes = &layout.planes[tree.plane as usize..][..tree.planes as usize];
    // Of the first plane that has leaves left: they, and how many leaves are before it.
    let (mut left, mut before) = ([0_u8; LANES], [0_u8; LANES]);
    let mut found = [0_u8; LANES];
    let mut from = tree.mask as usize;
    for (plane, end) in planes.iter().enumerate() {
        let mut remain = [u8::MAX; LANES];
        for mask in &layout.masks[from..*end as usize] {
            let keys = &keys[mask.view as usize * LANES..][..LANES];
            for (remain, key) in remain.iter_mut().zip(keys) {
                *remain &= if *key > mask.rank { mask.remain } else { u8::MAX };
            }
        }
        from = *end as usize;
        #[expect(clippy::cast_possible_truncation, reason = "numbers of leaves fit into a byte")]
        let first = (plane * PLANE_LEAVES) as u8;
        for lane in 0..LANES {
            let is_first = found[lane] == 0;
            left[lane] = if is_first { remain[lane] } else { left[lane] };
            before[lane] = if is_first { first } else { before[lane] };
            found[lane] |= remain[lane];
        }
    }
    for lane in 0..LANES {
        #[expect(clippy::cast_possible_truncation, reason = "there are eight bits")]
        let bit = left[lane].trailing_zeros() as u8;
        exits[lane] = u32::from(before[lane].wrapping_add(bit));
    }
}
