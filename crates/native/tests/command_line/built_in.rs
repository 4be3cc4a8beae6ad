//! The model that is in the program: taken where none is named, with nothing to read and nobody to ask.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::models::text;
use crate::run::{finish, json_lines, run, vector, wembed};

/// The files that are in the program.
fn directory() -> String {
    text(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/wembed-mini/model"))
}

fn object(run: crate::run::Run) -> Value {
    serde_json::from_str(&run.good()).expect("it is JSON")
}

#[test]
fn the_first_command_needs_nothing() {
    let empty = tempfile::tempdir().expect("there is room for a folder");
    let mut command = wembed(&["embed", "hello world", "Guten Morgen", "", "--device", "cpu"]);
    // No home, no cache, no model's directory.
    command.current_dir(&empty).env_clear();
    let found = finish(&mut command);
    assert_eq!(found.stderr, "");
    let found = json_lines(&found.good());
    assert_eq!(found.len(), 3);
    for vector in found.iter().map(vector) {
        let length: f32 = vector.iter().map(|value| value * value).sum();
        assert!(vector.len() == 256 && (length - 1.0).abs() < 1e-5, "{length}");
    }
    assert_eq!(fs::read_dir(&empty).expect("it is there").count(), 0, "it leaves nothing behind");

    let embed = |model: &str| {
        let words = ["embed", "hello world", "Guten Morgen", "", "--device", "cpu", "--model", model];
        json_lines(&run(&words).good())
    };
    assert_eq!(embed("wembed-mini"), found, "by its name");
    assert_eq!(embed(&directory()), found, "from its files");
}

#[test]
fn another_model_is_taken_where_one_is_named() {
    let mut command = wembed(&["info", "--format", "json"]);
    let found = object(finish(command.env("WEMBED_MODEL", crate::models::model("bert"))));
    assert_eq!(found["architecture"], "bert");
}

/// What is in the program does not depend on where it is started.
#[test]
fn a_directory_of_its_name_is_not_it() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    fs::create_dir(folder.path().join("wembed-mini")).expect("there is room for a folder");
    let info = |model: &str| finish(wembed(&["info", model]).current_dir(&folder));
    assert_eq!(info("wembed-mini").good(), run(&["info"]).good());
    info("./wembed-mini").bad(1, &["./wembed-mini", "config.json"]);
}

#[test]
fn it_is_described() {
    let found = object(run(&["info", "--format", "json"]));
    assert_eq!(found["architecture"], "mpnet");
    assert_eq!((&found["dimensions"], &found["normalizes"]), (&256.into(), &true.into()));
    assert_eq!(found, object(run(&["info", &directory(), "--format", "json"])));
    // Scales are no parameters, and what they scale are.
    let bytes = fs::read(Path::new(&directory()).join("model.safetensors")).expect("it is in the repository");
    let (length, rest) = bytes.split_first_chunk().expect("it has a header");
    let header = &rest[..u64::from_le_bytes(*length) as usize];
    let header: serde_json::Map<String, Value> = serde_json::from_slice(header).expect("it is JSON");
    let elements = |tensor: &Value| -> u64 {
        tensor["shape"].as_array().expect("a shape").iter().map(|size| size.as_u64().expect("a size")).product()
    };
    let named = header.iter().filter(|(name, _)| *name != "__metadata__" && !name.ends_with("_scale"));
    assert_eq!(found["parameters"], named.map(|(_, tensor)| elements(tensor)).sum::<u64>());
    assert_eq!(found["dtypes"], serde_json::json!(["F16", "I8"]));
}

#[test]
fn its_vectors_are_sentence_transformers_own() {
    for words in [&["verify"][..], &["verify", &directory(), "--as", "wembed-mini"]] {
        let found = object(run(&[words, &["--device", "cpu", "--format", "json"]].concat()));
        assert_eq!((&found["published"], &found["passed"]), (&"wembed-mini".into(), &true.into()), "{found}");
    }
}

#[test]
fn another_model_is_not_taken_for_it() {
    let found = run(&["verify", &crate::models::model("mpnet"), "--as", "wembed-mini", "--device", "cpu"]);
    assert!(String::from_utf8_lossy(&found.stdout).contains("of another width"), "{found:?}");
    found.bad(1, &["not to be trusted"]);
}

#[test]
fn nothing_of_it_is_on_a_hub() {
    run(&["pull", "wembed-mini"]).bad(1, &["`wembed-mini` is in this program", "nothing to download"]);
    run(&["info", "--revision", "main"]).bad(1, &["--revision", "`wembed-mini` is in this program"]);
}
