//! What is done to rows in front of a linear layer in int8: rotated, and where its products are of integers, rounded.

use std::rc::Rc;

use super::kernel::{Kernel, Need, Reads, params};
use super::recording::{Batch, Cost, Launch};
use super::{Context, Tensor};
use crate::int8::block;

params!(RotateParams { rows: u32, stride: u32, block: u32, part: f32 });

/// Columns of a workgroup: a block, and whole ones.
const SPAN: u32 = 256;

pub static ROTATE: Kernel = Kernel {
    label: "rotate",
    parts: &[wembed_shaders::ROTATE],
    inputs: &["x"],
    weights: Reads::Nothing,
    params: &["rows", "stride", "block", "part"],
    constants: &[("SPAN", SPAN), ("THREADS", 64)],
    needs: Need::Nothing,
    choices: &[&[]],
};

params!(RoundParams { rows: u32, stride: u32 });

pub static ROUND: Kernel = Kernel {
    label: "round",
    parts: &[wembed_shaders::ROUND],
    inputs: &["x"],
    weights: Reads::Nothing,
    params: &["rows", "stride"],
    constants: &[("THREADS", 64)],
    needs: Need::Nothing,
    choices: &[&[]],
};

impl Context {
    /// What rotated rows of so many columns are multiplied by, and the scales of weights divided by: as many columns are added up as a block has, and f16, which
    /// matrices take, must hold what it held before.
    pub(super) fn rotated_part(&self, columns: usize) -> f32 {
        if self.matrices.is_some() { 1.0 / block(columns) as f32 } else { 1.0 }
    }
}

/// x R.
pub fn rotate(batch: &mut Batch, x: &Tensor) -> Tensor {
    let output = batch.context.tensor(x.rows, x.columns);
    let block = block(x.stride) as u32;
    let part = batch.context.rotated_part(x.stride);
    let (rows, stride, elements) = (x.rows as u32, x.stride as u32, (x.rows * x.stride) as f64);
    batch.launch(Launch {
        kernel: &ROTATE,
        chosen: &[],
        output: &output,
        inputs: vec![x.slot.buffer()],
        params: RotateParams { rows, stride, block, part },
        workgroups: [rows, stride.div_ceil(SPAN), 1],
        cost: Cost { flops: elements * f64::from(block.ilog2()), bytes: 8.0 * elements },
    });
    output
}

/// The integers nearest to a row's multiples of its scale, and the scales behind them.
pub fn round(batch: &mut Batch, x: &Tensor) -> Tensor {
    let elements = x.rows * x.stride;
    // A whole number of vectors, which is what is read.
    let bytes = (elements + 4 * x.rows).next_multiple_of(16);
    let slot = Rc::new(batch.context.scratch.take(&batch.context.device, bytes as u64));
    let output = Tensor { slot, ..*x };
    batch.launch(Launch {
        kernel: &ROUND,
        chosen: &[],
        output: &output,
        inputs: vec![x.slot.buffer()],
        params: RoundParams { rows: x.rows as u32, stride: x.stride as u32 },
        workgroups: [x.rows as u32, 1, 1],
        cost: Cost { flops: 3.0 * elements as f64, bytes: 5.0 * elements as f64 },
    });
    output
}
