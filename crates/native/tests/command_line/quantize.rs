//! `wembed quantize`: a model in int8.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use crate::models::{Copied, model, text};
use crate::run::{Run, json_lines, run, vector};

/// Texts of several scripts.
const TEXTS: [&str; 4] = ["a little test", "Übung macht den Meister", "проверка", "1, 2; 3"];

fn quantize(of: &str, to: &str) -> Run {
    run(&["quantize", of, to, "--format", "json"])
}

fn object(run: Run) -> Value {
    serde_json::from_str(&run.good()).expect("the answer is JSON")
}

fn place(folder: &TempDir, name: &str) -> String {
    text(folder.path().join(name))
}

fn vectors(model: &str, dtype: &str, texts: &[&str]) -> Vec<Vec<f32>> {
    let words = ["embed", "--format", "jsonl", "--device", "cpu", "--model", model, "--dtype", dtype];
    json_lines(&run(&[&words[..], texts].concat()).good()).iter().map(vector).collect()
}

/// The worst text.
fn cosine(one: &[Vec<f32>], other: &[Vec<f32>]) -> f64 {
    let dot =
        |one: &[f32], other: &[f32]| one.iter().zip(other).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    let cosines =
        one.iter().zip(other).map(|(one, other)| dot(one, other) / (dot(one, one) * dot(other, other)).sqrt());
    cosines.fold(1.0, f64::min)
}

/// Every architecture, by every way of computing, and a second time of its own output. The tiny models' rows are padded.
#[test]
fn a_quantized_model_is_near_the_model() {
    for name in ["mpnet", "xlm-roberta", "bert", "distilbert"] {
        let (folder, original) = (TempDir::new().unwrap(), model(name));
        let (once, twice) = (place(&folder, "once"), place(&folder, "twice"));
        let said = object(quantize(&original, &once));
        assert!(said["layers"].as_u64().is_some_and(|layers| layers >= 6), "{said}");
        let expected = vectors(&original, "f32", &TEXTS);
        for dtype in ["int8", "f32", "f16", "bf16"] {
            let found = cosine(&vectors(&once, dtype, &TEXTS), &expected);
            assert!(found > 0.995, "{name} as {dtype}: {found}");
        }
        object(quantize(&once, &twice));
        assert!(cosine(&vectors(&twice, "int8", &TEXTS), &expected) > 0.99, "{name}, quantized twice");
        let packed = place(&folder, "packed");
        object(run(&["pack", &once, &packed, "--format", "json"]));
        assert_eq!(vectors(&packed, "f32", &TEXTS), vectors(&once, "f32", &TEXTS), "{name}: packed it is the same");
    }
}

/// Nothing else in the folder is missing or unlike: a byte for each weight, scales beside it, a key that keeps others from reading it.
#[test]
fn the_folder_is_a_model() {
    let (folder, original) = (TempDir::new().unwrap(), model("xlm-roberta"));
    let out = place(&folder, "out");
    let said = object(quantize(&original, &out));
    let listed = said["files"].as_object().expect("files are listed");
    for (path, file) in listed {
        assert_eq!(
            fs::metadata(Path::new(&out).join(path)).expect("it is there").len(),
            file["size"].as_u64().unwrap(),
            "{path}"
        );
    }
    let config: Value =
        serde_json::from_slice(&fs::read(Path::new(&out).join("0_Transformer/config.json")).unwrap()).unwrap();
    assert_eq!(config["quantization_config"]["quant_method"], "wembed");
    let bytes = fs::read(Path::new(&out).join("0_Transformer/model.safetensors")).unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&bytes).expect("it is safetensors");
    let kinds = |ending: &str| {
        tensors.iter().filter(|(name, _)| name.ends_with(ending)).map(|(_, view)| view.dtype()).collect::<Vec<_>>()
    };
    for ending in ["query.weight", "intermediate.dense.weight", "output.dense.weight", "word_embeddings.weight"] {
        let found = kinds(ending);
        assert!(!found.is_empty() && found.iter().all(|dtype| *dtype == safetensors::Dtype::I8), "{ending}: {found:?}");
    }
    let said = run(&["info", &out]).good();
    assert!(said.contains("I8"), "{said}");
    // The same model has the same bytes.
    let again = place(&folder, "again");
    object(quantize(&original, &again));
    assert_eq!(bytes, fs::read(Path::new(&again).join("0_Transformer/model.safetensors")).unwrap());
}

/// The goal that the form was made for, on a trained model; rounded to the nearest, as it is loaded, it keeps a little less.
#[test]
fn a_trained_model_keeps_its_vectors() {
    let original = text(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/all-MiniLM-L6-v2"));
    if !Path::new(&original).is_dir() {
        return crate::skip::skip("no models/all-MiniLM-L6-v2; scripts/fetch-minilm brings it");
    }
    let golden: Value = serde_json::from_str(include_str!("../../../../tests/golden/minilm.json")).unwrap();
    let texts: Vec<&str> = golden["texts"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .filter(|text| !(text.is_empty() || text.starts_with('-') || text.contains('\0')))
        .collect();
    let folder = TempDir::new().unwrap();
    let out = place(&folder, "out");
    object(quantize(&original, &out));
    let expected = vectors(&original, "f32", &texts);
    for (model, least) in [(&out, 0.998), (&original, 0.997)] {
        let found = cosine(&vectors(model, "int8", &texts), &expected);
        println!("{model}: {found}");
        assert!(found > least, "{model}: {found}");
    }
}

#[test]
fn what_cannot_be_quantized_is_said() {
    let folder = TempDir::new().unwrap();
    let out = place(&folder, "out");
    quantize("no such model", &out).bad(1, &["no such model"]);
    fs::write(&out, "").unwrap();
    quantize(&model("bert"), &out).bad(1, &["is there already", &out]);
    let lost = Copied::of("bert");
    fs::remove_file(lost.file("model.safetensors")).unwrap();
    quantize(&lost.path(), &place(&folder, "other")).bad(1, &["model.safetensors"]);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left");
    let packed = place(&folder, "packed");
    run(&["pack", &model("bert"), &packed]).good();
    quantize(&packed, &place(&folder, "other")).bad(1, &["it is packed"]);
}
