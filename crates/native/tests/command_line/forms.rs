//! The forms of vectors hold the same numbers.

use std::fs;

use serde_json::Value;

use crate::models::{model, text};
use crate::run::{json_lines, run, vector};

const TEXTS: [&str; 3] = ["a lighthouse", "", "ein Leuchtturm: \"Brücke\""];

#[test]
fn the_forms_agree() {
    let model = model("bert");
    let form = |name: &str| run(&[&["embed", "--model", &model, "--format", name], &TEXTS[..]].concat());
    let lines = json_lines(&form("jsonl").good());
    assert_eq!(lines.len(), TEXTS.len());
    let keys: Vec<_> = lines[0].as_object().expect("a line is an object").keys().collect();
    assert_eq!(keys, ["embedding", "index", "tokens", "truncated"]);

    let array: Vec<Value> = serde_json::from_str(&form("json").good()).expect("it is an array");
    assert_eq!(array, lines);

    let npy = form("npy");
    assert_eq!(npy.code, Some(0), "{}", npy.stderr);
    let npy = npyz::NpyFile::new(&npy.stdout[..]).expect("it is an npy file");
    assert_eq!(npy.shape(), [3, 40]);
    assert_eq!(npy.order(), npyz::Order::C);
    let values: Vec<f32> = npy.into_vec().expect("it holds float32");
    assert_eq!(values, lines.iter().flat_map(vector).collect::<Vec<_>>());

    let shown = form("text").good();
    assert_eq!(shown.lines().count(), TEXTS.len());
    for (line, object) in shown.lines().zip(&lines) {
        assert!(line.contains(&format!("{:.5}, ", vector(object)[0])), "{line}");
        assert!(line.contains(&format!("40 dimensions, norm 1.0000, {} tokens", object["tokens"])), "{line}");
    }
}

#[test]
fn a_files_name_says_its_form() {
    let folder = tempfile::tempdir().expect("there is room for vectors");
    let write = |name: &str, flags: &[&str]| {
        let path = text(folder.path().join(name));
        let run = run(&[&["embed", "a", "b", "--model", &model("bert"), "--output", &path], flags].concat());
        assert_eq!(run.good(), "");
        fs::read(path).expect("it was written")
    };
    let lines = String::from_utf8(write("vectors.jsonl", &[])).expect("JSON is UTF-8");
    let lines = json_lines(&lines);
    assert_eq!(lines.len(), 2);
    let array: Vec<Value> = serde_json::from_slice(&write("vectors.json", &[])).expect("it is JSON");
    assert_eq!(array, lines);
    assert!(write("vectors.npy", &[]).starts_with(b"\x93NUMPY"));
    // A flag says more than a name; an unknown name says nothing.
    assert_eq!(write("other.npy", &["--format", "jsonl"]), write("vectors", &[]));
    // A file that was there is replaced.
    assert_eq!(write("vectors.npy", &["--dimensions", "4"]).len(), 128 + 2 * 4 * 4);
}

#[test]
fn no_texts() {
    let model = model("bert");
    let form = |name: &str| run(&["embed", "--model", &model, "--format", name]);
    assert_eq!(form("jsonl").good(), "");
    assert_eq!(form("json").good(), "[]\n");
    let npy = form("npy");
    assert_eq!(npyz::NpyFile::new(&npy.stdout[..]).expect("it is an npy file").shape(), [0, 40]);
}
