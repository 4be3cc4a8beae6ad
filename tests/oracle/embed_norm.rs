//! Embedding sum and layer norm.

use wembed_kernels::Packed;

use super::layer_norm::normalised;
use super::{Expected, wide};

/// `layer_norm(words[w_t] + positions[p_t] + token_type)`, for words (V, D), positions (P, D), token_type (D). // (T, D)
pub fn embed_norm(
    packed: &Packed,
    words: &[f32],
    positions: &[f32],
    token_type: &[f32],
    [gain, bias]: [&[f32]; 2],
    epsilon: f32,
) -> Vec<Expected> {
    let width = token_type.len();
    let (mut sums, mut magnitudes) = (Vec::new(), Vec::new());
    for (&word, &position) in packed.words().iter().zip(packed.positions()) {
        for column in 0..width {
            let word = wide(words[word as usize * width + column]);
            let position = wide(positions[position as usize * width + column]);
            let token_type = wide(token_type[column]);
            sums.push(word + position + token_type);
            magnitudes.push(word.abs() + position.abs() + token_type.abs());
        }
    }
    normalised(&sums, &magnitudes, gain, bias, epsilon)
}
