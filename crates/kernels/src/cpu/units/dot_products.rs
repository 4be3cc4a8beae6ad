//! AVX512-BF16: `vdpbf16ps` adds the products of two neighbouring k to each of 16 f32 sums.
#![expect(unsafe_code, reason = "its intrinsics are behind a feature of the processor that is asked for at run time")]

use std::arch::x86_64::{
    __m512, __m512bh, _mm512_add_ps, _mm512_dpbf16_ps, _mm512_loadu_ps, _mm512_loadu_si512, _mm512_set1_epi32,
    _mm512_setzero_ps, _mm512_storeu_ps,
};

use fearless_simd::{dispatch, prelude::*};

use super::{Work, in_steps};
use crate::cpu::halves::round_to_bf16;
use crate::cpu::memory::Buffer;
use crate::cpu::{Context, Tensor};

/// The most k that are summed in one chain: longer than those of f32, for a unit that is done with them in half the time.
const CHUNK: usize = 768;

/// Columns of a panel: two vectors.
const WIDTH: usize = 32;

pub(super) fn is_there() -> bool {
    is_x86_feature_detected!("avx512bf16")
}

/// x as bf16, two neighbouring k a word, and where asked for what the rounding leaves, in bf16, too. The rows beyond the last
/// one, as far as a unit reads, hold what was there before.
pub(super) fn split(context: &Context, x: &Tensor, both: bool) -> (Buffer, Option<Buffer>) {
    let words = x.stride / 2;
    let take = || context.scratch.take(in_steps(x.rows) * words);
    let (mut high, mut low) = (take(), both.then(take));
    let mut nothing = Vec::new();
    let lows = low.as_mut().map_or(&mut nothing[..], |low| low.of_mut::<u32>());
    // Where there is no low half its chunks are empty, one for each of x.
    let lows = lows.chunks_mut(8 * words).map(Some).chain(std::iter::repeat_with(|| None));
    let rows = x.values().chunks(8 * x.stride).zip(high.of_mut::<u32>().chunks_mut(8 * words)).zip(lows);
    context.threads.each(rows, |((x, high), low)| {
        dispatch!(context.instructions.level, simd => split_rows(simd, x, high, low.unwrap_or_default()));
    });
    (high, low)
}

#[inline(always)]
fn split_rows<S: Simd>(simd: S, x: &[f32], high: &mut [u32], low: &mut [u32]) {
    let lanes = S::f32s::LEN;
    for (index, x) in x.chunks_exact(2 * lanes).enumerate() {
        let (first, second) = (S::f32s::from_slice(simd, &x[..lanes]), S::f32s::from_slice(simd, &x[lanes..]));
        let (first_half, second_half) = (round_to_bf16(simd, first), round_to_bf16(simd, second));
        pairs(simd, first_half, second_half).store_slice(&mut high[index * lanes..][..lanes]);
        if !low.is_empty() {
            let (first, second) = (first - first_half, second - second_half);
            let (first, second) = (round_to_bf16(simd, first), round_to_bf16(simd, second));
            pairs(simd, first, second).store_slice(&mut low[index * lanes..][..lanes]);
        }
    }
}

/// The upper halves of two vectors, in order, two a word.
#[inline(always)]
fn pairs<S: Simd>(_: S, first: S::f32s, second: S::f32s) -> S::u32s {
    let (even, odd) = first.bitcast::<S::u32s>().deinterleave(second.bitcast::<S::u32s>());
    (even >> 16) | (odd & 0xffff_0000)
}

/// Rows of pairs: `count` of them, the first one at the beginning of `words`, `stride` apart.
#[derive(Clone, Copy)]
struct Pairs<'a> {
    words: &'a [u32],
    stride: usize,
    count: usize,
}

/// sums = x panel, by one product of bf16 or, where weights have two parts, three. // (rows, 32)
pub(super) fn multiply(x: [&[u32]; 2], work: &Work<'_>, sums: &mut [f32]) {
    let panels = work.panels;
    assert!(is_there() && panels.width == WIDTH, "only an engine with avx512-bf16 makes this unit's inputs");
    let (words, weights) = (panels.depth / 2, panels.pairs(work.panel));
    for first in (0..words).step_by(CHUNK / 2) {
        let depth = (CHUNK / 2).min(words - first);
        for (index, &(x_part, weight_part)) in panels.products().iter().enumerate() {
            let x = Pairs { words: &x[x_part][first..], stride: words, count: work.rows.len() };
            let weights = &weights[weight_part][first * WIDTH..][..depth * WIDTH];
            // SAFETY: the processor has the instructions.
            unsafe { product(x, weights, sums, first + index > 0) }
        }
    }
}

#[target_feature(enable = "avx512f,avx512bf16")]
fn product(x: Pairs<'_>, panel: &[u32], sums: &mut [f32], add: bool) {
    let mut row = 0;
    while row < x.count {
        let rows = Pairs { words: &x.words[row * x.stride..], ..x };
        let sums = &mut sums[row * WIDTH..];
        row += match x.count - row {
            8.. => block::<8>(rows, panel, sums, add),
            4.. => block::<4>(rows, panel, sums, add),
            2.. => block::<2>(rows, panel, sums, add),
            _ => block::<1>(rows, panel, sums, add),
        };
    }
}

#[target_feature(enable = "avx512f,avx512bf16")]
fn block<const ROWS: usize>(x: Pairs<'_>, panel: &[u32], sums: &mut [f32], add: bool) -> usize {
    let depth = panel.len() / WIDTH;
    let mut rows = [x.words; ROWS];
    for (row, x_row) in rows.iter_mut().enumerate() {
        *x_row = &x.words[row * x.stride..][..depth];
    }
    let mut accumulated: [[__m512; 2]; ROWS] = [[_mm512_setzero_ps(); 2]; ROWS];
    for (k, columns) in panel.as_chunks::<WIDTH>().0.iter().enumerate() {
        // SAFETY: 32 words are there; bits are bits.
        let columns: [__m512bh; 2] = unsafe {
            let first = columns.as_ptr();
            std::mem::transmute([_mm512_loadu_si512(first.cast()), _mm512_loadu_si512(first.add(16).cast())])
        };
        for row in 0..ROWS {
            // SAFETY: bits are bits.
            let value: __m512bh = unsafe { std::mem::transmute(_mm512_set1_epi32(rows[row][k].cast_signed())) };
            for vector in 0..2 {
                accumulated[row][vector] = _mm512_dpbf16_ps(accumulated[row][vector], value, columns[vector]);
            }
        }
    }
    for (accumulated, sums) in accumulated.iter().zip(sums.as_chunks_mut::<WIDTH>().0) {
        for (vector, &value) in accumulated.iter().enumerate() {
            let place = sums[vector * 16..].as_mut_ptr();
            // SAFETY: 16 values are there from either vector's first.
            unsafe {
                let value = if add { _mm512_add_ps(_mm512_loadu_ps(place), value) } else { value };
                _mm512_storeu_ps(place, value);
            }
        }
    }
    ROWS
}
