//! Embedding sum and layer norm.

use super::kernel::{Kernel, Need, Reads, params};
use super::recording::{Batch, Cost, Launch};
use super::weights::Weights;
use super::{GpuEngine, Tensor};
use crate::Embeddings;

params!(EmbedNormParams { tokens: u32, width: u32, stride: u32, epsilon: f32 });

pub static KERNEL: Kernel = Kernel {
    label: "embed_norm",
    parts: &[
        wembed_shaders::FINITE,
        wembed_shaders::REDUCE,
        wembed_shaders::EMBED_NORM,
        wembed_shaders::LAYER_NORMALISE,
    ],
    inputs: &["words", "positions", "token_type", "gain", "bias", "rows"],
    weights: Reads::Tables,
    params: &["tokens", "width", "stride", "epsilon"],
    constants: &[("THREADS", 64)],
    needs: Need::Nothing,
    choices: &[&[]],
};

pub fn record(batch: &mut Batch, words: &Weights, embeddings: &Embeddings<GpuEngine>) -> Tensor {
    let pairs: Vec<[u32; 2]> =
        batch.packed.words().iter().zip(batch.packed.positions()).map(|(&word, &position)| [word, position]).collect();
    let rows = batch.input(bytemuck::cast_slice(&pairs));
    if let Some(slot) = &words.slot {
        batch.keep(slot);
    }
    let tokens = batch.packed.tokens();
    let output = batch.context.tensor(tokens, words.columns);
    let elements = (tokens * words.columns) as f64;
    let weight_bytes = batch.context.storage.dtype().bytes() as f64;
    batch.launch(Launch {
        kernel: &KERNEL,
        chosen: &[],
        output: &output,
        inputs: vec![
            &words.buffer,
            &embeddings.positions.buffer,
            &embeddings.token_type.buffer,
            &embeddings.norm.gain.buffer,
            &embeddings.norm.bias.buffer,
            &rows,
        ],
        params: EmbedNormParams {
            tokens: tokens as u32,
            width: words.columns as u32,
            stride: output.stride as u32,
            epsilon: embeddings.norm.epsilon,
        },
        workgroups: [tokens as u32, 1, 1],
        cost: Cost { flops: 10.0 * elements, bytes: elements * (2.0 * weight_bytes + 4.0) },
    });
    output
}
