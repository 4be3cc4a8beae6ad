//! The forms in which vectors are written.

mod json;
mod npy;
mod readable;

use std::ffi::OsStr;
use std::io;
use std::path::Path;

use clap::ValueEnum;
use wembed_model::{Embedding, Error};

use crate::destination::Destination;

/// A form of vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// One JSON object a text and line
    Jsonl,
    /// One JSON array of those objects
    Json,
    /// One float32 array (texts, dimensions), as NumPy reads it
    Npy,
    /// A short form for people
    Text,
}

/// Takes results in order.
pub trait Writer {
    /// The text's vector, or why it has none.
    fn put(&mut self, index: usize, result: &Result<Embedding, Error>) -> io::Result<()>;

    /// The end; `complete` says whether every text was read and has its vector.
    fn finish(&mut self, complete: bool) -> io::Result<()>;
}

impl Format {
    /// Where none was asked for: what the file's name says, the short form at a terminal, JSON lines elsewhere.
    pub fn usual(path: Option<&Path>, terminal: bool) -> Self {
        match path.and_then(Path::extension).and_then(OsStr::to_str) {
            Some("npy") => Self::Npy,
            Some("json") => Self::Json,
            _ if terminal => Self::Text,
            _ => Self::Jsonl,
        }
    }

    /// Writes vectors of `dimensions` to `to`.
    pub fn writer(self, to: Destination, dimensions: usize) -> Box<dyn Writer> {
        match self {
            Self::Jsonl => Box::new(json::Lines::new(to)),
            Self::Json => Box::new(json::Array::new(to)),
            Self::Npy => Box::new(npy::Npy::new(to, dimensions)),
            Self::Text => Box::new(readable::Readable::new(to)),
        }
    }
}
