//! x = layer_norm(words[w_t] + positions[p_t] + token_type) for every token t (Devlin et al. 2018, arXiv 1810.04805, section 3).

use fearless_simd::{dispatch, prelude::*};

use super::layer_norm::each_row;
use super::product::with_workspace;
use super::weights::Table;
use super::{Batch, CpuEngine, Tensor};
use crate::Embeddings;

/// The first hidden state.
pub(super) fn compute(batch: &Batch, words: &Table, embeddings: &Embeddings<CpuEngine>) -> Tensor {
    let context = &batch.context;
    let (tokens, width) = (batch.packed.tokens(), words.columns());
    let token_type = embeddings.token_type.values();
    each_row(context, context.tensor(tokens, width), &embeddings.norm, |token, row| {
        let word = batch.packed.words()[token] as usize;
        let position = batch.packed.positions()[token] as usize;
        with_workspace(2 * width, |looked_up| {
            dispatch!(context.instructions.level, simd => {
                let (words_row, positions_row) = looked_up.split_at_mut(width);
                words.row(simd, word, words_row);
                embeddings.positions.row(simd, position, positions_row);
                sum(simd, row, [words_row, token_type, positions_row]);
            });
        });
    })
}

/// The sum of three rows, zeros behind it.
#[inline(always)]
fn sum<S: Simd>(_: S, row: &mut [f32], [words, token_type, positions]: [&[f32]; 3]) {
    let (row, padding) = row.split_at_mut(words.len());
    for (((value, word), token_type), position) in row.iter_mut().zip(words).zip(token_type).zip(positions) {
        *value = word + token_type + position;
    }
    padding.fill(0.0);
}
