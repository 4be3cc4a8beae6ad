//! Texts and ids in columns: JSON objects, CSV, TSV, Parquet.

use std::fs::{self, File};
use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, DictionaryArray, Int32Array, LargeStringArray, RecordBatch, StringArray, StringViewArray};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use serde_json::{Value, json};

use crate::models::{model, text};
use crate::run::{Run, finish, json_lines, run, wembed};

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("there is room for texts"))
    }

    fn path(&self, name: &str) -> String {
        text(self.0.path().join(name))
    }

    fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        fs::write(self.path(name), bytes).expect("there is room for texts");
        self.path(name)
    }

    fn parquet(&self, compression: Compression, columns: &[(&str, ArrayRef)]) -> String {
        let path = self.path("texts.parquet");
        let batch =
            RecordBatch::try_from_iter_with_nullable(columns.iter().map(|(name, it)| (*name, it.clone(), true)));
        let batch = batch.expect("the columns are of one length");
        let properties = WriterProperties::builder().set_compression(compression);
        let properties = properties.set_max_row_group_row_count(Some(3)).build();
        let file = File::create(&path).expect("there is room for texts");
        let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).expect("it can be written");
        writer.write(&batch).expect("it can be written");
        writer.close().expect("it can be written");
        path
    }
}

fn embed(path: &str, flags: &[&str]) -> Run {
    run(&[&["embed", "--device", "cpu", "--model", &model("bert"), "--input", path], flags].concat())
}

const TEXTS: [&str; 5] = ["one", "", "a \"quoted\",\ttext", "two\nlines", "vier Br\u{fc}cken"];

fn expected() -> String {
    run(&[&["embed", "--device", "cpu", "--model", &model("bert")], &TEXTS[..]].concat()).good()
}

fn ids(run: Run) -> Vec<Value> {
    json_lines(&run.good()).iter().map(|object| object["id"].clone()).collect()
}

#[test]
fn cells_are_texts() {
    let folder = Folder::new();
    let rows = ["one,1", ",2", "\"a \"\"quoted\"\",\ttext\",3", "\"two\nlines\",4", "vier Br\u{fc}cken,\"5\""];
    let (unix, windows) = (rows.join("\n"), rows.join("\r\n"));
    for (name, bytes) in
        [("unix.csv", format!("text,n\n{unix}\n")), ("windows.csv", format!("\u{feff}text,n\r\n{windows}"))]
    {
        let path = folder.file(name, &bytes);
        assert_eq!(embed(&path, &[]).good(), expected(), "{name}");
        assert_eq!(ids(embed(&path, &["--id-column", "n"])), ["1", "2", "3", "4", "5"]);
    }
    let unclosed = folder.file("unclosed.csv", "n,text\n1,one\n2,\"two\n3,three\n");
    embed(&unclosed, &[])
        .bad(1, &["unclosed.csv`", "begins on line 3", "expected a closing quotation mark, found the end"]);
    // A mark in the middle of a field is a letter.
    assert_eq!(ids(embed(&folder.file("inch.csv", "text,n\n5\" disk,1\ntwo,2\n"), &["--id-column", "n"])), ["1", "2"]);
    let tabs = "n\ttext\n1\tone\n2\t\n3\ta \"quoted\" text\n4\t\"two\" lines\n5\t\"open\n";
    let texts = ["one", "", "a \"quoted\" text", "\"two\" lines", "\"open"];
    let expected = run(&[&["embed", "--device", "cpu", "--model", &model("bert")], &texts[..]].concat()).good();
    assert_eq!(embed(&folder.file("texts.tsv", tabs), &[]).good(), expected);
    let embed = ["embed", "--device", "cpu", "--model", &model("bert"), "--input-format", "tsv", "--input", "-"];
    assert_eq!(finish(wembed(&embed).write_stdin(tabs)).good(), expected);
}

#[test]
fn keys_are_columns() {
    let folder = Folder::new();
    let line = |(index, text): (usize, &&str)| json!({"body": text, "n": index, "s": format!("s{index}")}).to_string();
    let path = folder.file("texts.jsonl", TEXTS.iter().enumerate().map(line).collect::<Vec<_>>().join("\n"));
    assert_eq!(embed(&path, &["--column", "body"]).good(), expected());
    assert_eq!(ids(embed(&path, &["--column", "body", "--id-column", "n"])), [0, 1, 2, 3, 4]);
    assert_eq!(ids(embed(&path, &["--column", "s", "--id-column", "s"])), ["s0", "s1", "s2", "s3", "s4"]);
    embed(&path, &[]).bad(1, &["line 1", "an object without `text`; its keys: `body`, `n`, `s`"]);
    embed(&path, &["--column", "n"]).bad(1, &["line 1", "whose `n` is no string"]);
    embed(&path, &["--column", "body", "--id-column", "m"]).bad(1, &["line 1", "without `m`"]);
    let path = folder.file("ids.jsonl", "{\"text\":\"a\",\"id\":1.5}\n");
    embed(&path, &["--id-column", "id"]).bad(1, &["line 1", "whose `id` is no string and no whole number"]);
    let path = folder.file("strings.jsonl", "\"a\"\n");
    embed(&path, &["--id-column", "id"]).bad(1, &["expected a JSON object with `text` and `id`, found a string"]);
}

#[test]
fn parquet_holds_texts() {
    let folder = Folder::new();
    let numbers: ArrayRef = Arc::new(Int32Array::from_iter_values(0..5));
    let dictionary: DictionaryArray<Int32Type> = TEXTS.into_iter().collect();
    let arrays: [ArrayRef; 4] = [
        Arc::new(StringArray::from_iter_values(TEXTS)),
        Arc::new(LargeStringArray::from_iter_values(TEXTS)),
        Arc::new(StringViewArray::from_iter_values(TEXTS)),
        Arc::new(dictionary),
    ];
    let zstd = Compression::ZSTD(ZstdLevel::default());
    let compressions = [Compression::UNCOMPRESSED, Compression::SNAPPY, zstd, Compression::LZ4_RAW];
    for (array, compression) in arrays.into_iter().zip(compressions) {
        let path = folder.parquet(compression, &[("n", numbers.clone()), ("text", array)]);
        assert_eq!(embed(&path, &[]).good(), expected(), "{compression}");
        assert_eq!(ids(embed(&path, &["--id-column", "n"])), [0, 1, 2, 3, 4]);
        assert_eq!(ids(embed(&path, &["--id-column", "text"])), TEXTS);
        embed(&path, &["--column", "m"]).bad(1, &["texts.parquet", "expected a column `m`, found `n`, `text`"]);
        embed(&path, &["--column", "n"]).bad(1, &["column `n`: expected strings, found Int32"]);
    }
    let gap: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), Some("b"), Some("c"), None]));
    let path = folder.parquet(zstd, &[("text", gap)]);
    let run = embed(&path, &[]);
    assert_eq!(json_lines(std::str::from_utf8(&run.stdout).expect("JSON is UTF-8")).len(), 3);
    run.bad(1, &["texts.parquet", "row 3: `text` is null"]);
    embed(&folder.file("no.parquet", "no parquet"), &[]).bad(1, &["no.parquet", "expected a Parquet file"]);
}

#[test]
fn cells_that_cannot_be_read() {
    let folder = Folder::new();
    let fails = |bytes: &[u8], flags: &[&str], parts: &[&str]| {
        let path = folder.file("texts.csv", bytes);
        embed(&path, flags).bad(1, &[parts, &["texts.csv"]].concat());
    };
    fails(b"a,b\n1,2\n", &[], &["line 1", "expected a column `text`, found `a`, `b`"]);
    fails(b"text,b\n1,2\n", &["--id-column", "c"], &["expected a column `c`, found `text`, `b`"]);
    fails(b"text,text\n1,2\n", &[], &["two columns are named `text`"]);
    fails(b"text,b\n1,2\n3\n", &[], &["line: 3"]);
    fails(b"text\nok\n\"b\n\xff\"\n", &[], &["the record that begins on line 3", "0xff at byte 1"]);
    fails(b"", &[], &["expected a column `text`, found none"]);
    for (flags, part) in [
        (&["--column", "text"][..], "have no columns"),
        (&["--id-column", "id"], "have no columns"),
        (&["--input-format", "parquet"], "--input FILE"),
    ] {
        run(&[&["embed", "--model", &model("bert"), "--input", "-"], flags].concat()).bad(1, &[part]);
    }
    run(&["embed", "a", "--input-format", "txt", "--model", &model("bert")]).bad(1, &["the texts are arguments"]);
}

#[test]
fn a_huge_line() {
    let folder = Folder::new();
    let huge = "word ".repeat(1 << 20);
    let path = folder.file("texts.csv", format!("text\na\n\"{huge}\"\nb\n"));
    let lines = json_lines(&embed(&path, &[]).good());
    assert_eq!(lines.iter().map(|line| line["truncated"] == true).collect::<Vec<_>>(), [false, true, false]);
}

#[test]
fn shards_make_up_the_whole() {
    let folder = Folder::new();
    let path = folder.file("texts.txt", (0..50).map(|index| format!("text {index}\n")).collect::<String>());
    let whole = embed(&path, &[]).good();
    let mut lines = Vec::new();
    for shard in ["1/3", "2/3", "3/3"] {
        lines.extend(embed(&path, &["--shard", shard]).good().lines().map(str::to_owned));
    }
    lines.sort_by_key(|line| json_lines(line)[0]["index"].as_u64());
    assert_eq!(lines.join("\n") + "\n", whole);
    assert_eq!(embed(&path, &["--shard", "60/60"]).good(), "");
    run(&["embed", "--shard", "1/3", "--precision", "int8", "--input", &path, "--model", "/nonexistent"])
        .bad(1, &["--shard with --precision int8 needs --calibration: each share would have ranges of its own"]);
    embed(&path, &["--shard", "4/3"]).bad(2, &["--shard", "expected I/N"]);
}
