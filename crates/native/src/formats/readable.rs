//! A short form for people: how each vector begins, its length, its tokens.

use std::io::{self, Write};

use wembed_model::{Embedding, Error};

use super::Writer;

/// Values of each vector that are shown.
const SHOWN: usize = 4;

/// A line a text.
pub struct Readable<W>(W);

impl<W: Write> Readable<W> {
    pub fn new(to: W) -> Self {
        Self(to)
    }
}

impl<W: Write> Writer for Readable<W> {
    fn put(&mut self, index: usize, result: &Result<Embedding, Error>) -> io::Result<()> {
        let Embedding { vector, tokens, truncated, windows } = match result {
            Ok(embedding) => embedding,
            Err(error) => return writeln!(self.0, "{index}  error: {error}"),
        };
        let shown: Vec<_> = vector.iter().take(SHOWN).map(|value| format!("{value:8.5}")).collect();
        let more = if vector.len() > SHOWN { ", ..." } else { "" };
        let norm = vector.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>().sqrt();
        let how = match windows {
            _ if *truncated => ", cut".to_owned(),
            1 => String::new(),
            windows => format!(" in {windows} windows"),
        };
        let dimensions = vector.len();
        writeln!(
            self.0,
            "{index}  [{}{more}]  {dimensions} dimensions, norm {norm:.4}, {tokens} tokens{how}",
            shown.join(", ")
        )
    }

    fn finish(&mut self, _: bool) -> io::Result<()> {
        self.0.flush()
    }
}
