//! A vocabulary's pieces and their scores, flat.

use std::fmt;

use serde::de::{DeserializeSeed, Error as _, IgnoredAny, SeqAccess, Visitor};
use serde::{Deserializer, de};

/// Pieces by id: their bytes one after the other, where each ends, and its score, a logarithm of a probability.
#[derive(Default)]
pub struct Pieces {
    text: String,
    ends: Vec<u32>,
    scores: Vec<f64>,
}

impl Pieces {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// The piece of an id, or nothing where there is no such id.
    pub fn get(&self, id: u32) -> Option<&str> {
        let id = id as usize;
        let end = *self.ends.get(id)?;
        let start = id.checked_sub(1).map_or(0, |before| self.ends[before]);
        Some(&self.text[start as usize..end as usize])
    }

    /// The score of an id, which must be one of these pieces'.
    pub fn score(&self, id: u32) -> f64 {
        self.scores[id as usize]
    }

    /// The pieces in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &str)> {
        let mut start = 0;
        self.ends.iter().enumerate().map(move |(id, &end)| {
            let piece = &self.text[start as usize..end as usize];
            start = end;
            (id as u32, piece)
        })
    }

    /// The lowest score, or infinity where there are no pieces.
    pub fn lowest_score(&self) -> f64 {
        self.scores.iter().copied().fold(f64::INFINITY, f64::min)
    }

    /// Reads a list of `[piece, score]`, without a value in between. JSON has no score that is not finite.
    pub fn read<'de, A: SeqAccess<'de>>(mut list: A) -> Result<Self, A::Error> {
        let mut pieces = Self::default();
        while list.next_element_seed(Entry(&mut pieces))?.is_some() {}
        pieces.text.shrink_to_fit();
        pieces.ends.shrink_to_fit();
        pieces.scores.shrink_to_fit();
        Ok(pieces)
    }
}

/// `[piece, score]`, to be put behind the others.
struct Entry<'a>(&'a mut Pieces);

impl<'de> DeserializeSeed<'de> for Entry<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Entry<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a piece and its score")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        list.next_element_seed(Text(&mut self.0.text))?.ok_or_else(|| A::Error::invalid_length(0, &self))?;
        let score: f64 = list.next_element()?.ok_or_else(|| A::Error::invalid_length(1, &self))?;
        if list.next_element::<IgnoredAny>()?.is_some() {
            return Err(A::Error::invalid_length(3, &self));
        }
        let end = u32::try_from(self.0.text.len()).map_err(|_| A::Error::custom("the pieces are longer than 4 GiB"))?;
        self.0.ends.push(end);
        self.0.scores.push(score);
        Ok(())
    }
}

/// A string, to be put behind the text.
struct Text<'a>(&'a mut String);

impl<'de> DeserializeSeed<'de> for Text<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Text<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a piece")
    }

    fn visit_str<E: de::Error>(self, piece: &str) -> Result<(), E> {
        self.0.push_str(piece);
        Ok(())
    }
}
