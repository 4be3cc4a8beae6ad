//! Texts as they are asked for, and how many of them are tokenised at a time.

use crate::serve::cache::Key;

/// A text of a request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Input {
    Text(String),
    Ids(Vec<u32>),
}

impl Input {
    /// What it came as.
    pub(super) fn form(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Ids(_) => "ids",
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Ids(ids) => bytemuck::cast_slice(ids),
        }
    }
}

/// Texts of a request that are tokenised at a time, and their bytes, about.
const TOKENIZED: usize = 256;
const TOKENIZED_BYTES: usize = 1 << 20;

/// How many texts are tokenised next.
pub(super) fn some_of(texts: &[(Key, Input)]) -> usize {
    let mut bytes = 0;
    let fits = |(_, text): &&(Key, Input)| {
        let fits = bytes < TOKENIZED_BYTES;
        bytes += text.bytes().len();
        fits
    };
    texts.iter().take(TOKENIZED).take_while(fits).count()
}
