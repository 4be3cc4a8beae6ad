//! Pooling: one vector a text.

use super::Tensor;
use super::kernel::{Kernel, Need, Reads, params};
use super::recording::{Batch, Cost, Launch};
use crate::Pooling;

params!(PoolParams { width: u32, stride: u32, output_stride: u32, offset: u32, skip: u32 });

pub static KERNEL: Kernel = Kernel {
    label: "pool",
    parts: &[wembed_shaders::FINITE, wembed_shaders::POOL],
    inputs: &["x", "offsets"],
    weights: Reads::Nothing,
    params: &["width", "stride", "output_stride", "offset", "skip"],
    constants: &[("THREADS", 64)],
    needs: Need::Nothing,
    choices: &[
        &[("MODE", Pooling::Mean as u32)],
        &[("MODE", Pooling::Cls as u32)],
        &[("MODE", Pooling::Max as u32)],
        &[("MODE", Pooling::MeanSqrtLen as u32)],
        &[("MODE", Pooling::WeightedMean as u32)],
        &[("MODE", Pooling::LastToken as u32)],
    ],
};

pub fn record(batch: &mut Batch, x: &Tensor, modes: &[Pooling], skip: usize) -> Tensor {
    let texts = batch.packed.texts();
    let output = batch.context.tensor(texts, modes.len() * x.columns);
    let offsets = batch.packed.offsets().to_vec();
    let offsets = batch.input(bytemuck::cast_slice(&offsets));
    for (index, &mode) in modes.iter().enumerate() {
        let offset = index * x.columns;
        // The last mode's workgroups also clear the padding.
        let columns = if index + 1 == modes.len() { output.stride - offset } else { x.columns };
        batch.launch(Launch {
            kernel: &KERNEL,
            chosen: &[("MODE", mode as u32)],
            output: &output,
            inputs: vec![x.slot.buffer(), &offsets],
            params: PoolParams {
                width: x.columns as u32,
                stride: x.stride as u32,
                output_stride: output.stride as u32,
                offset: offset as u32,
                skip: skip as u32,
            },
            workgroups: [(columns as u32).div_ceil(KERNEL.constant("THREADS")), texts as u32, 1],
            cost: Cost { flops: (2 * x.rows * x.columns) as f64, bytes: (4 * (x.rows + texts) * x.columns) as f64 },
        });
    }
    output
}
