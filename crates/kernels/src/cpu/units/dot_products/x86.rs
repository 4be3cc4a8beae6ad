//! x86's: pairs of bf16 by AVX512-BF16, fours of a byte and an int8 by AVX-512 VNNI and AVX-VNNI.

use std::arch::x86_64::{
    __m256i, __m512, __m512bh, __m512i, _mm256_add_epi32, _mm256_dpbusd_avx_epi32, _mm256_loadu_si256,
    _mm256_set1_epi32, _mm256_setzero_si256, _mm256_storeu_si256, _mm512_add_epi32, _mm512_add_ps, _mm512_dpbf16_ps,
    _mm512_dpbusd_epi32, _mm512_loadu_si512, _mm512_set1_epi32, _mm512_setzero_ps, _mm512_setzero_si512,
    _mm512_storeu_si512,
};

use super::DotProduct;

/// Vectors of a panel.
const VECTORS: usize = 2;

/// AVX512-BF16: `vdpbf16ps` adds two products to each of 16 f32 sums.
pub mod avx512_bf16 {
    super::unit!("avx512bf16", "avx512f,avx512bf16", super::Bf16);
}

/// AVX512-VNNI: `vpdpbusd` adds four products of a byte of x and an int8 to each of 16 sums.
pub mod avx512_vnni {
    super::unit!("avx512vnni", "avx512f,avx512vnni", super::Vnni512);
}

/// AVX-VNNI: the same in vectors half as long, on processors without AVX-512.
pub mod avx_vnni {
    super::unit!("avxvnni", "avx2,avxvnni", super::Vnni256);
}

/// The two functions of a unit.
macro_rules! unit {
    ($feature:tt, $features:literal, $product:ty) => {
        use super::super::{Words, by_rows};
        use super::VECTORS;

        pub fn is_there() -> bool {
            is_x86_feature_detected!($feature)
        }

        /// sums = x panel, or sums += x panel where `add` is set, sums as the unit has them. // (rows, width)
        pub fn multiply(x: Words<'_>, panel: &[u32], sums: &mut [u32], add: bool) {
            #[target_feature(enable = $features)]
            fn product(x: Words<'_>, panel: &[u32], sums: &mut [u32], add: bool) {
                // SAFETY: the processor has the instructions.
                unsafe { by_rows::<$product, VECTORS>(x, panel, sums, add) }
            }
            assert!(is_there(), concat!("only an engine with ", $feature, " makes this unit's inputs"));
            // SAFETY: the processor has the instructions.
            unsafe { product(x, panel, sums, add) }
        }
    };
}
use unit;

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
