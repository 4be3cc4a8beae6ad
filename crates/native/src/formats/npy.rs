//! NumPy's array file: float32 (N, D).

use std::io::{self, Seek as _, Write};

use tempfile::SpooledTempFile;
use wembed_model::{Embedding, Error};

use super::Writer;
use crate::report;

/// Bytes of vectors that wait in memory; more wait in a temporary file.
const IN_MEMORY: usize = 64 << 20;

/// The header says how many vectors follow, so they wait until all are there.
pub struct Npy<W> {
    to: W,
    dimensions: usize,
    vectors: usize,
    waiting: SpooledTempFile,
}

impl<W: Write> Npy<W> {
    pub fn new(to: W, dimensions: usize) -> Self {
        Self { to, dimensions, vectors: 0, waiting: SpooledTempFile::new(IN_MEMORY) }
    }
}

impl<W: Write> Writer for Npy<W> {
    fn put(&mut self, _: usize, result: &Result<Embedding, Error>) -> io::Result<()> {
        let Ok(embedding) = result else { return Ok(()) };
        self.vectors += 1;
        let bytes: Vec<u8> = embedding.vector.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.waiting.write_all(&bytes)
    }

    fn finish(&mut self, complete: bool) -> io::Result<()> {
        if !complete {
            report::say("an npy file has a vector for every text: none was written");
            return Ok(());
        }
        self.to.write_all(&header(self.vectors, self.dimensions))?;
        self.waiting.rewind()?;
        io::copy(&mut self.waiting, &mut self.to)?;
        self.to.flush()
    }
}

/// Format 1.0, <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>: magic and version, the length of
/// what follows in two bytes, a Python dictionary, spaces up to a multiple of 64 bytes in all, the last of them a newline.
fn header(rows: usize, columns: usize) -> Vec<u8> {
    let dictionary = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {columns}), }}");
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
