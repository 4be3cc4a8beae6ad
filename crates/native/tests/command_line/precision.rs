//! Vectors in fewer bits, in every form that holds them.

use std::fs;

use serde_json::Value;

use crate::models::{model, text};
use crate::run::{json_lines, run, vector};

/// As `crates/model/src/precision.rs` holds it against sentence-transformers; here once more, plainly.
fn expected(vectors: &[Vec<f32>], ranges: &[Vec<f32>], precision: &str) -> Vec<Vec<i64>> {
    let bits = |vector: &[f32], less: i64| -> Vec<i64> {
        let byte = |bits: &[f32]| {
            (0..8).map(|bit| i64::from(bits.get(bit).is_some_and(|&it| it > 0.0)) << (7 - bit)).sum::<i64>()
        };
        vector.chunks(8).map(|bits| byte(bits) - less).collect()
    };
    let int8 = |vector: &Vec<f32>| {
        let code = |(column, &value): (usize, &f32)| {
            let column = || ranges.iter().map(move |vector| vector[column]);
            let (minimum, maximum) = (column().fold(f32::MAX, f32::min), column().fold(f32::MIN, f32::max));
            ((value - minimum) / ((maximum - minimum) / 255.0)).floor().clamp(0.0, 255.0) as i64 - 128
        };
        vector.iter().enumerate().map(code).collect()
    };
    match precision {
        "binary" => vectors.iter().map(|vector| bits(vector, 128)).collect(),
        "ubinary" => vectors.iter().map(|vector| bits(vector, 0)).collect(),
        _ => vectors.iter().map(int8).collect(),
    }
}

fn numbers(object: &Value) -> Vec<i64> {
    let values = object["embedding"].as_array().unwrap_or_else(|| panic!("no embedding in {object}"));
    values.iter().map(|value| value.as_i64().expect("they are whole")).collect()
}

#[test]
fn every_form_holds_every_precision() {
    let model = model("bert");
    let folder = tempfile::tempdir().expect("there is room for vectors");
    let calibration = text(folder.path().join("calibration.npy"));
    let texts = ["a", "b", "ein Text", "", "another text"];
    let embed = |flags: &[&str]| {
        run(&[&["embed", "--device", "cpu", "--model", &model, "--dimensions", "20"], &texts[..], flags].concat())
    };
    let vectors: Vec<_> = json_lines(&embed(&[]).good()).iter().map(vector).collect();
    let first =
        &["embed", "--device", "cpu", "--model", &model, "--dimensions", "20", "b", "c", "d", "--output", &calibration];
    run(first).good();
    let npy = fs::read(&calibration).expect("it was written");
    let values: Vec<f32> = npyz::NpyFile::new(&npy[..]).expect("an npy file").into_vec().expect("float32");
    let calibrated: Vec<_> = values.chunks(20).map(<[f32]>::to_vec).collect();

    for (flags, ranges) in [
        (&["--precision", "binary"][..], &vectors),
        (&["--precision", "ubinary"], &vectors),
        (&["--precision", "int8"], &vectors),
        (&["--precision", "int8", "--calibration", &calibration], &calibrated),
    ] {
        let precision = flags[1];
        let expected = expected(&vectors, ranges, precision);
        let stream = embed(flags);
        assert_eq!(stream.stderr.contains("those of 5 vectors"), flags == ["--precision", "int8"]);
        let lines = json_lines(&stream.good());
        assert_eq!(lines.iter().map(numbers).collect::<Vec<_>>(), expected, "{flags:?}");
        assert_eq!(lines[3]["tokens"], 2);

        let output = text(folder.path().join("vectors.npy"));
        embed(&[flags, &["--output", &output]].concat()).good();
        let npy =
            npyz::NpyFile::new(&*fs::read(&output).expect("it was written")).expect("an npy file").shape().to_vec();
        assert_eq!(npy, [5, expected[0].len() as u64]);
        let bytes = fs::read(&output).expect("it was written");
        let array = npyz::NpyFile::new(&bytes[..]).expect("an npy file");
        let values: Vec<i64> = if precision == "ubinary" {
            array.into_vec::<u8>().expect("bytes").into_iter().map(i64::from).collect()
        } else {
            array.into_vec::<i8>().expect("bytes").into_iter().map(i64::from).collect()
        };
        assert_eq!(values, expected.concat());
        let shown = embed(&[flags, &["--format", "text"]].concat()).good();
        assert!(shown.starts_with(&format!("0  [{}, ", expected[0][0])), "{shown}");
    }
}

#[test]
fn ranges_that_are_none() {
    let folder = tempfile::tempdir().expect("there is room for vectors");
    let path = |name: &str| text(folder.path().join(name));
    let model = model("bert");
    let embed = |flags: &[&str]| run(&[&["embed", "--device", "cpu", "--model", &model], flags].concat());
    embed(&["a", "--precision", "int8"]).bad(1, &["one vector has no ranges", "--calibration"]);
    embed(&["a", "--calibration", "x.npy"]).bad(1, &["--precision int8, which was not asked for"]);
    embed(&["a", "--precision", "int4"]).bad(2, &["--precision"]);
    let int8 = |file: &str, parts: &[&str]| {
        embed(&["a", "--precision", "int8", "--calibration", file]).bad(1, &[&[file], parts].concat());
    };
    int8("/nonexistent.npy", &["could not be opened"]);
    fs::write(path("no.npy"), "no array").expect("there is room");
    int8(&path("no.npy"), &["expected an npy file"]);
    embed(&["a", "b", "--dimensions", "8", "--output", &path("narrow.npy")]).good();
    int8(&path("narrow.npy"), &["expected an array (texts, 40), found (2, 8)"]);
    embed(&["a", "b", "--output", &path("cut.npy")]).good();
    let whole = fs::read(path("cut.npy")).expect("it was written");
    fs::write(path("cut.npy"), &whole[..whole.len() - 8]).expect("there is room");
    int8(&path("cut.npy"), &["expected 2 rows, found an end in row 1"]);
    embed(&["a", "b", "--precision", "int8", "--output", &path("bytes.npy")]).good();
    int8(&path("bytes.npy"), &["expected float32, found '|i1'"]);
    embed(&["--output", &path("empty.npy")]).good();
    int8(&path("empty.npy"), &["found (0, 40)"]);
    assert_eq!(embed(&["--precision", "int8"]).good(), "");
}
