//! Layer norm.

use super::kernel::{Kernel, Need, Reads, params};
use super::recording::{Batch, Cost, Launch};
use super::{GpuEngine, Tensor};
use crate::Norm;

params!(LayerNormParams { rows: u32, width: u32, stride: u32, epsilon: f32 });

pub static KERNEL: Kernel = Kernel {
    label: "layer_norm",
    parts: &[
        wembed_shaders::FINITE,
        wembed_shaders::REDUCE,
        wembed_shaders::LAYER_NORM,
        wembed_shaders::LAYER_NORMALISE,
    ],
    inputs: &["x", "gain", "bias"],
    weights: Reads::Nothing,
    params: &["rows", "width", "stride", "epsilon"],
    constants: &[("THREADS", 64)],
    needs: Need::Nothing,
    choices: &[&[]],
};

pub fn record(batch: &mut Batch, x: &Tensor, norm: &Norm<GpuEngine>) -> Tensor {
    let output = batch.context.tensor(x.rows, x.columns);
    let elements = (x.rows * x.columns) as f64;
    batch.launch(Launch {
        kernel: &KERNEL,
        chosen: &[],
        output: &output,
        inputs: vec![x.slot.buffer(), &norm.gain.buffer, &norm.bias.buffer],
        params: LayerNormParams {
            rows: x.rows as u32,
            width: x.columns as u32,
            stride: x.stride as u32,
            epsilon: norm.epsilon,
        },
        workgroups: [x.rows as u32, 1, 1],
        cost: Cost { flops: 8.0 * elements, bytes: 8.0 * elements },
    });
    output
}
