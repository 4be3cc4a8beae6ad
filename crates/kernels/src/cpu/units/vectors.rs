//! f32 vectors: weights of fewer bits are widened a chunk at a time, once for all rows of a tile.

use fearless_simd::{dispatch, prelude::*};

use super::Work;
use crate::cpu::halves::{round_to_bf16, widen_f16};
use crate::cpu::memory::Buffer;
use crate::cpu::panels::Format;
use crate::cpu::product::{CHUNK, Panel, Rows, Sums, product};
use crate::cpu::{Context, Tensor};

/// sums = x panel, with memory for a chunk of weights beside the sums. // (rows, width)
#[inline(always)]
pub(super) fn multiply<S: Simd>(simd: S, x: &[f32], work: &Work<'_>, [sums, space]: [&mut [f32]; 2]) {
    let &Work { panels, panel, ref rows } = work;
    let x = Rows { values: &x[rows.start * panels.depth..], stride: panels.depth, count: rows.len() };
    let width = panels.width;
    let mut sums = Sums { values: sums, stride: width };
    for first in (0..panels.depth).step_by(CHUNK) {
        let depth = CHUNK.min(panels.depth - first);
        let x = Rows { values: &x.values[first..], ..x };
        let chunk = first * width..(first + depth) * width;
        let widened = &mut space[..depth * width];
        // The next chunk, of this panel or the one beside it.
        let mut ahead: &[f32] = &[];
        let weights = match panels.format {
            Format::F32 => {
                let (weights, rest) = panels.from(panel)[chunk.start..].split_at(chunk.len());
                ahead = &rest[..rest.len().min(chunk.len())];
                weights
            }
            Format::F16 => {
                let (halves, rest) = panels.from(panel)[chunk.start..].split_at(chunk.len());
                ahead = bytemuck::cast_slice::<u16, f32>(&rest[..rest.len().min(chunk.len())]);
                widen_f16(simd, halves, widened);
                &*widened
            }
            Format::Int8 => {
                widen_fours(simd, &panels.int8(panel).words[chunk.start / 4..chunk.end / 4], widened, width);
                &*widened
            }
            Format::Bf16 | Format::Bf16x3 => {
                widen_pairs(simd, &panels.values(panel)[chunk.start / 2..chunk.end / 2], widened, width);
                &*widened
            }
        };
        product(simd, x, Panel { values: weights, ahead }, &mut sums, first > 0);
    }
}

/// Pairs of bf16, (K / 2, width), each word's lower half before its upper one, to f32. // (K, width)
#[inline(always)]
fn widen_pairs<S: Simd>(simd: S, pairs: &[u32], values: &mut [f32], width: usize) {
    for (pairs, values) in pairs.chunks_exact(width).zip(values.chunks_exact_mut(2 * width)) {
        let (even, odd) = values.split_at_mut(width);
        let lanes = S::f32s::LEN;
        let vectors = even.chunks_exact_mut(lanes).zip(odd.chunks_exact_mut(lanes));
        for (pairs, (even, odd)) in pairs.chunks_exact(lanes).zip(vectors) {
            let pairs = S::u32s::from_slice(simd, pairs);
            (pairs << 16).bitcast::<S::f32s>().store_slice(even);
            (pairs & 0xffff_0000).bitcast::<S::f32s>().store_slice(odd);
        }
    }
}

/// Fours of int8, (K / 4, width), to f32. // (K, width)
#[inline(always)]
fn widen_fours<S: Simd>(simd: S, fours: &[u32], values: &mut [f32], width: usize) {
    let lanes = S::f32s::LEN;
    for (fours, values) in fours.chunks_exact(width).zip(values.chunks_exact_mut(4 * width)) {
        for (k, values) in values.chunks_exact_mut(width).enumerate() {
            for (fours, values) in fours.chunks_exact(lanes).zip(values.chunks_exact_mut(lanes)) {
                let fours = S::u32s::from_slice(simd, fours) << (24 - 8 * k as u32);
                (fours.bitcast::<S::i32s>() >> 24).to_float::<S::f32s>().store_slice(values);
            }
        }
    }
}

/// x rounded to bf16.
pub(super) fn round(context: &Context, x: &Tensor) -> Buffer {
    let mut rounded = context.scratch.take(x.values().len());
    let rows = rounded.of_mut::<f32>().chunks_mut(8 * x.stride).zip(x.values().chunks(8 * x.stride));
    context
        .threads
        .each(rows, |(rounded, x)| dispatch!(context.instructions.level, simd => round_rows(simd, x, rounded)));
    rounded
}

#[inline(always)]
fn round_rows<S: Simd>(simd: S, x: &[f32], rounded: &mut [f32]) {
    for (rounded, x) in rounded.chunks_exact_mut(S::f32s::LEN).zip(x.chunks_exact(S::f32s::LEN)) {
        round_to_bf16(simd, S::f32s::from_slice(simd, x)).store_slice(rounded);
    }
}
