//! x in int8, rotated as the weights are, each row with its own scale; and sums of integers as numbers again.

use fearless_simd::{dispatch, prelude::*};

use super::{Order, Unit, in_steps};
use crate::cpu::memory::Buffer;
use crate::cpu::panels::Int8;
use crate::cpu::product::with_workspace;
use crate::cpu::{Context, Tensor};
use crate::int8::{self, LARGEST, LEAST, ROUNDER};

/// x R, in integers and a scale for each row: bytes, four k a word, each the unit's bias more than the integer; f32 for vectors. The rows beyond the last one,
/// as far as a unit reads, hold what was there before.
pub(super) fn round(context: &Context, x: &Tensor, flips: &[f32], unit: Unit) -> [Buffer; 2] {
    let order = unit.order();
    let words = order.map_or(x.stride, |_| x.stride / 4);
    let mut integers = context.scratch.take(order.map_or(x.rows, |_| in_steps(x.rows)) * words);
    let mut scales = context.scratch.take(x.rows);
    let rows = x.values().chunks(Order::ROWS * x.stride);
    let places = integers.of_mut::<u32>().chunks_mut(Order::ROWS * words);
    let scaled = scales.of_mut::<f32>().chunks_mut(Order::ROWS);
    context.threads.each(rows.zip(places).zip(scaled), |((x, integers), scales)| {
        with_workspace(2 * flips.len(), |memory| {
            let (values, other) = memory.split_at_mut(flips.len());
            dispatch!(context.instructions.level, simd => {
                for (row, (x, scale)) in x.chunks_exact(flips.len()).zip(scales).enumerate() {
                    let rotated = rotate(simd, x, flips, [&mut *values, &mut *other]);
                    let rounding = Rounding::of(simd, rotated);
                    *scale = rounding.scale;
                    match order {
                        Some(order) => {
                            for (step, values) in rotated.chunks_exact(4 * Order::WORDS).enumerate() {
                                let place = &mut integers[order.place(row, step, words)..][..Order::WORDS];
                                rounding.bytes(simd, values, unit.bias(), bytemuck::cast_slice_mut(place));
                            }
                        }
                        None => rounding.numbers(simd, rotated, bytemuck::cast_slice_mut(&mut integers[row * words..][..words])),
                    }
                }
            });
        });
    });
    [integers, scales]
}

/// x R of a row, without the Hadamard matrix's factor, in one or the other memory. Each pass adds neighbours and takes them from one
/// another: the sums go to a block's first half, the differences to its second one, and after as many passes as a block has bits all
/// have met.
#[inline(always)]
fn rotate<'a, S: Simd>(simd: S, x: &[f32], flips: &[f32], [mut values, mut other]: [&'a mut [f32]; 2]) -> &'a [f32] {
    let (lanes, block) = (S::f32s::LEN, int8::block(x.len()));
    match block / lanes {
        // As many vectors as there are registers for.
        16 if lanes == 16 => rotate_in_registers::<S, 16>(simd, x, flips, values),
        8 if lanes == 16 => rotate_in_registers::<S, 8>(simd, x, flips, values),
        4 if lanes == 16 => rotate_in_registers::<S, 4>(simd, x, flips, values),
        _ => {
            for (value, (x, flips)) in
                values.chunks_exact_mut(lanes).zip(x.chunks_exact(lanes).zip(flips.chunks_exact(lanes)))
            {
                (S::f32s::from_slice(simd, x) * S::f32s::from_slice(simd, flips)).store_slice(value);
            }
            for _ in 0..block.trailing_zeros() {
                for (values, other) in values.chunks_exact(block).zip(other.chunks_exact_mut(block)) {
                    let (sums, differences) = other.split_at_mut(block / 2);
                    let places = sums.chunks_exact_mut(lanes).zip(differences.chunks_exact_mut(lanes));
                    for (values, (sums, differences)) in values.chunks_exact(2 * lanes).zip(places) {
                        let first = S::f32s::from_slice(simd, &values[..lanes]);
                        let (even, odd) = first.deinterleave(S::f32s::from_slice(simd, &values[lanes..]));
                        (even + odd).store_slice(sums);
                        (even - odd).store_slice(differences);
                    }
                }
                std::mem::swap(&mut values, &mut other);
            }
        }
    }
    values
}

/// The same for blocks of VECTORS vectors.
#[inline(always)]
fn rotate_in_registers<S: Simd, const VECTORS: usize>(simd: S, x: &[f32], flips: &[f32], rotated: &mut [f32]) {
    let lanes = S::f32s::LEN;
    let blocks = x.chunks_exact(VECTORS * lanes).zip(flips.chunks_exact(VECTORS * lanes));
    for (rotated, (x, flips)) in rotated.chunks_exact_mut(VECTORS * lanes).zip(blocks) {
        let mut values = [S::f32s::splat(simd, 0.0); VECTORS];
        for (vector, value) in values.iter_mut().enumerate() {
            let here = vector * lanes..(vector + 1) * lanes;
            *value = S::f32s::from_slice(simd, &x[here.clone()]) * S::f32s::from_slice(simd, &flips[here]);
        }
        for _ in 0..(VECTORS * lanes).trailing_zeros() {
            let mut next = values;
            for pair in 0..VECTORS / 2 {
                let (even, odd) = values[2 * pair].deinterleave(values[2 * pair + 1]);
                next[pair] = even + odd;
                next[VECTORS / 2 + pair] = even - odd;
            }
            values = next;
        }
        for (value, place) in values.iter().zip(rotated.chunks_exact_mut(lanes)) {
            value.store_slice(place);
        }
    }
}

/// How a row is rounded.
struct Rounding {
    scale: f32,
    /// 1 / scale.
    factor: f32,
}

impl Rounding {
    /// The largest magnitude is 127. A row with what is no number in it has a scale that is none.
    #[inline(always)]
    fn of<S: Simd>(simd: S, row: &[f32]) -> Self {
        let lanes = S::f32s::LEN;
        let (mut largest, mut spoilt) = (S::f32s::splat(simd, 0.0), S::f32s::splat(simd, 0.0));
        for values in row.chunks_exact(lanes) {
            let values = S::f32s::from_slice(simd, values);
            largest = largest.max(values.abs());
            // 0, or NaN for what is no number.
            spoilt += values * 0.0;
        }
        let largest = largest.as_slice().iter().copied().fold(0f32, f32::max);
        let spoilt: f32 = spoilt.as_slice().iter().sum();
        if (LEAST..=f32::MAX).contains(&largest) {
            Self { scale: largest / LARGEST + spoilt, factor: LARGEST / largest }
        } else {
            // Nothing but zeros, or what cannot be told from them; or what is no number.
            Self { scale: largest * 0.0 + spoilt, factor: 0.0 }
        }
    }

    /// The integers behind [`ROUNDER`].
    #[inline(always)]
    fn rounded<S: Simd>(&self, simd: S, values: &[f32]) -> S::f32s {
        S::f32s::from_slice(simd, values) * S::f32s::splat(simd, self.factor) + S::f32s::splat(simd, ROUNDER)
    }

    #[inline(always)]
    fn numbers<S: Simd>(&self, simd: S, values: &[f32], numbers: &mut [f32]) {
        let lanes = S::f32s::LEN;
        for (values, numbers) in values.chunks_exact(lanes).zip(numbers.chunks_exact_mut(lanes)) {
            (self.rounded(simd, values) - S::f32s::splat(simd, ROUNDER)).store_slice(numbers);
        }
    }

    /// The integers and so much more, a byte each.
    #[inline(always)]
    fn bytes<S: Simd>(&self, simd: S, values: &[f32], bias: u8, bytes: &mut [u8]) {
        let lanes = S::f32s::LEN;
        let mut words = [0u32; 4 * Order::WORDS];
        for (values, words) in values.chunks_exact(lanes).zip(words.chunks_exact_mut(lanes)) {
            self.rounded(simd, values).bitcast::<S::u32s>().store_slice(words);
        }
        for (byte, word) in bytes.iter_mut().zip(words) {
            *byte = word as u8 ^ bias;
        }
    }
}

/// What sums of products of integers stand for.
#[derive(Debug)]
pub(super) struct Scaling<'a> {
    /// The scales of x.
    pub rows: &'a [f32],
    pub panel: Int8<'a>,
    /// Whether sums are 32-bit integers, of which x had its unit's bias too much; else they are f32.
    pub are_integers: bool,
}

impl Scaling<'_> {
    /// Sums of a row and of columns from `column` on.
    #[inline(always)]
    pub fn apply<S: Simd>(&self, simd: S, sums: S::f32s, row: usize, column: usize) -> S::f32s {
        let columns = column..column + S::f32s::LEN;
        let mut sums = sums;
        if self.are_integers {
            let offsets = S::i32s::from_slice(simd, &self.panel.offsets[columns.clone()]);
            sums = (sums.bitcast::<S::i32s>() - offsets).to_float();
        }
        sums * S::f32s::from_slice(simd, &self.panel.scales[columns]) * self.rows[row]
    }
}
