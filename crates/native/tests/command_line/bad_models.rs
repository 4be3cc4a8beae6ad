//! Models that must be refused, with a word about what is wrong with which file.

use std::fs;

use serde_json::json;

use crate::models::{Copied, model, text};
use crate::run::run;

/// Refused with all of `parts`, by `info`, which needs no device, and by `embed`.
fn refused(path: &str, parts: &[&str]) {
    run(&["info", path]).bad(1, parts);
    run(&["embed", "a", "--model", path]).bad(1, parts);
}

#[test]
fn what_is_not_a_directory() {
    let copy = Copied::of("bert");
    let (file, nothing) = (text(copy.file("config.json")), text(copy.file("nothing")));
    for path in [&file, &nothing, "./nothing"] {
        refused(path, &[&format!("`{path}` is not a directory"), "Hugging Face hub"]);
    }
}

#[test]
fn without_a_configuration() {
    let copy = Copied::of("mpnet");
    fs::remove_file(copy.file("config.json")).expect("it was there");
    refused(&copy.path(), &[&copy.path(), "`config.json` is missing"]);
}

#[test]
fn weights_as_a_pickle() {
    let copy = Copied::of("mpnet");
    fs::rename(copy.file("model.safetensors"), copy.file("pytorch_model.bin")).expect("it was there");
    refused(&copy.path(), &["`model.safetensors` is missing", "`pytorch_model.bin`, a pickle", "convert"]);
}

#[test]
fn values_that_are_not_known() {
    for (file, key, value, parts) in [
        ("config.json", "model_type", "deberta", ["`config.json`", "`model_type`", "xlm-roberta", "`deberta`"]),
        ("config.json", "hidden_act", "mish", ["`config.json`", "`hidden_act`", "gelu", "`mish`"]),
        ("1_Pooling/config.json", "pooling_mode", "median", ["`1_Pooling/config.json`", "pooling", "mean", "median"]),
        (
            "config_sentence_transformers.json",
            "similarity_fn_name",
            "hamming",
            ["`config_sentence_transformers.json`", "`similarity_fn_name`", "cosine", "`hamming`"],
        ),
    ] {
        let copy = Copied::of("mpnet");
        copy.set(file, key, json!(value));
        refused(&copy.path(), &parts);
    }
}

#[test]
fn weights_that_were_cut_short() {
    let copy = Copied::of("mpnet");
    let path = copy.file("model.safetensors");
    let bytes = fs::read(&path).expect("it is there");
    for length in [bytes.len() - 1, bytes.len() / 2, 100, 7, 0] {
        fs::write(&path, &bytes[..length]).expect("the copy can be written");
        refused(&copy.path(), &["`model.safetensors`", "expected", "found"]);
    }
}

#[test]
fn lengths_and_widths_beyond_the_model() {
    let mpnet = model("mpnet");
    let embed = ["embed", "a", "--model", &mpnet];
    run(&[&embed[..], &["--max-length", "201"]].concat()).bad(1, &["maximum length", "at most 200", "found 201"]);
    run(&[&embed[..], &["--dimensions", "97"]].concat()).bad(1, &["dimensions", "1 to 96", "found 97"]);
    run(&[&embed[..], &["--prompt-name", "poem"]].concat()).bad(1, &["prompt", "`query`", "`poem`"]);
}
