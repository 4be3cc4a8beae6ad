//! Fingerprints: the same for the same vectors, another for whatever changes them.

use pollster::block_on;
use serde_json::{Value, json};
use wembed_kernels::cpu::{self, CpuEngine};
use wembed_model::{EmbedOptions, Embedder, Finish, LoadOptions, Long, Memory, Prompt};
use wembed_tests::golden::{change_json, files, folder};

fn golden(name: &str) -> Memory {
    files(&folder().join("models").join(name))
}

fn of(files: Memory, max_length: Option<usize>, options: &EmbedOptions) -> String {
    let engine = CpuEngine::open(cpu::Options::default()).unwrap();
    let load = LoadOptions { max_length, ..LoadOptions::default() };
    let embedder = block_on(Embedder::load(engine, files, load)).unwrap();
    block_on(embedder.fingerprint(options)).unwrap().to_string()
}

fn usual(files: Memory) -> String {
    of(files, None, &EmbedOptions::default())
}

fn set(files: &mut Memory, path: &str, keys: Value) {
    change_json(files, path, keys.as_object().unwrap());
}

/// Stores keep it: a change of code must not change it unseen.
#[test]
fn one_is_pinned() {
    let print = usual(golden("bert"));
    assert_eq!(print.split_once('-').unwrap().0, PINNED, "whoever changes this renames every store of vectors");
}

const PINNED: &str = "c4a33097038e8ebe";

/// xlm-roberta lies in two shards: its tensors in one file are the same model.
#[test]
fn files_may_be_divided_in_any_way() {
    let divided = golden("xlm-roberta");
    let index = "0_Transformer/model.safetensors.index.json";
    let names = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
    let mut whole = divided.clone();
    whole.remove(index);
    let shards: Vec<Vec<u8>> =
        names.iter().map(|name| whole.remove(&format!("0_Transformer/{name}")).unwrap().to_vec()).collect();
    let tensors: Vec<_> = shards.iter().map(|shard| safetensors::SafeTensors::deserialize(shard).unwrap()).collect();
    let all = tensors.iter().flat_map(|shard| shard.tensors());
    whole.insert("0_Transformer/model.safetensors", safetensors::serialize(all, None).unwrap());
    assert_eq!(usual(whole), usual(divided));
}

#[test]
fn whatever_changes_vectors_changes_it() {
    let options = |change: fn(&mut EmbedOptions)| {
        let mut options = EmbedOptions::default();
        change(&mut options);
        options
    };
    let mpnet = usual(golden("mpnet"));
    let mut seen = vec![mpnet.clone()];
    let mut hold = |what: &str, print: String| {
        assert!(!seen.contains(&print), "{what} has a fingerprint of its own");
        seen.push(print);
    };
    hold("a shorter text", of(golden("mpnet"), Some(100), &EmbedOptions::default()));
    for (what, change) in [
        ("windows", (|it| it.long = Long::Mean) as fn(&mut EmbedOptions)),
        ("a prompt", |it| it.prompt = Prompt::Text("query: ".to_owned())),
        ("no normalisation", |it| it.finish.normalize = Some(false)),
        ("a cut", |it| it.finish.dimensions = Some(32)),
        ("a cut of length 1", |it| it.finish = Finish { normalize: Some(true), dimensions: Some(32) }),
    ] {
        hold(what, of(golden("mpnet"), None, &options(change)));
    }
    for (what, path, keys) in [
        ("the prompt not pooled", "1_Pooling/config.json", json!({ "include_prompt": false })),
        ("another pooling", "1_Pooling/config.json", json!({ "pooling_mode": "cls" })),
        ("cut at its beginning", "tokenizer_config.json", json!({ "truncation_side": "left" })),
        ("lowercased", "sentence_bert_config.json", json!({ "do_lower_case": true })),
        ("another epsilon", "config.json", json!({ "layer_norm_eps": 1e-6 })),
        ("another activation", "config.json", json!({ "hidden_act": "relu" })),
    ] {
        let mut files = golden("mpnet");
        set(&mut files, path, keys);
        hold(what, usual(files));
    }
    let mut files = golden("bert");
    set(&mut files, "2_Dense/config.json", json!({ "activation_function": "torch.nn.modules.linear.Identity" }));
    assert_ne!(usual(files), usual(golden("bert")), "the dense layer counts");
}

/// What says the same in other words is the same.
#[test]
fn what_changes_nothing_changes_it_not() {
    let mpnet = usual(golden("mpnet"));
    let finish =
        |normalize, dimensions| EmbedOptions { finish: Finish { normalize, dimensions }, ..EmbedOptions::default() };
    assert_eq!(of(golden("mpnet"), None, &finish(Some(true), None)), mpnet, "it is normalised as it is");
    assert_eq!(of(golden("mpnet"), None, &finish(None, Some(96))), mpnet, "all of the dimensions");
    assert_eq!(of(golden("mpnet"), Some(160), &EmbedOptions { batch_tokens: Some(7), ..finish(None, None) }), mpnet);
}
