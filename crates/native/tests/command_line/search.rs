//! Passages that are nearest to a query.

use std::fs;

use serde_json::json;
use tempfile::TempDir;

use crate::models::{Copied, model, text};
use crate::run::{json_lines, run};

const PLANTED: &str = "The keeper hid the brass key under the third stair.";

struct Files {
    _folder: TempDir,
    paths: Vec<String>,
}

/// Two files of paragraphs of which no two fit into 40 tokens, the planted one among those of the second.
fn files() -> Files {
    let folder = tempfile::tempdir().expect("there is room for texts");
    let paragraph =
        |index: usize| format!("Paragraph {index} speaks of rain,\nof ships and of bread and nothing else.");
    let mut paragraphs: Vec<String> = (0..20).map(paragraph).collect();
    let plain = paragraphs.join("\n\n");
    paragraphs[13] = PLANTED.to_owned();
    let markdown = format!("# Notes\n\n{}\n", paragraphs.join("\n\n"));
    let paths = [("plain.txt", plain), ("notes.md", markdown)].map(|(name, contents)| {
        let path = folder.path().join(name);
        fs::write(&path, contents).expect("there is room for texts");
        text(path)
    });
    Files { _folder: folder, paths: paths.into() }
}

#[test]
fn the_planted_passage_comes_first() {
    let files = files();
    let model = model("mpnet");
    let search = ["search", PLANTED, &files.paths[0], &files.paths[1], "--model", &model, "--max-length", "40"];
    let found = json_lines(&run(&[&search[..], &["--format", "jsonl", "--top", "3"]].concat()).good());
    assert_eq!(found.len(), 3);
    assert_eq!(found[0]["file"], files.paths[1].as_str());
    // Two lines of heading, then thirteen paragraphs of two lines and an empty one.
    assert_eq!(found[0]["line"], 2 + 13 * 3 + 1);
    assert_eq!(found[0]["text"], PLANTED);
    let scores: Vec<f64> = found.iter().map(|found| found["score"].as_f64().expect("a score is a number")).collect();
    assert!((scores[0] - 1.0).abs() < 1e-6 && scores.is_sorted_by(|left, right| left >= right), "{scores:?}");

    let shown = run(&search).good();
    assert!(shown.starts_with(&format!("1.0000  {}:42\n    {PLANTED}\n\n", files.paths[1])), "{shown}");
    assert_eq!(shown.lines().filter(|line| line.contains("notes.md:") || line.contains("plain.txt:")).count(), 5);
}

#[test]
fn every_passage_fits_and_none_is_lost() {
    let files = files();
    let letters = |text: &str| -> Vec<char> {
        let mut letters: Vec<_> = text.chars().filter(|letter| !letter.is_whitespace()).collect();
        letters.sort_unstable();
        letters
    };
    let whole = letters(&fs::read_to_string(&files.paths[0]).expect("it is there"));
    let model = model("bert");
    let mut passages = Vec::new();
    for prompt in ["", "it says: "] {
        let search = ["search", "rain", &files.paths[0], "--model", &model, "--max-length", "16"];
        let all = ["--format", "jsonl", "--top", "1000", "--passage-prompt", prompt];
        let all = run(&[&search[..], &all].concat());
        assert!(!all.stderr.contains("cut to"), "{}", all.stderr);
        let found = json_lines(&all.good());
        let text: String = found.iter().filter_map(|found| found["text"].as_str()).collect();
        assert_eq!(letters(&text), whole);
        passages.push(found.len());
    }
    assert!(passages[0] < passages[1], "a prompt takes room: {passages:?}");
    let long = "it says: ".repeat(20);
    run(&["search", "rain", &files.paths[0], "--model", &model, "--passage-prompt", &long])
        .bad(1, &["prompt leaves no room", "64 tokens"]);
}

#[test]
fn the_model_names_prompts_and_measure() {
    let copy = Copied::of("mpnet");
    let folder = tempfile::tempdir().expect("there is room for a text");
    let path = text(folder.path().join("one.txt"));
    fs::write(&path, "a short text").expect("there is room for a text");
    let score = |flags: &[&str]| {
        let search = ["search", "a query", &path, "--model", &copy.path(), "--format", "jsonl"];
        json_lines(&run(&[&search[..], flags].concat()).good())[0]["score"].as_f64().expect("a score is a number")
    };
    let with_prompts = score(&["--prompt", "find: ", "--passage-prompt", "this: "]);
    assert_ne!(score(&[]), with_prompts);
    copy.set("config_sentence_transformers.json", "prompts", json!({"query": "find: ", "passage": "this: "}));
    assert_eq!(score(&[]), with_prompts);

    copy.set("config_sentence_transformers.json", "similarity_fn_name", "euclidean");
    // Between vectors of length 1: |x - y|^2 = 2 - 2 cos.
    assert!((score(&[]).powi(2) - (2.0 - 2.0 * with_prompts)).abs() < 1e-5);
}

#[test]
fn files_that_hold_no_text() {
    let folder = tempfile::tempdir().expect("there is room for files");
    let model = model("bert");
    let search = |path: &str| run(&["search", "a", path, "--model", &model]);
    for (name, bytes, parts) in [
        ("latin.txt", &b"one\ntwo\nBr\xfccke\n"[..], ["line 3", "expected UTF-8, found 0xfc at byte 3"]),
        ("program", b"\x7fELF\n\0\0", ["line 2", "zero byte"]),
    ] {
        let path = text(folder.path().join(name));
        fs::write(&path, bytes).expect("there is room for files");
        search(&path).bad(1, &[&[path.as_str()], &parts[..]].concat());
    }
    search(&text(folder.path().to_owned())).bad(1, &["is a directory"]);
    search("/nonexistent").bad(1, &["`/nonexistent` could not be read"]);
    let empty = text(folder.path().join("empty.md"));
    fs::write(&empty, " \n\n").expect("there is room for files");
    search(&empty).bad(1, &["the files hold no text"]);
}
