//! Where weights come from: rows in order, in the file's own type, piece by piece.

use crate::Error;

/// The most bytes of a file that pass through at a time. A browser's heap holds one piece, never a model.
pub const PIECE_BYTES: usize = 16 << 20;

/// How numbers are stored in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stored {
    /// IEEE single.
    F32,
    /// IEEE half.
    F16,
    /// The upper half of an IEEE single.
    Bf16,
}

impl Stored {
    /// Bytes of one number.
    pub const fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
        }
    }

    /// Appends the numbers in `bytes`, widened, to `values`.
    ///
    /// # Panics
    /// Where `bytes` is no whole count of numbers.
    pub fn widen(self, bytes: &[u8], values: &mut Vec<f32>) {
        assert_eq!(bytes.len() % self.bytes(), 0, "whole numbers");
        let half = |pair: &[u8]| u16::from_le_bytes([pair[0], pair[1]]);
        match self {
            Self::F32 => {
                values
                    .extend(bytes.chunks_exact(4).map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]])));
            }
            Self::F16 => values.extend(bytes.chunks_exact(2).map(|pair| half::f16::from_bits(half(pair)).to_f32())),
            Self::Bf16 => values.extend(bytes.chunks_exact(2).map(|pair| half::bf16::from_bits(half(pair)).to_f32())),
        }
    }
}

/// The rows of a matrix, in order, in pieces of whole rows and at most [`PIECE_BYTES`] (or one row, where that is longer).
#[expect(async_fn_in_trait, reason = "one thread owns an engine and its sources: no future here needs to be Send")]
pub trait Rows {
    /// What reading can fail with, which an engine's own errors become.
    type Error: From<Error>;

    /// The tensor's name, for errors.
    fn name(&self) -> &str;

    /// How many rows.
    fn rows(&self) -> usize;

    /// How many columns.
    fn columns(&self) -> usize;

    /// How all of them are stored; nothing where they differ.
    fn stored(&self) -> Option<Stored>;

    /// The next piece, or nothing after the last row.
    async fn next(&mut self) -> Result<Option<Piece<'_>>, Self::Error>;
}

/// Some whole rows, borrowed from a memory map or from the source's one buffer.
#[derive(Debug, Clone, Copy)]
pub struct Piece<'a> {
    /// The rows.
    pub bytes: &'a [u8],
    /// How they are stored.
    pub stored: Stored,
}
