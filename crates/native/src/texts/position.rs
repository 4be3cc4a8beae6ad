//! How much of an input was read.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes, rows or texts that were read, of how many; its clones move with it.
#[derive(Debug, Clone)]
pub struct Position {
    read: Arc<AtomicU64>,
    /// How many there are, where that is known.
    pub end: Option<u64>,
}

impl Position {
    pub fn new(end: Option<u64>) -> Self {
        Self { read: Arc::default(), end }
    }

    pub fn get(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    pub fn advance(&self, by: u64) {
        self.read.fetch_add(by, Ordering::Relaxed);
    }

    /// `from`, whose bytes are counted.
    pub fn read<R: Read>(&self, from: R) -> Counted<R> {
        Counted { from, position: self.clone() }
    }
}

/// A reader whose bytes are counted.
pub struct Counted<R> {
    from: R,
    position: Position,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(bytes)?;
        self.position.advance(read as u64);
        Ok(read)
    }
}
