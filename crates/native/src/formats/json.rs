//! JSON: one object a text, in lines or in an array.

use std::io::{self, Write};

use serde::Serialize;
use wembed_model::{Embedding, Error};

use super::Writer;

/// What is written of a text.
#[derive(Serialize)]
#[serde(untagged)]
enum Object<'a> {
    Vector {
        index: usize,
        embedding: &'a [f32],
        tokens: usize,
        truncated: bool,
        /// Where there are several.
        #[serde(skip_serializing_if = "Option::is_none")]
        windows: Option<usize>,
    },
    Failure {
        index: usize,
        error: String,
    },
}

fn write_object(to: &mut impl Write, index: usize, result: &Result<Embedding, Error>) -> io::Result<()> {
    let object = match result {
        Ok(Embedding { vector, tokens, truncated, windows }) => Object::Vector {
            index,
            embedding: vector,
            tokens: *tokens,
            truncated: *truncated,
            windows: Some(*windows).filter(|&windows| windows > 1),
        },
        Err(error) => Object::Failure { index, error: error.to_string() },
    };
    Ok(serde_json::to_writer(to, &object)?)
}

/// An object a line.
pub struct Lines<W>(W);

impl<W: Write> Lines<W> {
    pub fn new(to: W) -> Self {
        Self(to)
    }
}

impl<W: Write> Writer for Lines<W> {
    fn put(&mut self, index: usize, result: &Result<Embedding, Error>) -> io::Result<()> {
        write_object(&mut self.0, index, result)?;
        self.0.write_all(b"\n")
    }

    fn finish(&mut self, _: bool) -> io::Result<()> {
        self.0.flush()
    }
}

/// One array, an object a line.
pub struct Array<W> {
    to: W,
    open: bool,
}

impl<W: Write> Array<W> {
    pub fn new(to: W) -> Self {
        Self { to, open: false }
    }
}

impl<W: Write> Writer for Array<W> {
    fn put(&mut self, index: usize, result: &Result<Embedding, Error>) -> io::Result<()> {
        self.to.write_all(if self.open { b",\n" } else { b"[\n" })?;
        self.open = true;
        write_object(&mut self.to, index, result)
    }

    /// Closes the array, so that what was done can be read whatever came after it.
    fn finish(&mut self, _: bool) -> io::Result<()> {
        self.to.write_all(if self.open { b"\n]\n" } else { b"[]\n" })?;
        self.to.flush()
    }
}
