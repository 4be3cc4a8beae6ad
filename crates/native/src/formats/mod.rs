//! The forms in which vectors are written.

mod json;
mod npy;
mod parquet;
mod readable;

use std::ffi::OsStr;
use std::io;
use std::path::Path;

use clap::ValueEnum;
use wembed_model::Precision;

use crate::destination::Destination;
use crate::record::{IdKind, Row};

/// A form of vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// One JSON object a text and line
    Jsonl,
    /// One JSON array of those objects
    Json,
    /// One array (texts, dimensions), as NumPy reads it
    Npy,
    /// A Parquet file with a row a text
    Parquet,
    /// A short form for people
    Text,
}

/// What all rows have in common.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    pub dimensions: usize,
    pub precision: Precision,
    /// What ids are, where there are any.
    pub ids: Option<IdKind>,
}

impl Shape {
    /// Numbers of each row.
    fn columns(self) -> usize {
        self.precision.columns(self.dimensions)
    }
}

/// Takes rows in order.
pub trait Writer {
    /// A text's vector, or why it has none.
    fn put(&mut self, row: Row) -> io::Result<()>;

    /// The end.
    fn finish(&mut self) -> io::Result<()>;
}

impl Format {
    /// Where none was asked for: what the file's name says, the short form at a terminal, JSON lines elsewhere.
    pub fn usual(path: Option<&Path>, terminal: bool) -> Self {
        match path.and_then(Path::extension).and_then(OsStr::to_str) {
            Some("npy") => Self::Npy,
            Some("json") => Self::Json,
            Some("parquet") => Self::Parquet,
            _ if terminal => Self::Text,
            _ => Self::Jsonl,
        }
    }

    /// Whether its beginning says how many rows follow, each with a vector.
    pub fn begins_with_number(self) -> bool {
        self == Self::Npy
    }

    /// Writes rows to `to`; `rows` is how many will come, where the form [begins with it](Self::begins_with_number).
    pub fn writer(self, to: Destination, shape: Shape, rows: u64) -> io::Result<Box<dyn Writer>> {
        Ok(match self {
            Self::Jsonl => Box::new(json::Lines::new(to)),
            Self::Json => Box::new(json::Array::new(to)),
            Self::Npy => Box::new(npy::Npy::new(to, shape, rows)?),
            Self::Parquet => Box::new(parquet::Parquet::new(to, shape)?),
            Self::Text => Box::new(readable::Readable::new(to)),
        })
    }
}
