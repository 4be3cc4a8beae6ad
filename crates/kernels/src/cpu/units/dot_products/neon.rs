//! Arm's `sdot`: four products of int8 added to each of four sums. By its mnemonic, for its intrinsic is not stable.

use std::arch::aarch64::{int32x4_t, vaddq_s32, vdupq_n_s32, vld1q_s32, vst1q_s32};
use std::arch::asm;

use super::{DotProduct, Words, by_rows};

/// Vectors of a panel.
const VECTORS: usize = 4;

pub fn is_there() -> bool {
    std::arch::is_aarch64_feature_detected!("dotprod")
}

/// sums = x panel, or sums += x panel where `add` is set. // (rows, width)
pub fn multiply(x: Words<'_>, panel: &[u32], sums: &mut [u32], add: bool) {
    #[target_feature(enable = "dotprod")]
    fn product(x: Words<'_>, panel: &[u32], sums: &mut [u32], add: bool) {
        // SAFETY: the processor has the instructions.
        unsafe { by_rows::<Dotprod, VECTORS>(x, panel, sums, add) }
    }
    assert!(is_there(), "only an engine with dotprod makes this unit's inputs");
    // SAFETY: the processor has the instructions.
    unsafe { product(x, panel, sums, add) }
}

struct Dotprod;

impl DotProduct for Dotprod {
    type Vector = int32x4_t;
    const LANES: usize = 4;
    const MOST_ROWS: usize = 6;

    #[inline(always)]
    unsafe fn zero() -> int32x4_t {
        // SAFETY: as the trait's.
        unsafe { vdupq_n_s32(0) }
    }

    #[inline(always)]
    unsafe fn load(words: *const u32) -> int32x4_t {
        // SAFETY: as the trait's.
        unsafe { vld1q_s32(words.cast()) }
    }

    #[inline(always)]
    unsafe fn store(words: *mut u32, vector: int32x4_t) {
        // SAFETY: as the trait's.
        unsafe { vst1q_s32(words.cast(), vector) }
    }

    #[inline(always)]
    unsafe fn splat(word: u32) -> int32x4_t {
        // SAFETY: as the trait's.
        unsafe { vdupq_n_s32(word.cast_signed()) }
    }

    #[inline(always)]
    unsafe fn dot(mut sums: int32x4_t, x: int32x4_t, weights: int32x4_t) -> int32x4_t {
        // SAFETY: it reads and writes registers alone.
        unsafe {
            asm!(
                ".arch_extension dotprod",
                "sdot {sums:v}.4s, {x:v}.16b, {weights:v}.16b",
                sums = inout(vreg) sums,
                x = in(vreg) x,
                weights = in(vreg) weights,
                options(pure, nomem, nostack, preserves_flags)
            );
        }
        sums
    }

    #[inline(always)]
    unsafe fn add(first: int32x4_t, second: int32x4_t) -> int32x4_t {
        // SAFETY: as the trait's.
        unsafe { vaddq_s32(first, second) }
    }
}
