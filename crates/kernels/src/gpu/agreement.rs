//! Whether variants of one operation give the same bits on this device. Order in the source proves nothing under a
//! driver's fast-math: a variant that differs is never chosen, so that a text's vector does not depend on its batch.

use super::GpuEngine;
use super::linear::{self, Epilogue};
use super::weights::Weights;
use crate::probe::Probe as _;
use crate::{Activation, Engine, Error, Linear, Packed, Piece, Rows, Stored};

const ROWS: usize = 5;
const COLUMNS: usize = 64;
const DEPTH: usize = 192;

/// Whether the small variant of the linear layer equals the tiled one, under every epilogue an encoder uses.
pub async fn small_agrees(engine: &GpuEngine) -> Result<bool, Error> {
    let wanted = engine.context.small_rows.get();
    if wanted == 0 {
        return Ok(true);
    }
    let weight: Weights = engine.matrix(Noise { left: COLUMNS, bytes: noise(COLUMNS * DEPTH, 1) }).await?;
    let layer = Linear { weight, bias: engine.vector("probe", &values(COLUMNS, 2))? };
    let mut bits = Vec::new();
    for small_rows in [0, ROWS] {
        engine.context.small_rows.set(small_rows);
        for epilogue in 0..3 {
            let mut batch = engine.begin(&Packed::default());
            let x = batch.upload(&values(ROWS * DEPTH, 3), DEPTH);
            let residual = batch.upload(&values(ROWS * COLUMNS, 4), COLUMNS);
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

/// Numbers of mixed sign and size, so that another order of addition gives other bits.
fn values(count: usize, seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9) | 1;
    let mut next = || {
        // Xorshift32 (Marsaglia 2003).
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

fn noise(count: usize, seed: u32) -> Vec<u8> {
    bytemuck::cast_slice(&values(count, seed)).to_vec()
}

/// All rows at once, as a source.
struct Noise {
    left: usize,
    bytes: Vec<u8>,
}

impl Rows for Noise {
    type Error = Error;

    fn name(&self) -> &str {
        "probe"
    }

    fn rows(&self) -> usize {
        COLUMNS
    }

    fn columns(&self) -> usize {
        DEPTH
    }

    fn stored(&self) -> Option<Stored> {
        Some(Stored::F32)
    }

    async fn next(&mut self) -> Result<Option<Piece<'_>>, Error> {
        let more = std::mem::take(&mut self.left) > 0;
        Ok(more.then_some(Piece { bytes: &self.bytes, stored: Stored::F32 }))
    }
}
