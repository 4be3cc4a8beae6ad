//! The texts: Lorem ipsum of an exact number of characters, or what people write; no two alike, neither in a run nor in two.

use super::written::WRITTEN;

/// Where texts come from; each is another.
#[derive(Debug)]
pub struct Source {
    /// What the seed makes of a run's texts.
    run: u64,
    given: u64,
}

const WORDS: &str = "lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor incididunt ut labore et dolore magna aliqua \
                     enim ad minim veniam quis nostrud exercitation ullamco laboris nisi aliquip ex ea commodo consequat duis aute irure in \
                     reprehenderit voluptate velit esse cillum eu fugiat nulla pariatur excepteur sint occaecat cupidatat non proident sunt \
                     culpa qui officia deserunt mollit anim id est laborum";

impl Source {
    /// Those of this seed: of another all are others, so that a server has seen none of them.
    pub fn new(seed: u64) -> Self {
        Self { run: mixed(seed), given: 0 }
    }

    /// So many texts, each of exactly so many characters; of all lengths where that is 0.
    pub fn texts(&mut self, count: usize, characters: usize) -> Vec<String> {
        (0..count).map(|_| if characters == 0 { self.written() } else { self.lorem(characters) }).collect()
    }

    fn lorem(&mut self, characters: usize) -> String {
        let words: Vec<&str> = WORDS.split_whitespace().collect();
        let mut random = self.next();
        let mut text = String::with_capacity(characters + 16);
        while text.len() < characters {
            if !text.is_empty() {
                text.push(' ');
            }
            random = step(random);
            text.push_str(words[(random >> 33) as usize % words.len()]);
        }
        // It is all ASCII.
        text.truncate(characters);
        text
    }

    fn written(&mut self) -> String {
        let random = self.next();
        let text = &WRITTEN[(step(random) >> 33) as usize % WRITTEN.len()];
        // The run and the text's number in it, so that no cache has seen it.
        format!("{text} ({:06x}-{})", self.run >> 40, self.given)
    }

    fn next(&mut self) -> u64 {
        self.given += 1;
        self.run.wrapping_add(self.given)
    }
}

/// Knuth's MMIX generator.
pub const fn step(state: u64) -> u64 {
    state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407)
}

/// Seeds that are neighbors become numbers that are not: the end of SplitMix64 (Steele, Lea and Flood 2014).
const fn mixed(seed: u64) -> u64 {
    let seed = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let seed = (seed ^ (seed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    seed ^ (seed >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn exactly_as_long_and_no_two_alike() {
        let mut source = Source::new(1);
        for characters in [1, 7, 500, 10_000] {
            assert!(source.texts(20, characters).iter().all(|text| text.chars().count() == characters));
        }
        let texts: HashSet<String> = source.texts(2000, 500).into_iter().chain(source.texts(2000, 0)).collect();
        assert_eq!(texts.len(), 4000);
    }

    #[test]
    fn another_run_has_others() {
        let texts = |seed| {
            let mut source = Source::new(seed);
            [source.texts(500, 500), source.texts(500, 0)].concat()
        };
        let first: HashSet<String> = texts(1).into_iter().collect();
        assert_eq!(first, texts(1).into_iter().collect(), "a seed says which");
        for seed in 2..10 {
            assert!(texts(seed).iter().all(|text| !first.contains(text)), "{seed}");
        }
    }
}
