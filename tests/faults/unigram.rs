//! The vocabulary of a Unigram in tokenizer.json.

use serde_json::{Value, json};
use wembed_model::Memory;

use crate::case::{Case, changed, describe, edit_json, hold_described};

const TOKENIZER: &str = "0_Transformer/tokenizer.json";

/// Changes the model of XLM-R's tokenizer, which has 500 pieces.
fn edit(files: &mut Memory, change: impl FnOnce(&mut Value)) {
    edit_json(files, TOKENIZER, |json| change(&mut json["model"]));
}

/// Puts this where the last piece is, as JSON that no library would write.
fn write(files: &mut Memory, piece: &str) {
    edit(files, |model| model["vocab"][499] = json!("here"));
    let text = String::from_utf8(files.get(TOKENIZER).expect("it was written").to_vec()).expect("it is JSON");
    files.insert(TOKENIZER, text.replace("\"here\"", piece));
}

#[test]
fn the_vocabulary() {
    hold_described(&[
        Case {
            name: "no piece",
            model: "xlm-roberta",
            change: |files| edit(files, |model| model["vocab"] = json!([])),
            says: &["`0_Transformer/tokenizer.json`", "`vocab`: expected at least one piece, found none"],
        },
        Case {
            name: "no vocabulary",
            model: "xlm-roberta",
            change: |files| edit(files, |model| drop(model.as_object_mut().expect("a model").remove("vocab"))),
            says: &["`0_Transformer/tokenizer.json`", "Missing vocab"],
        },
        Case {
            name: "a map of words to ids",
            model: "xlm-roberta",
            change: |files| edit(files, |model| model["vocab"] = json!({"a": 0})),
            says: &["`0_Transformer/tokenizer.json`", "invalid type: map, expected a sequence"],
        },
        Case {
            name: "a list of pieces for another model",
            model: "xlm-roberta",
            change: |files| edit(files, |model| model["type"] = json!("BPE")),
            says: &[
                "`0_Transformer/tokenizer.json`",
                "`vocab`: expected a map of words to ids, found a list",
                "\"BPE\"",
            ],
        },
        Case {
            name: "neither list nor map",
            model: "xlm-roberta",
            change: |files| edit(files, |model| model["vocab"] = json!(3)),
            says: &["`model.vocab`: invalid type: integer `3`", "expected a list of pieces and their scores, or a map"],
        },
        Case {
            name: "an unknown piece beyond the last",
            model: "xlm-roberta",
            change: |files| edit(files, |model| model["unk_id"] = json!(500)),
            says: &["`unk_id`: expected the number of one of the 500 pieces, found 500"],
        },
        Case {
            name: "an unknown piece below the first",
            model: "xlm-roberta",
            change: |files| edit(files, |model| model["unk_id"] = json!(-1)),
            says: &["`0_Transformer/tokenizer.json`", "`unk_id`: invalid value: integer `-1`"],
        },
        Case {
            name: "a byte fallback that is no truth value",
            model: "xlm-roberta",
            change: |files| edit(files, |model| model["byte_fallback"] = json!("yes")),
            says: &["`byte_fallback`: invalid type: string \"yes\", expected a boolean"],
        },
    ]);
}

#[test]
fn the_pieces() {
    hold_described(&[
        Case {
            name: "no string",
            model: "xlm-roberta",
            change: |files| write(files, "[17, -1.5]"),
            says: &["`model.vocab[499][0]`: invalid type: integer `17`, expected a piece"],
        },
        Case {
            name: "alone",
            model: "xlm-roberta",
            change: |files| write(files, "\"word\""),
            says: &["`model.vocab[499]`: invalid type: string \"word\", expected a piece and its score"],
        },
        Case {
            name: "without a score",
            model: "xlm-roberta",
            change: |files| write(files, "[\"word\"]"),
            says: &["`model.vocab[499]`: invalid length 1, expected a piece and its score"],
        },
        Case {
            name: "with two scores",
            model: "xlm-roberta",
            change: |files| write(files, "[\"word\", -1, -2]"),
            says: &["`model.vocab[499]`: invalid length 3, expected a piece and its score"],
        },
        Case {
            name: "a score that is no number",
            model: "xlm-roberta",
            change: |files| write(files, "[\"word\", \"-1\"]"),
            says: &["`model.vocab[499][1]`: invalid type: string \"-1\", expected f64"],
        },
        Case {
            name: "a score that is null, as Python's json never writes NaN",
            model: "xlm-roberta",
            change: |files| write(files, "[\"word\", null]"),
            says: &["`model.vocab[499][1]`: invalid type: null, expected f64"],
        },
        Case {
            name: "a score that is NaN, as Python's json writes it",
            model: "xlm-roberta",
            change: |files| write(files, "[\"word\", NaN]"),
            says: &["`model.vocab[499][1]`: expected value at line 1"],
        },
        Case {
            name: "a score that is infinite",
            model: "xlm-roberta",
            change: |files| write(files, "[\"word\", -Infinity]"),
            says: &["`model.vocab[499][1]`: invalid number at line 1"],
        },
        Case {
            name: "a score beyond f64",
            model: "xlm-roberta",
            change: |files| write(files, "[\"word\", -1e999]"),
            says: &["`model.vocab[499][1]`: number out of range"],
        },
        Case {
            name: "half a character",
            model: "xlm-roberta",
            change: |files| write(files, r#"["\ud83d", -1]"#),
            says: &["`model.vocab[499][0]`", "line 1"],
        },
        Case {
            name: "cut in the middle",
            model: "xlm-roberta",
            change: |files| {
                let bytes = files.get(TOKENIZER).expect("the model has it");
                files.insert(TOKENIZER, bytes[..bytes.len() - 500].to_vec());
            },
            says: &["`model.vocab[", "EOF"],
        },
    ]);
}

/// What is odd but has a meaning.
#[test]
fn odd_vocabularies_are_taken() {
    for change in [
        // In place of pieces that no added token is.
        (|model| model["vocab"][498] = json!(["", -1])) as fn(&mut Value),
        |model| model["vocab"][498] = json!(["word", -3]),
        // `tokenizers` takes the last of two that are equal.
        |model| model["vocab"][498] = model["vocab"][497].clone(),
        |model| model["byte_fallback"] = json!(true),
        |model| model["unk_id"] = Value::Null,
        |model| drop(model.as_object_mut().expect("a model").remove("type")),
    ] {
        describe(&changed("xlm-roberta", |files| edit(files, change))).expect("it is taken");
    }
}
