#![cfg(unix)]
//! The documents, held to the program: every command in them is run, what they print is what it prints, and what they name is there.

mod document;
mod names;
mod place;
#[path = "../hub/server.rs"]
#[expect(dead_code, reason = "the hub's own tests use the rest")]
mod server;
mod shell;
#[path = "../../../../tests/skip.rs"]
mod skip;

use document::{Document, Language, documents};
use place::Place;

/// Commands that are not run here, and why.
const NOT_RUN: [(&str, &str); 10] = [
    ("scripts/check", "runs this test"),
    ("scripts/setup && scripts/build-wasm && scripts/build-npm", "a step of scripts/check"),
    (
        "scripts/setup && scripts/build-wasm && scripts/build-npm && scripts/build-www\nnode tests/browser/server.mjs",
        "steps of scripts/check, and a server of its tests",
    ),
    ("cargo install --locked --path crates/native", "builds the program again, for minutes"),
    ("cp examples/service/wembed.service /etc/systemd/system/ && systemctl enable --now wembed", "installs a service"),
    (
        "cp examples/service/org.wembed.serve.plist ~/Library/LaunchAgents/ && launchctl load ~/Library/LaunchAgents/org.wembed.serve.plist",
        "installs a service",
    ),
    ("python models/train/to_f16.py models/wembed-mini/model wembed-mini-f16", "needs torch"),
    (
        "wembed bench --model sentence-transformers/all-MiniLM-L6-v2 --export-csv results.csv --export-json results.json --export-html results.html",
        "takes minutes; tests of `bench` run fewer of its requests, and read the files",
    ),
    (
        "wembed bench --url http://127.0.0.1:11434 --api ollama --model nomic-embed-text",
        "takes minutes; tests of `bench` ask a server in each form",
    ),
    ("wembed devices --report gpu.json", "takes a minute; tests of `devices` run it on a device and read the file"),
];

#[test]
fn every_command_runs_and_prints_what_is_said() {
    let mut not_run: Vec<&str> = Vec::new();
    for document in documents() {
        let mut place = Place::new(&document);
        for block in &document.blocks {
            match block.language {
                Language::Shell | Language::Console => {
                    match NOT_RUN.iter().find(|(text, _)| *text == block.text.trim()) {
                        Some((text, _)) => not_run.push(text),
                        None => place.run(block),
                    }
                }
                Language::Other => {}
            }
        }
    }
    for (text, _) in NOT_RUN {
        assert!(not_run.contains(&text), "no document has `{text}`, which is said not to be run");
    }
}

/// What is indented instead of fenced would escape the test above.
#[test]
fn no_command_hides() {
    for Document { path, indented, .. } in documents() {
        for line in indented {
            let word = line.trim_start().trim_start_matches("$ ").split(' ').next().unwrap_or_default();
            let command =
                ["wembed", "cargo", "curl", "npm", "node", "python"].contains(&word) || word.starts_with("scripts/");
            assert!(
                !command,
                "{path}: `{}` is a command; put it into a fence that says `sh` or `console`",
                line.trim()
            );
        }
    }
}
