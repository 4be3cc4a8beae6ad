//! L2 normalisation.

use super::Tensor;
use super::kernel::{Kernel, Need, Reads, params};
use super::recording::{Batch, Cost, Launch};

params!(NormalizeParams { width: u32, stride: u32, output_stride: u32 });

pub static KERNEL: Kernel = Kernel {
    label: "normalize",
    parts: &[wembed_shaders::REDUCE, wembed_shaders::NORMALIZE],
    inputs: &["x"],
    weights: Reads::Nothing,
    params: &["width", "stride", "output_stride"],
    constants: &[("THREADS", 64)],
    needs: Need::Nothing,
    choices: &[&[]],
};

pub fn record(batch: &mut Batch, x: &Tensor) -> Tensor {
    let output = batch.context.tensor(x.rows, x.columns);
    let elements = (x.rows * x.columns) as f64;
    batch.launch(Launch {
        kernel: &KERNEL,
        chosen: &[],
        output: &output,
        inputs: vec![x.slot.buffer()],
        params: NormalizeParams {
            width: x.columns as u32,
            stride: x.stride as u32,
            output_stride: output.stride as u32,
        },
        workgroups: [x.rows as u32, 1, 1],
        cost: Cost { flops: 3.0 * elements, bytes: 8.0 * elements },
    });
    output
}
