//! L2 normalisation, and the cut before it.

use super::{Expected, wide};

/// The first `columns` of each row of x (N, D). // (N, columns)
pub fn cut(x: &[f32], width: usize, columns: usize) -> Vec<f32> {
    x.chunks_exact(width).flat_map(|row| &row[..columns]).copied().collect()
}

/// x / max(|x|, 1e-12), row by row of x (N, D). // (N, D)
pub fn normalize(x: &[f32], width: usize) -> Vec<Expected> {
    let mut y = Vec::new();
    for row in x.chunks_exact(width) {
        let length = row.iter().map(|&x| wide(x).powi(2)).sum::<f64>().sqrt().max(1e-12);
        y.extend(row.iter().map(|&x| Expected { value: wide(x) / length, unit: (wide(x) / length).abs() }));
    }
    y
}
