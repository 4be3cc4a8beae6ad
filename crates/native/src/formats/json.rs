//! JSON: one object a text, in lines or in an array.

use std::io::{self, Write};

use serde::Serialize;
use wembed_model::Quantized;

use super::Writer;
use crate::record::{Id, Row, Vector};

/// What is written of a text.
#[derive(Serialize)]
struct Object<'a> {
    index: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Name<'a>>,
    #[serde(flatten)]
    outcome: Outcome<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Outcome<'a> {
    Vector {
        embedding: Values<'a>,
        tokens: usize,
        truncated: bool,
        /// Where there are several.
        #[serde(skip_serializing_if = "Option::is_none")]
        windows: Option<usize>,
    },
    Failure {
        error: &'a str,
    },
}

#[derive(Serialize)]
#[serde(untagged)]
enum Name<'a> {
    Integer(i64),
    Text(&'a str),
}

#[derive(Serialize)]
#[serde(untagged)]
enum Values<'a> {
    Float32(&'a [f32]),
    Int8(&'a [i8]),
    Uint8(&'a [u8]),
}

fn write_object(to: &mut impl Write, row: &Row) -> io::Result<()> {
    let id = row.id.as_ref().map(|id| match id {
        Id::Integer(number) => Name::Integer(*number),
        Id::Text(text) => Name::Text(text),
    });
    let outcome = match &row.outcome {
        Ok(Vector { values, tokens, truncated, windows }) => {
            let embedding = match values {
                Quantized::Float32(values) => Values::Float32(values),
                Quantized::Int8(values) => Values::Int8(values),
                Quantized::Uint8(values) => Values::Uint8(values),
            };
            let windows = Some(*windows).filter(|&windows| windows > 1);
            Outcome::Vector { embedding, tokens: *tokens, truncated: *truncated, windows }
        }
        Err(error) => Outcome::Failure { error },
    };
    Ok(serde_json::to_writer(to, &Object { index: row.index, id, outcome })?)
}

/// An object a line.
pub struct Lines<W>(W);

impl<W: Write> Lines<W> {
    pub fn new(to: W) -> Self {
        Self(to)
    }
}

impl<W: Write> Writer for Lines<W> {
    fn put(&mut self, row: Row) -> io::Result<()> {
        write_object(&mut self.0, &row)?;
        self.0.write_all(b"\n")
    }

    fn finish(&mut self) -> io::Result<()> {
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
    fn put(&mut self, row: Row) -> io::Result<()> {
        self.to.write_all(if self.open { b",\n" } else { b"[\n" })?;
        self.open = true;
        write_object(&mut self.to, &row)
    }

    /// Closes the array, so that what was done can be read whatever came after it.
    fn finish(&mut self) -> io::Result<()> {
        self.to.write_all(if self.open { b"\n]\n" } else { b"[]\n" })?;
        self.to.flush()
    }
}
