//! What sentence-transformers keeps beside the encoder: prompts, dimensions, lengths.

use serde_json::json;

use crate::case::{Case, hold_described, set};

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
