//! The encoder: embeddings, then layers of attention and feed-forward, the same for every architecture of the table.
//!
//! Legend: T tokens of a batch, D hidden size, H heads, F feed-forward size, V vocabulary.

use wembed_kernels::{Activation, Embeddings, Engine, Heads, Linear, Norm, Ops, RelativeBias};

/// An encoder's weights on a device.
#[derive(Debug)]
pub struct Encoder<E: Engine> {
    pub(crate) embeddings: Embeddings<E>,
    pub(crate) layers: Vec<Layer<E>>,
    pub(crate) relative_bias: Option<RelativeBias<E>>,
    pub(crate) heads: Heads,
    pub(crate) activation: Activation,
}

/// One layer's weights.
#[derive(Debug)]
pub(crate) struct Layer<E: Engine> {
    /// (3 D, D): query, key and value rows, one after the other.
    pub query_key_value: Linear<E>,
    pub attention_output: Linear<E>,
    pub attention_norm: Norm<E>,
    pub intermediate: Linear<E>,
    pub output: Linear<E>,
    pub output_norm: Norm<E>,
}

impl<E: Engine> Encoder<E> {
    /// The last hidden state of the batch's texts. `words` is the word table, or the rows of it that the batch needs.
    pub fn forward(&self, ops: &mut E::Batch, words: &E::Table) -> E::Tensor {
        let mut x = ops.embed_norm(words, &self.embeddings); // (T, D)
        for layer in &self.layers {
            x = self.attend(ops, layer, x); // (T, D)
            x = self.feed_forward(ops, layer, x); // (T, D)
        }
        x
    }

    fn attend(&self, ops: &mut E::Batch, layer: &Layer<E>, x: E::Tensor) -> E::Tensor {
        let qkv = ops.linear(&x, &layer.query_key_value); // (T, 3 D)
        let context = ops.attention(&qkv, self.heads, self.relative_bias.as_ref()); // (T, D)
        let sum = ops.linear_add(&context, &layer.attention_output, &x); // (T, D)
        ops.layer_norm(&sum, &layer.attention_norm) // (T, D)
    }

    fn feed_forward(&self, ops: &mut E::Batch, layer: &Layer<E>, x: E::Tensor) -> E::Tensor {
        let wide = ops.linear_activation(&x, &layer.intermediate, self.activation); // (T, F)
        let sum = ops.linear_add(&wide, &layer.output, &x); // (T, D)
        ops.layer_norm(&sum, &layer.output_norm) // (T, D)
    }
}
