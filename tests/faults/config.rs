//! config.json.

use serde_json::{Value, json};

use crate::case::{Case, Faults, changed, describe, edit_json, hold_described, model, set};

const MPNET: &str = "config.json";
const XLM_ROBERTA: &str = "0_Transformer/config.json";

/// The file as a whole.
const FILES: &[Case] = &[
    Case {
        name: "missing",
        model: "mpnet",
        change: |files| drop(files.remove(MPNET)),
        says: &["`config.json` is missing", "a model directory has one"],
    },
    Case {
        name: "missing in the encoder's folder",
        model: "xlm-roberta",
        change: |files| drop(files.remove(XLM_ROBERTA)),
        says: &["`0_Transformer/config.json` is missing"],
    },
    Case {
        name: "empty",
        model: "mpnet",
        change: |files| files.insert(MPNET, ""),
        says: &["`config.json`", "EOF", "line 1 column 0"],
    },
    Case {
        name: "no JSON",
        model: "mpnet",
        change: |files| files.insert(MPNET, "model_type: mpnet\n"),
        says: &["`config.json`", "expected value at line 1 column 1"],
    },
    Case {
        name: "cut in the middle",
        model: "mpnet",
        change: |files| files.insert(MPNET, &files.get(MPNET).unwrap()[..200].to_vec()[..]),
        says: &["`config.json`", "EOF while parsing"],
    },
    Case {
        name: "something after its end",
        model: "mpnet",
        change: |files| files.insert(MPNET, [files.get(MPNET).unwrap(), b"{}"].concat()),
        says: &["`config.json`", "trailing characters"],
    },
    Case {
        name: "not UTF-8",
        model: "mpnet",
        change: |files| files.insert(MPNET, &b"{\"model_type\": \"mpn\xe9t\"}"[..]),
        says: &["`config.json`", "`model_type`", "invalid unicode code point"],
    },
    Case {
        name: "UTF-16",
        model: "mpnet",
        change: |files| files.insert(MPNET, &b"\xff\xfe{\0}\0"[..]),
        says: &["`config.json`", "expected value at line 1 column 1"],
    },
    Case {
        name: "an array",
        model: "mpnet",
        change: |files| files.insert(MPNET, "[]"),
        says: &["`config.json`", "invalid length 0, expected a JSON object"],
    },
    Case {
        name: "a number",
        model: "mpnet",
        change: |files| files.insert(MPNET, "12"),
        says: &["`config.json`", "invalid type: integer `12`, expected a JSON object"],
    },
    Case {
        name: "a key twice",
        model: "mpnet",
        change: |files| replace(files, "\"hidden_size\": 96", "\"hidden_size\": 96, \"hidden_size\": 64"),
        says: &["`config.json`", "duplicate field `hidden_size`"],
    },
    Case {
        name: "nested beyond reason",
        model: "mpnet",
        change: |files| {
            let nest =
                format!("\"quantization_config\": {}{}, \"hidden_size\"", "[".repeat(100_000), "]".repeat(100_000));
            replace(files, "\"hidden_size\"", &nest);
        },
        says: &["`config.json`", "recursion limit exceeded"],
    },
];

fn replace(files: &mut wembed_model::Memory, from: &str, to: &str) {
    let text = String::from_utf8(files.get(MPNET).unwrap().to_vec()).unwrap();
    assert!(text.contains(from), "the tiny model's configuration has {from}");
    files.insert(MPNET, text.replace(from, to));
}

/// compressed-tensors' description of int8 rows, with other keys at its top and in its weights.
fn int8_rows(top: Value, weights: Value) -> Value {
    let merged = |mut base: Value, other: Value| {
        let (Value::Object(base_keys), Value::Object(other)) = (&mut base, other) else {
            unreachable!("both are objects")
        };
        base_keys.extend(other);
        base
    };
    let weights = merged(json!({"num_bits": 8, "type": "int", "symmetric": true, "strategy": "channel"}), weights);
    let groups =
        json!({"group_0": {"targets": ["Linear", "Embedding"], "weights": weights, "input_activations": null}});
    let base = json!({"quant_method": "compressed-tensors", "format": "int-quantized", "config_groups": groups});
    merged(base, top)
}

/// As compressed-tensors 0.20 writes it, null for whatever is not so.
#[test]
fn what_compressed_tensors_writes_is_taken() {
    let written = json!({
        "config_groups": {"group_0": {
            "format": null,
            "input_activations": null,
            "output_activations": null,
            "targets": ["Linear", "Embedding"],
            "weights": {
                "actorder": null, "block_structure": null, "dynamic": false, "group_size": null, "num_bits": 8,
                "observer": "minmax", "observer_kwargs": {}, "strategy": "channel", "symmetric": true, "type": "int",
            },
        }},
        "format": "int-quantized",
        "global_compression_ratio": null,
        "ignore": [],
        "kv_cache_scheme": null,
        "moe_sparsity_config": null,
        "quant_method": "compressed-tensors",
        "quantization_status": "compressed",
        "version": "0.20.0",
    });
    describe(&changed("mpnet", |files| set(files, MPNET, "quantization_config", written))).expect("it is int8 rows");
}

#[test]
fn the_file() {
    hold_described(FILES);
}

/// Keys that every model needs, then those of one architecture.
#[test]
fn every_key_that_is_needed() {
    const COMMON: [&str; 9] = [
        "model_type",
        "vocab_size",
        "hidden_size",
        "num_hidden_layers",
        "num_attention_heads",
        "intermediate_size",
        "hidden_act",
        "layer_norm_eps",
        "max_position_embeddings",
    ];
    const DISTILBERT: [&str; 8] = [
        "model_type",
        "vocab_size",
        "dim",
        "n_layers",
        "n_heads",
        "hidden_dim",
        "activation",
        "max_position_embeddings",
    ];
    let mut faults = Faults::default();
    for (name, path, keys) in [
        ("bert", "config.json", [&COMMON[..], &["type_vocab_size"]].concat()),
        ("mpnet", MPNET, [&COMMON[..], &["relative_attention_num_buckets"]].concat()),
        ("xlm-roberta", XLM_ROBERTA, [&COMMON[..], &["type_vocab_size"]].concat()),
        ("distilbert", "config.json", DISTILBERT.to_vec()),
    ] {
        for key in keys {
            let files = changed(name, |files| {
                edit_json(files, path, |json| drop(json.as_object_mut().unwrap().remove(key)));
            });
            let says = [&format!("`{path}`"), &format!("missing field `{key}`")];
            faults.hold(&format!("{name} without {key}"), describe(&files), &says.map(String::as_str));
        }
    }
}

#[test]
fn every_key_of_another_type() {
    let sizes = [
        "vocab_size",
        "hidden_size",
        "num_hidden_layers",
        "num_attention_heads",
        "intermediate_size",
        "max_position_embeddings",
        "type_vocab_size",
        "pad_token_id",
        "relative_attention_num_buckets",
    ];
    let no_size = [json!("96"), json!(1.5), json!(-1), json!(true), json!([1]), json!({})];
    let no_string = [json!(1), json!(true), json!(["gelu"]), json!({})];
    let no_number = [json!("1e-5"), json!(false), json!([1e-5]), Value::Null];
    let no_flag = [json!("false"), json!(0), Value::Null];
    let keys = sizes.map(|key| (key, &no_size[..])).into_iter().chain([
        ("model_type", &no_string[..]),
        ("hidden_act", &no_string[..]),
        ("position_embedding_type", &no_string[..]),
        ("layer_norm_eps", &no_number[..]),
        ("is_decoder", &no_flag[..]),
    ]);
    let mut faults = Faults::default();
    for (key, values) in keys {
        for value in values {
            let files = changed("mpnet", |files| set(files, MPNET, key, value.clone()));
            let says = ["`config.json`", &format!("`{key}`"), "invalid ", "expected "];
            faults.hold(&format!("{key}: {value}"), describe(&files), &says);
        }
    }
}

/// Key, value, and what the error must say beside the file, the key and the value.
#[test]
fn values_that_are_not_known() {
    let mpnet: &[(&str, Value, &str)] = &[
        ("model_type", json!("gpt2"), "one of bert, roberta, xlm-roberta, camembert, distilbert, mpnet"),
        ("model_type", json!("MPNET"), "one of bert, roberta, xlm-roberta, camembert, distilbert, mpnet"),
        ("hidden_act", json!("gelu_10"), "gelu, gelu_new, relu or silu"),
        ("hidden_act", json!(""), "gelu, gelu_new, relu or silu"),
        ("position_embedding_type", json!("relative_key"), "absolute"),
        ("is_decoder", json!(true), "false"),
        ("auto_map", json!({"AutoModel": "custom.Model"}), "a model without code of its own"),
        ("quantization_config", json!({"quant_method": "gptq"}), "none, or compressed-tensors' int-quantized"),
        ("quantization_config", int8_rows(json!({"format": "pack-quantized"}), json!({})), "int-quantized"),
        ("quantization_config", int8_rows(json!({"kv_cache_scheme": {"num_bits": 8}}), json!({})), "weights alone"),
        ("quantization_config", int8_rows(json!({"anything": 1}), json!({})), "weights alone"),
        ("quantization_config", json!({"quant_method": "wembed", "bits": 4}), "what `wembed quantize` writes"),
        ("quantization_config", int8_rows(json!({}), json!({"num_bits": 4})), "8 bits"),
        ("quantization_config", int8_rows(json!({}), json!({"symmetric": false})), "symmetric"),
        ("quantization_config", int8_rows(json!({}), json!({"strategy": "group"})), "by channel"),
        ("quantization_config", int8_rows(json!({}), json!({"group_size": 128})), "by channel"),
        ("quantization_config", int8_rows(json!({}), json!({"dynamic": true})), "by channel"),
        ("quantization_config", int8_rows(json!({}), json!({"strategy": null})), "by channel"),
        ("quantization_config", int8_rows(json!({"format": null}), json!({})), "int-quantized"),
        ("vocab_size", json!(0), "1 to 16777216"),
        ("hidden_size", json!(0), "1 to 16777216"),
        ("num_hidden_layers", json!(0), "1 to 16777216"),
        ("num_attention_heads", json!(0), "1 to 16777216"),
        ("intermediate_size", json!(0), "1 to 16777216"),
        ("max_position_embeddings", json!(0), "1 to 16777216"),
        ("vocab_size", json!(16_777_217), "1 to 16777216"),
        ("hidden_size", json!(u64::MAX), "1 to 16777216"),
        ("num_hidden_layers", json!(u64::MAX), "1 to 16777216"),
        ("num_attention_heads", json!(1_u64 << 32), "1 to 16777216"),
        ("intermediate_size", json!(1_u64 << 62), "1 to 16777216"),
        ("max_position_embeddings", json!(u64::MAX), "1 to 16777216"),
        ("num_attention_heads", json!(5), "a divisor of hidden_size, 96"),
        ("num_attention_heads", json!(97), "a divisor of hidden_size, 96"),
        ("layer_norm_eps", json!(0.0), "a number between 0 and 1"),
        ("layer_norm_eps", json!(-1e-5), "a number between 0 and 1"),
        ("layer_norm_eps", json!(1.0), "a number between 0 and 1"),
        ("layer_norm_eps", json!(1e300), "a number between 0 and 1"),
        ("layer_norm_eps", json!(1e-64), "a number between 0 and 1"),
        ("pad_token_id", json!(0), "1"),
        ("pad_token_id", json!(2), "1"),
        ("max_position_embeddings", json!(2), "more than 2, where the first position is"),
        ("relative_attention_num_buckets", json!(0), "32"),
        ("relative_attention_num_buckets", json!(31), "32"),
        ("relative_attention_num_buckets", json!(64), "32"),
    ];
    let xlm_roberta: &[(&str, Value, &str)] = &[
        ("pad_token_id", json!(500), "less than vocab_size, 500"),
        ("pad_token_id", json!(u32::MAX), "less than vocab_size, 500"),
        ("max_position_embeddings", json!(1), "more than 2, where the first position is"),
        ("pad_token_id", json!(u64::MAX), "u32"),
        ("type_vocab_size", json!(0), "1 to 16777216"),
        ("type_vocab_size", json!(1_u64 << 40), "1 to 16777216"),
    ];
    let bert: &[(&str, Value, &str)] = &[("pad_token_id", json!(540), "less than vocab_size, 540")];
    let distilbert: &[(&str, Value, &str)] = &[
        ("dim", json!(0), "1 to 16777216"),
        ("n_layers", json!(0), "1 to 16777216"),
        ("hidden_dim", json!(0), "1 to 16777216"),
        ("n_heads", json!(5), "a divisor of dim, 56"),
        ("activation", json!("tanh"), "gelu, gelu_new, relu or silu"),
        ("quantization_config", json!({"quant_method": "gptq"}), "none"),
    ];
    let mut faults = Faults::default();
    for (name, path, rows) in [
        ("mpnet", MPNET, mpnet),
        ("xlm-roberta", XLM_ROBERTA, xlm_roberta),
        ("bert", "config.json", bert),
        ("distilbert", "config.json", distilbert),
    ] {
        for (key, value, expected) in rows {
            let files = changed(name, |files| set(files, path, key, value.clone()));
            let (path, key) = (format!("`{path}`"), format!("`{key}`"));
            let found = match value {
                Value::String(text) => format!("found `{text}`"),
                Value::Number(number) if number.is_f64() => format!("found `{:?}`", number.as_f64().unwrap()),
                other => other.to_string(),
            };
            faults.hold(
                &format!("{name}, {key}: {value}"),
                describe(&files),
                &[path.as_str(), &key, "expected", expected, &found],
            );
        }
    }
}

/// What Python writes for numbers that JSON does not have.
#[test]
fn numbers_that_are_none() {
    let mut faults = Faults::default();
    for (number, says) in [
        ("NaN", "expected value at line"),
        ("Infinity", "expected value at line"),
        ("-Infinity", "invalid number at line"),
        ("1e999", "number out of range at line"),
    ] {
        let files = changed("mpnet", |files| {
            replace(files, "\"layer_norm_eps\": 1e-05", &format!("\"layer_norm_eps\": {number}"));
        });
        faults.hold(number, describe(&files), &["`config.json`", says]);
    }
}

/// What may be left out or null, and what is of no interest.
#[test]
fn what_is_allowed_is_taken() {
    describe(&model("mpnet")).unwrap();
    for (key, value) in [
        ("pad_token_id", Value::Null),
        ("position_embedding_type", Value::Null),
        ("quantization_config", Value::Null),
        ("quantization_config", int8_rows(json!({}), json!({}))),
        ("quantization_config", int8_rows(json!({"version": "0.20.0", "ignore": []}), json!({}))),
        ("is_decoder", json!(false)),
        ("bos_token_id", json!(["anything"])),
        ("auto_map", json!({"AutoTokenizer": ["someone/else--tokens.Tokenizer", null]})),
    ] {
        describe(&changed("mpnet", |files| set(files, MPNET, key, value))).unwrap();
    }
}
