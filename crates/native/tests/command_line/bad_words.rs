//! Words that make no command: refused before a model is loaded, with exit code 2.

use crate::models::model;
use crate::run::{run, wembed};

#[test]
fn flags_that_contradict_each_other() {
    for (flags, parts) in [
        (&["--normalize", "--no-normalize"][..], ["--normalize", "--no-normalize"]),
        (&["--prompt", "p", "--prompt-name", "query"], ["--prompt", "--prompt-name"]),
        (&["--input", "texts.txt"], ["TEXT", "--input"]),
    ] {
        run(&[&["embed", "a", "--model", &model("mpnet")], flags].concat()).bad(2, &parts);
    }
}

#[test]
fn values_that_are_not_taken() {
    for (flag, value, part) in [
        ("--batch-tokens", "0", "at least 1"),
        ("--max-length", "0", "at least 1"),
        ("--dimensions", "-1", "at least 1"),
        ("--dtype", "f64", "expected auto, f16, f32, bf16, bf16x3 or int8"),
        ("--device", "", "expected auto, gpu, cpu"),
        ("--vocabulary", "cloud", "invalid value"),
        ("--format", "csv", "invalid value"),
    ] {
        let flag_value = format!("{flag}={value}");
        run(&["embed", "a", "--model", &model("mpnet"), &flag_value]).bad(2, &[flag, value, part]);
    }
}

#[test]
fn too_few_words() {
    run(&["similarity", "a", "--model", &model("mpnet")]).bad(2, &["2 values required"]);
    run(&["search", "a", "--model", &model("mpnet")]).bad(2, &["required"]);
    run(&["search", "a", "file", "--top", "0", "--model", &model("mpnet")]).bad(2, &["--top", "at least 1"]);
    run(&["sing"]).bad(2, &["unrecognized subcommand 'sing'"]);
}

#[test]
fn help_and_version_are_answers() {
    assert!(run(&["--version"]).good().starts_with("wembed "));
    let help = run(&["--help"]).good();
    for command in ["embed", "similarity", "search", "devices", "info", "pull"] {
        assert!(help.contains(&format!("\n  {command} ")), "{help}");
        assert!(run(&[command, "--help"]).good().contains("Usage:"));
    }
    wembed(&[]).assert().code(2);
}
