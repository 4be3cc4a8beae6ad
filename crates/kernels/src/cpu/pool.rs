//! One vector a text from the vectors of its tokens, x_1 .. x_n, of which the first s are left out: the modes' columns side
//! by side (Sentence-BERT, arXiv 1908.10084, section 3; SGPT for the weighted mean, arXiv 2202.08904, section 3).

use fearless_simd::{dispatch, prelude::*};

use super::{Batch, Tensor};
use crate::Pooling;

/// Tokens of a part: sums run in parts, so that long texts lose nothing.
const PART: usize = 32;

/// A row a text.
pub(super) fn compute(batch: &Batch, x: &Tensor, modes: &[Pooling], skip: usize) -> Tensor {
    let context = &batch.context;
    let mut y = context.tensor(batch.packed.texts(), modes.len() * x.columns);
    let stride = y.stride;
    let texts = y.values_mut().chunks_exact_mut(stride).zip(batch.packed.offsets().windows(2));
    context.threads.each(texts, |(row, offsets)| {
        let text = &x.values()[(offsets[0] as usize + skip) * x.stride..offsets[1] as usize * x.stride];
        let (pooled, padding) = row.split_at_mut(modes.len() * x.columns);
        for (pooled, &mode) in pooled.chunks_exact_mut(x.columns).zip(modes) {
            dispatch!(context.instructions.level, simd => pool(simd, text, x.stride, mode, skip, pooled));
        }
        padding.fill(0.0);
    });
    y
}

#[inline(always)]
fn pool<S: Simd>(simd: S, text: &[f32], stride: usize, mode: Pooling, skip: usize, pooled: &mut [f32]) {
    let length = (text.len() / stride) as f32;
    match mode {
        Pooling::Mean => weighted_sum(simd, text, stride, |_| 1.0, length, pooled),
        Pooling::MeanSqrtLen => weighted_sum(simd, text, stride, |_| 1.0, length.sqrt(), pooled),
        Pooling::WeightedMean => {
            let all = length * (skip as f32 + 0.5 * (length + 1.0));
            weighted_sum(simd, text, stride, |token| (token + skip + 1) as f32, all, pooled);
        }
        Pooling::Max => maximum(simd, text, stride, pooled),
        Pooling::Cls => pooled.copy_from_slice(&text[..pooled.len()]),
        Pooling::LastToken => pooled.copy_from_slice(&text[text.len() - stride..][..pooled.len()]),
    }
}

/// sum of w_i x_i / divisor.
#[inline(always)]
fn weighted_sum<S: Simd>(
    _: S,
    text: &[f32],
    stride: usize,
    weight: impl Fn(usize) -> f32,
    divisor: f32,
    pooled: &mut [f32],
) {
    /// Columns that are summed at a time.
    const COLUMNS: usize = 64;
    for (index, pooled) in pooled.chunks_mut(COLUMNS).enumerate() {
        let mut total = [0.0; COLUMNS];
        for (part, tokens) in text.chunks(PART * stride).enumerate() {
            let mut sum = [0.0; COLUMNS];
            for (token, row) in tokens.chunks_exact(stride).enumerate() {
                let weight = weight(part * PART + token);
                let row: &[f32; COLUMNS] = row[index * COLUMNS..].first_chunk().expect("rows are padded");
                for (sum, x) in sum.iter_mut().zip(row) {
                    *sum += weight * x;
                }
            }
            for (total, sum) in total.iter_mut().zip(sum) {
                *total += sum;
            }
        }
        for (pooled, total) in pooled.iter_mut().zip(total) {
            *pooled = total / divisor;
        }
    }
}

/// The largest of each column; an infinity or a NaN in its place.
#[inline(always)]
fn maximum<S: Simd>(_: S, text: &[f32], stride: usize, pooled: &mut [f32]) {
    pooled.copy_from_slice(&text[..pooled.len()]);
    for row in text.chunks_exact(stride) {
        for (largest, &x) in pooled.iter_mut().zip(row) {
            if largest.is_finite() && (x > *largest || !x.is_finite()) {
                *largest = x;
            }
        }
    }
}
