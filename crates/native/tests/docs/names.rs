//! Flags, files and links that documents name.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use crate::document::{documents, root};

/// What a command says of itself.
fn help(words: &[&str]) -> Option<String> {
    let output =
        Command::new(env!("CARGO_BIN_EXE_wembed")).args(words).arg("--help").output().expect("the binary starts");
    output.status.success().then(|| String::from_utf8(output.stdout).expect("UTF-8"))
}

/// `--queue-tokens`, not `--` nor `--queue-tokens=1`.
fn flags(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|char: char| !(char.is_ascii_alphanumeric() || char == '-'));
    words.filter(|word| word.len() > 2 && word.starts_with("--"))
}

/// A flag in a span that begins with `wembed COMMAND` is that command's; one alone is some command's, or some script's.
#[test]
fn flags_exist() {
    const COMMANDS: [&str; 13] = [
        "embed",
        "similarity",
        "search",
        "serve",
        "bench",
        "verify",
        "pull",
        "pack",
        "info",
        "devices",
        "eval sts",
        "eval pairs",
        "eval retrieval",
    ];
    let helps = COMMANDS.map(|command| help(&command.split(' ').collect::<Vec<_>>()).expect("a command"));
    let scripts = ["scripts", "benches/peers", "benches/peers/browser", "benches/gpu", "benches/serve", "models/train"]
        .map(|folder| {
            let entries =
                fs::read_dir(root().join(folder)).expect("a folder").map(|entry| entry.expect("an entry").path());
            entries.filter_map(|path| fs::read_to_string(path).ok()).collect::<String>()
        });
    let known: BTreeSet<&str> = helps.iter().chain(&scripts).flat_map(|text| flags(text)).collect();
    // Of other programs.
    let others = BTreeSet::from(["--locked", "--path", "--release", "--package", "--bin", "--features", "--headless"]);
    for document in documents() {
        for (place, span) in &document.spans {
            let own = span.strip_prefix("wembed ").and_then(|rest| {
                let words: Vec<_> =
                    rest.split(' ').take_while(|word| word.chars().all(|char| char.is_ascii_lowercase())).collect();
                (1..=words.len()).rev().find_map(|count| help(&words[..count]))
            });
            for flag in flags(span) {
                let found = match &own {
                    Some(help) => flags(help).any(|known| known == flag),
                    None => known.contains(flag) || others.contains(flag),
                };
                assert!(found, "{place}: `{span}`: no such flag as `{flag}`");
            }
            if span.strip_prefix("wembed ").is_some_and(|rest| rest.starts_with(|char: char| char.is_ascii_lowercase()))
            {
                assert!(own.is_some(), "{place}: `{span}`: no such command");
            }
        }
    }
}

#[test]
fn files_and_links_exist() {
    let all = documents();
    let folders = ["scripts", "benches", "crates", "docs", "examples", "models", "shaders", "tests", "www"];
    // Made by scripts, and ignored.
    let made = ["models/all-MiniLM-L6-v2", "models/NAME"];
    for document in &all {
        let folder = root().join(&document.path).parent().expect("a folder").to_owned();
        for (place, span) in &document.spans {
            let path = span.split(' ').next().unwrap_or_default();
            let ours = folders.iter().any(|folder| path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/')));
            if ours && !made.iter().any(|made| path.starts_with(made)) {
                let found = root().join(path).exists() || folder.join(path).exists();
                assert!(found || path.contains(['*', '{', '$']), "{place}: `{path}` is not there");
            }
        }
        for (place, link) in document.links.iter().filter(|(_, link)| !link.contains("://")) {
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if path.is_empty() { root().join(&document.path) } else { folder.join(path) };
            assert!(target.exists(), "{place}: {link}: no such file");
            let target = target.canonicalize().expect("a path");
            let known = all.iter().find(|other| root().join(&other.path) == target);
            if let (Some(known), false) = (known, anchor.is_empty()) {
                assert!(
                    known.anchors.iter().any(|each| each == anchor),
                    "{place}: {link}: no such heading; found {:?}",
                    known.anchors
                );
            }
        }
    }
}
