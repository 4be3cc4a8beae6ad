//! NumPy's array file: (N, D), float32 or a byte a value.

use std::io::{self, Write};

use wembed_model::{Precision, Quantized};

use super::{Shape, Writer};
use crate::record::Row;

/// A header, then the vectors.
pub struct Npy<W>(W);

impl<W: Write> Npy<W> {
    /// Of `rows` vectors.
    pub fn new(mut to: W, shape: Shape, rows: u64) -> io::Result<Self> {
        let kind = match shape.precision {
            Precision::Float32 => "<f4",
            Precision::Int8 | Precision::Binary => "|i1",
            Precision::Ubinary => "|u1",
        };
        to.write_all(&header(kind, rows, shape.columns()))?;
        Ok(Self(to))
    }
}

impl<W: Write> Writer for Npy<W> {
    fn put(&mut self, row: Row) -> io::Result<()> {
        let vector = row.outcome.map_err(io::Error::other)?;
        let bytes: Vec<u8> = match vector.values {
            Quantized::Float32(values) => values.into_iter().flat_map(f32::to_le_bytes).collect(),
            Quantized::Int8(values) => values.into_iter().flat_map(i8::to_le_bytes).collect(),
            Quantized::Uint8(values) => values,
        };
        self.0.write_all(&bytes)
    }

    fn finish(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Format 1.0, <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>: magic and version, the length of
/// what follows in two bytes, a Python dictionary, spaces up to a multiple of 64 bytes in all, the last of them a newline.
fn header(kind: &str, rows: u64, columns: usize) -> Vec<u8> {
    let dictionary = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({rows}, {columns}), }}");
    let mut header = b"\x93NUMPY\x01\x00".to_vec();
    let before = header.len() + 2;
    // Two numbers of 20 digits leave it far below 128 bytes.
    let length = (before + dictionary.len() + 1).next_multiple_of(64) - before;
    header.extend((length as u16).to_le_bytes());
    header.extend(dictionary.as_bytes());
    header.resize(before + length - 1, b' ');
    header.push(b'\n');
    header
}
