//! Places that take no output.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::models::{model, text};
use crate::run::{finish, run, wembed};

#[test]
fn a_full_disk() {
    if !Path::new("/dev/full").exists() {
        return;
    }
    for format in ["jsonl", "json", "npy", "text"] {
        let embed = ["embed", "a", "--model", &model("bert"), "--format", format];
        run(&[&embed[..], &["--output", "/dev/full"]].concat()).bad(1, &["`/dev/full` could not be written"]);
        let full = fs::OpenOptions::new().write(true).open("/dev/full").expect("it can be opened");
        let output = Command::new(env!("CARGO_BIN_EXE_wembed")).args(embed).stdout(full).output();
        let output = output.expect("the binary starts");
        assert_eq!(output.status.code(), Some(1));
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(stderr.contains("wembed: error: standard output could not be written"), "{stderr}");
    }
}

#[test]
#[cfg(unix)]
fn a_closed_pipe_ends_it_quietly() {
    let folder = tempfile::tempdir().expect("there is room for texts");
    let input = folder.path().join("texts.txt");
    // More than a pipe holds.
    fs::write(&input, "a line\n".repeat(2000)).expect("there is room for texts");
    let mut command = Command::new(env!("CARGO_BIN_EXE_wembed"));
    command.args(["embed", "--model", &model("bert"), "--batch-tokens", "100", "--input"]).arg(&input);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary starts");
    let mut line = String::new();
    let mut reader = BufReader::new(child.stdout.take().expect("it is a pipe"));
    reader.read_line(&mut line).expect("a first line comes");
    assert!(line.starts_with("{\"index\":0,"), "{line}");
    drop(reader);
    let mut stderr = String::new();
    child.stderr.take().expect("it is a pipe").read_to_string(&mut stderr).expect("messages are UTF-8");
    assert_eq!(child.wait().expect("it ends").code(), Some(141), "{stderr}");
    assert!(!stderr.contains("wembed: error") && !stderr.contains("panicked"), "{stderr}");
}

#[test]
fn files_that_cannot_be_made() {
    let path = "/nonexistent/vectors.jsonl";
    run(&["embed", "a", "--model", &model("bert"), "--output", path])
        .bad(1, &[&format!("`{path}.partial` could not be created")]);
}

#[test]
fn mistakes_leave_the_file_alone() {
    let folder = tempfile::tempdir().expect("there is room for a file");
    let path = text(folder.path().join("vectors.jsonl"));
    fs::write(&path, "precious").expect("there is room for a file");
    let embed = ["embed", "--model", &model("bert"), "--output", &path];
    run(&[&embed[..], &["--input", &path]].concat()).bad(1, &["both --input and --output"]);
    run(&[&embed[..], &["a", "--dimensions", "1000"]].concat()).bad(1, &["found 1000"]);
    assert_eq!(fs::read(&path).expect("it is there"), b"precious");
}

#[test]
fn npy_is_whole_or_empty() {
    let embed = ["embed", "--model", &model("bert"), "--format", "npy"];
    let run = finish(wembed(&embed).write_stdin(b"good\n\xff\n".to_vec()));
    assert_eq!(run.stdout, b"");
    assert!(run.stderr.contains("none was written"), "{}", run.stderr);
    run.bad(1, &["standard input, line 2"]);
}
