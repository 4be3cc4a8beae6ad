//! A matrix of weights as a checkpoint would hold it, and as an engine holds it.

use half::{bf16, f16};
use wembed_kernels::{Dtype, Error, Piece, Rows, Stored};

/// Rows of a checkpoint: a source that yields a few of them at a time.
#[derive(Debug, Clone)]
pub struct Matrix {
    name: &'static str,
    columns: usize,
    stored: Stored,
    bytes: Vec<u8>,
    /// Bytes that were read.
    read: usize,
    /// Rows of a piece.
    piece: usize,
}

impl Matrix {
    /// `values` as rows of `columns`, rounded to `stored`.
    pub fn new(name: &'static str, values: &[f32], columns: usize, stored: Stored) -> Self {
        let bytes = match stored {
            Stored::F32 => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            Stored::F16 => values.iter().flat_map(|&value| f16::from_f32(value).to_le_bytes()).collect(),
            Stored::Bf16 => values.iter().flat_map(|&value| bf16::from_f32(value).to_le_bytes()).collect(),
        };
        Self { name, columns, stored, bytes, read: 0, piece: 5 }
    }

    /// The file's bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The values as an engine of this type holds them.
    pub fn held(&self, dtype: Dtype) -> Vec<f32> {
        let mut values = Vec::new();
        self.stored.widen(&self.bytes, &mut values);
        if dtype == Dtype::F16 {
            values.iter_mut().for_each(|value| *value = f16::from_f32(*value).to_f32());
        }
        values
    }
}

impl Rows for Matrix {
    type Error = Error;

    fn name(&self) -> &str {
        self.name
    }

    fn rows(&self) -> usize {
        self.bytes.len() / (self.columns * self.stored.bytes())
    }

    fn columns(&self) -> usize {
        self.columns
    }

    async fn next(&mut self) -> Result<Option<Piece<'_>>, Error> {
        let left = &self.bytes[self.read..];
        let length = left.len().min(self.piece * self.columns * self.stored.bytes());
        self.read += length;
        Ok((length > 0).then_some(Piece { bytes: &left[..length], stored: self.stored }))
    }
}
