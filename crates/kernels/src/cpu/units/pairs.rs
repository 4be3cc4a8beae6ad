//! x in bf16, two neighbouring k a word, as the units for bf16 read it.

use fearless_simd::{dispatch, prelude::*};

use super::{Order, in_steps};
use crate::cpu::halves::round_to_bf16;
use crate::cpu::memory::Buffer;
use crate::cpu::{Context, Tensor};

/// x as bf16, and where asked for what the rounding leaves, in bf16, too. The rows beyond the last one, as far as a unit reads, hold
/// what was there before.
pub(super) fn split(context: &Context, x: &Tensor, order: Order, both: bool) -> (Buffer, Option<Buffer>) {
    let words = x.stride / 2;
    let take = || context.scratch.take(in_steps(x.rows) * words);
    let (mut high, mut low) = (take(), both.then(take));
    let mut nothing = Vec::new();
    let lows = low.as_mut().map_or(&mut nothing[..], |low| low.of_mut::<u32>());
    // Where there is no low half its chunks are empty, one for each of x.
    let lows = lows.chunks_mut(Order::ROWS * words).map(Some).chain(std::iter::repeat_with(|| None));
    let highs = high.of_mut::<u32>().chunks_mut(Order::ROWS * words);
    let rows = x.values().chunks(Order::ROWS * x.stride).zip(highs).zip(lows);
    context.threads.each(rows, |((x, high), low)| {
        let low = low.unwrap_or_default();
        dispatch!(context.instructions.level, simd => {
            for (row, x) in x.chunks_exact(2 * words).enumerate() {
                for (step, x) in x.chunks_exact(2 * Order::WORDS).enumerate() {
                    let place = order.place(row, step, words);
                    split_step(simd, x, &mut high[place..][..Order::WORDS], low.get_mut(place..).unwrap_or_default());
                }
            }
        });
    });
    (high, low)
}

/// 32 numbers of a row.
#[inline(always)]
fn split_step<S: Simd>(simd: S, x: &[f32], high: &mut [u32], low: &mut [u32]) {
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
