//! Softmax attention of each text over itself.

use wembed_kernels::{Heads, Packed};

use super::{Expected, wide};

/// A relative-position bias: `table` (heads, 2 reach + 1).
#[derive(Debug, Clone, Copy)]
pub struct Bias<'a> {
    /// The bias of key - query = -reach ..= reach, a row a head.
    pub table: &'a [f32],
    /// Beyond it the outermost value holds.
    pub reach: usize,
}

impl Bias<'_> {
    fn at(&self, head: usize, query: usize, key: usize) -> f64 {
        let reach = self.reach as i64;
        let distance = (key as i64 - query as i64).clamp(-reach, reach);
        wide(self.table[head * (2 * self.reach + 1) + (distance + reach) as usize])
    }
}

/// o_i = sum_j p_ij v_j with p_ij = softmax_j(q_i . k_j / sqrt(width) + bias(j - i)), each head and each text alone, from
/// rows [q | k | v]. // (T, D) from (T, 3 D)
pub fn attention(packed: &Packed, qkv: &[f32], heads: Heads, bias: Option<Bias<'_>>) -> Vec<Expected> {
    let hidden = heads.count * heads.width;
    // Head `head` of token `token`: of its query, its key or its value.
    let slice = |third: usize, token: usize, head: usize| -> &[f32] {
        let start = token * 3 * hidden + third * hidden + head * heads.width;
        &qkv[start..start + heads.width]
    };
    let mut output = Vec::new();
    for (first, length) in packed.spans() {
        let (first, length) = (first as usize, length as usize);
        for query in 0..length {
            for head in 0..heads.count {
                let scores: Vec<Expected> = (0..length)
                    .map(|key| {
                        let bias = bias.map_or(0.0, |bias| bias.at(head, query, key));
                        score(slice(0, first + query, head), slice(1, first + key, head), bias)
                    })
                    .collect();
                let largest = scores.iter().map(|score| score.value).fold(f64::NEG_INFINITY, f64::max);
                let weights: Vec<f64> = scores.iter().map(|score| (score.value - largest).exp()).collect();
                let sum: f64 = weights.iter().sum();
                // A weight is off by as much as its score is, relative to itself; all of them move the sum.
                let sum_unit: f64 = scores.iter().zip(&weights).map(|(score, weight)| score.unit * weight / sum).sum();
                for column in 0..heads.width {
                    let mut mixed = Expected::default();
                    for key in 0..length {
                        let weighted = weights[key] / sum * wide(slice(2, first + key, head)[column]);
                        mixed.value += weighted;
                        mixed.unit += weighted.abs() * (1.0 + scores[key].unit + sum_unit);
                    }
                    output.push(mixed);
                }
            }
        }
    }
    output
}

/// q . k / sqrt(width) + bias.
fn score(query: &[f32], key: &[f32], bias: f64) -> Expected {
    let scale = 1.0 / (query.len() as f64).sqrt();
    let products = || query.iter().zip(key).map(|(&q, &k)| scale * wide(q) * wide(k));
    Expected { value: products().sum::<f64>() + bias, unit: products().map(f64::abs).sum::<f64>() + bias.abs() }
}
