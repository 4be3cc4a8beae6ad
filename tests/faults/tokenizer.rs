//! tokenizer.json and what belongs to it.

use serde_json::{Value, json};
use wembed_model::{EmbedOptions, Memory};
use wembed_tests::embedding::embed;

use crate::case::{Case, Faults, chain, changed, describe, edit_json, hold_described, hold_loaded, load, model, set};
use crate::checkpoint::edit;

const TOKENIZER: &str = "tokenizer.json";
const TOKENIZER_CONFIG: &str = "tokenizer_config.json";
const LENGTHS: &str = "sentence_bert_config.json";

/// Puts a normaliser with this table behind another one.
fn precompiled(files: &mut Memory, table: Value) {
    let parts = json!([{ "type": "NFC" }, { "type": "Precompiled", "precompiled_charsmap": table }]);
    edit_json(files, "0_Transformer/tokenizer.json", |json| {
        json["normalizer"] = json!({ "type": "Sequence", "normalizers": parts });
    });
}

#[test]
fn the_file() {
    hold_described(&[
        Case {
            name: "missing",
            model: "mpnet",
            change: |files| drop(files.remove(TOKENIZER)),
            says: &["`tokenizer.json` is missing", "AutoTokenizer.from_pretrained(DIR).save_pretrained(DIR)"],
        },
        Case {
            name: "missing in the encoder's folder",
            model: "xlm-roberta",
            change: |files| drop(files.remove("0_Transformer/tokenizer.json")),
            says: &["`0_Transformer/tokenizer.json` is missing"],
        },
        Case {
            name: "empty",
            model: "mpnet",
            change: |files| files.insert(TOKENIZER, ""),
            says: &["`tokenizer.json`", "EOF"],
        },
        // The tokenizers crate panics where this is read; found by fuzzing.
        Case {
            name: "a table of characters cut short",
            model: "xlm-roberta",
            change: |files| precompiled(files, json!("AA==")),
            says: &["`0_Transformer/tokenizer.json`", "`normalizer`: a Precompiled one"],
        },
        Case {
            name: "a table of characters that is none",
            model: "xlm-roberta",
            change: |files| precompiled(files, json!("ä")),
            says: &["`0_Transformer/tokenizer.json`", "`normalizer`: a Precompiled one"],
        },
        Case {
            name: "no JSON",
            model: "mpnet",
            change: |files| files.insert(TOKENIZER, "[UNK]\n[CLS]\n"),
            says: &["`tokenizer.json`", "line 1 column"],
        },
        Case {
            name: "not UTF-8",
            model: "mpnet",
            change: |files| files.insert(TOKENIZER, &b"{\"version\": \"\xff\"}"[..]),
            says: &["`tokenizer.json`", "invalid unicode code point"],
        },
        Case {
            name: "cut in the middle",
            model: "mpnet",
            change: |files| files.insert(TOKENIZER, &files.get(TOKENIZER).unwrap()[..5000].to_vec()[..]),
            says: &["`tokenizer.json`", "EOF"],
        },
        Case {
            name: "no model",
            model: "mpnet",
            change: |files| edit_json(files, TOKENIZER, |json| drop(json.as_object_mut().unwrap().remove("model"))),
            says: &["`tokenizer.json`", "Model missing"],
        },
        Case {
            name: "a model that is not known",
            model: "mpnet",
            change: |files| edit_json(files, TOKENIZER, |json| json["model"] = json!({"type": "Syllables"})),
            says: &["`tokenizer.json`", "did not match any variant of untagged enum ModelUntagged"],
        },
        Case {
            name: "a version that is not known",
            model: "mpnet",
            change: |files| edit_json(files, TOKENIZER, |json| json["version"] = json!("9.9")),
            says: &["`tokenizer.json`", "9.9"],
        },
        Case {
            name: "an array, to be lowercased",
            model: "mpnet",
            change: |files| {
                set(files, LENGTHS, "do_lower_case", json!(true));
                files.insert(TOKENIZER, "[]");
            },
            says: &["`tokenizer.json`", "expected a JSON object"],
        },
        Case {
            name: "no JSON, to be lowercased",
            model: "mpnet",
            change: |files| {
                set(files, LENGTHS, "do_lower_case", json!(true));
                files.insert(TOKENIZER, "[UNK]");
            },
            says: &["`tokenizer.json`", "line 1 column"],
        },
        Case {
            name: "a side to cut at that is not known",
            model: "mpnet",
            change: |files| set(files, TOKENIZER_CONFIG, "truncation_side", json!("middle")),
            says: &["`tokenizer_config.json`", "`truncation_side`", "expected left or right", "found `middle`"],
        },
        Case {
            name: "a configuration that is an array",
            model: "mpnet",
            change: |files| files.insert(TOKENIZER_CONFIG, "[]"),
            says: &["`tokenizer_config.json`", "invalid length 0, expected a JSON object"],
        },
        Case {
            name: "no room beside the special tokens",
            model: "mpnet",
            change: |files| set(files, LENGTHS, "max_seq_length", json!(2)),
            says: &["the maximum length", "more than the 2 special tokens", "found 2"],
        },
    ]);
}

#[test]
fn more_tokens_than_the_table_has_rows() {
    hold_loaded(&[Case {
        name: "one more",
        model: "bert",
        change: |files| edit_json(files, TOKENIZER, |json| add_token(json, "one-too-many", 540)),
        says: &["`tokenizer.json`", "the number of tokens", "at most 540", "the rows of the word table", "found `541`"],
    }]);
}

fn add_token(json: &mut Value, content: &str, id: u32) {
    json["added_tokens"].as_array_mut().unwrap().push(json!({
        "id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false,
        "special": false,
    }));
}

/// Rows that no token has are of no interest: the same vectors, bit for bit.
#[test]
fn fewer_tokens_than_the_table_has_rows() {
    let texts = ["a text", "and another, longer one", ""];
    let vectors = |files: Memory| {
        let mut embedder = load(files).unwrap();
        let embeddings = embed(&mut embedder, &texts, &EmbedOptions::default()).unwrap();
        embeddings.into_iter().map(|embedding| embedding.vector).collect::<Vec<_>>()
    };
    let longer = changed("bert", |files| {
        set(files, "config.json", "vocab_size", json!(604));
        edit(files, "model.safetensors", |checkpoint| {
            let mut values = checkpoint.values("word_embeddings.weight");
            values.resize(604 * 60, 65504.0);
            checkpoint.store("word_embeddings.weight", "F16", &[604, 60], &values);
        });
    });
    assert_eq!(vectors(model("bert")), vectors(longer));
}

/// Numbers of tokens with gaps between them: a token beyond the table is that text's own error.
#[test]
fn a_token_beyond_the_table() {
    let files = changed("bert", |files| {
        edit_json(files, TOKENIZER, |json| {
            let vocabulary = json["model"]["vocab"].as_object_mut().unwrap();
            let last = vocabulary.iter().find(|(_, id)| **id == 539).map(|(word, _)| word.clone()).unwrap();
            vocabulary.remove(&last);
            vocabulary.insert("faraway".to_owned(), json!(10_000));
        });
    });
    let loaded = load(files);
    let mut embedder = loaded.unwrap();
    let results =
        pollster::block_on(embedder.embed(&["near", "it is faraway", "by"], &EmbedOptions::default())).unwrap();
    let error = results[1].as_ref().unwrap_err();
    assert!(error.is_text());
    let message = chain(error);
    assert!(["10000", "540 rows of the word table"].iter().all(|said| message.contains(said)), "{message}");
    let mut alone = load(model("bert")).unwrap();
    let expected = embed(&mut alone, &["near", "by"], &EmbedOptions::default()).unwrap();
    assert_eq!(results[0].as_ref().unwrap(), &expected[0]);
    assert_eq!(results[2].as_ref().unwrap(), &expected[1]);
}

/// transformers takes tokenizer_config.json's word for how a BERT tokenizer normalises, `tokenizers` the other file's.
#[test]
fn what_two_files_say_differently() {
    let mut faults = Faults::default();
    for (key, asked, says) in [
        ("do_lower_case", true, "expected false, as in tokenizer.json's normalizer, found `true`"),
        ("strip_accents", false, "expected null, as in tokenizer.json's normalizer, found `false`"),
        ("tokenize_chinese_chars", false, "expected true, as in tokenizer.json's normalizer, found `false`"),
    ] {
        let files = |class: &str| {
            changed("bert", |files| {
                set(files, "tokenizer_config.json", "tokenizer_class", class.into());
                set(files, "tokenizer_config.json", key, asked.into());
            })
        };
        faults.hold(key, describe(&files("BertTokenizer")), &["`tokenizer_config.json`", key, says]);
        faults.expect(key, describe(&files("PreTrainedTokenizerFast")));
    }
}

#[test]
fn an_added_token_with_another_id() {
    let files = changed("bert", |files| {
        edit_json(files, TOKENIZER, |json| json["added_tokens"][1]["id"] = 7.into());
    });
    let mut faults = Faults::default();
    let says = ["`tokenizer.json`", "`added_tokens`", "1 as the id of `[UNK]`", "found `7`"];
    faults.hold("an id", describe(&files), &says);
}

/// Without special tokens an empty text has none at all.
#[test]
fn a_text_without_tokens() {
    let files = changed("bert", |files| {
        edit_json(files, TOKENIZER, |json| json["post_processor"] = Value::Null);
    });
    let loaded = load(files);
    let mut embedder = loaded.unwrap();
    for texts in [&["", "a text", " "][..], &[""], &[]] {
        let results = pollster::block_on(embedder.embed(texts, &EmbedOptions::default())).unwrap();
        assert_eq!(results.len(), texts.len());
        for (text, result) in texts.iter().zip(results) {
            match result {
                Ok(_) => assert_eq!(*text, "a text"),
                Err(error) => {
                    assert!(error.is_text() && text.trim().is_empty());
                    assert!(
                        chain(&error).contains("expected 1 or more, special tokens included, found 0"),
                        "{}",
                        chain(&error)
                    );
                }
            }
        }
    }
}
