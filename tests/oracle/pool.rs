//! One vector a text from the vectors of its tokens.

use wembed_kernels::{Packed, Pooling};

use super::{Expected, wide};

/// Each text's row: the modes side by side, for x (T, D), without a text's first `skip` tokens. // (N, modes x D)
pub fn pool(packed: &Packed, x: &[f32], width: usize, modes: &[Pooling], skip: usize) -> Vec<Expected> {
    let mut output = Vec::new();
    for (first, length) in packed.spans() {
        for &mode in modes {
            for column in 0..width {
                let tokens = first as usize..(first + length) as usize;
                let values: Vec<f64> = tokens.map(|token| wide(x[token * width + column])).collect();
                output.push(pooled(&values, mode, skip));
            }
        }
    }
    output
}

/// One column of one text: x_(s + 1) .. x_n of x_1 .. x_n.
fn pooled(x: &[f64], mode: Pooling, skip: usize) -> Expected {
    let (n, s) = (x.len() as f64, skip as f64);
    let exact = |value| Expected { value, unit: 0.0 };
    match mode {
        Pooling::Mean => sum(x, skip, |_| 1.0 / (n - s)),
        Pooling::Cls => exact(x[skip]),
        Pooling::Max => exact(x[skip..].iter().copied().fold(f64::NEG_INFINITY, f64::max)),
        Pooling::MeanSqrtLen => sum(x, skip, |_| 1.0 / (n - s).sqrt()),
        // 1 + 2 + .. + n = n (n + 1) / 2.
        Pooling::WeightedMean => sum(x, skip, |i| i / (n * (n + 1.0) / 2.0 - s * (s + 1.0) / 2.0)),
        Pooling::LastToken => exact(x[x.len() - 1]),
    }
}

/// sum over i = s + 1 .. n of weight(i) x_i.
fn sum(x: &[f64], skip: usize, weight: impl Fn(f64) -> f64) -> Expected {
    let mut sum = Expected::default();
    for (i, x) in (1..).zip(x).skip(skip) {
        let product = weight(f64::from(i)) * x;
        sum.value += product;
        sum.unit += product.abs();
    }
    sum
}
