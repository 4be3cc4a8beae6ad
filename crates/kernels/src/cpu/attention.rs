//! o_i = sum_j p_ij v_j, p_ij = softmax_j(q_i . k_j / sqrt(width) + bias(j - i)), j over the tokens of i's own text
//! (Vaswani et al. 2017, arXiv 1706.03762, equation 1).
//!
//! A thread takes some queries of one text and one head, packs the text's keys and values of that head into panels, and
//! makes two products with a softmax between them, for a few queries at a time, whose scores stay in cache. No mask, no padding.

use std::ops::Range;

use fearless_simd::{dispatch, prelude::*};

use super::math::exponential;
use super::product::{Rows, Sums, chunked_product, with_workspace};
use super::tiles::{Tile, cut};
use super::{Batch, CpuEngine, Tensor};
use crate::{Heads, RelativeBias};

/// Queries of a thread's turn: packing the keys again for each turn costs less than a hundredth of the products then.
const QUERIES: usize = 256;

/// Scores that are held at a time, 64 KB of them, as long as that is a few queries'.
const SCORES: usize = 16 * 1024;

/// The whole attention layer.
pub(super) fn compute(batch: &Batch, qkv: &Tensor, heads: Heads, bias: Option<&RelativeBias<CpuEngine>>) -> Tensor {
    let context = &batch.context;
    let width = heads.width;
    let mut output = context.tensor(qkv.rows, heads.count * width);
    // The last head's columns are followed by the padding.
    let columns: Vec<Range<usize>> = (0..heads.count)
        .map(|head| head * width..if head + 1 == heads.count { output.stride } else { (head + 1) * width })
        .collect();
    let mut turns = Vec::new();
    let mut texts = Vec::new();
    for (first, length) in batch.packed.spans() {
        let (first, end) = (first as usize, (first + length) as usize);
        for start in (first..end).step_by(QUERIES) {
            turns.push(start..(start + QUERIES).min(end));
            texts.push(first..end);
        }
    }
    let stride = output.stride;
    let tiles = cut(output.values_mut(), stride, &turns, &columns).enumerate();
    context.threads.each(tiles, |(index, mut tile)| {
        let (turn, head) = (index / heads.count, index % heads.count);
        let head = Head { qkv, text: texts[turn].clone(), heads, head, bias };
        let sizes = Sizes::new(&head, tile.rows().len(), context.panel_width);
        with_workspace(sizes.all(), |memory| {
            dispatch!(context.instructions.level, simd => head.attend(simd, &mut tile, &sizes, memory));
        });
    });
    output
}

/// How much memory a turn takes, and for what.
struct Sizes {
    /// Columns of a panel.
    panel: usize,
    /// The text's keys, in whole panels.
    keys: usize,
    /// Queries whose scores are held at a time.
    queries: usize,
    key_panels: usize,
    value_panels: usize,
}

impl Sizes {
    fn new(head: &Head<'_>, rows: usize, panel: usize) -> Self {
        let (length, width) = (head.text.len(), head.heads.width);
        let keys = length.next_multiple_of(panel);
        let queries = (SCORES / keys).clamp(8, MOST_QUERIES).min(rows);
        Self { panel, keys, queries, key_panels: keys * width, value_panels: length * width.next_multiple_of(panel) }
    }

    fn all(&self) -> usize {
        self.key_panels + self.value_panels + self.queries * (self.keys + self.panel)
    }
}

/// The most queries whose scores are held at a time.
const MOST_QUERIES: usize = 64;

/// One head of one text.
struct Head<'a> {
    qkv: &'a Tensor,
    text: Range<usize>,
    heads: Heads,
    head: usize,
    bias: Option<&'a RelativeBias<CpuEngine>>,
}

impl Head<'_> {
    #[inline(always)]
    fn attend<S: Simd>(&self, simd: S, tile: &mut Tile<'_>, sizes: &Sizes, memory: &mut [f32]) {
        let (length, width) = (self.text.len(), self.heads.width);
        let &Sizes { panel, keys, queries, .. } = sizes;
        let (key_panels, memory) = memory.split_at_mut(sizes.key_panels);
        let (value_panels, memory) = memory.split_at_mut(sizes.value_panels);
        let (scores, sums) = memory.split_at_mut(queries * keys);
        self.pack_keys(simd, key_panels, panel);
        self.pack_values(value_panels, panel);
        let rows = tile.rows();
        for first in rows.clone().step_by(queries) {
            let count = queries.min(rows.end - first);
            let x = self.rows(0, first, count);
            for (index, key_panel) in key_panels.chunks_exact(width * panel).enumerate() {
                chunked_product(simd, x, key_panel, &mut Sums { values: &mut scores[index * panel..], stride: keys });
            }
            let mut scales = [0.0; MOST_QUERIES];
            for (query, scores) in scores.chunks_exact_mut(keys).take(count).enumerate() {
                scales[query] = self.softmax(simd, first + query - self.text.start, &mut scores[..keys]);
            }
            let weights = Rows { values: scores, stride: keys, count };
            for (index, value_panel) in value_panels.chunks_exact(length * panel).enumerate() {
                chunked_product(simd, weights, value_panel, &mut Sums { values: sums, stride: panel });
                for ((query, sums), scale) in sums.chunks_exact(panel).take(count).enumerate().zip(scales) {
                    let output = &mut tile.row(first + query)[index * panel..width.min((index + 1) * panel)];
                    for (output, sum) in output.iter_mut().zip(sums) {
                        *output = sum * scale;
                    }
                }
            }
        }
        if tile.columns().len() > width {
            for row in rows {
                tile.row(row)[width..].fill(0.0);
            }
        }
    }

    /// This head's queries (0), keys (1) or values (2) of `count` tokens from `first` on.
    fn rows(&self, third: usize, first: usize, count: usize) -> Rows<'_> {
        let column = (third * self.heads.count + self.head) * self.heads.width;
        Rows { values: &self.qkv.values()[first * self.qkv.stride + column..], stride: self.qkv.stride, count }
    }

    /// Keys side by side, column by column. // (keys / panel, width, panel)
    #[inline(always)]
    fn pack_keys<S: Simd>(&self, simd: S, panels: &mut [f32], panel: usize) {
        match S::f32s::LEN {
            16 => self.pack_keys_by::<S, 16>(simd, panels, panel),
            8 => self.pack_keys_by::<S, 8>(simd, panels, panel),
            4 => self.pack_keys_by::<S, 4>(simd, panels, panel),
            _ => self.pack_keys_by::<S, 1>(simd, panels, panel),
        }
    }

    /// The same in squares of LANES keys and columns, as far as they go.
    #[inline(always)]
    fn pack_keys_by<S: Simd, const LANES: usize>(&self, simd: S, panels: &mut [f32], panel: usize) {
        let (width, keys) = (self.heads.width, self.rows(1, self.text.start, self.text.len()));
        let squares = if LANES == S::f32s::LEN { width - width % LANES } else { 0 };
        for (index, packed) in panels.chunks_exact_mut(width * panel).enumerate() {
            let rows = &keys.values[index * panel * keys.stride..];
            let count = panel.min(keys.count - index * panel);
            for key in (0..panel).step_by(LANES) {
                for column in (0..squares).step_by(LANES) {
                    let mut square = [S::f32s::splat(simd, 0.0); LANES];
                    for (row, values) in square.iter_mut().enumerate().take(count.saturating_sub(key)) {
                        *values =
                            S::f32s::from_slice(simd, &rows[(key + row) * keys.stride + column..][..S::f32s::LEN]);
                    }
                    for (values, place) in
                        transposed::<S, LANES>(square).iter().zip(packed[column * panel..].chunks_mut(panel))
                    {
                        values.store_slice(&mut place[key..][..S::f32s::LEN]);
                    }
                }
            }
            for (column, place) in packed.chunks_exact_mut(panel).enumerate().skip(squares) {
                for (key, place) in place.iter_mut().enumerate() {
                    *place = if key < count { rows[key * keys.stride + column] } else { 0.0 };
                }
            }
        }
    }

    /// Columns of the values side by side, token by token. // (columns / panel, length, panel)
    #[inline(always)]
    fn pack_values(&self, panels: &mut [f32], panel: usize) {
        let (width, values) = (self.heads.width, self.rows(2, self.text.start, self.text.len()));
        for (index, packed) in panels.chunks_exact_mut(values.count * panel).enumerate() {
            let first = index * panel;
            let count = panel.min(width - first);
            for (token, place) in packed.chunks_exact_mut(panel).enumerate() {
                place[..count].copy_from_slice(&values.values[token * values.stride + first..][..count]);
                place[count..].fill(0.0);
            }
        }
    }

    /// Makes weights of one query's scores, not yet divided by their sum; gives one over that. What is beyond the text's keys is of no use.
    #[inline(always)]
    fn softmax<S: Simd>(&self, simd: S, query: usize, scores: &mut [f32]) -> f32 {
        let length = self.text.len();
        let lanes = S::f32s::LEN;
        let mut scale = 1.0 / (self.heads.width as f32).sqrt();
        if let Some(bias) = self.bias {
            for scores in scores.chunks_exact_mut(lanes) {
                (S::f32s::from_slice(simd, scores) * scale).store_slice(scores);
            }
            self.add_bias(bias, query, &mut scores[..length]);
            scale = 1.0;
        }
        // So far below every score that their weights, e^-87, are nothing in the sum, where the largest is 1.
        scores[length..].fill(f32::MIN);
        let mut largest = S::f32s::splat(simd, f32::MIN);
        let mut spoilt = S::f32s::splat(simd, 0.0);
        for scores in scores.chunks_exact(lanes) {
            let scores = S::f32s::from_slice(simd, scores);
            largest = largest.max(scores);
            // Zero, or NaN where the score is infinite or NaN.
            spoilt += scores * 0.0;
        }
        // A weight for a score that is NaN would be an ordinary number.
        if spoilt.reduce_sum() != 0.0 {
            scores[..length].fill(f32::NAN);
            return f32::NAN;
        }
        let largest = largest.reduce_max();
        let mut sum = S::f32s::splat(simd, 0.0);
        for scores in scores.chunks_exact_mut(lanes) {
            let weights = exponential(simd, (S::f32s::from_slice(simd, scores) - largest) * scale);
            weights.store_slice(scores);
            sum += weights;
        }
        1.0 / sum.reduce_sum()
    }

    /// Adds the bias of each key's distance.
    #[inline(always)]
    fn add_bias(&self, bias: &RelativeBias<CpuEngine>, query: usize, scores: &mut [f32]) {
        let (reach, length) = (bias.reach, scores.len());
        let table = &bias.table.values()[self.head * (2 * reach + 1)..][..2 * reach + 1];
        // Keys within reach; what lies before and behind them has the outermost values.
        let (first, end) = (query.saturating_sub(reach), (query + reach + 1).min(length));
        for score in &mut scores[..first] {
            *score += table[0];
        }
        for score in &mut scores[end..] {
            *score += table[2 * reach];
        }
        for (score, bias) in scores[first..end].iter_mut().zip(&table[first + reach - query..]) {
            *score += bias;
        }
    }
}

/// Rows become columns: each of log2 LANES passes deals the first half of the vectors out among the second.
#[inline(always)]
fn transposed<S: Simd, const LANES: usize>(mut vectors: [S::f32s; LANES]) -> [S::f32s; LANES] {
    for _ in 0..LANES.trailing_zeros() {
        let mut next = vectors;
        for vector in 0..LANES / 2 {
            (next[2 * vector], next[2 * vector + 1]) = vectors[vector].interleave(vectors[LANES / 2 + vector]);
        }
        vectors = next;
    }
    vectors
}
