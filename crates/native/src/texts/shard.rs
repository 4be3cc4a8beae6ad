//! A share of the texts.

use std::fmt;

/// Every `of`-th text, from number `first` on: what a stream of unknown length can be divided into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    first: u64,
    of: u64,
}

impl Default for Shard {
    /// All of them.
    fn default() -> Self {
        Self { first: 0, of: 1 }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{}/{}", self.first + 1, self.of)
    }
}

/// Reads `I/N`.
pub fn parse(share: &str) -> Result<Shard, &'static str> {
    let parts: Option<(u64, u64)> =
        share.split_once('/').and_then(|(first, of)| Some((first.parse().ok()?, of.parse().ok()?)));
    match parts {
        Some((first, of)) if 1 <= first && first <= of => Ok(Shard { first: first - 1, of }),
        _ => Err("expected I/N with I from 1 to N, as in 2/8"),
    }
}

impl Shard {
    /// Whether it has the text of this number.
    pub fn contains(self, index: u64) -> bool {
        index % self.of == self.first
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn shares_are_a_division() {
        for of in 1..5 {
            let shards: Vec<_> = (1..=of).map(|first| parse(&format!("{first}/{of}")).unwrap()).collect();
            for index in 0..20 {
                assert_eq!(shards.iter().filter(|shard| shard.contains(index)).count(), 1);
            }
            assert!(shards[0].contains(0));
        }
        for wrong in ["", "1", "0/2", "3/2", "1/0", "-1/2", "1/2/3", "a/b", "0/0", "1/"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
