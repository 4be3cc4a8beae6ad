//! From the last hidden state to one vector a text: pooling, dense layers, normalisation.

use wembed_kernels::{Activation, Engine, Linear, Ops, Pooling};

/// What comes after the encoder, with its weights on a device.
#[derive(Debug)]
pub struct Head<E: Engine> {
    pub(crate) pooling: Vec<Pooling>,
    pub(crate) steps: Vec<Step<E>>,
}

/// A step after pooling.
#[derive(Debug)]
pub(crate) enum Step<E: Engine> {
    Dense(Linear<E>, Activation),
    Normalize,
}

/// How the vectors are to come out, where that is not what the model's files say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Finish {
    /// Vectors of length 1, or not.
    pub normalize: Option<bool>,
    /// The first so many dimensions.
    pub dimensions: Option<usize>,
}

impl<E: Engine> Head<E> {
    /// The texts' vectors from their tokens' last hidden state, the first `skip` of each left out.
    ///
    /// A cut comes after the model's own modules, as sentence-transformers does it: a cut vector has length 1 only where that is asked for.
    pub fn forward(&self, ops: &mut E::Batch, x: &E::Tensor, skip: usize, finish: Finish) -> E::Tensor {
        let mut vectors = ops.pool(x, &self.pooling, skip); // (N, modes x D)
        for step in &self.steps {
            vectors = match step {
                Step::Dense(layer, activation) => ops.linear_activation(&vectors, layer, *activation), // (N, outputs)
                Step::Normalize if finish.normalize == Some(false) => vectors,
                Step::Normalize => ops.normalize(&vectors), // (N, dimensions)
            };
        }
        if let Some(dimensions) = finish.dimensions {
            vectors = ops.cut(vectors, dimensions); // (N, dimensions)
        }
        let is_normalized = finish.dimensions.is_none() && matches!(self.steps.last(), Some(Step::Normalize));
        if finish.normalize == Some(true) && !is_normalized { ops.normalize(&vectors) } else { vectors }
    }
}
