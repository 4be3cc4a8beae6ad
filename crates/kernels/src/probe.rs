//! Single operations on values from the host: how variants are compared, and how tests and benches reach a kernel.

use std::future::Future;

use crate::{Engine, Error, Ops};

/// What every word of scratch holds before its first use where sentinels are asked for: an f32 NaN with a recognisable payload.
pub const SENTINEL: u32 = 0x7fc0_dead;

/// Bytes after a tensor's memory that nothing may touch, where sentinels are asked for.
pub const GUARD_BYTES: u64 = 256;

/// A tensor's whole memory, padding and guard included.
#[derive(Debug, Clone, PartialEq)]
pub struct Raw {
    /// rows x stride values, then the guard where sentinels were asked for.
    pub words: Vec<u32>,
    /// Rows.
    pub rows: usize,
    /// Columns that count.
    pub columns: usize,
    /// Columns with padding.
    pub stride: usize,
}

/// A batch that takes activations from the host and gives all of an activation's memory back.
pub trait Probe<E: Engine>: Ops<E> {
    /// Rows of `columns` values from the host as an activation, with zeros as padding.
    fn upload(&mut self, values: &[f32], columns: usize) -> E::Tensor;

    /// The end of a batch that gives all of `output`'s memory.
    fn finish_raw(self, output: E::Tensor) -> impl Future<Output = Result<Raw, Error>>;
}

/// Rows of `columns` values in rows of `stride`, zeros between.
pub(crate) fn pad(values: &[f32], columns: usize, stride: usize) -> Vec<f32> {
    let mut padded = vec![0.0; values.len() / columns * stride];
    for (row, from) in padded.chunks_exact_mut(stride).zip(values.chunks_exact(columns)) {
        row[..columns].copy_from_slice(from);
    }
    padded
}
