//! A short form for people: how each vector begins, its length, its tokens.

use std::fmt::Display;
use std::io::{self, Write};

use wembed_model::Quantized;

use super::Writer;
use crate::record::{Row, Vector};

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
    fn put(&mut self, Row { index, id, outcome }: Row) -> io::Result<()> {
        let named = id.map(|id| format!("  {id}")).unwrap_or_default();
        let Vector { values, tokens, truncated, windows } = match outcome {
            Ok(vector) => vector,
            Err(error) => return writeln!(self.0, "{index}{named}  error: {error}"),
        };
        let shown = match &values {
            Quantized::Float32(values) => {
                let norm = values.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>().sqrt();
                let beginning = beginning(values, |value| format!("{value:8.5}"));
                format!("{beginning}  {} dimensions, norm {norm:.4}", values.len())
            }
            Quantized::Int8(values) => format!("{}  {} bytes", beginning(values, |it| it.to_string()), values.len()),
            Quantized::Uint8(values) => format!("{}  {} bytes", beginning(values, |it| it.to_string()), values.len()),
        };
        let how = match windows {
            _ if truncated => ", cut".to_owned(),
            1 => String::new(),
            windows => format!(" in {windows} windows"),
        };
        writeln!(self.0, "{index}{named}  {shown}, {tokens} tokens{how}")
    }

    fn finish(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

fn beginning<T: Display>(values: &[T], show: impl Fn(&T) -> String) -> String {
    let shown: Vec<_> = values.iter().take(SHOWN).map(show).collect();
    let more = if values.len() > SHOWN { ", ..." } else { "" };
    format!("[{}{more}]", shown.join(", "))
}
