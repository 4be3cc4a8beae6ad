//! NumPy's array file: float32 (N, D).

use std::io::{self, Seek as _, Write};

use npyz::WriterBuilder as _;
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
    vectors: u64,
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
        let header = npyz::WriteOptions::<f32>::new().default_dtype().shape(&[self.vectors, self.dimensions as u64]);
        header.writer(&mut self.to).write_header_only()?;
        self.waiting.rewind()?;
        io::copy(&mut self.waiting, &mut self.to)?;
        self.to.flush()
    }
}
