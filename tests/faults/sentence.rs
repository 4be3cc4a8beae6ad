//! What sentence-transformers keeps beside the encoder: prompts, dimensions, lengths.

use pollster::block_on;
use serde_json::json;
use wembed_model::Description;

use crate::case::{Case, chain, changed, describe, edit_json, hold_described, model, set};

const SENTENCE: &str = "config_sentence_transformers.json";
const LENGTHS: &str = "sentence_bert_config.json";

#[test]
fn what_is_not_known() {
    hold_described(&[
        Case {
            name: "a default prompt that is not there",
            model: "mpnet",
            change: |files| set(files, SENTENCE, "default_prompt_name", json!("passage")),
            says: &[
                "`config_sentence_transformers.json`",
                "`default_prompt_name`",
                "`document` or `query`",
                "found `passage`",
            ],
        },
        Case {
            name: "a default prompt where there are none",
            model: "bert",
            change: |files| set(files, SENTENCE, "default_prompt_name", json!("query")),
            says: &[
                "`config_sentence_transformers.json`",
                "`default_prompt_name`",
                "expected no name",
                "found `query`",
            ],
        },
        Case {
            name: "a prompt that is none",
            model: "mpnet",
            change: |files| set(files, SENTENCE, "prompts", json!({"query": 1})),
            says: &[
                "`config_sentence_transformers.json`",
                "`prompts.query`",
                "invalid type: integer `1`, expected a string",
            ],
        },
        Case {
            name: "more dimensions than there are",
            model: "mpnet",
            change: |files| set(files, SENTENCE, "truncate_dim", json!(97)),
            says: &["`config_sentence_transformers.json`", "`truncate_dim`", "1 to 96", "found `97`"],
        },
        Case {
            name: "more dimensions than the Dense gives",
            model: "bert",
            change: |files| set(files, SENTENCE, "truncate_dim", json!(41)),
            says: &["`config_sentence_transformers.json`", "`truncate_dim`", "1 to 40", "found `41`"],
        },
        Case {
            name: "no dimension",
            model: "mpnet",
            change: |files| set(files, SENTENCE, "truncate_dim", json!(0)),
            says: &["`config_sentence_transformers.json`", "`truncate_dim`", "1 to 96", "found `0`"],
        },
        Case {
            name: "no token",
            model: "mpnet",
            change: |files| set(files, LENGTHS, "max_seq_length", json!(0)),
            says: &["`sentence_bert_config.json`", "`max_seq_length`", "1 to 200", "found `0`"],
        },
        Case {
            name: "more tokens than positions",
            model: "mpnet",
            change: |files| set(files, LENGTHS, "max_seq_length", json!(201)),
            says: &["`sentence_bert_config.json`", "`max_seq_length`", "1 to 200", "found `201`"],
        },
        Case {
            name: "more tokens than positions in the encoder's folder",
            model: "xlm-roberta",
            change: |files| set(files, "0_Transformer/sentence_bert_config.json", "max_seq_length", json!(131)),
            says: &["`0_Transformer/sentence_bert_config.json`", "`max_seq_length`", "1 to 130", "found `131`"],
        },
        Case {
            name: "more tokens than positions in a file of the older name",
            model: "bert",
            change: |files| {
                files.remove(LENGTHS);
                files.insert("sentence_roberta_config.json", "{\"max_seq_length\": 65}");
            },
            says: &["`sentence_roberta_config.json`", "`max_seq_length`", "1 to 64", "found `65`"],
        },
        Case {
            name: "tokens less than none",
            model: "mpnet",
            change: |files| set(files, LENGTHS, "max_seq_length", json!(-1)),
            says: &["`sentence_bert_config.json`", "`max_seq_length`", "invalid value: integer `-1`"],
        },
        Case {
            name: "lower case that is no flag",
            model: "mpnet",
            change: |files| set(files, LENGTHS, "do_lower_case", json!("no")),
            says: &["`sentence_bert_config.json`", "`do_lower_case`", "expected a boolean"],
        },
        Case {
            name: "another task",
            model: "mpnet",
            change: |files| set(files, LENGTHS, "transformer_task", json!("fill-mask")),
            says: &["`sentence_bert_config.json`", "`transformer_task`", "feature-extraction", "found `fill-mask`"],
        },
        Case {
            name: "another output",
            model: "mpnet",
            change: |files| set(files, LENGTHS, "module_output_name", json!("logits")),
            says: &["`sentence_bert_config.json`", "`module_output_name`", "token_embeddings", "found `logits`"],
        },
        Case {
            name: "images",
            model: "mpnet",
            change: |files| {
                let image = json!({ "method": "get_image_features", "method_output_name": "pooler_output" });
                set(files, LENGTHS, "modality_config", json!({ "image": image }));
            },
            says: &["`sentence_bert_config.json`", "`modality_config`", "last_hidden_state", "get_image_features"],
        },
        Case {
            name: "the pooler's output",
            model: "mpnet",
            change: |files| {
                let text = json!({ "method": "forward", "method_output_name": "pooler_output" });
                set(files, LENGTHS, "modality_config", json!({ "text": text }));
            },
            says: &["`sentence_bert_config.json`", "`modality_config`", "last_hidden_state", "pooler_output"],
        },
        Case {
            name: "another length for queries",
            model: "mpnet",
            change: |files| set(files, LENGTHS, "query_length", json!(32)),
            says: &["`sentence_bert_config.json`", "`query_length`", "expected null", "found `32`"],
        },
        Case {
            name: "options for the tokenizer's calls",
            model: "mpnet",
            change: |files| set(files, LENGTHS, "processing_kwargs", json!({ "text": { "max_length": 5 } })),
            says: &["`sentence_bert_config.json`", "`processing_kwargs`", "expected {}", "max_length"],
        },
        Case {
            name: "options for the encoder",
            model: "bert",
            change: |files| set(files, LENGTHS, "model_args", json!({ "default_task": "retrieval" })),
            says: &["`sentence_bert_config.json`", "`model_args.default_task`", "no such option", "retrieval"],
        },
        Case {
            name: "a key about lengths that is not known",
            model: "bert",
            change: |files| set(files, LENGTHS, "max_length", json!(16)),
            says: &["`sentence_bert_config.json`", "unknown field `max_length`"],
        },
        Case {
            name: "a model of another kind",
            model: "mpnet",
            change: |files| set(files, SENTENCE, "model_type", json!("SparseEncoder")),
            says: &[
                "`config_sentence_transformers.json`",
                "`model_type`",
                "SentenceTransformer",
                "found `SparseEncoder`",
            ],
        },
        Case {
            name: "a measure that is not known",
            model: "mpnet",
            change: |files| set(files, SENTENCE, "similarity_fn_name", json!("maxsim")),
            says: &["`config_sentence_transformers.json`", "`similarity_fn_name`", "one of cosine", "found `maxsim`"],
        },
        Case {
            name: "a key that is not known",
            model: "mpnet",
            change: |files| set(files, SENTENCE, "default_prompt", json!("query")),
            says: &["`config_sentence_transformers.json`", "unknown field `default_prompt`"],
        },
        Case {
            name: "a side that is none",
            model: "mpnet",
            change: |files| set(files, "tokenizer_config.json", "truncation_side", json!("middle")),
            says: &["`tokenizer_config.json`", "`truncation_side`", "left or right", "found `middle`"],
        },
        Case {
            name: "a tokenizer's length that is none",
            model: "mpnet",
            change: |files| set(files, "tokenizer_config.json", "model_max_length", json!("long")),
            says: &["`tokenizer_config.json`", "`model_max_length`", "expected f64"],
        },
        Case {
            name: "a tokenizer's length below one",
            model: "mpnet",
            change: |files| set(files, "tokenizer_config.json", "model_max_length", json!(-1)),
            says: &["`tokenizer_config.json`", "`model_max_length`", "at least 1", "found `-1`"],
        },
    ]);
}

/// What sentence-transformers writes beside what counts, and what counts as nothing.
#[test]
fn what_is_allowed_is_taken() {
    for (path, keys) in [
        (LENGTHS, json!({ "unpad_inputs": true, "processing_kwargs": {}, "query_expansion": null })),
        (LENGTHS, json!({ "model_args": { "attn_implementation": "sdpa" } })),
        (
            LENGTHS,
            json!({ "processor_kwargs": { "padding_side": "left" }, "config_args": { "trust_remote_code": true } }),
        ),
        (SENTENCE, json!({ "requirements": ["transformers>=4.51"], "prompts": { "query": null, "document": "" } })),
        ("1_Pooling/config.json", json!({ "embedding_dimension": 96, "word_embedding_dimension": 96 })),
    ] {
        let files = changed("mpnet", |files| {
            for (key, value) in keys.as_object().unwrap() {
                set(files, path, key, value.clone());
            }
        });
        describe(&files).unwrap_or_else(|error| panic!("{keys}: {}", chain(&error)));
    }
}

/// Dropout is for training: it changes no vector.
#[test]
fn a_dropout_module_is_passed_over() {
    let files = changed("mpnet", |files| {
        edit_json(files, "modules.json", |json| {
            let dropout =
                json!({ "idx": 2, "name": "2", "path": "2_Dropout", "type": "sentence_transformers.models.Dropout" });
            json.as_array_mut().unwrap().insert(2, dropout);
        });
    });
    let modules = |files| block_on(Description::read(files)).unwrap().modules;
    assert_eq!(modules(&files), modules(&model("mpnet")));
}
