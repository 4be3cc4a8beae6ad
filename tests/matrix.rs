//! A matrix of weights as a checkpoint would hold it, and as an engine holds it.

use half::{bf16, f16};
use wembed_kernels::{Dtype, Error, Piece, Rows, Stored, padded};

use crate::int8;

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

    /// The same in larger pieces, or smaller ones.
    pub fn in_pieces_of(self, rows: usize) -> Self {
        Self { piece: rows, ..self }
    }

    /// The file's bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The values as a table of an engine of this type holds them.
    pub fn held(&self, dtype: Dtype) -> Vec<f32> {
        let mut values = Vec::new();
        self.stored.widen(&self.bytes, &mut values);
        if dtype == Dtype::F16 {
            values.iter_mut().for_each(|value| *value = f16::from_f32(*value).to_f32());
        }
        values
    }

    /// The values as the weight of a linear layer, in int8 rotated and with padded rows.
    pub fn multiplied(&self, dtype: Dtype) -> Vec<f32> {
        let held = self.held(dtype);
        if dtype == Dtype::Int8 {
            int8::weights(&held, self.columns)
        } else {
            rounded_inputs(&held, self.columns, dtype)
        }
    }
}

/// Numbers of a row as [`Matrix::multiplied`] and [`rounded_inputs`] give it.
pub const fn multiplied_columns(columns: usize, dtype: Dtype) -> usize {
    if matches!(dtype, Dtype::Int8) { padded(columns) } else { columns }
}

/// What an engine of this type multiplies for these rows, in int8 rotated and padded.
pub fn rounded_inputs(values: &[f32], columns: usize, dtype: Dtype) -> Vec<f32> {
    let half = |value: f32| bf16::from_f32(value).to_f32();
    let round = |&value: &f32| match dtype {
        Dtype::F16 | Dtype::F32 => value,
        Dtype::Bf16 => half(value),
        Dtype::Bf16x3 => half(value) + half(value - half(value)),
        Dtype::Int8 => unreachable!("rows of it are rounded together"),
    };
    if dtype == Dtype::Int8 {
        return int8::inputs(values, columns);
    }
    values.iter().map(round).collect()
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

    fn stored(&self) -> Option<Stored> {
        Some(self.stored)
    }

    async fn next(&mut self) -> Result<Option<Piece<'_>>, Error> {
        let left = &self.bytes[self.read..];
        let length = left.len().min(self.piece * self.columns * self.stored.bytes());
        self.read += length;
        Ok((length > 0).then_some(Piece { bytes: &left[..length], stored: self.stored }))
    }
}
