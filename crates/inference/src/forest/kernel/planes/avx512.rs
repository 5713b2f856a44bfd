//! 64 rows in an instruction, with AVX-512.

use std::arch::x86_64::{
    __m512i, _mm_loadu_si128, _mm512_and_si512, _mm512_andnot_si512, _mm512_broadcast_i32x4,
    _mm512_cmpgt_epi8_mask, _mm512_loadu_si512, _mm512_mask_mov_epi8, _mm512_maskz_set1_epi8,
    _mm512_or_si512, _mm512_set1_epi8, _mm512_setzero_si512, _mm512_shuffle_epi8, _mm512_srli_epi16,
    _mm512_storeu_si512, _mm512_sub_epi8, _mm512_test_epi8_mask,
};

use super::super::super::layout::{Layout, Mask, Placed};
use super::{LOWER_PLACES, UPPER_PLACES, backwards};

/// Rows of a vector.
const LANES: usize = 64;

/// The numbers of the leaves that the rows of a block come out at; a block has `VECTORS` vectors of rows.
#[target_feature(enable = "avx512f,avx512bw")]
pub(in super::super) fn exits<const VECTORS: usize>(
    layout: &Layout,
    tree: &Placed,
    keys: &[i8],
    exits: &mut [u8],
) {
    let mut left = [_mm512_setzero_si512(); VECTORS];
    let mut before = left;
    for (first, masks) in backwards(layout, tree) {
        let remain = remain::<VECTORS>(masks, keys);
        for vector in 0..VECTORS {
            let is_any = _mm512_test_epi8_mask(remain[vector], remain[vector]);
            left[vector] = _mm512_mask_mov_epi8(left[vector], is_any, remain[vector]);
            before[vector] = _mm512_mask_mov_epi8(before[vector], is_any, _mm512_set1_epi8(first));
        }
    }
    for (vector, exits) in exits.chunks_exact_mut(LANES).take(VECTORS).enumerate() {
        let found = _mm512_or_si512(before[vector], first_bits(left[vector]));
        #[expect(unsafe_code, reason = "vectors are stored through pointers")]
        // SAFETY: the chunk has the length of a vector, and the instruction asks for no alignment.
        unsafe {
            _mm512_storeu_si512(exits.as_mut_ptr().cast(), found);
        }
    }
}

/// The leaves of a plane that its masks leave.
#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn remain<const VECTORS: usize>(masks: &[Mask], keys: &[i8]) -> [__m512i; VECTORS] {
    let mut remain = [_mm512_set1_epi8(-1); VECTORS];
    for mask in masks {
        let (rank, out) = (_mm512_set1_epi8(mask.rank), !mask.remain.cast_signed());
        let keys = &keys[mask.view as usize * VECTORS * LANES..][..VECTORS * LANES];
        for (remain, keys) in remain.iter_mut().zip(keys.chunks_exact(LANES)) {
            let is_above = _mm512_cmpgt_epi8_mask(load(keys), rank);
            *remain = _mm512_andnot_si512(_mm512_maskz_set1_epi8(is_above, out), *remain);
        }
    }
    remain
}

#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn load(keys: &[i8]) -> __m512i {
    assert_eq!(keys.len(), LANES);
    #[expect(unsafe_code, reason = "vectors are loaded through pointers")]
    // SAFETY: the slice has the length of a vector, and the instruction asks for no alignment.
    unsafe {
        _mm512_loadu_si512(keys.as_ptr().cast())
    }
}

/// In each byte, the place of the lowest bit that is set.
#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn first_bits(bytes: __m512i) -> __m512i {
    let lowest = _mm512_and_si512(bytes, _mm512_sub_epi8(_mm512_setzero_si512(), bytes));
    let half = _mm512_set1_epi8(0x0f);
    let lower = _mm512_and_si512(lowest, half);
    let upper = _mm512_and_si512(_mm512_srli_epi16::<4>(lowest), half);
    _mm512_or_si512(
        _mm512_shuffle_epi8(table(&LOWER_PLACES), lower),
        _mm512_shuffle_epi8(table(&UPPER_PLACES), upper),
    )
}

#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn table(bytes: &[i8; 16]) -> __m512i {
    #[expect(unsafe_code, reason = "vectors are loaded through pointers")]
    // SAFETY: the array has the 16 bytes that are loaded, and the instruction asks for no alignment.
    let bytes = unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) };
    _mm512_broadcast_i32x4(bytes)
}
