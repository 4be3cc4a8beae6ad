//! What is not multiplied: bias and gain vectors, and tables whose rows are looked up by number.

use fearless_simd::{dispatch, prelude::*};
use half::slice::HalfFloatSliceExt as _;

use super::Context;
use super::memory::Memory;
use super::panels::widen;
use crate::error::Kind;
use crate::{Dtype, Error, Gathered, Piece, Rows, Stored, padded};

/// f32 values, zeros beyond the real ones.
#[derive(Debug)]
pub struct Vector(Memory);

impl Vector {
    pub(super) fn new(name: &str, values: &[f32]) -> Result<Self, Error> {
        if let Some(column) = values.iter().position(|value| !value.is_finite()) {
            return Err(unholdable(name, values[column], 0, column, Dtype::F32));
        }
        let mut memory = Memory::zeroed(name, 4 * padded(values.len()))?;
        memory.of_mut()[..values.len()].copy_from_slice(values);
        Ok(Self(memory))
    }

    pub(super) fn values(&self) -> &[f32] {
        self.0.of()
    }
}

/// Rows in the file's type, or in f16 where the engine holds weights so.
#[derive(Debug)]
pub struct Table {
    stored: Stored,
    columns: usize,
    memory: Memory,
    name: String,
}

impl Table {
    /// Holds the rows that `source` yields.
    pub(super) async fn load<R: Rows>(context: &Context, mut source: R) -> Result<Self, R::Error> {
        let stored = source.stored().unwrap_or(Stored::F32);
        let mut table = Self::new(context, source.name(), stored, source.rows(), source.columns())?;
        let rows = source.rows();
        let mut first = 0;
        while let Some(piece) = source.next().await? {
            first += table.put(context, first, rows, piece)?;
        }
        assert_eq!(first, rows, "a source yields as many rows as it says");
        Ok(table)
    }

    /// Holds rows that the host gathered.
    pub(super) fn gather(context: &Context, gathered: Gathered<'_>) -> Result<Self, Error> {
        let Gathered { name, bytes, stored, columns } = gathered;
        let rows = bytes.len() / (columns * stored.bytes());
        let mut table = Self::new(context, name, stored, rows, columns)?;
        table.put(context, 0, rows, Piece { bytes, stored })?;
        Ok(table)
    }

    fn new(context: &Context, name: &str, stored: Stored, rows: usize, columns: usize) -> Result<Self, Error> {
        let stored = if context.dtype == Dtype::F16 { Stored::F16 } else { stored };
        let memory = Memory::zeroed(name, rows.saturating_mul(columns).saturating_mul(stored.bytes()))?;
        Ok(Self { stored, columns, memory, name: name.to_owned() })
    }

    /// Takes whole rows, the first of which is `first`; gives their number.
    fn put(&mut self, context: &Context, first: usize, rows: usize, piece: Piece<'_>) -> Result<usize, Error> {
        let Some(count) = piece.bytes.len().checked_div(self.columns * piece.stored.bytes()) else {
            // Rows without columns have no bytes to count them by: they are all there.
            return Ok(rows);
        };
        let (columns, stored) = (self.columns, self.stored);
        let mut values = vec![0.0; columns];
        // What is rounded to infinity is found here; zeros where nothing is rounded.
        let mut rounded = vec![half::f16::ZERO; columns];
        for row in 0..count {
            let bytes = &piece.bytes[row * columns * piece.stored.bytes()..][..columns * piece.stored.bytes()];
            dispatch!(context.instructions.level, simd => widen(simd, bytes, piece.stored, &mut values));
            let held = (first + row) * columns * stored.bytes();
            let held = &mut self.memory.of_mut::<u8>()[held..][..columns * stored.bytes()];
            match stored {
                _ if stored == piece.stored => held.copy_from_slice(bytes),
                Stored::F32 | Stored::Bf16 => held.copy_from_slice(bytemuck::cast_slice(&values)),
                Stored::F16 => {
                    rounded.convert_from_f32_slice(&values);
                    held.copy_from_slice(bytemuck::cast_slice(&rounded));
                }
            }
            let spoilt = |(value, rounded): (&f32, &half::f16)| !(value.is_finite() && rounded.is_finite());
            if let Some(column) = values.iter().zip(&rounded).position(spoilt) {
                return Err(unholdable(&self.name, values[column], first + row, column, context.dtype));
            }
        }
        Ok(count)
    }

    /// Columns of a row.
    pub(super) const fn columns(&self) -> usize {
        self.columns
    }

    /// The row `row`, widened.
    #[inline(always)]
    pub(super) fn row<S: Simd>(&self, simd: S, row: usize, values: &mut [f32]) {
        let bytes = self.columns * self.stored.bytes();
        widen(simd, &self.memory.of::<u8>()[row * bytes..][..bytes], self.stored, values);
    }
}

fn unholdable(name: &str, value: f32, row: usize, column: usize, dtype: Dtype) -> Error {
    Kind::Unholdable { name: name.to_owned(), value, row, column, dtype: dtype.name() }.into()
}
