//! x W^T + b.

use super::{Expected, wide};

/// y_tn = sum_k x_tk w_nk + b_n, for x (T, K), W (N, K), b (N). // (T, N)
pub fn linear(x: &[f32], weight: &[f32], bias: &[f32], depth: usize) -> Vec<Expected> {
    let mut y = Vec::new();
    for row in x.chunks_exact(depth) {
        for (weight_row, &b) in weight.chunks_exact(depth).zip(bias) {
            let mut value = wide(b);
            let mut unit = wide(b).abs();
            for k in 0..depth {
                let product = wide(row[k]) * wide(weight_row[k]);
                value += product;
                unit += product.abs();
            }
            y.push(Expected { value, unit });
        }
    }
    y
}

/// y + residual, element by element.
pub fn add(y: &[Expected], residual: &[f32]) -> Vec<Expected> {
    y.iter().zip(residual).map(|(y, &r)| Expected { value: y.value + wide(r), unit: y.unit + wide(r).abs() }).collect()
}
