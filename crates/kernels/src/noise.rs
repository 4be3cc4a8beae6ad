//! Numbers for trying operations on a device: the same everywhere, and exact in every type that weights are held in.

use crate::{Error, Piece, Rows, Stored};

/// `count` multiples of 1/128 from -1 to 1, of mixed sign and size, so that another order of addition gives other bits.
pub fn noise(count: usize, seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9) | 1;
    let mut next = || {
        // Xorshift32 (Marsaglia 2003).
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 24) as f32 / 128.0 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

/// A matrix of noise, all rows at once.
pub struct Noise {
    rows: usize,
    columns: usize,
    is_read: bool,
    bytes: Vec<u8>,
}

impl Noise {
    pub fn new(rows: usize, columns: usize, seed: u32) -> Self {
        Self { rows, columns, is_read: false, bytes: bytemuck::pod_collect_to_vec(&noise(rows * columns, seed)) }
    }
}

impl Rows for Noise {
    type Error = Error;

    fn name(&self) -> &str {
        "noise"
    }

    fn rows(&self) -> usize {
        self.rows
    }

    fn columns(&self) -> usize {
        self.columns
    }

    fn stored(&self) -> Option<Stored> {
        Some(Stored::F32)
    }

    async fn next(&mut self) -> Result<Option<Piece<'_>>, Error> {
        let more = !std::mem::replace(&mut self.is_read, true);
        Ok(more.then_some(Piece { bytes: &self.bytes, stored: Stored::F32 }))
    }
}
