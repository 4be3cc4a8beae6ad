//! One vector a text from the vectors of its tokens.

use wembed_kernels::{Packed, Pooling};

use super::{Expected, wide};

/// Each text's row: the modes side by side, for x (T, D). // (N, modes x D)
pub fn pool(packed: &Packed, x: &[f32], width: usize, modes: &[Pooling]) -> Vec<Expected> {
    let mut output = Vec::new();
    for (first, length) in packed.spans() {
        for &mode in modes {
            for column in 0..width {
                let tokens = first as usize..(first + length) as usize;
                let values: Vec<f64> = tokens.map(|token| wide(x[token * width + column])).collect();
                output.push(pooled(&values, mode));
            }
        }
    }
    output
}

/// One column of one text: x_1 .. x_n.
fn pooled(x: &[f64], mode: Pooling) -> Expected {
    let n = x.len() as f64;
    let exact = |value| Expected { value, unit: 0.0 };
    match mode {
        Pooling::Mean => sum(x, |_| 1.0 / n),
        Pooling::Cls => exact(x[0]),
        Pooling::Max => exact(x.iter().copied().fold(f64::NEG_INFINITY, f64::max)),
        Pooling::MeanSqrtLen => sum(x, |_| 1.0 / n.sqrt()),
        // 1 + 2 + .. + n = n (n + 1) / 2.
        Pooling::WeightedMean => sum(x, |i| i / (n * (n + 1.0) / 2.0)),
        Pooling::LastToken => exact(x[x.len() - 1]),
    }
}

/// sum over i = 1 .. n of weight(i) x_i.
fn sum(x: &[f64], weight: impl Fn(f64) -> f64) -> Expected {
    let mut sum = Expected::default();
    for (i, x) in (1..).zip(x) {
        let product = weight(f64::from(i)) * x;
        sum.value += product;
        sum.unit += product.abs();
    }
    sum
}
