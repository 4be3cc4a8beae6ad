//! Texts with more tokens than a model takes: cut, refused, or read in overlapping windows whose vectors are averaged.

use std::ops::Range;

use serde::Deserialize;

use crate::Error;
use crate::embedder::Embedding;
use crate::head::Finish;
use crate::tokenizer::{Specials, Tokens, TruncationSide};

/// What becomes of a text that has more tokens than the model takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Long {
    /// It is cut, as sentence-transformers does; [`Embedding::truncated`] says so.
    #[default]
    Truncate,
    /// It is that text's own error.
    Error,
    /// Its vector is the mean of the vectors of overlapping windows, weighted by their tokens; of length 1 where the model's are.
    ///
    /// Every window has the prompt and the special tokens. A mean of many windows says what a text is about on the whole; what
    /// only one of them says is found better by embedding passages.
    Mean,
}

impl Long {
    /// Its name on the command line, in JavaScript and in requests.
    pub fn name(self) -> &'static str {
        match self {
            Self::Truncate => "truncate",
            Self::Error => "error",
            Self::Mean => "mean",
        }
    }
}

/// The part of a window that the next one repeats.
const OVERLAP: usize = 8;

/// What the model is given at a time: a text, or a window of one.
#[derive(Debug)]
pub(crate) struct Part {
    pub ids: Result<Vec<u32>, Error>,
    pub role: Role,
}

/// What a part is to its text.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Role {
    Whole {
        truncated: bool,
    },
    Window {
        /// Tokens of the text in it, which are its weight.
        weight: usize,
        /// Tokens in front that are no part of what is pooled.
        skip: usize,
        /// Tokens of the whole text, said with its last window.
        last_of: Option<usize>,
    },
}

/// How many tokens the model takes, and what it puts around them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    pub most: usize,
    pub specials: Specials,
    pub side: TruncationSide,
}

impl Room {
    /// The ids that are left of a text, special tokens kept.
    pub fn cut(self, mut ids: Vec<u32>) -> Tokens {
        let surplus = ids.len().saturating_sub(self.most);
        if surplus > 0 {
            let content = self.content(&ids);
            ids.drain(match self.side {
                TruncationSide::Right => content.end - surplus..content.end,
                TruncationSide::Left => content.start..content.start + surplus,
            });
        }
        Tokens { ids, truncated: surplus > 0 }
    }

    /// The windows of a text that is too long, each with the prompt in front, which had the ids `prompt` by itself.
    pub fn windows(self, ids: &[u32], prompt: &[u32], include_prompt: bool) -> Result<Vec<Part>, Error> {
        let content = self.content(ids);
        let (before, after) = (&ids[..content.start], &ids[content.end..]);
        let content = &ids[content];
        // Where a token spans the prompt's end, it belongs to the text.
        let prompt = content.iter().zip(prompt).take_while(|(id, prompt)| id == prompt).count();
        let (prompt, content) = content.split_at(prompt);
        let taken = before.len() + prompt.len() + after.len();
        if taken >= self.most {
            return Err(Error::text(format!(
                "its prompt leaves no room in a window: it has {taken} of {} tokens, special tokens included",
                self.most
            )));
        }
        let skip = if include_prompt { 0 } else { before.len() + prompt.len() };
        let ranges = spread(content.len(), self.most - taken);
        let last = ranges.len() - 1;
        let part = |(index, range): (usize, Range<usize>)| Part {
            ids: Ok([before, prompt, &content[range.clone()], after].concat()),
            role: Role::Window { weight: range.len(), skip, last_of: (index == last).then_some(ids.len()) },
        };
        Ok(ranges.into_iter().enumerate().map(part).collect())
    }

    /// What lies between the special tokens.
    fn content(self, ids: &[u32]) -> Range<usize> {
        self.specials.before..ids.len() - self.specials.after
    }
}

/// Ranges of at most `room` that cover `length`, as even as that allows, each repeating the end of the one before it.
fn spread(length: usize, room: usize) -> Vec<Range<usize>> {
    let overlap = room / OVERLAP;
    let count = length.saturating_sub(overlap).div_ceil(room - overlap).max(1);
    let size = (length + (count - 1) * overlap).div_ceil(count);
    let start = |index: usize| index * (size - overlap);
    (0..count).map(|index| start(index)..(start(index) + size).min(length)).collect()
}

/// A part's vector, or why it has none.
pub(crate) struct Done {
    pub role: Role,
    pub tokens: usize,
    pub vector: Result<Vec<f32>, Error>,
}

/// Puts texts together from their parts, which come in order.
pub(crate) struct Joining {
    /// Whether the model's own vectors have length 1.
    normalized: bool,
    finish: Finish,
    sum: Vec<f64>,
    weight: usize,
    windows: usize,
    failure: Option<Error>,
}

impl Joining {
    /// Nothing yet. The windows' vectors are the model's own, whole; what `finish` asks for comes after their mean.
    pub fn new(normalized: bool, finish: Finish) -> Self {
        Self { normalized, finish, sum: Vec::new(), weight: 0, windows: 0, failure: None }
    }

    /// Takes the next part; gives the text's vector with its last one.
    pub fn take(&mut self, done: Done) -> Option<Result<Embedding, Error>> {
        let Done { role, tokens, vector } = done;
        match role {
            Role::Whole { truncated } => Some(vector.map(|vector| Embedding { vector, tokens, truncated, windows: 1 })),
            Role::Window { weight, last_of, .. } => {
                match vector {
                    Ok(vector) => self.add(&vector, weight),
                    Err(error) => self.failure = self.failure.take().or(Some(error)),
                }
                last_of.map(|tokens| self.mean(tokens))
            }
        }
    }

    fn add(&mut self, vector: &[f32], weight: usize) {
        self.sum.resize(vector.len(), 0.0);
        for (sum, &value) in self.sum.iter_mut().zip(vector) {
            *sum += weight as f64 * f64::from(value);
        }
        self.weight += weight;
        self.windows += 1;
    }

    /// sum of w_i v_i / sum of w_i, finished as the model finishes its vectors and as was asked for.
    fn mean(&mut self, tokens: usize) -> Result<Embedding, Error> {
        let next = Self::new(self.normalized, self.finish);
        let Self { mut sum, weight, windows, failure, .. } = std::mem::replace(self, next);
        if let Some(error) = failure {
            return Err(error);
        }
        sum.iter_mut().for_each(|sum| *sum /= weight as f64);
        if self.normalized {
            normalize(&mut sum);
        }
        if let Some(dimensions) = self.finish.dimensions {
            sum.truncate(dimensions);
        }
        if self.finish.normalize == Some(true) {
            normalize(&mut sum);
        }
        let vector = checked(sum.into_iter().map(|value| value as f32).collect())?;
        Ok(Embedding { vector, tokens, truncated: false, windows })
    }
}

/// x / |x|; zero stays zero, and is refused later.
fn normalize(vector: &mut [f64]) {
    let length = vector.iter().map(|value| value * value).sum::<f64>().sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|value| *value /= length);
    }
}

/// A vector that may leave the program: finite, and not zero.
pub(crate) fn checked(vector: Vec<f32>) -> Result<Vec<f32>, Error> {
    if !vector.iter().all(|value| value.is_finite()) {
        return Err(Error::text("its vector has a value that is not finite"));
    }
    if vector.iter().all(|&value| value == 0.0) {
        return Err(Error::text("its vector is zero"));
    }
    Ok(vector)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_cover_a_text_evenly_and_overlap() {
        for room in [1, 2, 7, 8, 62, 126, 510] {
            for length in (room + 1..room + 40).chain([10 * room, 10 * room + 1, 1000 * room + 3]) {
                let ranges = spread(length, room);
                assert_eq!((ranges[0].start, ranges[ranges.len() - 1].end), (0, length));
                assert!(ranges.iter().all(|range| range.len() <= room), "{length} in {room}");
                let overlaps: Vec<_> = ranges.windows(2).map(|pair| pair[0].end - pair[1].start).collect();
                assert!(overlaps.iter().all(|&overlap| overlap == room / OVERLAP), "{length} in {room}: {overlaps:?}");
                let (shortest, longest) = (ranges.iter().map(Range::len).min(), ranges.iter().map(Range::len).max());
                assert!(longest.unwrap() - shortest.unwrap() <= ranges.len(), "{length} in {room}: {ranges:?}");
                assert!(shortest.unwrap() > room / OVERLAP, "{length} in {room}: the last window says something new");
            }
        }
    }

    #[test]
    fn a_cut_keeps_the_special_tokens() {
        let room = |side| Room { most: 5, specials: Specials { before: 1, after: 2 }, side };
        let ids = vec![0, 11, 12, 13, 14, 2, 3];
        assert_eq!(room(TruncationSide::Right).cut(ids.clone()).ids, [0, 11, 12, 2, 3]);
        assert_eq!(room(TruncationSide::Left).cut(ids.clone()).ids, [0, 13, 14, 2, 3]);
        assert_eq!(
            room(TruncationSide::Right).cut(ids[..5].to_vec()),
            Tokens { ids: ids[..5].to_vec(), truncated: false }
        );
    }

    #[test]
    fn every_window_has_the_prompt() {
        let room = Room { most: 6, specials: Specials { before: 1, after: 1 }, side: TruncationSide::Right };
        let parts = room.windows(&[0, 7, 8, 11, 12, 13, 14, 15, 2], &[7, 8], false).unwrap();
        let ids: Vec<_> = parts.iter().map(|part| part.ids.as_ref().unwrap().clone()).collect();
        assert_eq!(ids, [[0, 7, 8, 11, 12, 2].to_vec(), [0, 7, 8, 13, 14, 2].to_vec(), [0, 7, 8, 15, 2].to_vec()]);
        let Role::Window { weight: 1, skip: 3, last_of: Some(9) } = parts[2].role else {
            panic!("{:?}", parts[2].role)
        };
    }
}
