//! y = (x - mean) / sqrt(variance + epsilon) * gain + bias, row by row (Ba et al. 2016, arXiv 1607.06450, equation 3).

use fearless_simd::{dispatch, prelude::*};

use super::{Context, CpuEngine, Tensor};
use crate::Norm;

/// Rows that a thread takes at a time: enough work to be worth another thread's waking up.
const ROWS: usize = 16;

/// The sum of f(value) over a row whose length is a whole number of vectors.
#[inline(always)]
pub(super) fn sum<S: Simd>(simd: S, row: &[f32], function: impl Fn(S::f32s) -> S::f32s) -> f32 {
    // Four chains, so that additions overlap; then in a fixed order.
    let mut sums = [S::f32s::splat(simd, 0.0); 4];
    for (index, values) in row.chunks_exact(S::f32s::LEN).enumerate() {
        sums[index % 4] += function(S::f32s::from_slice(simd, values));
    }
    ((sums[0] + sums[1]) + (sums[2] + sums[3])).reduce_sum()
}

/// Normalises the first `width` values of `row` in place; what is beyond them is zero before and after.
///
/// Two passes: the variance is taken about the mean, never as a difference of squares.
#[inline(always)]
pub(super) fn normalise<S: Simd>(simd: S, row: &mut [f32], width: usize, norm: &Norm<CpuEngine>) {
    let mean = sum(simd, row, |x| x) / width as f32;
    for values in row.chunks_exact_mut(S::f32s::LEN) {
        (S::f32s::from_slice(simd, values) - mean).store_slice(values);
    }
    row[width..].fill(0.0);
    let variance = sum(simd, row, |x| x * x) / width as f32;
    // One over an infinite deviation is zero, which would leave the bias alone.
    let scale = if variance.is_finite() { 1.0 / (variance + norm.epsilon).sqrt() } else { f32::NAN };
    let vectors = row.chunks_exact_mut(S::f32s::LEN).zip(norm.gain.values().chunks_exact(S::f32s::LEN));
    for ((values, gain), bias) in vectors.zip(norm.bias.values().chunks_exact(S::f32s::LEN)) {
        let (gain, bias) = (S::f32s::from_slice(simd, gain), S::f32s::from_slice(simd, bias));
        (S::f32s::from_slice(simd, values) * scale).mul_add(gain, bias).store_slice(values);
    }
    if !scale.is_finite() {
        row[width..].fill(0.0);
    }
}

/// Layer norm of every row.
pub(super) fn compute(context: &Context, x: &Tensor, norm: &Norm<CpuEngine>) -> Tensor {
    each_row(context, context.tensor(x.rows, x.columns), norm, |row, values| {
        values.copy_from_slice(&x.values()[row * x.stride..][..x.stride]);
    })
}

/// The rows of `y` as `fill` makes them, normalised.
pub(super) fn each_row(
    context: &Context,
    mut y: Tensor,
    norm: &Norm<CpuEngine>,
    fill: impl Fn(usize, &mut [f32]) + Sync,
) -> Tensor {
    let (stride, columns) = (y.stride, y.columns);
    let blocks = y.values_mut().chunks_mut(ROWS * stride).enumerate();
    context.threads.each(blocks, |(block, values)| {
        for (index, row) in values.chunks_exact_mut(stride).enumerate() {
            fill(block * ROWS + index, row);
            dispatch!(context.instructions.level, simd => normalise(simd, row, columns, norm));
        }
    });
    y
}
