//! The golden models' tokenizers, on texts by people and by chance.

use wembed_tests::golden::{Golden, folder, read};
use wembed_tests::values::Random;

use crate::Pair;

/// Where the characters of a text by chance come from: letters, marks to combine, what is normalised, what is no piece.
const RANGES: [(u32, u32); 12] = [
    (0x20, 0x7f),
    (0x61, 0x7a),
    (0x09, 0x0d),
    (0xa0, 0x17f),
    (0x300, 0x36f),
    (0x391, 0x451),
    (0x5d0, 0x64b),
    (0x900, 0xe4d),
    (0x2000, 0x206f),
    (0x3041, 0x30ff),
    (0x4e00, 0xd7a3),
    (0xfb00, 0x1f6ff),
];

/// Words and signs of whole texts, and what the tokenizers take for one token.
const PARTS: [&str; 10] = ["<s>", "<mask>", " </s>", "[SEP]", "<unk>", "\u{2581}", "ﬁ", "한국어", "e\u{301}", "👩🏽‍🚀"];

fn by_chance(random: &mut Random) -> String {
    let mut text = String::new();
    let range = random.pick(&RANGES);
    for _ in 0..random.bits() % 60 {
        match random.bits() % 16 {
            0 => text.push_str(random.pick(&PARTS)),
            1..4 => text.push(' '),
            4..7 => text.extend(character(random, random.clone().pick(&RANGES))),
            _ => text.extend(character(random, range)),
        }
    }
    text
}

fn character(random: &mut Random, (first, last): (u32, u32)) -> Option<char> {
    char::from_u32(first + (random.bits() % u64::from(last - first + 1)) as u32)
}

#[test]
fn golden_tokenizers_give_the_same_ids() {
    let golden: Golden = read("golden.json");
    let texts: Vec<&str> = golden.models.iter().flat_map(|model| &model.expected.texts).map(String::as_str).collect();
    let mut random = Random::new(7);
    let chance: Vec<String> = (0..2000).map(|_| by_chance(&mut random)).collect();
    let chance: Vec<&str> = chance.iter().map(String::as_str).collect();
    for model in &golden.models {
        let folder = folder().join(&model.path);
        let path = ["tokenizer.json", "0_Transformer/tokenizer.json"].map(|file| folder.join(file));
        let pair = Pair::new(&std::fs::read(path.iter().find(|path| path.is_file()).unwrap()).unwrap());
        pair.hold(&texts);
        let ids = pair.hold(&chance);
        assert!(ids > 10 * chance.len(), "{}: {ids} ids of {} texts", model.name, chance.len());
    }
}
