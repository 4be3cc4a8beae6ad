//! y = x / max(|x|, 1e-12), row by row: L2 normalisation, as torch.nn.functional.normalize does it.

use fearless_simd::{dispatch, prelude::*};

use super::layer_norm::sum;
use super::{Context, Tensor};

/// Each row at length 1.
pub(super) fn compute(context: &Context, x: &Tensor) -> Tensor {
    let mut y = context.tensor(x.rows, x.columns);
    let stride = y.stride;
    for (y, x_row) in y.values_mut().chunks_exact_mut(stride).zip(x.values().chunks_exact(x.stride)) {
        // A cut tensor has numbers behind its columns.
        y.fill(0.0);
        y[..x.columns].copy_from_slice(&x_row[..x.columns]);
        dispatch!(context.instructions.level, simd => normalise(simd, y));
    }
    y
}

#[inline(always)]
fn normalise<S: Simd>(simd: S, row: &mut [f32]) {
    let norm = sum(simd, row, |x| x * x).sqrt().max(1e-12);
    for values in row.chunks_exact_mut(S::f32s::LEN) {
        (S::f32s::from_slice(simd, values) / norm).store_slice(values);
    }
}
