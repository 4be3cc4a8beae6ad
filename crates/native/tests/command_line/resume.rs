//! What is kept of a run that did not reach its end, and which runs go on from it.

use std::fs;
use std::path::PathBuf;

use crate::models::{Copied, model, text};
use crate::run::{finish, json_lines, run, wembed};

/// A folder with the partial file of a run whose input broke at the third of four lines.
struct Broken {
    folder: tempfile::TempDir,
    model: String,
    input: String,
    output: String,
}

const GOOD: &str = "\"one\"\n\"two\"\n\"three\"\n\"four\"\n";

impl Broken {
    fn new(name: &str) -> Self {
        let folder = tempfile::tempdir().expect("there is room for texts");
        let path = |name: &str| text(folder.path().join(name));
        let broken = Self { model: model("bert"), input: path("texts.jsonl"), output: path(name), folder };
        broken.write(&GOOD.replace("\"three\"", "three"));
        let run = run(&broken.arguments(&[]));
        assert!(run.stderr.contains("keeps what was done: --resume goes on from there"));
        run.bad(1, &["line 3"]);
        assert_eq!(broken.files(), ["texts.jsonl".to_owned(), format!("{name}.partial")]);
        broken
    }

    fn write(&self, lines: &str) {
        fs::write(&self.input, lines).expect("there is room for texts");
    }

    fn partial(&self) -> PathBuf {
        format!("{}.partial", self.output).into()
    }

    fn files(&self) -> Vec<String> {
        let files = fs::read_dir(self.folder.path()).expect("it can be listed");
        let mut files: Vec<_> = files.map(|it| text(it.expect("it can be listed").file_name().into())).collect();
        files.sort();
        files
    }

    fn arguments<'a>(&'a self, flags: &[&'a str]) -> Vec<&'a str> {
        let mut arguments = vec!["embed", "--device", "cpu", "--input", &self.input, "--output", &self.output];
        if !flags.contains(&"--model") {
            arguments.extend(["--model", &self.model]);
        }
        arguments.extend(flags);
        arguments
    }
}

#[test]
fn what_was_done_is_kept_until_the_end() {
    let broken = Broken::new("vectors.jsonl");
    broken.write(GOOD);
    run(&broken.arguments(&[])).bad(1, &["vectors.jsonl.partial", "--resume goes on from there", "remove it"]);
    let resumed = run(&broken.arguments(&["--resume"]));
    assert!(resumed.stderr.contains("2 texts were done before"), "{}", resumed.stderr);
    resumed.good();
    assert_eq!(broken.files(), ["texts.jsonl", "vectors.jsonl"]);
    let stream = run(&["embed", "--device", "cpu", "--model", &model("bert"), "--input", &broken.input]).good();
    assert_eq!(fs::read_to_string(&broken.output).expect("it was written"), stream);
    // With nothing to go on from it begins anew.
    assert!(!run(&broken.arguments(&["--resume"])).stderr.contains("done before"));
    assert_eq!(fs::read_to_string(&broken.output).expect("it was written"), stream);
}

#[test]
fn another_form_may_be_written_in_the_end() {
    let broken = Broken::new("vectors.jsonl");
    broken.write(GOOD);
    run(&broken.arguments(&["--resume", "--format", "npy", "--precision", "ubinary"])).good();
    let npy = fs::read(&broken.output).expect("it was written");
    assert_eq!(npyz::NpyFile::new(&npy[..]).expect("it is an npy file").shape(), [4, 5]);
}

#[test]
fn runs_that_would_not_be_the_same() {
    let broken = Broken::new("vectors.jsonl");
    let copy = Copied::of("mpnet");
    for (flags, parts) in [
        (&["--max-length", "7"][..], &["--max-length was `64`, and is `7` now"][..]),
        (&["--dimensions", "8"], &["--dimensions was the usual, and is `8` now"]),
        (&["--no-normalize"], &["--normalize was the usual, and is `false` now"]),
        (&["--prompt", "query: "], &["the prompt", "query: "]),
        (&["--shard", "1/2"], &["--shard was `1/1`, and is `1/2` now"]),
        (&["--column", "body"], &["--column was the usual, and is `body` now"]),
        (&["--model", &copy.path()], &[]),
        (&["--instructions", "sse2", "--dtype", "f16"], &["the model or its options"]),
    ] {
        let parts = [&["vectors.jsonl.partial` cannot be resumed"], parts].concat();
        run(&broken.arguments(&[flags, &["--resume"]].concat())).bad(1, &parts);
    }
    for (lines, part) in [
        (GOOD.replace("two", "zwei"), "another text 1: the input is not the one"),
        ("\"one\"\n".to_owned(), "a vector of text 1, but the input ends before it"),
        ("one\n".to_owned(), "line 1"),
    ] {
        broken.write(&lines);
        run(&broken.arguments(&["--resume"])).bad(1, &[part]);
    }
    // None of them spoiled it.
    broken.write(GOOD);
    assert!(run(&broken.arguments(&["--resume"])).stderr.contains("2 texts were done before"));
}

#[test]
fn another_weight_is_another_model() {
    let mut broken = Broken::new("vectors.jsonl");
    let copy = Copied::of("bert");
    let path = copy.file("model.safetensors");
    let mut bytes = fs::read(&path).expect("the model has the file");
    let header = 8 + u64::from_le_bytes(bytes[..8].try_into().expect("eight bytes")) as usize;
    let tensors: serde_json::Value = serde_json::from_slice(&bytes[8..header]).expect("it is JSON");
    let table = tensors.as_object().expect("it lists tensors").iter();
    let mut table = table.filter(|(name, _)| name.ends_with("embeddings.position_embeddings.weight"));
    let (_, tensor) = table.next().expect("there are positions");
    let end = tensor["data_offsets"][1].as_u64().expect("it has an end") as usize;
    // The last position's row, which no short text reads.
    bytes[header + end - 4] ^= 1;
    fs::write(path, bytes).expect("the copy can be written");
    broken.write(GOOD);
    broken.model = copy.path();
    run(&broken.arguments(&["--resume"])).bad(1, &["cannot be resumed", "the model or its options was"]);
}

#[test]
fn files_of_others_are_left_alone() {
    let broken = Broken::new("vectors.jsonl");
    fs::write(broken.partial(), "precious").expect("it can be written");
    for flags in [&[][..], &["--resume"]] {
        run(&broken.arguments(flags)).bad(1, &["vectors.jsonl.partial", "no file of wembed's"]);
    }
    assert_eq!(fs::read(broken.partial()).expect("it is there"), b"precious");
}

#[test]
fn what_cannot_be_resumed() {
    run(&["embed", "a", "--resume", "--model", &model("bert")]).bad(2, &["required arguments were not provided"]);
    if cfg!(unix) {
        run(&["embed", "a", "--resume", "--output", "/dev/null", "--model", &model("bert")])
            .bad(1, &["`/dev/null` is none"]);
    }
}

#[test]
fn standard_input_is_resumed_too() {
    let broken = Broken::new("vectors.jsonl");
    let mut arguments = broken.arguments(&["--resume", "--input-format", "jsonl"]);
    let place = arguments.iter().position(|it| *it == broken.input).expect("it is there");
    arguments[place] = "-";
    let run = finish(wembed(&arguments).write_stdin(GOOD));
    assert!(run.stderr.contains("2 texts were done before"), "{}", run.stderr);
    run.good();
    assert_eq!(json_lines(&fs::read_to_string(&broken.output).expect("it was written")).len(), 4);
}

#[test]
fn a_failed_text_has_no_npy_file() {
    let copy = Copied::of("bert");
    copy.forget_unknown_words();
    let folder = tempfile::tempdir().expect("there is room for vectors");
    let output = text(folder.path().join("vectors.npy"));
    let embed = ["embed", "a", "\u{1f682}", "b", "--model", &copy.path(), "--output", &output, "--resume"];
    for _ in 0..2 {
        let run = run(&embed);
        assert!(run.stderr.contains("none was written"), "{}", run.stderr);
        run.bad(1, &["1 of 3 texts got no vector; text 1: "]);
        assert!(!folder.path().join("vectors.npy").exists());
    }
    run(&[&embed[..], &["--format", "jsonl"]].concat()).bad(1, &["1 of 3 texts got no vector; text 1: "]);
    let lines = json_lines(&fs::read_to_string(&output).expect("it was written"));
    assert!(lines[1]["error"].is_string() && lines.len() == 3);
}
