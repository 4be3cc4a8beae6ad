//! Linear layers: several variants, three epilogues. Every variant with neither matrices nor dot products of integers adds over k in the same order, so
//! that which one runs cannot be told from the result; for weights of one shape all variants that a device takes add in one order.

mod dots;
mod plan;
#[cfg(not(target_family = "wasm"))]
mod subgroup;
mod variant;

pub use plan::Plan;
pub(super) use plan::SMALL_ROWS;
pub use variant::{PORTABLE, VARIANTS, Variant};

use super::kernel::{Need, Storage, params};
use super::recording::{Batch, Cost, Launch};
use super::{GpuEngine, Tensor, int8};
use crate::{Activation, Linear, padded};

/// Names of the variants that every device has, which give the same bits.
pub fn variants() -> impl Iterator<Item = &'static str> {
    VARIANTS.iter().filter(|variant| variant.needs() == Need::Nothing).map(|variant| variant.name)
}

/// k is summed in chunks of this many, in every variant.
const CHUNK: u32 = 64;

/// Rows of W that lie in one panel.
const PANEL: u32 = super::panels::PANEL as u32;

/// How many invocations a subgroup has is the device's; for the tests that hold every kernel it is this.
pub(super) const SUBGROUP: (&str, u32) = ("SUBGROUP", 32);

params!(LinearParams { rows: u32, columns: u32, depth: u32, width: u32 });
const PARAMS: &[&str] = &["rows", "columns", "depth", "width"];

/// What is done to a sum before it is stored.
#[derive(Clone, Copy)]
pub enum Epilogue<'a> {
    Bias,
    Activation(Activation),
    Add(&'a Tensor),
}

pub fn record(batch: &mut Batch, x: &Tensor, layer: &Linear<GpuEngine>, epilogue: Epilogue<'_>) -> Tensor {
    assert_eq!(x.stride, layer.weight.stride(), "rows of x are as wide as those of a weight");
    let (rows, columns, depth) = (x.rows as u32, padded(layer.weight.rows) as u32, layer.weight.stride() as u32);
    let variant = batch.context.variant(x.rows, (depth as usize, columns as usize));
    let in_front = in_front(batch, x, variant);
    let output = batch.context.tensor(x.rows, layer.weight.rows);
    let x_slot = in_front.as_ref().unwrap_or(x).slot.buffer();
    let mut inputs = vec![x_slot, &layer.weight.buffer, &layer.bias.buffer];
    if let Epilogue::Add(residual) = epilogue {
        inputs.push(residual.slot.buffer());
    }
    let mut chosen = Vec::new();
    if variant.needs().matrix().is_some() {
        chosen.push(("SUBGROUP", batch.context.matrices.map_or(0, |matrices| matrices.subgroup)));
    }
    if let Epilogue::Activation(activation) = epilogue {
        chosen.push(("ACTIVATION", activation as u32));
    }
    let x_bytes = if variant.needs() == Need::Dots { 1.0 } else { 4.0 };
    let [t, m, k] = [x.rows as f64, layer.weight.rows as f64, layer.weight.columns as f64];
    let weight_bytes = batch.context.storage.dtype().bytes() as f64;
    let residual_bytes = if matches!(epilogue, Epilogue::Add(_)) { 4.0 * t * m } else { 0.0 };
    let [tile_rows, tile_columns] = variant.tile();
    batch.launch(Launch {
        kernel: variant.kernel(epilogue),
        chosen: &chosen,
        output: &output,
        inputs,
        params: LinearParams { rows, columns, depth, width: layer.weight.rows as u32 },
        workgroups: [columns.div_ceil(tile_columns), rows.div_ceil(tile_rows), 1],
        cost: Cost {
            flops: 2.0 * t * m * k,
            bytes: t * (x_bytes * k + 4.0 * m) + m * k * weight_bytes + residual_bytes,
        },
    });
    output
}

/// What is multiplied instead of x, where weights are in int8: rows as rotated as theirs, in integers for products of those.
fn in_front(batch: &mut Batch, x: &Tensor, variant: &Variant) -> Option<Tensor> {
    let rotated = (batch.context.storage == Storage::Int8).then(|| int8::rotate(batch, x))?;
    Some(if variant.needs() == Need::Dots { int8::round(batch, &rotated) } else { rotated })
}
