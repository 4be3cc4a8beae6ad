//! Single operations on values from the host: how variants are compared, and how tests and benches reach a kernel.

use std::future::Future;

use super::Tensor;
use super::recording::Batch;
use crate::{Error, padded};

/// A tensor's whole memory, padding and guard included.
#[derive(Debug, Clone, PartialEq)]
pub struct Raw {
    /// rows x stride values, then the guard where [`super::Options::sentinels`] was set.
    pub words: Vec<u32>,
    /// Rows.
    pub rows: usize,
    /// Columns that count.
    pub columns: usize,
    /// Columns with padding.
    pub stride: usize,
}

impl Batch {
    /// Rows of `columns` values from the host as an activation, with zeros as padding.
    pub fn upload(&mut self, values: &[f32], columns: usize) -> Tensor {
        let (rows, stride) = (values.len() / columns, padded(columns));
        let mut padded_values = vec![0.0f32; rows * stride];
        for (row, from) in padded_values.chunks_exact_mut(stride).zip(values.chunks_exact(columns)) {
            row[..columns].copy_from_slice(from);
        }
        let slot = std::rc::Rc::new(self.context.upload(bytemuck::cast_slice(&padded_values)));
        self.keep(&slot);
        Tensor { slot, rows, columns, stride }
    }

    /// The end of a batch that gives all of `output`'s memory.
    pub fn finish_raw(self, output: Tensor) -> impl Future<Output = Result<Raw, Error>> + use<> {
        let (rows, columns, stride) = (output.rows, output.columns, output.stride);
        let bytes = output.slot.buffer().size();
        let submitted = self.submit(output, bytes);
        async move { Ok(Raw { words: bytemuck::pod_collect_to_vec(&submitted.await?), rows, columns, stride }) }
    }
}
