//! Whether variants of one operation give the same bits on this device. Order in the source proves nothing under a
//! driver's fast-math: a variant that differs is never chosen, so that a text's vector does not depend on its batch.

use super::GpuEngine;
use super::linear::{self, Epilogue};
use super::weights::Weights;
use crate::noise::{Noise, noise};
use crate::probe::Probe as _;
use crate::{Activation, Engine, Error, Linear, Packed};

const ROWS: usize = 5;
const COLUMNS: usize = 64;
const DEPTH: usize = 192;

/// Whether the small variant of the linear layer equals the tiled one, under every epilogue an encoder uses.
pub async fn small_agrees(engine: &GpuEngine) -> Result<bool, Error> {
    let wanted = engine.context.small_rows.get();
    if wanted == 0 {
        return Ok(true);
    }
    let weight: Weights = engine.matrix(Noise::new(COLUMNS, DEPTH, 1)).await?;
    let layer = Linear { weight, bias: engine.vector("probe", &noise(COLUMNS, 2))? };
    let mut bits = Vec::new();
    for small_rows in [0, ROWS] {
        engine.context.small_rows.set(small_rows);
        for epilogue in 0..3 {
            let mut batch = engine.begin(&Packed::default());
            let x = batch.upload(&noise(ROWS * DEPTH, 3), DEPTH);
            let residual = batch.upload(&noise(ROWS * COLUMNS, 4), COLUMNS);
            let epilogue = match epilogue {
                0 => Epilogue::Bias,
                1 => Epilogue::Activation(Activation::Gelu),
                _ => Epilogue::Add(&residual),
            };
            let output = linear::record(&mut batch, &x, &layer, epilogue);
            let mut raw = batch.finish_raw(output).await?.words;
            raw.truncate(ROWS * COLUMNS);
            bits.push(raw);
        }
    }
    engine.context.small_rows.set(wanted);
    let (tiled, small) = bits.split_at(3);
    Ok(tiled == small)
}
