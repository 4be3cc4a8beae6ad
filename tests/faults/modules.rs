//! modules.json and what comes after the encoder.

use serde_json::{Value, json};
use wembed_model::Memory;

use crate::case::{Case, edit_json, hold_described, set};

const MODULES: &str = "modules.json";
const POOLING: &str = "1_Pooling/config.json";
const DENSE: &str = "2_Dense/config.json";
const NORMALIZE: &str = "2_Normalize/config.json";

fn kind(files: &mut Memory, index: usize, kind: &str) {
    edit_json(files, MODULES, |json| json[index]["type"] = kind.into());
}

#[test]
fn the_list_of_modules() {
    hold_described(&[
        Case {
            name: "no JSON",
            model: "mpnet",
            change: |files| files.insert(MODULES, "Transformer, Pooling"),
            says: &["`modules.json`", "expected value at line 1"],
        },
        Case {
            name: "an object",
            model: "mpnet",
            change: |files| files.insert(MODULES, "{}"),
            says: &["`modules.json`", "invalid type: map, expected a sequence"],
        },
        Case {
            name: "an entry that is none",
            model: "mpnet",
            change: |files| files.insert(MODULES, "[\"Transformer\"]"),
            says: &["`modules.json`", "`[0]`", "expected a JSON object"],
        },
        Case {
            name: "an entry without a path",
            model: "mpnet",
            change: |files| edit_json(files, MODULES, |json| drop(json[1].as_object_mut().unwrap().remove("path"))),
            says: &["`modules.json`", "`[1]`", "missing field `path`"],
        },
        Case {
            name: "an entry without a type",
            model: "mpnet",
            change: |files| edit_json(files, MODULES, |json| drop(json[2].as_object_mut().unwrap().remove("type"))),
            says: &["`modules.json`", "`[2]`", "missing field `type`"],
        },
        Case {
            name: "a path that is a number",
            model: "mpnet",
            change: |files| edit_json(files, MODULES, |json| json[1]["path"] = json!(1)),
            says: &["`modules.json`", "`[1].path`", "invalid type: integer `1`, expected a string"],
        },
        Case {
            name: "empty",
            model: "mpnet",
            change: |files| files.insert(MODULES, "[]"),
            says: &["`modules.json`", "expected a Transformer and a Pooling module", "found none"],
        },
        Case {
            name: "an encoder alone",
            model: "mpnet",
            change: |files| edit_json(files, MODULES, |json| json.as_array_mut().unwrap().truncate(1)),
            says: &["`modules.json`", "expected a Transformer and a Pooling module", "found only the first"],
        },
        Case {
            name: "the wrong order",
            model: "mpnet",
            change: |files| edit_json(files, MODULES, |json| json.as_array_mut().unwrap().swap(0, 1)),
            says: &["`modules.json`", "`[0].type`", "a Transformer module first", "modules.pooling.Pooling`"],
        },
        Case {
            name: "no pooling before a Normalize",
            model: "mpnet",
            change: |files| edit_json(files, MODULES, |json| drop(json.as_array_mut().unwrap().remove(1))),
            says: &["`modules.json`", "`[1].type`", "a Pooling module second", "modules.normalize.Normalize`"],
        },
        Case {
            name: "a module that is not known",
            model: "mpnet",
            change: |files| kind(files, 2, "sentence_transformers.models.LayerNorm"),
            says: &[
                "`modules.json`",
                "`[2].type`",
                "a Dense or a Normalize module",
                "`sentence_transformers.models.LayerNorm`",
            ],
        },
        Case {
            name: "a second pooling",
            model: "mpnet",
            change: |files| kind(files, 2, "sentence_transformers.models.Pooling"),
            says: &[
                "`modules.json`",
                "`[2].type`",
                "a Dense or a Normalize module",
                "`sentence_transformers.models.Pooling`",
            ],
        },
        Case {
            name: "another encoder",
            model: "mpnet",
            change: |files| kind(files, 0, "sentence_transformers.models.WordEmbeddings"),
            says: &["`modules.json`", "`[0].type`", "a Transformer module first", "WordEmbeddings`"],
        },
        Case {
            name: "a module of someone else's",
            model: "mpnet",
            change: |files| kind(files, 0, "custom_st.Transformer"),
            says: &["`modules.json`", "`[0].type`", "a Transformer module first", "`custom_st.Transformer`"],
        },
        Case {
            name: "an option that a module wants to see",
            model: "mpnet",
            change: |files| edit_json(files, MODULES, |json| json[0]["kwargs"] = json!(["task"])),
            says: &["`modules.json`", "`[0].kwargs`", "expected none", "found `task`"],
        },
        Case {
            name: "a key that is not known",
            model: "mpnet",
            change: |files| edit_json(files, MODULES, |json| json[1]["weight"] = json!(0.5)),
            says: &["`modules.json`", "unknown field `weight`"],
        },
        Case {
            name: "an adapter",
            model: "mpnet",
            change: |files| files.insert("adapter_config.json", "{}"),
            says: &["`adapter_config.json`", "an adapter", "merge it"],
        },
        Case {
            name: "the folder of an encoder that is not there",
            model: "mpnet",
            change: |files| edit_json(files, MODULES, |json| json[0]["path"] = json!("0_Transformer")),
            says: &["`0_Transformer/config.json` is missing"],
        },
    ]);
}

#[test]
fn pooling() {
    hold_described(&[
        Case {
            name: "missing",
            model: "bert",
            change: |files| drop(files.remove(POOLING)),
            says: &["`1_Pooling/config.json` is missing", "a Pooling module has one"],
        },
        Case {
            name: "an array",
            model: "bert",
            change: |files| files.insert(POOLING, "[true]"),
            says: &["`1_Pooling/config.json`", "invalid type: sequence, expected a map"],
        },
        Case {
            name: "a key that is not known",
            model: "bert",
            change: |files| set(files, POOLING, "pooling_mode_attention_tokens", json!(true)),
            says: &["`1_Pooling/config.json`", "`pooling_mode_attention_tokens`", "expected", "found `true`"],
        },
        Case {
            name: "a flag that is none",
            model: "bert",
            change: |files| set(files, POOLING, "pooling_mode_mean_tokens", json!("yes")),
            says: &["`1_Pooling/config.json`", "`pooling_mode_mean_tokens`", "expected true or false", "yes"],
        },
        Case {
            name: "a mode that is not known",
            model: "mpnet",
            change: |files| set(files, POOLING, "pooling_mode", json!("median")),
            says: &[
                "`1_Pooling/config.json`",
                "`pooling_mode`",
                "cls, max, mean, mean_sqrt_len_tokens",
                "found `\"median\"`",
            ],
        },
        Case {
            name: "a mode among others that is not known",
            model: "mpnet",
            change: |files| set(files, POOLING, "pooling_mode", json!(["mean", "median"])),
            says: &["`1_Pooling/config.json`", "`pooling_mode`", "expected some of cls", "found `\"median\"`"],
        },
        Case {
            name: "a mode that is a number",
            model: "mpnet",
            change: |files| set(files, POOLING, "pooling_mode", json!(2)),
            says: &["`1_Pooling/config.json`", "`pooling_mode`", "found `2`"],
        },
        Case {
            name: "no mode",
            model: "mpnet",
            change: |files| set(files, POOLING, "pooling_mode", json!([])),
            says: &["`1_Pooling/config.json`", "`pooling_mode`", "at least one mode", "found `[]`"],
        },
        Case {
            name: "a prompt flag that is none",
            model: "bert",
            change: |files| set(files, POOLING, "include_prompt", Value::Null),
            says: &["`1_Pooling/config.json`", "`include_prompt`", "expected true or false", "found `null`"],
        },
        Case {
            name: "a key of nobody's",
            model: "mpnet",
            change: |files| set(files, POOLING, "weights", json!([1, 2])),
            says: &["`1_Pooling/config.json`", "`weights`", "a key of sentence-transformers' Pooling", "found `[1,2]`"],
        },
    ]);
}

#[test]
fn dense_and_normalize() {
    hold_described(&[
        Case {
            name: "missing",
            model: "bert",
            change: |files| drop(files.remove(DENSE)),
            says: &["`2_Dense/config.json` is missing", "a Dense module has one"],
        },
        Case {
            name: "without its width",
            model: "bert",
            change: |files| files.insert(DENSE, "{\"in_features\": 60}"),
            says: &["`2_Dense/config.json`", "missing field `out_features`"],
        },
        Case {
            name: "another width in than the pooling gives",
            model: "bert",
            change: |files| set(files, DENSE, "in_features", json!(64)),
            says: &["`2_Dense/config.json`", "`in_features`", "expected 60", "found `64`"],
        },
        Case {
            name: "one mode's width where two are pooled",
            model: "bert",
            change: |files| set(files, POOLING, "pooling_mode_max_tokens", json!(true)),
            says: &["`2_Dense/config.json`", "`in_features`", "expected 120", "found `60`"],
        },
        Case {
            name: "no width out",
            model: "bert",
            change: |files| set(files, DENSE, "out_features", json!(0)),
            says: &["`2_Dense/config.json`", "`out_features`", "1 to 16777216", "found `0`"],
        },
        Case {
            name: "a huge width out",
            model: "bert",
            change: |files| set(files, DENSE, "out_features", json!(1_u64 << 60)),
            says: &["`2_Dense/config.json`", "`out_features`", "1 to 16777216", "found `1152921504606846976`"],
        },
        Case {
            name: "an activation that is not known",
            model: "bert",
            change: |files| set(files, DENSE, "activation_function", json!("torch.nn.modules.activation.Mish")),
            says: &["`2_Dense/config.json`", "`activation_function`", "Identity, Tanh, ReLU", "activation.Mish`"],
        },
        Case {
            name: "an activation that is a number",
            model: "bert",
            change: |files| set(files, DENSE, "activation_function", json!(3)),
            says: &["`2_Dense/config.json`", "`activation_function`", "invalid type: integer `3`, expected a string"],
        },
        Case {
            name: "a residual",
            model: "bert",
            change: |files| set(files, DENSE, "use_residual", json!(true)),
            says: &["`2_Dense/config.json`", "`use_residual`", "expected false", "found `true`"],
        },
        Case {
            name: "a key that is not known",
            model: "bert",
            change: |files| set(files, DENSE, "scale", json!(2)),
            says: &["`2_Dense/config.json`", "unknown field `scale`"],
        },
        Case {
            name: "an input other than the pooled vector",
            model: "bert",
            change: |files| set(files, DENSE, "module_input_name", json!("token_embeddings")),
            says: &["`2_Dense/config.json`", "`module_input_name`", "sentence_embedding", "found `token_embeddings`"],
        },
        Case {
            name: "an output other than the vector",
            model: "bert",
            change: |files| set(files, DENSE, "module_output_name", json!("logits")),
            says: &["`2_Dense/config.json`", "`module_output_name`", "sentence_embedding", "found `logits`"],
        },
        Case {
            name: "Normalize of something else",
            model: "mpnet",
            change: |files| set(files, NORMALIZE, "module_input_name", json!("token_embeddings")),
            says: &[
                "`2_Normalize/config.json`",
                "`module_input_name`",
                "sentence_embedding",
                "found `token_embeddings`",
            ],
        },
        Case {
            name: "Normalize into something else",
            model: "mpnet",
            change: |files| set(files, NORMALIZE, "module_output_name", json!("token_embeddings")),
            says: &[
                "`2_Normalize/config.json`",
                "`module_output_name`",
                "sentence_embedding",
                "found `token_embeddings`",
            ],
        },
    ]);
}
