//! Packed batches: texts one after the other, no padding, no mask.

/// The tokens of a batch's texts, concatenated; built in one place, read by every engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed {
    words: Vec<u32>,
    positions: Vec<u32>,
    offsets: Vec<u32>,
}

impl Default for Packed {
    fn default() -> Self {
        Self { words: Vec::new(), positions: Vec::new(), offsets: vec![0] }
    }
}

impl Packed {
    /// Appends a text: for each token its row of the word table and its row of the position table.
    ///
    /// # Panics
    /// Where the two lengths differ or the text has no token: an encoder always gives at least the special ones.
    pub fn push(&mut self, words: impl IntoIterator<Item = u32>, positions: impl IntoIterator<Item = u32>) {
        self.words.extend(words);
        self.positions.extend(positions);
        assert_eq!(self.words.len(), self.positions.len(), "a text has one position a token");
        assert!(self.tokens() > *self.offsets.last().expect("offsets begin with 0") as usize, "a text has a token");
        self.offsets.push(self.words.len() as u32);
    }

    /// T.
    pub fn tokens(&self) -> usize {
        self.words.len()
    }

    /// N.
    pub fn texts(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Each token's row of the word table. // (T)
    pub fn words(&self) -> &[u32] {
        &self.words
    }

    /// Each token's row of the position table. // (T)
    pub fn positions(&self) -> &[u32] {
        &self.positions
    }

    /// Where each text begins, and after the last one the number of tokens. // (N + 1)
    pub fn offsets(&self) -> &[u32] {
        &self.offsets
    }

    /// First token and length of each text.
    pub fn spans(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        self.offsets.windows(2).map(|pair| (pair[0], pair[1] - pair[0]))
    }
}
