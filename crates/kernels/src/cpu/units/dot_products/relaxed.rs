//! wasm's `i32x4.relaxed_dot_i8x16_i7x16_add_s`: four products of an int8 and seven bits added to each of four sums. What the eighth bit of the latter is, and
//! whether two products are cut to 16 bits on the way, is the processor's: with VNNI it is a byte's and nothing is cut, with Arm's `sdot` it is a sign.

use std::arch::wasm32::{
    i32x4_add, i32x4_extract_lane, i32x4_relaxed_dot_i8x16_i7x16_add, i32x4_splat, u8x16_splat, v128, v128_load,
    v128_store,
};

use super::{DotProduct, Words, by_rows};

/// Vectors of a panel.
const VECTORS: usize = 2;

/// What a byte of x has more than its integer so that products are exact; nothing where they are not.
pub fn bias() -> Option<u8> {
    let dot = |x: u8, weight: i8| {
        let sum =
            i32x4_relaxed_dot_i8x16_i7x16_add(u8x16_splat(weight.cast_unsigned()), u8x16_splat(x), i32x4_splat(3));
        i32x4_extract_lane::<0>(sum)
    };
    // Largest sums of two products: what is cut to 16 bits is cut here.
    let weights = [-127, -1, 1, 127];
    let is_exact = |number: fn(u8) -> i32| {
        weights.iter().all(|&weight| {
            [1, 127, 128, 129, 255].iter().all(|&x| dot(x, weight) == 3 + 4 * number(x) * i32::from(weight))
        })
    };
    if is_exact(i32::from) { Some(128) } else { is_exact(|x| i32::from(x.cast_signed())).then_some(0) }
}

/// sums = x panel, or sums += x panel where `add` is set. // (rows, width)
pub fn multiply(x: Words<'_>, panel: &[u32], sums: &mut [u32], add: bool) {
    // SAFETY: the module is compiled with the instructions.
    unsafe { by_rows::<Relaxed, VECTORS>(x, panel, sums, add) }
}

struct Relaxed;

impl DotProduct for Relaxed {
    type Vector = v128;
    const LANES: usize = 4;
    const MOST_ROWS: usize = 4;

    #[inline(always)]
    unsafe fn zero() -> v128 {
        i32x4_splat(0)
    }

    #[inline(always)]
    unsafe fn load(words: *const u32) -> v128 {
        // SAFETY: as the trait's.
        unsafe { v128_load(words.cast()) }
    }

    #[inline(always)]
    unsafe fn store(words: *mut u32, vector: v128) {
        // SAFETY: as the trait's.
        unsafe { v128_store(words.cast(), vector) }
    }

    #[inline(always)]
    unsafe fn splat(word: u32) -> v128 {
        i32x4_splat(word.cast_signed())
    }

    #[inline(always)]
    unsafe fn dot(sums: v128, x: v128, weights: v128) -> v128 {
        i32x4_relaxed_dot_i8x16_i7x16_add(weights, x, sums)
    }

    #[inline(always)]
    unsafe fn add(first: v128, second: v128) -> v128 {
        i32x4_add(first, second)
    }
}
