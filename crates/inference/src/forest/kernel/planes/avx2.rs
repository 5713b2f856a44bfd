//! 32 rows at once, with AVX2.

use std::arch::x86_64::{
    __m256i, _mm_loadu_si128, _mm256_and_si256, _mm256_andnot_si256, _mm256_blendv_epi8,
    _mm256_broadcastsi128_si256, _mm256_cmpeq_epi8, _mm256_cmpgt_epi8, _mm256_loadu_si256, _mm256_or_si256,
    _mm256_set1_epi8, _mm256_setzero_si256, _mm256_shuffle_epi8, _mm256_srli_epi16, _mm256_storeu_si256,
    _mm256_sub_epi8,
};

use super::super::super::layout::{Layout, Mask, Placed};
use super::{LOWER_PLACES, UPPER_PLACES, backwards};

/// Rows of a vector.
const LANES: usize = 32;

/// The numbers of the leaves that the rows of a block come out at; a block has `VECTORS` vectors of rows.
#[target_feature(enable = "avx2")]
pub(in super::super) fn exits<const VECTORS: usize>(
    layout: &Layout,
    tree: &Placed,
    keys: &[i8],
    exits: &mut [u8],
) {
    let mut left = [_mm256_setzero_si256(); VECTORS];
    let mut before = left;
    for (first, masks) in backwards(layout, tree) {
        let remain = remain::<VECTORS>(masks, keys);
        for vector in 0..VECTORS {
            let is_none = _mm256_cmpeq_epi8(remain[vector], _mm256_setzero_si256());
            left[vector] = _mm256_blendv_epi8(remain[vector], left[vector], is_none);
            before[vector] = _mm256_blendv_epi8(_mm256_set1_epi8(first), before[vector], is_none);
        }
    }
    for (vector, exits) in exits.chunks_exact_mut(LANES).take(VECTORS).enumerate() {
        let found = _mm256_or_si256(before[vector], first_bits(left[vector]));
        #[expect(unsafe_code, reason = "vectors are stored through pointers")]
        // SAFETY: the chunk has the length of a vector, and the instruction asks for no alignment.
        unsafe {
            _mm256_storeu_si256(exits.as_mut_ptr().cast(), found);
        }
    }
}

/// The leaves of a plane that its masks leave.
#[target_feature(enable = "avx2")]
#[inline]
fn remain<const VECTORS: usize>(masks: &[Mask], keys: &[i8]) -> [__m256i; VECTORS] {
    let mut remain = [_mm256_set1_epi8(-1); VECTORS];
    for mask in masks {
        let (rank, out) = (_mm256_set1_epi8(mask.rank), _mm256_set1_epi8(!mask.remain.cast_signed()));
        let keys = &keys[mask.view as usize * VECTORS * LANES..][..VECTORS * LANES];
        for (remain, keys) in remain.iter_mut().zip(keys.chunks_exact(LANES)) {
            let is_above = _mm256_cmpgt_epi8(load(keys), rank);
            *remain = _mm256_andnot_si256(_mm256_and_si256(is_above, out), *remain);
        }
    }
    remain
}

#[target_feature(enable = "avx2")]
#[inline]
fn load(keys: &[i8]) -> __m256i {
    assert_eq!(keys.len(), LANES);
    #[expect(unsafe_code, reason = "vectors are loaded through pointers")]
    // SAFETY: the slice has the length of a vector, and the instruction asks for no alignment.
    unsafe {
        _mm256_loadu_si256(keys.as_ptr().cast())
    }
}

/// In each byte, the place of the lowest bit that is set.
#[target_feature(enable = "avx2")]
#[inline]
fn first_bits(bytes: __m256i) -> __m256i {
    let lowest = _mm256_and_si256(bytes, _mm256_sub_epi8(_mm256_setzero_si256(), bytes));
    let half = _mm256_set1_epi8(0x0f);
    let lower = _mm256_and_si256(lowest, half);
    let upper = _mm256_and_si256(_mm256_srli_epi16::<4>(lowest), half);
    _mm256_or_si256(
        _mm256_shuffle_epi8(table(&LOWER_PLACES), lower),
        _mm256_shuffle_epi8(table(&UPPER_PLACES), upper),
    )
}

#[target_feature(enable = "avx2")]
#[inline]
fn table(bytes: &[i8; 16]) -> __m256i {
    #[expect(unsafe_code, reason = "vectors are loaded through pointers")]
    // SAFETY: the array has the 16 bytes that are loaded, and the instruction asks for no alignment.
    let bytes = unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) };
    _mm256_broadcastsi128_si256(bytes)
}
