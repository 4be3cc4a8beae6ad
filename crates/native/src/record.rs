//! What is kept of a text: its number, its id, its vector or why it has none.

use std::fmt;

use serde::{Deserialize, Serialize};
use twox_hash::XxHash3_64;
use wembed_model::{Embedding, Error, Quantized, Quantizer};

use crate::texts::Text;

/// What identifies a text for whoever joins vectors with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Id {
    Integer(i64),
    Text(String),
}

impl fmt::Display for Id {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(number) => number.fmt(to),
            Self::Text(text) => text.fmt(to),
        }
    }
}

/// What all ids of an input are held as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdKind {
    Integer,
    Text,
}

/// A text but for its words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    pub index: u64,
    pub id: Option<Id>,
    /// XXH3 of the text, which tells whether an input is still the same.
    pub hash: u64,
}

/// A text that was embedded, as it is kept.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    pub label: Label,
    pub outcome: Outcome,
}

/// How a text fared.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub enum Outcome {
    Vector { vector: Vec<f32>, tokens: usize, truncated: bool, windows: usize },
    Failure(String),
}

/// A text that was embedded, as it is written.
#[derive(Debug, PartialEq)]
pub struct Row {
    pub index: u64,
    pub id: Option<Id>,
    /// The vector, or what went wrong.
    pub outcome: Result<Vector, String>,
}

/// A vector in the precision that was asked for.
#[derive(Debug, PartialEq)]
pub struct Vector {
    pub values: Quantized,
    pub tokens: usize,
    pub truncated: bool,
    /// Windows whose vectors' mean this is.
    pub windows: usize,
}

impl Label {
    pub fn of(text: &Text) -> Self {
        Self { index: text.index, id: text.id.clone(), hash: XxHash3_64::oneshot(text.text.as_bytes()) }
    }
}

impl From<Result<Embedding, Error>> for Outcome {
    fn from(result: Result<Embedding, Error>) -> Self {
        match result {
            Ok(Embedding { vector, tokens, truncated, windows }) => Self::Vector { vector, tokens, truncated, windows },
            Err(error) => Self::Failure(error.to_string()),
        }
    }
}

impl Record {
    pub fn row(self, quantizer: &Quantizer) -> Row {
        let outcome = match self.outcome {
            Outcome::Vector { vector, tokens, truncated, windows } => {
                Ok(Vector { values: quantizer.quantize(vector), tokens, truncated, windows })
            }
            Outcome::Failure(error) => Err(error),
        };
        Row { index: self.label.index, id: self.label.id, outcome }
    }
}
