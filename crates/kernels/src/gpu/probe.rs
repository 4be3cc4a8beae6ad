//! Single operations on values from the host: how variants are compared, and how tests and benches reach a kernel.

use std::future::Future;
use std::rc::Rc;

use super::recording::Batch;
use super::{GpuEngine, Tensor};
use crate::probe::{Probe, Raw, pad};
use crate::{Error, padded};

impl Probe<GpuEngine> for Batch {
    fn upload(&mut self, values: &[f32], columns: usize) -> Tensor {
        let (rows, stride) = (values.len() / columns, padded(columns));
        let slot = Rc::new(self.context.upload(bytemuck::cast_slice(&pad(values, columns, stride))));
        self.keep(&slot);
        Tensor { slot, rows, columns, stride }
    }

    fn finish_raw(self, output: Tensor) -> impl Future<Output = Result<Raw, Error>> + use<> {
        let (rows, columns, stride) = (output.rows, output.columns, output.stride);
        let bytes = output.slot.buffer().size();
        let submitted = self.submit(output, bytes);
        async move { Ok(Raw { words: bytemuck::pod_collect_to_vec(&submitted.await?), rows, columns, stride }) }
    }
}
