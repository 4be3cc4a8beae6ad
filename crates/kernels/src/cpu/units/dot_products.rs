//! Dot products in vectors: each word of a panel holds two or four neighbouring k of a column, a word of x the same k of a row, and one
//! instruction adds their product to each of a vector's sums.
#![expect(unsafe_code, reason = "its intrinsics are behind features of the processor that are asked for at run time")]

use std::arch::x86_64::{
    __m256i, __m512, __m512bh, __m512i, _mm256_add_epi32, _mm256_dpbusd_avx_epi32, _mm256_loadu_si256,
    _mm256_set1_epi32, _mm256_setzero_si256, _mm256_storeu_si256, _mm512_add_epi32, _mm512_add_ps, _mm512_dpbf16_ps,
    _mm512_dpbusd_epi32, _mm512_loadu_si512, _mm512_set1_epi32, _mm512_setzero_ps, _mm512_setzero_si512,
    _mm512_storeu_si512,
};

/// The most words that are summed in one chain, and a panel's share of which stays near while rows go by: 1536 numbers of int8. In
/// bf16 these are 768 k, more than those of f32, for a unit that is done with them in half the time.
const CHUNK: usize = 384;

/// Vectors of a panel.
const VECTORS: usize = 2;

/// What one instruction does.
trait DotProduct {
    /// Sums; words of weights; a word of x in each lane.
    type Vector: Copy;
    /// Words of a vector.
    const LANES: usize;
    /// Rows that there are registers for, beside two vectors of weights and one of x.
    const MOST_ROWS: usize;

    /// # Safety
    /// The processor has the instructions.
    unsafe fn zero() -> Self::Vector;
    /// # Safety
    /// The processor has the instructions, and as many words are there.
    unsafe fn load(words: *const u32) -> Self::Vector;
    /// # Safety
    /// As [`load`](Self::load).
    unsafe fn store(words: *mut u32, vector: Self::Vector);
    /// # Safety
    /// The processor has the instructions.
    unsafe fn splat(word: u32) -> Self::Vector;
    /// # Safety
    /// The processor has the instructions.
    unsafe fn dot(sums: Self::Vector, x: Self::Vector, weights: Self::Vector) -> Self::Vector;
    /// # Safety
    /// The processor has the instructions.
    unsafe fn add(first: Self::Vector, second: Self::Vector) -> Self::Vector;
}

/// AVX512-BF16: `vdpbf16ps` adds two products to each of 16 f32 sums.
pub(super) mod avx512_bf16 {
    super::unit!("avx512bf16", "avx512f,avx512bf16", super::Bf16);
}

/// AVX512-VNNI: `vpdpbusd` adds four products of a byte of x and an int8 to each of 16 sums.
pub(super) mod avx512_vnni {
    super::unit!("avx512vnni", "avx512f,avx512vnni", super::Vnni512);
}

/// AVX-VNNI: the same in vectors half as long, on processors without AVX-512.
pub(super) mod avx_vnni {
    super::unit!("avxvnni", "avx2,avxvnni", super::Vnni256);
}

/// The two functions of a unit.
macro_rules! unit {
    ($feature:tt, $features:literal, $product:ty) => {
        use super::{Words, by_rows};

        pub fn is_there() -> bool {
            is_x86_feature_detected!($feature)
        }

        /// sums = x panel, or sums += x panel where `add` is set, sums as the unit has them. // (rows, width)
        pub fn multiply(x: Words<'_>, panel: &[u32], sums: &mut [u32], add: bool) {
            #[target_feature(enable = $features)]
            fn product(x: Words<'_>, panel: &[u32], sums: &mut [u32], add: bool) {
                // SAFETY: the processor has the instructions.
                unsafe { by_rows::<$product>(x, panel, sums, add) }
            }
            assert!(is_there(), concat!("only an engine with ", $feature, " makes this unit's inputs"));
            // SAFETY: the processor has the instructions.
            unsafe { product(x, panel, sums, add) }
        }
    };
}
use unit;

/// Rows of words: `count` of them, the first one at the beginning, `stride` apart.
#[derive(Debug, Clone, Copy)]
pub(super) struct Words<'a> {
    pub words: &'a [u32],
    pub stride: usize,
    pub count: usize,
}

/// # Safety
/// The processor has the instructions.
#[inline(always)]
unsafe fn by_rows<D: DotProduct>(x: Words<'_>, panel: &[u32], sums: &mut [u32], add: bool) {
    let width = VECTORS * D::LANES;
    for (index, panel) in panel.chunks(CHUNK * width).enumerate() {
        let mut row = 0;
        while row < x.count {
            let rows = Words { words: &x.words[row * x.stride + index * CHUNK..], ..x };
            let (sums, add) = (&mut sums[row * width..], add || index > 0);
            // SAFETY: as this function's.
            row += unsafe {
                match x.count - row {
                    left if left >= D::MOST_ROWS && D::MOST_ROWS == 8 => block::<D, 8>(rows, panel, sums, add),
                    left if left >= D::MOST_ROWS && D::MOST_ROWS == 6 => block::<D, 6>(rows, panel, sums, add),
                    4.. => block::<D, 4>(rows, panel, sums, add),
                    2.. => block::<D, 2>(rows, panel, sums, add),
                    _ => block::<D, 1>(rows, panel, sums, add),
                }
            };
        }
    }
}

/// ROWS rows; gives their number.
///
/// # Safety
/// The processor has the instructions.
#[inline(always)]
unsafe fn block<D: DotProduct, const ROWS: usize>(x: Words<'_>, panel: &[u32], sums: &mut [u32], add: bool) -> usize {
    let width = VECTORS * D::LANES;
    let depth = panel.len() / width;
    let mut rows = [x.words; ROWS];
    for (row, x_row) in rows.iter_mut().enumerate() {
        *x_row = &x.words[row * x.stride..][..depth];
    }
    // SAFETY: the processor has the instructions; every vector is one of a chunk that is as long.
    unsafe {
        let mut accumulated = [[D::zero(); VECTORS]; ROWS];
        for (k, columns) in panel.chunks_exact(width).enumerate() {
            let columns = [D::load(columns.as_ptr()), D::load(columns[D::LANES..].as_ptr())];
            for row in 0..ROWS {
                let value = D::splat(rows[row][k]);
                for vector in 0..VECTORS {
                    accumulated[row][vector] = D::dot(accumulated[row][vector], value, columns[vector]);
                }
            }
        }
        for (accumulated, sums) in accumulated.iter().zip(sums.chunks_exact_mut(width)) {
            for (&value, sums) in accumulated.iter().zip(sums.chunks_exact_mut(D::LANES)) {
                let value = if add { D::add(D::load(sums.as_ptr()), value) } else { value };
                D::store(sums.as_mut_ptr(), value);
            }
        }
    }
    ROWS
}

struct Bf16;

impl DotProduct for Bf16 {
    type Vector = __m512;
    const LANES: usize = 16;
    const MOST_ROWS: usize = 8;

    #[inline(always)]
    unsafe fn zero() -> __m512 {
        // SAFETY: as the trait's.
        unsafe { _mm512_setzero_ps() }
    }

    #[inline(always)]
    unsafe fn load(words: *const u32) -> __m512 {
        // SAFETY: as the trait's; bits are bits.
        unsafe { std::mem::transmute(_mm512_loadu_si512(words.cast())) }
    }

    #[inline(always)]
    unsafe fn store(words: *mut u32, vector: __m512) {
        // SAFETY: as the trait's; bits are bits.
        unsafe { _mm512_storeu_si512(words.cast(), std::mem::transmute::<__m512, __m512i>(vector)) }
    }

    #[inline(always)]
    unsafe fn splat(word: u32) -> __m512 {
        // SAFETY: as the trait's; bits are bits.
        unsafe { std::mem::transmute(_mm512_set1_epi32(word.cast_signed())) }
    }

    #[inline(always)]
    unsafe fn dot(sums: __m512, x: __m512, weights: __m512) -> __m512 {
        // SAFETY: as the trait's; bits are bits.
        unsafe {
            _mm512_dpbf16_ps(
                sums,
                std::mem::transmute::<__m512, __m512bh>(x),
                std::mem::transmute::<__m512, __m512bh>(weights),
            )
        }
    }

    #[inline(always)]
    unsafe fn add(first: __m512, second: __m512) -> __m512 {
        // SAFETY: as the trait's.
        unsafe { _mm512_add_ps(first, second) }
    }
}

/// The same of 32-bit integers, by a vector's own intrinsics.
macro_rules! vnni {
    ($name:ident, $vector:ty, $lanes:literal, $rows:literal, $zero:ident, $load:ident, $store:ident, $splat:ident, $dot:ident, $add:ident) => {
        struct $name;

        impl DotProduct for $name {
            type Vector = $vector;
            const LANES: usize = $lanes;
            const MOST_ROWS: usize = $rows;

            #[inline(always)]
            unsafe fn zero() -> $vector {
                // SAFETY: as the trait's.
                unsafe { $zero() }
            }

            #[inline(always)]
            unsafe fn load(words: *const u32) -> $vector {
                // SAFETY: as the trait's.
                unsafe { $load(words.cast()) }
            }

            #[inline(always)]
            unsafe fn store(words: *mut u32, vector: $vector) {
                // SAFETY: as the trait's.
                unsafe { $store(words.cast(), vector) }
            }

            #[inline(always)]
            unsafe fn splat(word: u32) -> $vector {
                // SAFETY: as the trait's.
                unsafe { $splat(word.cast_signed()) }
            }

            #[inline(always)]
            unsafe fn dot(sums: $vector, x: $vector, weights: $vector) -> $vector {
                // SAFETY: as the trait's.
                unsafe { $dot(sums, x, weights) }
            }

            #[inline(always)]
            unsafe fn add(first: $vector, second: $vector) -> $vector {
                // SAFETY: as the trait's.
                unsafe { $add(first, second) }
            }
        }
    };
}
vnni!(
    Vnni512,
    __m512i,
    16,
    8,
    _mm512_setzero_si512,
    _mm512_loadu_si512,
    _mm512_storeu_si512,
    _mm512_set1_epi32,
    _mm512_dpbusd_epi32,
    _mm512_add_epi32
);
vnni!(
    Vnni256,
    __m256i,
    8,
    6,
    _mm256_setzero_si256,
    _mm256_loadu_si256,
    _mm256_storeu_si256,
    _mm256_set1_epi32,
    _mm256_dpbusd_avx_epi32,
    _mm256_add_epi32
);
