//! What goes wrong in a browser says what it is: the adapter, the server, the files, the arguments.

use std::path::Path;

use serde_json::{Value, json};
use wembed_tests::golden::{Golden, folder, read};

use crate::browser::{Job, run, run_without_webgpu};
use crate::model::{self, Embeddings, embed};

fn golden() -> (Job, Vec<String>) {
    let mut golden: Golden = read("golden.json");
    let model = golden.models.swap_remove(0);
    (Job::new(folder().join(model.path)), model.expected.texts)
}

/// Why the model did not load.
fn refused(job: &Job) -> Option<String> {
    let done = run(job)?;
    Some(done.error.unwrap_or_else(|| panic!("{} loads in manner {}", job.directory.display(), job.manner)))
}

#[track_caller]
fn assert_says(message: &str, words: &[&str]) {
    for word in words {
        assert!(message.contains(word), "`{word}` is not in: {message}");
    }
}

#[test]
fn a_browser_without_an_adapter_says_so() {
    let job = Job { options: json!({ "device": "gpu" }), ..golden().0 };
    let Some(done) = run_without_webgpu(&job) else { return };
    assert_says(&done.error.expect("there is no adapter"), &["no WebGPU adapter"]);
}

#[test]
fn a_model_that_is_not_there_says_which_file() {
    let Some(message) = refused(&Job::new(model::folder("nothing"))) else { return };
    assert_says(&message, &["`config.json` is missing"]);
}

#[test]
fn a_file_that_is_missing_or_cut_short_is_named() {
    let changed = |name: &str, change: &dyn Fn(&Path)| {
        let folder = model::folder(name);
        model::copy(&golden().0.directory, &folder);
        change(&folder);
        refused(&Job::new(folder))
    };
    let Some(message) = changed("missing", &|folder| std::fs::remove_file(folder.join("tokenizer.json")).unwrap())
    else {
        return;
    };
    assert_says(&message, &["`tokenizer.json` is missing"]);
    let message = changed("unweighted", &|folder| std::fs::remove_file(folder.join("model.safetensors")).unwrap());
    assert_says(&message.unwrap(), &["`model.safetensors` is missing"]);
    for (name, length) in [("empty", 0), ("cut in its header", 1000), ("cut", 300_000)] {
        let message = changed(name, &|folder| {
            let file = std::fs::File::options().write(true).open(folder.join("model.safetensors")).unwrap();
            file.set_len(length).unwrap();
        });
        assert_says(&message.unwrap(), &["`model.safetensors`", "expected", "found"]);
    }
}

/// A server that keeps to the standard in its own way gives the same vectors; one that does not is found out.
#[test]
fn servers_are_believed_only_as_far_as_they_are_right() {
    let (mut job, texts) = golden();
    job.calls = vec![embed(&texts[..3], json!({}))];
    let Some(done) = run(&job) else { return };
    let expected = done.results[0].get::<Embeddings>().unwrap().bits();
    // Whole files into the browser's storage, and parts of them when they are read.
    for cache in ["use", "none"] {
        job.options["cache"] = json!(cache);
        for manner in ["ranges", "hidden", "whole"] {
            let done = run(&Job { manner, ..job.clone() }).expect("there is a browser");
            assert_eq!(done.error, None, "{manner}");
            assert_eq!(done.results[0].get::<Embeddings>().unwrap().bits(), expected, "{manner}");
        }
        for (manner, words) in [
            ("short", &["expected", "found"] as &[_]),
            ("shifted", &["expected bytes", "the server sent"]),
            ("broken", &["DownloadFailed"]),
            ("failing", &["the server answered 503"]),
        ] {
            let message = refused(&Job { manner, ..job.clone() }).expect("there is a browser");
            println!("{cache}, {manner}: {message}");
            assert_says(&message, words);
        }
    }
    // Whose size changes between two parts.
    let message = refused(&Job { manner: "grown", ..job }).expect("there is a browser");
    assert_says(&message, &["model.safetensors", "changed on the server"]);
}

/// Ninety megabytes are not held in memory where a part was asked for; the browser's storage takes them as they come.
#[test]
fn a_large_file_needs_a_server_with_ranges_or_a_storage() {
    let folder = model::folder("large");
    model::copy(&golden().0.directory, &folder);
    std::fs::File::create(folder.join("model.safetensors")).unwrap().set_len(90 << 20).unwrap();
    let job = |cache| Job { manner: "whole", options: json!({ "device": "cpu", "cache": cache }), ..Job::new(&folder) };
    let Some(message) = refused(&job("none")) else { return };
    assert_says(&message, &["DownloadFailed", "model.safetensors", "does not answer Range requests"]);
    assert_says(&refused(&job("use")).expect("there is a browser"), &["ModelInvalid", "`model.safetensors`"]);
}

#[test]
fn wrong_arguments_are_named() {
    let (mut job, _) = golden();
    let wrong: [(Value, &[&str]); 7] = [
        (json!(["embed", "a text"]), &["texts", "an array of strings", "string"]),
        (json!(["embed", ["a text", 3]]), &["texts", "index 1"]),
        (json!(["embed", ["a text"], { "normalise": true }]), &["options", "normalise", "normalize"]),
        (json!(["embed", ["a text"], { "dimensions": 1000 }]), &["dimensions", "1000"]),
        (json!(["embed", ["a text"], { "dimensions": -1 }]), &["options", "-1"]),
        (json!(["embed", ["a text"], { "promptName": "nothing" }]), &["prompt", "`nothing`"]),
        (json!(["embed", ["a text"], { "prompt": "a", "promptName": "b" }]), &["`prompt` or `promptName`"]),
    ];
    job.calls = wrong.iter().map(|(call, _)| call.clone()).collect();
    job.calls.push(json!(["embed", []]));
    let Some(done) = run(&job) else { return };
    for ((call, words), outcome) in wrong.iter().zip(&done.results) {
        let message = outcome.get::<Value>().expect_err(&call.to_string());
        println!("{call}: {message}");
        assert_says(&message, words);
    }
    assert!(done.results[7].get::<Embeddings>().unwrap().bits().is_empty(), "no text, no vector");
    for (options, words) in [
        (json!({ "dtype": "f64" }), ["dtype", "f64"]),
        (json!({ "device": "npu" }), ["device", "npu"]),
        (json!({ "device": "gpu", "dtype": "bf16" }), ["no bf16 on", "the CPU engine"]),
        (json!({ "maxLength": 100_000 }), ["length", "100000"]),
        (json!({ "maxLength": 1 }), ["length", "1"]),
        (json!({ "kernels": [{ "depth": 384, "variants": [] }] }), ["kernels[0]", "columns"]),
        (json!({ "tune": "yes" }), ["tune", "boolean"]),
    ] {
        let message = refused(&Job { options, calls: Vec::new(), ..job.clone() }).expect("there is a browser");
        println!("{message}");
        assert_says(&message, &words);
    }
}
