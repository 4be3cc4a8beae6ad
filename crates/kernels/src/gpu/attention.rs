//! Attention over packed texts.

use wembed_shaders::{ATTENTION, BIAS_NONE, BIAS_RELATIVE, FINITE, MATH};

use super::kernel::{Constants, Kernel, Need, Reads, params};
use super::recording::{Batch, Cost, Launch};
use super::{GpuEngine, Tensor};
use crate::{Heads, RelativeBias};

/// The widest head: beyond it not even four queries and eight keys fit into the workgroup memory that every device has.
pub const WIDEST_HEAD: usize = 256;

params!(AttentionParams { stride: u32, output_stride: u32, width: u32, scale: f32, reach: u32 });
const PARAMS: &[&str] = &["stride", "output_stride", "width", "scale", "reach"];

const CHOICES: &[Constants] = &[
    &[("HEAD_WIDTH", 12), ("QUERIES", 16), ("KEYS", 32)],
    &[("HEAD_WIDTH", 32), ("QUERIES", 16), ("KEYS", 32)],
    &[("HEAD_WIDTH", 64), ("QUERIES", 16), ("KEYS", 32)],
    &[("HEAD_WIDTH", 128), ("QUERIES", 8), ("KEYS", 16)],
    &[("HEAD_WIDTH", 256), ("QUERIES", 4), ("KEYS", 8)],
];

pub static PLAIN: Kernel = Kernel {
    label: "attention.plain",
    parts: &[FINITE, MATH, BIAS_NONE, ATTENTION],
    inputs: &["qkv", "blocks"],
    weights: Reads::Nothing,
    params: PARAMS,
    constants: &[("THREADS", 64)],
    needs: Need::Nothing,
    choices: CHOICES,
};

pub static RELATIVE: Kernel = Kernel {
    label: "attention.relative",
    parts: &[FINITE, MATH, BIAS_RELATIVE, ATTENTION],
    inputs: &["qkv", "blocks", "relative_bias"],
    weights: Reads::Nothing,
    params: PARAMS,
    constants: &[("THREADS", 64)],
    needs: Need::Nothing,
    choices: CHOICES,
};

/// Queries of a block; a step has twice as many keys: what fits into 16 KB of workgroup memory with a tile of `head_width` columns for either.
fn block_size(head_width: usize) -> u32 {
    match head_width {
        ..=64 => 16,
        65..=128 => 8,
        _ => 4,
    }
}

pub fn record(batch: &mut Batch, qkv: &Tensor, heads: Heads, bias: Option<&RelativeBias<GpuEngine>>) -> Tensor {
    let width = heads.count * heads.width;
    let block = block_size(heads.width);
    let output = batch.context.tensor(qkv.rows, width);
    let blocks: Vec<[u32; 4]> = batch
        .packed
        .spans()
        .flat_map(|(first, length)| (0..length).step_by(block as usize).map(move |query| [first, length, query, 0]))
        .collect();
    let pairs: f64 = batch.packed.spans().map(|(_, length)| f64::from(length).powi(2)).sum();
    let block_buffer = batch.input(bytemuck::cast_slice(&blocks));
    let mut inputs = vec![qkv.slot.buffer(), &block_buffer];
    inputs.extend(bias.map(|bias| &bias.table.buffer));
    batch.launch(Launch {
        kernel: if bias.is_some() { &RELATIVE } else { &PLAIN },
        chosen: &[("HEAD_WIDTH", heads.width as u32), ("QUERIES", block), ("KEYS", 2 * block)],
        output: &output,
        inputs,
        params: AttentionParams {
            stride: qkv.stride as u32,
            output_stride: output.stride as u32,
            width: width as u32,
            scale: 1.0 / (heads.width as f32).sqrt(),
            reach: bias.map_or(0, |bias| bias.reach as u32),
        },
        workgroups: [blocks.len() as u32, heads.count as u32, 1],
        cost: Cost { flops: 4.0 * width as f64 * pairs, bytes: 16.0 * (qkv.rows * width) as f64 },
    });
    output
}
