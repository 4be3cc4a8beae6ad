//! One vector a text from the vectors of its tokens, x_1 .. x_n, of which the first s are left out: the modes' columns side
//! by side (Sentence-BERT, arXiv 1908.10084, section 3; SGPT for the weighted mean, arXiv 2202.08904, section 3).

use fearless_simd::{dispatch, prelude::*};

use super::{Batch, Tensor};
use crate::Pooling;

/// Tokens of a part: sums run in parts, so that long texts lose nothing.
const PART: usize = 32;

/// A text's rows, `stride` apart, from its token `skip` on.
#[derive(Debug, Clone, Copy)]
struct Text<'a> {
    values: &'a [f32],
    stride: usize,
    skip: usize,
}

/// A row a text.
pub(super) fn compute(batch: &Batch, x: &Tensor, modes: &[Pooling], skip: usize) -> Tensor {
    let context = &batch.context;
    let mut y = context.tensor(batch.packed.texts(), modes.len() * x.columns);
    let stride = y.stride;
    let texts = y.values_mut().chunks_exact_mut(stride).zip(batch.packed.offsets().windows(2));
    context.threads.each(texts, |(row, offsets)| {
        let values = &x.values()[(offsets[0] as usize + skip) * x.stride..offsets[1] as usize * x.stride];
        let text = Text { values, stride: x.stride, skip };
        let (pooled, padding) = row.split_at_mut(modes.len() * x.columns);
        for (pooled, &mode) in pooled.chunks_exact_mut(x.columns).zip(modes) {
            dispatch!(context.instructions.level, simd => pool(simd, text, mode, pooled));
        }
        padding.fill(0.0);
    });
    y
}

#[inline(always)]
fn pool<S: Simd>(_: S, text: Text<'_>, mode: Pooling, pooled: &mut [f32]) {
    let Text { values, stride, skip } = text;
    let length = (values.len() / stride) as f32;
    match mode {
        Pooling::Mean => weighted_sum(text, |_| 1.0, length, pooled),
        Pooling::MeanSqrtLen => weighted_sum(text, |_| 1.0, length.sqrt(), pooled),
        Pooling::WeightedMean => {
            let all = length * (skip as f32 + 0.5 * (length + 1.0));
            weighted_sum(text, |token| (token + skip + 1) as f32, all, pooled);
        }
        Pooling::Max => maximum(text, pooled),
        Pooling::Cls => pooled.copy_from_slice(&values[..pooled.len()]),
        Pooling::LastToken => pooled.copy_from_slice(&values[values.len() - stride..][..pooled.len()]),
    }
}

/// sum of w_i x_i / divisor.
#[inline(always)]
fn weighted_sum(text: Text<'_>, weight: impl Fn(usize) -> f32, divisor: f32, pooled: &mut [f32]) {
    let stride = text.stride;
    /// Columns that are summed at a time.
    const COLUMNS: usize = 64;
    for (index, pooled) in pooled.chunks_mut(COLUMNS).enumerate() {
        let mut total = [0.0; COLUMNS];
        for (part, tokens) in text.values.chunks(PART * stride).enumerate() {
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
fn maximum(text: Text<'_>, pooled: &mut [f32]) {
    pooled.copy_from_slice(&text.values[..pooled.len()]);
    for row in text.values.chunks_exact(text.stride) {
        for (largest, &x) in pooled.iter_mut().zip(row) {
            if largest.is_finite() && (x > *largest || !x.is_finite()) {
                *largest = x;
            }
        }
    }
}
