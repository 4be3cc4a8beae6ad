//! The CPU engine: the same operations on the processor's own vectors and matrix units, natively and in wasm.
//!
//! An operation is computed when it is called, on as many threads as the engine was opened with.
//!
//! # Numerics
//! Sums are f32 whatever weights are held in. Their order depends on the instructions and on a text's own length, never on how many
//! threads there are, on what else is in a batch or on how it is ordered.

mod activation;
mod attention;
mod embed_norm;
mod halves;
mod instructions;
mod layer_norm;
mod linear;
mod math;
mod memory;
mod normalize;
mod panels;
mod pool;
mod probe;
mod product;
mod threads;
mod tiles;
mod units;
mod weights;

use std::future::ready;
use std::num::NonZeroUsize;
use std::sync::Arc;

pub use panels::Panels;
#[cfg(target_arch = "x86_64")]
#[doc(hidden)]
pub use units::assume_amx;
pub use weights::{Table, Vector};

use crate::error::Kind;
use crate::{
    Activation, Dtype, Embeddings, Engine, Error, Gathered, Heads, Linear, Norm, Ops, Packed, Pending, Pooling,
    RelativeBias, Rows, padded,
};
use instructions::Instructions;
use linear::Epilogue;
use memory::{Buffer, Scratch};
use threads::Threads;
use units::Unit;

/// How a [`CpuEngine`] is opened.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// What weights are held in and multiplied as; the fastest that gives f32's vectors where nothing is said.
    pub dtype: Option<Dtype>,
    /// How many threads compute, the caller's own among them; as many as the processor runs at a time where nothing is said.
    /// Where there is a [`pool`](Self::pool), it is the pool's number, and in wasm without one 1, whatever is said here.
    pub threads: Option<NonZeroUsize>,
    /// Threads that the caller started itself, its own among them, where an engine cannot start any: in a browser.
    pub pool: Option<Arc<rayon::ThreadPool>>,
    /// Which of [`instruction_sets`]; the first where nothing is said.
    pub instructions: Option<String>,
    /// Hears what linear layers are given, before they are computed.
    pub observer: Option<Observer>,
    /// Fill scratch memory with [`crate::SENTINEL`] before use and guard its end: finds elements that a kernel forgets and ones that are not its own.
    pub sentinels: bool,
}

/// Called with the name of a linear layer's weight, what it is multiplied with, rows one after another, and how wide a row is, padding
/// included: how weights are rounded by what they will meet.
#[derive(Clone)]
pub struct Observer(Arc<Hear>);

type Hear = dyn Fn(&str, &[f32], usize) + Send + Sync;

impl Observer {
    /// `hear` is called by the thread that computes, one layer at a time.
    pub fn new(hear: impl Fn(&str, &[f32], usize) + Send + Sync + 'static) -> Self {
        Self(Arc::new(hear))
    }
}

impl std::fmt::Debug for Observer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Observer")
    }
}

/// An engine that computes on the processor.
#[derive(Debug)]
pub struct CpuEngine {
    context: Arc<Context>,
    options: Options,
}

/// What everything on one engine shares.
#[derive(Debug)]
pub(crate) struct Context {
    dtype: Dtype,
    instructions: Instructions,
    panel_width: usize,
    threads: Threads,
    observer: Option<Observer>,
    scratch: Scratch,
}

/// Activations: rows of `stride` values, of which `columns` count and the rest are zero.
#[derive(Debug)]
pub struct Tensor {
    buffer: Buffer,
    rows: usize,
    columns: usize,
    stride: usize,
}

/// A batch being computed.
#[derive(Debug)]
pub struct Batch {
    context: Arc<Context>,
    packed: Packed,
}

/// The names of the instruction sets that this processor has and the system lets us use, the best first.
pub fn instruction_sets() -> Vec<&'static str> {
    instructions::available().into_iter().map(|set| set.name).collect()
}

impl CpuEngine {
    /// Starts the threads.
    ///
    /// # Errors
    /// Where the processor has not the instructions that `options` ask for, the type needs others, or threads do not start.
    pub fn open(options: Options) -> Result<Self, Error> {
        let instructions = instructions::choose(options.instructions.as_deref())?;
        Self::on(instructions, options)
    }

    fn on(instructions: Instructions, options: Options) -> Result<Self, Error> {
        let dtype = options.dtype.unwrap_or_else(|| fastest(instructions));
        if dtype == Dtype::Bf16x3 && instructions.bf16 == Unit::Vectors {
            let needed = "a unit that multiplies bf16 (amx or avx512-bf16)";
            return Err(Kind::NoDtype { dtype: dtype.name(), device: instructions.name.to_owned(), needed }.into());
        }
        let threads = match &options.pool {
            Some(pool) => Threads::of(Arc::clone(pool)),
            // A browser has threads for those who bring them.
            None if cfg!(target_arch = "wasm32") => Threads::new(1)?,
            None => options.threads.map_or_else(Threads::all, |count| Threads::new(count.get()))?,
        };
        let context = Context {
            dtype,
            instructions,
            panel_width: product::width(instructions.level),
            threads,
            observer: options.observer.clone(),
            scratch: Scratch::new(options.sentinels),
        };
        Ok(Self { context: Arc::new(context), options })
    }

    /// Which of [`instruction_sets`] it uses.
    pub fn instructions(&self) -> &'static str {
        self.context.instructions.name
    }

    /// How many threads compute.
    pub fn threads(&self) -> usize {
        self.context.threads.count()
    }
}

/// The type that is expected to be the fastest of those that give f32's vectors: by Intel's figures AMX multiplies three pairs of
/// bf16 in less time than vectors one of f32; AVX512-BF16 takes half as long again.
fn fastest(instructions: Instructions) -> Dtype {
    match instructions.bf16 {
        #[cfg(target_arch = "x86_64")]
        Unit::Amx => Dtype::Bf16x3,
        _ => Dtype::F32,
    }
}

impl Context {
    /// Scratch for an activation.
    fn tensor(&self, rows: usize, columns: usize) -> Tensor {
        let stride = padded(columns);
        Tensor { buffer: self.scratch.take(rows.saturating_mul(stride)), rows, columns, stride }
    }
}

impl Tensor {
    fn values(&self) -> &[f32] {
        self.buffer.of()
    }

    fn values_mut(&mut self) -> &mut [f32] {
        self.buffer.of_mut()
    }
}

impl Engine for CpuEngine {
    type Matrix = Panels;
    type Vector = Vector;
    type Table = Table;
    type Tensor = Tensor;
    type Batch = Batch;

    async fn reopen(&self) -> Result<Self, Error> {
        Self::on(self.context.instructions, self.options.clone())
    }

    async fn matrix<R: Rows>(&self, rows: R) -> Result<Panels, R::Error> {
        Panels::load(&self.context, rows).await
    }

    async fn table<R: Rows>(&self, rows: R) -> Result<Table, R::Error> {
        Table::load(&self.context, rows).await
    }

    fn holds_table(&self, rows: usize, columns: usize) -> bool {
        rows.checked_mul(4 * columns).is_some_and(|bytes| bytes <= MOST_BYTES)
    }

    fn rows_within(&self, columns: usize) -> usize {
        MOST_BYTES / (4 * padded(columns))
    }

    fn widest_head(&self) -> usize {
        usize::MAX
    }

    fn dtype(&self) -> Dtype {
        self.context.dtype
    }

    fn batch_tokens(&self) -> usize {
        BATCH_TOKENS
    }

    fn vector(&self, name: &str, values: &[f32]) -> Result<Vector, Error> {
        Vector::new(name, values)
    }

    fn gathered(&self, rows: Gathered<'_>) -> Result<Table, Error> {
        Table::gather(&self.context, rows)
    }

    fn begin(&self, packed: &Packed) -> Batch {
        Batch { context: Arc::clone(&self.context), packed: packed.clone() }
    }
}

/// The most bytes of one activation or table: a quarter of what 32 bits can address.
const MOST_BYTES: usize = 1 << 30;

/// Enough that weights are read from memory in a fiftieth of the time that they are multiplied in, few enough that activations stay
/// in L3.
const BATCH_TOKENS: usize = 1024;

impl Ops<CpuEngine> for Batch {
    fn embed_norm(&mut self, words: &Table, embeddings: &Embeddings<CpuEngine>) -> Tensor {
        embed_norm::compute(self, words, embeddings)
    }

    fn linear(&mut self, x: &Tensor, layer: &Linear<CpuEngine>) -> Tensor {
        linear::compute(&self.context, x, layer, Epilogue::Bias)
    }

    fn linear_activation(&mut self, x: &Tensor, layer: &Linear<CpuEngine>, activation: Activation) -> Tensor {
        linear::compute(&self.context, x, layer, Epilogue::Activation(activation))
    }

    fn linear_add(&mut self, x: &Tensor, layer: &Linear<CpuEngine>, residual: &Tensor) -> Tensor {
        linear::compute(&self.context, x, layer, Epilogue::Add(residual))
    }

    fn layer_norm(&mut self, x: &Tensor, norm: &Norm<CpuEngine>) -> Tensor {
        layer_norm::compute(&self.context, x, norm)
    }

    fn attention(&mut self, qkv: &Tensor, heads: Heads, bias: Option<&RelativeBias<CpuEngine>>) -> Tensor {
        attention::compute(self, qkv, heads, bias)
    }

    fn pool(&mut self, x: &Tensor, modes: &[Pooling], skip: usize) -> Tensor {
        pool::compute(self, x, modes, skip)
    }

    fn cut(&mut self, x: Tensor, columns: usize) -> Tensor {
        Tensor { columns: columns.min(x.columns), ..x }
    }

    fn normalize(&mut self, x: &Tensor) -> Tensor {
        normalize::compute(&self.context, x)
    }

    fn finish(self, output: Tensor) -> Pending {
        let rows = output.values().chunks_exact(output.stride);
        let values = rows.flat_map(|row| &row[..output.columns]).copied().collect();
        Box::pin(ready(Ok(values)))
    }
}
