//! Bytes as a Unigram and a text, whose ids must be those of `tokenizers`.
//!
//! 0xff, which no text has, stands between the parts. The first part's bytes are the unknown piece's number and whether there
//! is byte fallback; the last is the text; each between is a piece, of which the first byte is the score.

#![no_main]

use std::borrow::Cow;

use libfuzzer_sys::fuzz_target;
use pollster::block_on;
use serde_json::{Value, json};
use tokenizers::Tokenizer;
use wembed_model::{Description, Memory, Tokenize as _};

fuzz_target!(|input: &[u8]| {
    let mut parts: Vec<&[u8]> = input.split(|&byte| byte == 0xff).collect();
    let text = String::from_utf8_lossy(parts.pop().unwrap_or_default());
    let Some((head, pieces)) = parts.split_first() else { return };
    let vocabulary: Vec<Value> = pieces.iter().filter_map(|part| piece(part)).collect();
    let model = json!({
        "type": "Unigram",
        "unk_id": head.first(),
        "byte_fallback": head.get(1).is_some_and(|byte| byte % 2 == 1),
        "vocab": vocabulary,
    });
    let json = json!({ "version": "1.0", "model": model }).to_string();
    let mut files = Memory::default();
    files.insert("config.json", &include_bytes!("../golden/models/mpnet/config.json")[..]);
    files.insert("tokenizer.json", json.as_bytes());
    let description = block_on(Description::read(&files)).expect("the golden model has these");
    let Ok(ours) = block_on(description.tokenizer(&files)) else { return };
    let theirs = Tokenizer::from_bytes(&json).expect("what ours takes, theirs takes");
    let tokens = ours.encode(&[Cow::Borrowed(&*text)]).remove(0);
    match theirs.encode(&*text, true) {
        Ok(encoding) => assert_eq!(tokens.expect("theirs takes the text"), encoding.get_ids()),
        Err(_) => assert!(tokens.is_err()),
    }
});

/// A piece and its score, of which many are equal.
fn piece(part: &[u8]) -> Option<Value> {
    let (score, piece) = part.split_first()?;
    Some(json!([std::str::from_utf8(piece).ok()?, f64::from(*score as i8) / 4.0]))
}
