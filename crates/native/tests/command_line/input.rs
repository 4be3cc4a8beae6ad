//! Where texts come from, and lines that hold none.

use std::fs;
use std::path::PathBuf;

use crate::models::{model, text};
use crate::run::{Run, finish, json_lines, run, wembed};

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("there is room for texts"))
    }

    fn file(&self, name: &str, bytes: &[u8]) -> String {
        let path: PathBuf = self.0.path().join(name);
        fs::write(&path, bytes).expect("there is room for texts");
        text(path)
    }
}

fn from_file(path: &str) -> Run {
    run(&["embed", "--model", &model("bert"), "--input", path])
}

fn from_stdin(flags: &[&str], bytes: &[u8]) -> Run {
    finish(wembed(&[&["embed", "--model", &model("bert")], flags].concat()).write_stdin(bytes))
}

#[test]
fn every_way_in_gives_the_same() {
    let arguments = run(&["embed", "--model", &model("bert"), "one", "", "three ", "vier Brücken"]).good();
    assert_eq!(json_lines(&arguments).len(), 4);
    let folder = Folder::new();
    let lines = "one\n\nthree \nvier Brücken\n".as_bytes();
    assert_eq!(from_stdin(&[], lines).good(), arguments);
    assert_eq!(from_stdin(&["--input", "-"], lines).good(), arguments);
    for (name, bytes) in [
        ("texts.txt", lines),
        ("windows.txt", "\u{feff}one\r\n\r\nthree \r\nvier Brücken".as_bytes()),
        (
            "texts.jsonl",
            r#""one"
            {"text": ""}
            {"id": 7, "text": "three "}
            "vier Br\u00fccken""#
                .as_bytes(),
        ),
    ] {
        assert_eq!(from_file(&folder.file(name, bytes)).good(), arguments, "{name}");
    }
}

/// What was done before the bad line is there, and the message names file and line.
fn ends_at(run: Run, texts: usize, parts: &[&str]) {
    let done = String::from_utf8(run.stdout.clone()).expect("the output is UTF-8");
    assert_eq!(json_lines(&done).len(), texts, "{}", run.stderr);
    run.bad(1, parts);
}

#[test]
fn lines_that_are_not_utf8() {
    let bytes = b"good\nalso good\nbad: \xff\ngood again\n";
    let path = Folder::new();
    let path = path.file("texts.txt", bytes);
    ends_at(from_file(&path), 2, &[&format!("`{path}`, line 3"), "UTF-8", "0xff at byte 6"]);
    ends_at(from_stdin(&[], bytes), 2, &["standard input, line 3", "UTF-8", "0xff at byte 6"]);
}

#[test]
fn lines_that_are_not_json() {
    let folder = Folder::new();
    for (line, part) in [
        ("{\"text\": \"a}", "EOF"),
        ("bare words", "expected value, at column 1"),
        ("[\"a\"]", "found an array"),
        ("{\"texts\": \"a\"}", "found an object without `text`"),
        ("{\"text\": 3}", "found an object whose `text` is no string"),
        ("17", "found a number"),
        ("null", "found null"),
        ("", "EOF"),
        ("\"a\" \"b\"", "trailing characters"),
    ] {
        let path = folder.file("texts.jsonl", format!("\"good\"\n{line}\n\"good\"\n").as_bytes());
        let expected = "expected a JSON string or an object with `text`";
        ends_at(from_file(&path), 1, &[&format!("`{path}`, line 2"), expected, part]);
    }
}

#[test]
fn files_that_cannot_be_read() {
    from_file("/nonexistent/texts.txt").bad(1, &["`/nonexistent/texts.txt` could not be opened"]);
    let folder = text(std::env::temp_dir());
    let run = from_file(&folder);
    run.bad(1, &[&format!("`{folder}`")]);
}
