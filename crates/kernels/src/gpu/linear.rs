//! Linear layers: two variants by the number of rows, three epilogues. Every variant adds over k in the same order, so
//! that which one runs cannot be told from the result.

use wembed_shaders::{
    ACTIVATION, EPILOGUE_ACTIVATION, EPILOGUE_ADD, EPILOGUE_BIAS, FINITE, LINEAR_SMALL, LINEAR_TILED, MATH, Part,
};

use super::kernel::{Constants, Kernel, params};
use super::recording::{Batch, Cost, Launch};
use super::{GpuEngine, Tensor};
use crate::{Activation, Linear, padded};

/// The most rows for which the small variant is taken: it reads the weights once for every four rows. On lavapipe it is six times
/// as fast as the tiled one at one row, 1.5 times at 16, and slower from about 24 on; no card has been measured.
pub const SMALL_ROWS: usize = 16;

/// k is summed in chunks of this many, in every variant.
const CHUNK: u32 = 64;

params!(LinearParams { rows: u32, columns: u32, depth: u32, width: u32 });
const PARAMS: &[&str] = &["rows", "columns", "depth", "width"];

const TILED_CONSTANTS: Constants = &[("CHUNK", CHUNK), ("TILE", 64), ("STEP", 16)];
const SMALL_CONSTANTS: Constants = &[("CHUNK", CHUNK), ("ROWS", 4), ("COLUMNS", 16), ("LANES", 8)];

const fn kernel(
    label: &'static str,
    parts: &'static [Part],
    inputs: &'static [&'static str],
    constants: Constants,
) -> Kernel {
    Kernel { label, parts, inputs, reads_weights: true, params: PARAMS, constants, choices: &[&[]] }
}

const ACTIVATIONS: &[Constants] = &[
    &[("ACTIVATION", Activation::Identity as u32)],
    &[("ACTIVATION", Activation::Gelu as u32)],
    &[("ACTIVATION", Activation::GeluTanh as u32)],
    &[("ACTIVATION", Activation::Relu as u32)],
    &[("ACTIVATION", Activation::Silu as u32)],
    &[("ACTIVATION", Activation::Tanh as u32)],
    &[("ACTIVATION", Activation::Sigmoid as u32)],
];

const INPUTS: &[&str] = &["x", "weight", "bias"];
const INPUTS_ADD: &[&str] = &["x", "weight", "bias", "residual"];

pub static TILED: Kernel = kernel("linear.tiled.bias", &[EPILOGUE_BIAS, LINEAR_TILED], INPUTS, TILED_CONSTANTS);
pub static TILED_ACTIVATION: Kernel = Kernel {
    choices: ACTIVATIONS,
    ..kernel(
        "linear.tiled.activation",
        &[FINITE, MATH, ACTIVATION, EPILOGUE_ACTIVATION, LINEAR_TILED],
        INPUTS,
        TILED_CONSTANTS,
    )
};
pub static TILED_ADD: Kernel = kernel("linear.tiled.add", &[EPILOGUE_ADD, LINEAR_TILED], INPUTS_ADD, TILED_CONSTANTS);
pub static SMALL: Kernel = kernel("linear.small.bias", &[EPILOGUE_BIAS, LINEAR_SMALL], INPUTS, SMALL_CONSTANTS);
pub static SMALL_ACTIVATION: Kernel = Kernel {
    choices: ACTIVATIONS,
    ..kernel(
        "linear.small.activation",
        &[FINITE, MATH, ACTIVATION, EPILOGUE_ACTIVATION, LINEAR_SMALL],
        INPUTS,
        SMALL_CONSTANTS,
    )
};
pub static SMALL_ADD: Kernel = kernel("linear.small.add", &[EPILOGUE_ADD, LINEAR_SMALL], INPUTS_ADD, SMALL_CONSTANTS);

/// What is done to a sum before it is stored.
#[derive(Clone, Copy)]
pub enum Epilogue<'a> {
    Bias,
    Activation(Activation),
    Add(&'a Tensor),
}

pub fn record(batch: &mut Batch, x: &Tensor, layer: &Linear<GpuEngine>, epilogue: Epilogue<'_>) -> Tensor {
    let output = batch.context.tensor(x.rows, layer.weight.rows);
    let small = x.rows <= batch.context.small_rows.get();
    let (kernel, tile_rows, tile_columns) = match (epilogue, small) {
        (Epilogue::Bias, false) => tiled(&TILED),
        (Epilogue::Activation(_), false) => tiled(&TILED_ACTIVATION),
        (Epilogue::Add(_), false) => tiled(&TILED_ADD),
        (Epilogue::Bias, true) => small_tile(&SMALL),
        (Epilogue::Activation(_), true) => small_tile(&SMALL_ACTIVATION),
        (Epilogue::Add(_), true) => small_tile(&SMALL_ADD),
    };
    let mut inputs = vec![x.slot.buffer(), &layer.weight.buffer, &layer.bias.buffer];
    let mut chosen = Vec::new();
    match epilogue {
        Epilogue::Bias => {}
        Epilogue::Activation(activation) => chosen.push(("ACTIVATION", activation as u32)),
        Epilogue::Add(residual) => inputs.push(residual.slot.buffer()),
    }
    let (rows, columns, depth) = (x.rows as u32, padded(layer.weight.rows) as u32, layer.weight.stride() as u32);
    let [t, m, k] = [x.rows as f64, layer.weight.rows as f64, layer.weight.columns as f64];
    let weight_bytes = batch.context.storage.dtype().bytes() as f64;
    let residual_bytes = if matches!(epilogue, Epilogue::Add(_)) { 4.0 * t * m } else { 0.0 };
    batch.launch(Launch {
        kernel,
        chosen: &chosen,
        output: &output,
        inputs,
        params: LinearParams { rows, columns, depth, width: layer.weight.rows as u32 },
        workgroups: [columns / tile_columns, rows.div_ceil(tile_rows), 1],
        cost: Cost { flops: 2.0 * t * m * k, bytes: 4.0 * t * (k + m) + m * k * weight_bytes + residual_bytes },
    });
    output
}

fn tiled(kernel: &'static Kernel) -> (&'static Kernel, u32, u32) {
    (kernel, kernel.constant("TILE"), kernel.constant("TILE"))
}

fn small_tile(kernel: &'static Kernel) -> (&'static Kernel, u32, u32) {
    (kernel, kernel.constant("ROWS"), kernel.constant("COLUMNS"))
}
