//! Whether `wembed verify` believes what it should, and nothing else.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::models::{Copied, golden, model};
use crate::run::run;
use crate::skip::skip;

const MINILM: &str = "sentence-transformers/all-MiniLM-L6-v2";
const MPNET: &str = "sentence-transformers/paraphrase-multilingual-mpnet-base-v2";

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().and_then(Path::parent).expect("the crate lies in the tree")
}

fn verify(model: &str, words: &[&str]) -> crate::run::Run {
    run(&[&["verify", model, "--device", "cpu", "--format", "json"], words].concat())
}

fn object(run: &crate::run::Run) -> Value {
    serde_json::from_slice(&run.stdout).expect("it is JSON")
}

/// What is compiled in is what sentence-transformers gave.
#[test]
fn the_published_vectors_are_the_golden_ones() {
    let compiled = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/published/all-MiniLM-L6-v2.json"));
    let compiled: Value = serde_json::from_slice(&compiled.expect("it is in the crate")).expect("it is JSON");
    let golden: Value =
        serde_json::from_slice(&fs::read(golden().join("minilm.json")).expect("it is there")).expect("JSON");
    let texts = compiled["texts"].as_array().expect("texts");
    assert!(texts.len() >= 8);
    assert_eq!(compiled["vectors"].as_array().map(Vec::len), Some(texts.len()));
    for (text, vector) in texts.iter().zip(compiled["vectors"].as_array().expect("vectors")) {
        let index = golden["texts"].as_array().expect("texts").iter().position(|it| it == text).expect("a golden text");
        let values = |vector: &Value| {
            vector.as_array().expect("a vector").iter().map(|it| it.as_f64().expect("a number")).collect::<Vec<_>>()
        };
        let (vector, expected) = (values(vector), values(&golden["vectors"][index]));
        assert_eq!(vector.len(), 384);
        assert!(vector.iter().zip(expected).all(|(value, expected)| (value - expected).abs() < 1e-9), "{text}");
    }
}

#[test]
fn the_real_minilm_passes_and_a_changed_one_does_not() {
    let directory = repository().join("models/all-MiniLM-L6-v2");
    if !directory.is_dir() {
        return skip("no models/all-MiniLM-L6-v2; scripts/fetch-minilm brings it");
    }
    let directory = directory.to_str().expect("its path is text");
    for dtype in ["f32", "f16", "bf16"] {
        let found = verify(directory, &["--dtype", dtype]);
        assert_eq!(found.code, Some(0), "{dtype}: {}", found.stderr);
        let found = object(&found);
        assert_eq!((&found["published"], &found["passed"]), (&json!(MINILM), &json!(true)), "{dtype}");
        assert!(found["checks"].as_array().expect("checks").len() >= 2, "{found}");
    }
    // bf16 is too far away for what f32 must hold, so the bound is one.
    let shown = run(&["verify", directory, "--device", "cpu"]).good();
    assert!(
        shown.contains("fingerprint  ")
            && shown.ends_with(&format!("passed: these vectors agree with what is known of {MINILM}\n")),
        "{shown}"
    );
    // Another model's values are refused.
    verify(directory, &["--as", MPNET]).bad(1, &["2 of 3 checks failed"]);
}

#[test]
fn another_model_fails_and_one_of_which_nothing_is_known_says_so() {
    let mpnet = model("mpnet");
    let unknown = verify(&mpnet, &[]);
    assert_eq!(unknown.code, Some(0), "{}", unknown.stderr);
    assert_eq!(object(&unknown)["published"], Value::Null);
    let shown = run(&["verify", &mpnet, "--device", "cpu"]).good();
    assert!(shown.contains("nothing is known here of the vectors of a model of this name"), "{shown}");
    let failed = verify(&mpnet, &["--as", MINILM]);
    assert_eq!(object(&failed)["passed"], false);
    failed.bad(1, &["1 of 2 checks failed", "not to be trusted"]);
    run(&["verify", &mpnet, "--as", "gpt2"]).bad(2, &["--as", MINILM, MPNET]);
}

/// One model has one fingerprint; what changes vectors changes it.
#[test]
fn fingerprints_tell_models_and_options_apart() {
    let print = |path: &str, words: &[&str]| {
        object(&verify(path, words))["fingerprint"].as_str().expect("a fingerprint").to_owned()
    };
    let halves = |print: &str| {
        print.split_once('-').map(|(model, options)| (model.to_owned(), options.to_owned())).expect("two halves")
    };
    let same = print(&model("mpnet"), &[]);
    let copy = Copied::of("mpnet");
    assert_eq!(same, print(&copy.path(), &["--threads", "1"]), "wherever it lies, however it is computed");
    let (model_half, options_half) = halves(&same);
    assert_eq!((model_half.len(), options_half.len()), (16, 8));
    let f16 = halves(&print(&copy.path(), &["--dtype", "f16"]));
    assert!(f16.0 == model_half && f16.1 != options_half, "another type is another option");
    assert_ne!(halves(&print(&model("bert"), &[])).0, model_half);

    let weights = copy.file("model.safetensors");
    let mut bytes = fs::read(&weights).expect("the weights can be read");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&weights, bytes).expect("the weights can be written");
    let changed = halves(&print(&copy.path(), &[]));
    assert!(changed.0 != model_half && changed.1 == options_half, "one bit of one weight");

    for (file, from, to) in [
        ("config.json", "\"layer_norm_eps\": 1e-05", "\"layer_norm_eps\": 1e-06"),
        ("1_Pooling/config.json", "\"mean\"", "\"cls\""),
        ("tokenizer.json", "\"lowercase\":true", "\"lowercase\":false"),
    ] {
        let copy = Copied::of("mpnet");
        let text = fs::read_to_string(copy.file(file)).expect("the file can be read");
        let text = text.replace("\"lowercase\": true", "\"lowercase\":true");
        assert!(text.contains(from), "{file} has {from}");
        fs::write(copy.file(file), text.replace(from, to)).expect("the file can be written");
        assert_ne!(halves(&print(&copy.path(), &[])).0, model_half, "{file}");
    }
}
