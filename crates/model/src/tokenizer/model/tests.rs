//! Our Unigram against that of `tokenizers`: the same tokens and errors, whatever the pieces and the text.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tokenizers::{Model as _, ModelWrapper};

use super::Model;

/// One character of one, two, three and four bytes and more; a mark to combine, and what byte fallback is written with.
const ALPHABET: [char; 14] = ['a', 'b', 'c', 'd', 'e', '\u{301}', 'é', '▁', '中', '文', '😀', '<', '0', '\u{200d}'];

/// Small numbers, the same in every run: a linear congruential generator with Knuth's constants for MMIX.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % bound as u64) as usize
    }

    fn text(&mut self, alphabet: &[char], longest: usize) -> String {
        (0..self.below(longest + 1)).map(|_| alphabet[self.below(alphabet.len())]).collect()
    }
}

/// A model of a few pieces. Its scores are few, so that paths tie; with high ones characters that are unknown are likelier
/// than pieces.
fn model(random: &mut Random) -> Value {
    let known = 2 + random.below(ALPHABET.len() - 1);
    let mut pieces: BTreeSet<String> =
        (0..random.below(40)).map(|_| random.text(&ALPHABET[..known], 5)).filter(|piece| !piece.is_empty()).collect();
    if random.below(2) == 0 {
        let all = random.below(4) > 0;
        pieces.extend((0..=255).filter(|byte| all || byte % 7 > 0).map(|byte: u8| format!("<0x{byte:02X}>")));
    }
    pieces.insert("<unk>".to_owned());
    let (lowest, kinds) = ([-20.0, -3.0, 0.0, 15.0][random.below(4)], 1 + random.below(6));
    let mut vocabulary: Vec<Value> =
        pieces.iter().map(|piece| json!([piece, lowest + 1.25 * random.below(kinds) as f64])).collect();
    for index in (1..vocabulary.len()).rev() {
        vocabulary.swap(index, random.below(index + 1));
    }
    let unknown = match random.below(8) {
        0 => None,
        1 => Some(random.below(vocabulary.len())),
        _ => vocabulary.iter().position(|piece| piece[0] == "<unk>"),
    };
    json!({ "type": "Unigram", "unk_id": unknown, "byte_fallback": random.below(2) == 0, "vocab": vocabulary })
}

/// Both models of the same JSON.
fn both(json: &Value) -> (Model, ModelWrapper) {
    let text = json.to_string();
    (serde_json::from_str(&text).expect("ours takes it"), serde_json::from_str(&text).expect("theirs takes it"))
}

fn hold(ours: &Model, theirs: &ModelWrapper, text: &str, json: &Value) {
    let expected = theirs.tokenize(text).map_err(|error| error.to_string());
    assert_eq!(ours.tokenize(text).map_err(|error| error.to_string()), expected, "{text:?} by {json}");
}

#[test]
fn the_tokens_are_the_same() {
    let mut random = Random(1);
    let (mut ties, mut failures) = (0, 0);
    for _ in 0..400 {
        let json = model(&mut random);
        let (ours, theirs) = both(&json);
        assert!(matches!(ours, Model::Unigram(_)));
        hold(&ours, &theirs, "", &json);
        for _ in 0..40 {
            let text = random.text(&ALPHABET, 24);
            hold(&ours, &theirs, &text, &json);
            failures += usize::from(theirs.tokenize(&text).is_err());
        }
        let text = "<unk>a<unk><unk>中é<0x61>é\u{301}e\u{301}";
        hold(&ours, &theirs, text, &json);
        ties += usize::from(theirs.tokenize(text).is_ok_and(|tokens| tokens.len() > 3));
    }
    assert!(failures > 100 && ties > 100, "{failures} failures, {ties} texts of several tokens");
}

#[test]
fn the_vocabulary_is_the_same() {
    let mut random = Random(2);
    for _ in 0..40 {
        let json = model(&mut random);
        let (ours, theirs) = both(&json);
        assert_eq!(ours.get_vocab(), theirs.get_vocab());
        let size = ours.get_vocab_size();
        assert_eq!(size, theirs.get_vocab_size());
        for id in 0..=size as u32 {
            assert_eq!(ours.id_to_token(id), theirs.id_to_token(id));
        }
        for _ in 0..100 {
            let piece = random.text(&ALPHABET, 4);
            assert_eq!(ours.token_to_id(&piece), theirs.token_to_id(&piece), "{piece:?} in {json}");
        }
    }
}

/// So many prefixes that the table's first size does not hold them.
#[test]
fn long_pieces_are_found() {
    let mut random = Random(3);
    let pieces: BTreeSet<String> = (0..200).map(|_| random.text(&ALPHABET, 60)).collect();
    let vocabulary: Vec<Value> = pieces.iter().map(|piece| json!([piece, -1.0])).collect();
    let json = json!({ "type": "Unigram", "unk_id": 0, "vocab": vocabulary });
    let (ours, theirs) = both(&json);
    for piece in &pieces {
        assert_eq!(ours.token_to_id(piece), theirs.token_to_id(piece), "{piece:?}");
        hold(&ours, &theirs, piece, &json);
    }
}

/// The keys in any order, and as older files have them: without the type.
#[test]
fn keys_come_in_any_order() {
    for json in [
        r#"{"type": "Unigram", "unk_id": 1, "vocab": [["a", -1], ["b", -2.5]]}"#,
        r#"{"vocab": [["a", -1], ["b", -2.5]], "unk_id": 1, "type": "Unigram"}"#,
        r#"{"vocab": [["a", -1], ["b", -2.5]], "unk_id": 1}"#,
        r#"{"byte_fallback": false, "vocab": [["a", -1], ["b", -2.5]], "unk_id": 1, "another": {"key": []}}"#,
    ] {
        let (ours, theirs): (Model, ModelWrapper) =
            (serde_json::from_str(json).expect(json), serde_json::from_str(json).expect(json));
        assert!(matches!(ours, Model::Unigram(_)), "{json}");
        hold(&ours, &theirs, "abxab", &json!(json));
    }
}

/// All other models are those of `tokenizers`.
#[test]
fn other_models_stay() {
    for json in [
        r###"{"type": "WordPiece", "vocab": {"[UNK]": 0, "a": 1, "##b": 2}, "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100}"###,
        r#"{"type": "WordLevel", "unk_token": "a", "vocab": {"a": 0, "ab": 1}}"#,
        r#"{"vocab": {"a": 0, "ab": 1}, "unk_token": "a", "type": "WordLevel"}"#,
        r#"{"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"], "byte_fallback": false}"#,
        r#"{"vocab": {"a": 0, "b": 1, "ab": 2}, "merges": [["a", "b"]]}"#,
    ] {
        let (ours, theirs): (Model, ModelWrapper) =
            (serde_json::from_str(json).expect(json), serde_json::from_str(json).expect(json));
        assert!(matches!(&ours, Model::Other(model) if *model == theirs), "{json}");
        hold(&ours, &theirs, "ab", &json!(json));
    }
}
