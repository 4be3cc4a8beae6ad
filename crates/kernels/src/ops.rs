//! The seam between models and engines: [`Engine`] makes and owns device things, [`Ops`] is the table of contents.
//!
//! Legend of shapes: T tokens of a batch, N its texts, D hidden size, K and M the width in and out of a linear layer.

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;

use crate::{Activation, Error, Packed, Pooling, Rows};

/// The vectors of a batch, row by row: what the end of a batch gives, and the only thing that is waited for.
pub type Pending = Pin<Box<dyn Future<Output = Result<Vec<f32>, Error>>>>;

/// A linear layer: `weight` (M, K) as the checkpoint stores it, `bias` (M).
#[derive(Debug)]
pub struct Linear<E: Engine> {
    /// (M, K), packed as the engine's kernels read it.
    pub weight: E::Matrix,
    /// (M).
    pub bias: E::Vector,
}

/// A layer norm: `gain` (D), `bias` (D), and the epsilon added to the variance.
#[derive(Debug)]
pub struct Norm<E: Engine> {
    /// (D).
    pub gain: E::Vector,
    /// (D).
    pub bias: E::Vector,
    /// Added to the variance.
    pub epsilon: f32,
}

/// What is summed into the first hidden state besides the words themselves.
#[derive(Debug)]
pub struct Embeddings<E: Engine> {
    /// (P, D): one row a position.
    pub positions: E::Table,
    /// (D): added to every token; zeros where the model has no token types.
    pub token_type: E::Vector,
    /// Applied to the sum.
    pub norm: Norm<E>,
}

/// The heads of an attention layer: `count` of `width` columns each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heads {
    /// How many.
    pub count: usize,
    /// Columns of each.
    pub width: usize,
}

/// A relative-position bias that depends on key position minus query position alone.
#[derive(Debug)]
pub struct RelativeBias<E: Engine> {
    /// (heads, 2 reach + 1): the bias of distances -reach ..= reach; beyond, the outermost value holds.
    pub table: E::Vector,
    /// In tokens.
    pub reach: usize,
}

/// Makes and owns device things. One thread owns an engine; nothing here is `Send`.
///
/// Shapes are checked when weights are loaded, so the operations themselves cannot fail.
#[expect(async_fn_in_trait, reason = "one thread owns an engine: in a browser no future of it is Send")]
pub trait Engine: Sized {
    /// The weight of a linear layer, packed as this engine's kernels read it.
    type Matrix: Debug;
    /// f32 values: a bias, a gain, a relative-position table.
    type Vector: Debug;
    /// Rows that are looked up by number.
    type Table: Debug;
    /// Activations (rows, columns) in f32, cut from the batch's scratch and given back when dropped.
    type Tensor: Debug;
    /// A batch being computed or recorded.
    type Batch: Ops<Self>;

    /// A new engine on the same device choice, for when this one's device was lost.
    async fn reopen(&self) -> Result<Self, Error>;

    /// The weight of a linear layer, from its rows.
    ///
    /// # Errors
    /// The source's own; a value that the storage type cannot hold; a matrix larger than the device takes.
    async fn matrix<R: Rows>(&self, rows: R) -> Result<Self::Matrix, R::Error>;

    /// A table from its rows. The same errors as [`Engine::matrix`].
    async fn table<R: Rows>(&self, rows: R) -> Result<Self::Table, R::Error>;

    /// Whether a table of this shape can live on the device.
    fn holds_table(&self, rows: usize, columns: usize) -> bool;

    /// The most rows that an activation of `columns` columns can have: the bound on a batch's tokens.
    fn rows_within(&self, columns: usize) -> usize;

    /// The widest attention head that the kernels take, in columns.
    fn widest_head(&self) -> usize;

    /// What weights are held in, and on a processor multiplied as.
    fn dtype(&self) -> crate::Dtype;

    /// Tokens of a batch where nothing is said: enough that the device is busy, few enough that an answer does not wait.
    fn batch_tokens(&self) -> usize;

    /// f32 values on the device. `name` is said in errors.
    fn vector(&self, name: &str, values: &[f32]) -> Result<Self::Vector, Error>;

    /// A table for this batch alone, from rows gathered on the host.
    fn gathered(&self, rows: Gathered<'_>) -> Result<Self::Table, Error>;

    /// The beginning of a batch. One is recorded at a time: it is finished or dropped before the next one begins.
    fn begin(&self, packed: &Packed) -> Self::Batch;
}

/// Rows that the host picked from a table of its own, in the file's type.
#[derive(Debug, Clone, Copy)]
pub struct Gathered<'a> {
    /// Said in errors.
    pub name: &'a str,
    /// The rows, one after the other.
    pub bytes: &'a [u8],
    /// How they are stored.
    pub stored: crate::Stored,
    /// How many columns each has.
    pub columns: usize,
}

/// The table of contents: what an encoder is made of. An engine computes these or records them, in order.
///
/// # Numerics
/// What is infinite or NaN stays so: no operation makes an ordinary number of it on its way to the vector, where it is found.
pub trait Ops<E: Engine> {
    /// Embedding sum and layer norm: words + positions + token type, normalised. // (T, D)
    fn embed_norm(&mut self, words: &E::Table, embeddings: &Embeddings<E>) -> E::Tensor;

    /// x W^T + b. // (rows of x, M)
    fn linear(&mut self, x: &E::Tensor, layer: &Linear<E>) -> E::Tensor;

    /// activation(x W^T + b). // (rows of x, M)
    fn linear_activation(&mut self, x: &E::Tensor, layer: &Linear<E>, activation: Activation) -> E::Tensor;

    /// x W^T + b + residual. // (rows of x, M)
    fn linear_add(&mut self, x: &E::Tensor, layer: &Linear<E>, residual: &E::Tensor) -> E::Tensor;

    /// Layer norm of each row; with [`Ops::linear_add`] before it, the residual + layer norm of a transformer block. // (T, D)
    fn layer_norm(&mut self, x: &E::Tensor, norm: &Norm<E>) -> E::Tensor;

    /// Softmax attention of each text over itself, from [q | k | v] rows. // (T, D) from (T, 3 D)
    fn attention(&mut self, qkv: &E::Tensor, heads: Heads, bias: Option<&RelativeBias<E>>) -> E::Tensor;

    /// One row a text, the modes side by side, without each text's first `skip` tokens; every text has more. // (N, modes x D)
    fn pool(&mut self, x: &E::Tensor, modes: &[Pooling], skip: usize) -> E::Tensor;

    /// The first `columns` columns, nothing computed. // (N, columns)
    fn cut(&mut self, x: E::Tensor, columns: usize) -> E::Tensor;

    /// Each row divided by its length, or by 1e-12 where that is larger. // (N, D)
    fn normalize(&mut self, x: &E::Tensor) -> E::Tensor;

    /// The end of the batch: the rows of `output`, without padding.
    fn finish(self, output: E::Tensor) -> Pending;
}
