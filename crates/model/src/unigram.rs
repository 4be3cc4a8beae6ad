//! The Unigram language model (Kudo 2018, arXiv 1804.10959): of all ways to cut a text into pieces, the likeliest.
//!
//! The same tokens as `tokenizers::models::unigram::Unigram` gives, whose trie of hash maps takes thirty times the memory.

mod pieces;
mod trie;

use std::fmt;

use tokenizers::Token;
use tokenizers::models::unigram::UnigramError;

pub use self::pieces::Pieces;
use self::trie::{ROOT, Trie};

/// How much less likely than the unlikeliest piece a character is that is no piece.
const UNKNOWN_PENALTY: f64 = 10.0;

/// Pieces, and what becomes of characters that are none.
pub struct Unigram {
    pieces: Pieces,
    trie: Trie,
    unknown: Option<u32>,
    unknown_score: f64,
    byte_fallback: bool,
}

/// The best path to a place in the text: its score and its last piece. Where no path leads, that has no bytes.
#[derive(Clone, Copy)]
struct Best {
    score: f64,
    piece: u32,
    bytes: u32,
}

impl Best {
    const NONE: Self = Self { score: 0.0, piece: 0, bytes: 0 };

    /// Takes another path that leads here, where it is better. Of equals the first stays, whose last piece is the longest.
    fn improve(&mut self, other: Self) {
        if self.bytes == 0 || other.score > self.score {
            *self = other;
        }
    }
}

/// A piece's place in a text, or that of several unknown ones side by side, which are one.
struct Span {
    start: usize,
    end: usize,
    piece: u32,
}

impl Unigram {
    /// The model of these pieces. `unknown` is the id of what is no piece; with `byte_fallback` that becomes the pieces of
    /// its bytes, `<0x00>` to `<0xFF>`, where there are all of them.
    ///
    /// # Errors
    /// Where there are no pieces, two are equal, or `unknown` is none of them.
    pub fn new(pieces: Pieces, unknown: Option<usize>, byte_fallback: bool) -> Result<Self, String> {
        let count = pieces.len();
        if count == 0 {
            return Err("`vocab`: expected at least one piece, found none".to_owned());
        }
        if let Some(unknown) = unknown.filter(|&unknown| unknown >= count) {
            return Err(format!("`unk_id`: expected the number of one of the {count} pieces, found {unknown}"));
        }
        Ok(Self {
            trie: Trie::new(&pieces),
            unknown: unknown.map(|unknown| unknown as u32),
            unknown_score: pieces.lowest_score() - UNKNOWN_PENALTY,
            byte_fallback,
            pieces,
        })
    }

    /// The pieces, by their ids.
    pub const fn pieces(&self) -> &Pieces {
        &self.pieces
    }

    /// The id of a piece.
    pub fn find(&self, piece: &str) -> Option<u32> {
        self.trie.find(piece)
    }

    /// The tokens of a text.
    ///
    /// # Errors
    /// Where a character is no piece and no piece stands for unknown ones.
    pub fn tokenize(&self, text: &str) -> Result<Vec<Token>, UnigramError> {
        let spans = self.spans(text)?;
        let mut tokens = Vec::with_capacity(spans.len());
        for Span { start, end, piece } in spans.into_iter().rev() {
            let value = &text[start..end];
            // Unknown characters side by side may be a piece after all, one that scored less than they.
            let is_unknown = Some(piece) == self.unknown;
            let known = if is_unknown { self.find(value) } else { Some(piece) };
            match known {
                None if self.byte_fallback && self.push_bytes(&mut tokens, value, (start, end)) => {}
                id => tokens.push(Token::new(id.unwrap_or(piece), value.to_owned(), (start, end))),
            }
        }
        Ok(tokens)
    }

    /// The pieces of the best path, the last one first: Viterbi's algorithm.
    fn spans(&self, text: &str) -> Result<Vec<Span>, UnigramError> {
        // bests[i]: of all paths through the first i bytes.
        let mut bests = vec![Best::NONE; text.len() + 1];
        for (start, first) in text.char_indices() {
            let score = bests[start].score;
            let mut node = ROOT;
            let mut end = start;
            let mut is_known = false;
            for character in text[start..].chars() {
                let Some(child) = self.trie.child(node, character) else { break };
                node = child;
                end += character.len_utf8();
                let Some(piece) = self.trie.piece(node) else { continue };
                let bytes = (end - start) as u32;
                bests[end].improve(Best { score: score + self.pieces.score(piece), piece, bytes });
                is_known |= end == start + first.len_utf8();
            }
            if !is_known {
                let bytes = first.len_utf8() as u32;
                let best = &mut bests[start + first.len_utf8()];
                let score = score + self.unknown_score;
                if best.bytes == 0 || score > best.score {
                    let piece = self.unknown.ok_or(UnigramError::MissingUnkId)?;
                    *best = Best { score, piece, bytes };
                }
            }
        }
        Ok(self.backtrack(&bests))
    }

    fn backtrack(&self, bests: &[Best]) -> Vec<Span> {
        let mut spans: Vec<Span> = Vec::new();
        let mut end = bests.len() - 1;
        while end > 0 {
            let Best { piece, bytes, .. } = bests[end];
            let start = end - bytes as usize;
            match spans.last_mut() {
                Some(next) if next.piece == piece && Some(piece) == self.unknown => next.start = start,
                _ => spans.push(Span { start, end, piece }),
            }
            end = start;
        }
        spans
    }

    /// The bytes of `value` as tokens, where each of them has a piece. Whether it has.
    fn push_bytes(&self, tokens: &mut Vec<Token>, value: &str, offsets: (usize, usize)) -> bool {
        let token = |byte: u8| {
            let piece = format!("<0x{byte:02X}>");
            self.find(&piece).map(|id| Token::new(id, piece, offsets))
        };
        let bytes: Option<Vec<Token>> = value.bytes().map(token).collect();
        bytes.map(|bytes| tokens.extend(bytes)).is_some()
    }
}

impl fmt::Debug for Unigram {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pieces, unknown, byte_fallback, .. } = self;
        let mut unigram = formatter.debug_struct("Unigram");
        unigram.field("pieces", &pieces.len()).field("unknown", unknown).field("byte_fallback", byte_fallback);
        unigram.finish_non_exhaustive()
    }
}
