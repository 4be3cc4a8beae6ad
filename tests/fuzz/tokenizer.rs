//! Bytes as a tokenizer.json, and a few texts through it.

#![no_main]

use std::borrow::Cow;

use libfuzzer_sys::fuzz_target;
use pollster::block_on;
use wembed_model::{Description, Memory, Tokenize as _};

fuzz_target!(|input: &[u8]| {
    let mut files = Memory::default();
    files.insert("config.json", &include_bytes!("../golden/models/mpnet/config.json")[..]);
    files.insert("tokenizer.json", input);
    let description = block_on(Description::read(&files)).expect("the golden model has these");
    match block_on(description.tokenizer(&files)) {
        Ok(tokenizer) => {
            let texts =
                ["", "a text", "A longer one, with \u{e9}\u{301} \u{4e2d}\u{6587}\u{200b} and <mask> </s>\n\t!"];
            assert_eq!(tokenizer.encode(&texts.map(Cow::Borrowed)).len(), texts.len());
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
