//! Bytes as a model's small files, one after the other with 0xff between, which no JSON has; a dash stands for a file that is
//! not there.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pollster::block_on;
use wembed_model::{Description, Memory};

const FILES: [&str; 7] = [
    "config.json",
    "modules.json",
    "1_Pooling/config.json",
    "sentence_bert_config.json",
    "tokenizer_config.json",
    "config_sentence_transformers.json",
    "2_Dense/config.json",
];

fuzz_target!(|input: &[u8]| {
    let mut files = Memory::default();
    for (path, bytes) in FILES.into_iter().zip(input.split(|&byte| byte == 0xff)) {
        if bytes != b"-" {
            files.insert(path, bytes);
        }
    }
    match block_on(Description::read(&files)) {
        Ok(description) => hold(&description),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});

/// What all that comes after relies on.
fn hold(description: &Description) {
    let config = &description.config;
    let sizes = [config.vocabulary_size, config.hidden_size, config.layers, config.intermediate_size];
    assert!(sizes.iter().all(|&size| size > 0));
    assert_eq!(config.hidden_size % config.heads, 0);
    assert!(config.epsilon > 0.0 && config.epsilon < 1.0);
    assert!((1..=config.usable_positions()).contains(&description.max_length));
    assert!((1..=description.width).contains(&description.dimensions));
    assert!(!description.modules.pooling.is_empty());
    if let Some(name) = &description.default_prompt {
        assert!(description.prompts.contains_key(name));
    }
    let last = config.architecture.positions.of(&vec![2; description.max_length], config.pad_token_id);
    assert!(last.iter().all(|&position| (position as usize) < config.position_rows));
    assert!(config.widest() >= config.hidden_size);
    let _ = description.normalizes();
}
