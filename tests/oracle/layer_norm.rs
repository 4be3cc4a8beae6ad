//! Layer norm.

use super::{Expected, wide};

/// y = (x - mean) / sqrt(variance + epsilon) * gain + bias, row by row of x (T, D). // (T, D)
pub fn layer_norm(x: &[f32], gain: &[f32], bias: &[f32], epsilon: f32) -> Vec<Expected> {
    let x: Vec<f64> = x.iter().copied().map(wide).collect();
    let magnitudes: Vec<f64> = x.iter().map(|x| x.abs()).collect();
    normalised(&x, &magnitudes, gain, bias, epsilon)
}

/// The same for rows that were summed first, with the magnitudes of what was summed.
pub(super) fn normalised(x: &[f64], magnitudes: &[f64], gain: &[f32], bias: &[f32], epsilon: f32) -> Vec<Expected> {
    let width = gain.len();
    let mut y = Vec::new();
    for (row, magnitudes) in x.chunks_exact(width).zip(magnitudes.chunks_exact(width)) {
        let mean = row.iter().sum::<f64>() / width as f64;
        let variance = row.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / width as f64;
        let deviation = (variance + wide(epsilon)).sqrt();
        // The mean, and with it every centred value, is off by roundings of what was summed.
        let mean_unit = magnitudes.iter().sum::<f64>() / width as f64;
        for column in 0..width {
            let (gain, bias) = (wide(gain[column]), wide(bias[column]));
            let centred = row[column] - mean;
            let centred_unit = centred.abs() + magnitudes[column] + mean_unit;
            y.push(Expected {
                value: centred / deviation * gain + bias,
                unit: centred_unit / deviation * gain.abs() + bias.abs(),
            });
        }
    }
    y
}
