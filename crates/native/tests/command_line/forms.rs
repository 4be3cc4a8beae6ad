//! The forms of vectors hold the same numbers.

use std::fs;
use std::io::Write as _;

use arrow_array::Array as _;
use arrow_array::cast::AsArray as _;
use arrow_array::types::{Float32Type, Int8Type, Int32Type, Int64Type, UInt8Type};
use arrow_schema::DataType;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};

use crate::models::{Copied, model, text};
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

/// The rows of a Parquet file as the objects of JSON lines.
fn rows(bytes: &[u8]) -> Vec<Value> {
    let mut file = tempfile::tempfile().expect("there is room for vectors");
    file.write_all(bytes).expect("there is room for vectors");
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("a Parquet file");
    let mut rows = Vec::new();
    for batch in reader.build().expect("it can be read") {
        let batch = batch.expect("it can be read");
        let column = |name: &str| batch.column_by_name(name).expect("the column is there");
        for row in 0..batch.num_rows() {
            let mut object = json!({"index": column("index").as_primitive::<Int64Type>().value(row)});
            match batch.column_by_name("id").map(|ids| (ids.as_string_opt::<i32>(), ids)) {
                Some((Some(ids), _)) => object["id"] = ids.value(row).into(),
                Some((None, ids)) => object["id"] = ids.as_primitive::<Int64Type>().value(row).into(),
                None => {}
            }
            let embedding = column("embedding").as_fixed_size_list();
            if embedding.is_valid(row) {
                let values = embedding.value(row);
                object["embedding"] = match values.data_type() {
                    DataType::Float32 => json!(values.as_primitive::<Float32Type>().values().to_vec()),
                    DataType::Int8 => json!(values.as_primitive::<Int8Type>().values().to_vec()),
                    _ => json!(values.as_primitive::<UInt8Type>().values().to_vec()),
                };
                object["tokens"] = column("tokens").as_primitive::<Int32Type>().value(row).into();
                object["truncated"] = column("truncated").as_boolean().value(row).into();
                let windows = column("windows").as_primitive::<Int32Type>().value(row);
                if windows > 1 {
                    object["windows"] = windows.into();
                }
                assert!(column("error").is_null(row));
            } else {
                object["error"] = column("error").as_string::<i32>().value(row).into();
                assert!(column("tokens").is_null(row) && column("truncated").is_null(row));
            }
            rows.push(object);
        }
    }
    rows
}

#[test]
fn parquet_holds_what_json_lines_hold() {
    let copy = Copied::of("bert");
    copy.forget_unknown_words();
    let folder = tempfile::tempdir().expect("there is room for texts");
    let input = |name: &str, lines: &[String]| {
        fs::write(folder.path().join(name), lines.concat()).expect("there is room for texts");
        text(folder.path().join(name))
    };
    // More rows than are written at a time, and one without a vector.
    let word = |index: usize| match index {
        1500 => "\u{1f682}",
        8 => "a a a a a a",
        _ => "a",
    };
    let lines: Vec<_> = (0..2100).map(|index| format!("{{\"n\":{index},\"text\":\"{}\"}}\n", word(index))).collect();
    let objects = input("texts.jsonl", &lines);
    let cells: Vec<_> = (0..2100).map(|index| format!("{index},{}\n", word(index))).collect();
    let cells = input("texts.csv", &[&["n,text\n".to_owned()], &cells[..]].concat());
    let ids = ["--id-column", "n"];
    for (input, flags) in [
        (&objects, &[][..]),
        (&objects, &["--max-length", "5", "--long", "mean"]),
        (&objects, &["--precision", "int8"]),
        (&objects, &["--precision", "ubinary", "--shard", "1/2"]),
        (&cells, &ids),
    ] {
        let form = |name: &str| {
            let embed = ["embed", "--device", "cpu", "--model", &copy.path(), "--input", input, "--format", name];
            run(&[&embed[..], flags].concat())
        };
        let lines = form("jsonl");
        assert_eq!(lines.code, Some(1), "{}", lines.stderr);
        let rows = rows(&form("parquet").stdout);
        let lines = json_lines(std::str::from_utf8(&lines.stdout).expect("JSON is UTF-8"));
        assert!(rows.len() > 1000);
        for (row, line) in rows.iter().zip(&lines) {
            match line.get("embedding") {
                Some(_) => assert_eq!(vector(row), vector(line)),
                None => assert_eq!(row["error"], line["error"]),
            }
            for key in ["index", "id", "tokens", "truncated", "windows"] {
                assert_eq!(row.get(key), line.get(key), "{key}");
            }
        }
        assert_eq!(rows.len(), lines.len());
        assert_eq!(
            rows.iter().filter(|row| row.get("windows").is_some()).count(),
            usize::from(flags.contains(&"mean"))
        );
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
