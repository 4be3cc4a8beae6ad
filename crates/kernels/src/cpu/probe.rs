//! Single operations on values from the host.

use std::future::{Future, ready};

use super::{Batch, CpuEngine, Tensor};
use crate::probe::{Probe, Raw, pad};
use crate::{Error, padded};

impl Probe<CpuEngine> for Batch {
    fn upload(&mut self, values: &[f32], columns: usize) -> Tensor {
        let mut tensor = self.context.tensor(values.len() / columns, columns);
        tensor.values_mut().copy_from_slice(&pad(values, columns, padded(columns)));
        tensor
    }

    fn finish_raw(self, output: Tensor) -> impl Future<Output = Result<Raw, Error>> + use<> {
        let (rows, columns, stride) = (output.rows, output.columns, output.stride);
        ready(Ok(Raw { words: output.buffer.with_guard().to_vec(), rows, columns, stride }))
    }
}
