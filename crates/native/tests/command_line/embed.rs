//! Vectors: as Hugging Face's own, and as the flags say.

use serde_json::Value;

use crate::models::{Copied, NAMES, expected, model, text};
use crate::run::{finish, json_lines, run, vector, wembed};

/// 1 - cosine from the reference in f64: what f16 weights may lose. Precision proper is held elsewhere.
const LOOSE: f64 = 1e-5;

fn cosine(left: &[f64], right: &[f64]) -> f64 {
    let dot = |left: &[f64], right: &[f64]| -> f64 { left.iter().zip(right).map(|(left, right)| left * right).sum() };
    dot(left, right) / (dot(left, left) * dot(right, right)).sqrt()
}

fn norm(vector: &[f32]) -> f64 {
    vector.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>().sqrt()
}

fn embed(flags: &[&str]) -> Vec<Vec<f32>> {
    json_lines(&run(&[&["embed"], flags].concat()).good()).iter().map(vector).collect()
}

#[test]
fn vectors_are_hugging_faces_own() {
    let folder = tempfile::tempdir().expect("there is room for texts");
    for name in NAMES {
        let expected = expected(name);
        let texts = expected["texts"].as_array().expect("texts");
        let input = text(folder.path().join("texts.jsonl"));
        let lines: String = texts.iter().map(|text| format!("{text}\n")).collect();
        std::fs::write(&input, lines).expect("there is room for texts");

        let run = run(&["embed", "--model", &model(name), "--input", &input]);
        let cut = expected["truncated"].as_array().expect("flags").iter().filter(|&cut| cut == true).count();
        let note = format!("{cut} of {} texts cut to {} tokens", texts.len(), expected["max_seq_length"]);
        assert!(run.stderr.contains(&note), "{note}: {}", run.stderr);

        let objects = json_lines(&run.good());
        assert_eq!(objects.len(), texts.len());
        for (index, object) in objects.iter().enumerate() {
            assert_eq!(object["index"], index);
            assert_eq!(object["tokens"], expected["ids"][index].as_array().expect("ids").len());
            assert_eq!(object["truncated"], expected["truncated"][index]);
            let numbers = |value: &Value| -> Vec<f64> {
                value.as_array().expect("a vector").iter().map(|value| value.as_f64().expect("a number")).collect()
            };
            let (found, wanted) = (numbers(&object["embedding"]), numbers(&expected["vectors"][index]));
            assert_eq!(found.len(), wanted.len());
            let distance = 1.0 - cosine(&found, &wanted);
            assert!(distance <= LOOSE, "{name}, {}: {distance}", texts[index]);
        }
    }
}

#[test]
fn many_batches_keep_the_order_and_the_bits() {
    let texts: String = (0..300).map(|index| format!("text {} of many\n", index * 7919 % 300)).collect();
    let model = model("mpnet");
    let lines = |batch_tokens| {
        let mut command = wembed(&["embed", "--model", &model, "--batch-tokens", batch_tokens]);
        finish(command.write_stdin(texts.clone())).good()
    };
    let (few, many) = (lines("100000"), lines("20"));
    assert_eq!(few.lines().count(), 300);
    assert!(json_lines(&many).iter().enumerate().all(|(index, object)| object["index"] == index));
    assert_eq!(few, many);
}

#[test]
fn normalized_or_not() {
    // mpnet ends with a Normalize module, xlm-roberta does not.
    for name in ["mpnet", "xlm-roberta"] {
        let model = model(name);
        let of = |flags: &[&str]| embed(&[&["a text", "--model", &model], flags].concat()).remove(0);
        let is_one = |vector: &[f32]| (norm(vector) - 1.0).abs() < 1e-5;
        assert_eq!(is_one(&of(&[])), name == "mpnet");
        assert!(is_one(&of(&["--normalize"])));
        assert!(!is_one(&of(&["--no-normalize"])));
    }
}

#[test]
fn the_first_dimensions() {
    let model = model("xlm-roberta");
    let all = embed(&["a text", "--model", &model]).remove(0);
    let first = embed(&["a text", "--model", &model, "--dimensions", "10"]).remove(0);
    assert_eq!(first, all[..10]);
    let unit = embed(&["a text", "--model", &model, "--dimensions", "10", "--normalize"]).remove(0);
    assert!((norm(&unit) - 1.0).abs() < 1e-5);
}

#[test]
fn prompts_stand_in_front() {
    let copy = Copied::of("mpnet");
    copy.set("config_sentence_transformers.json", "prompts", serde_json::json!({"query": "find: ", "usual": "so: "}));
    copy.set("config_sentence_transformers.json", "default_prompt_name", "usual");
    let of = |text: &str, flags: &[&str]| embed(&[flags, &["--model", &copy.path(), "--", text]].concat()).remove(0);
    let plain = |text: &str| of(text, &["--prompt", ""]);
    assert_eq!(of("a text", &["--prompt", "- "]), plain("- a text"));
    assert_eq!(of("a text", &["--prompt-name", "query"]), plain("find: a text"));
    assert_eq!(of("a text", &[]), plain("so: a text"));
}

#[test]
fn lengths_and_word_tables_and_dtypes() {
    let model = model("mpnet");
    let text = "one two three four five six seven eight";
    let of = |flags: &[&str]| json_lines(&run(&[&["embed", text, "--model", &model], flags].concat()).good()).remove(0);
    let usual = of(&[]);
    assert_eq!(usual["truncated"], false);
    let short = of(&["--max-length", "5"]);
    assert_eq!((&short["tokens"], &short["truncated"]), (&5.into(), &true.into()));
    assert_eq!(of(&["--vocabulary", "device"]), of(&["--vocabulary", "host"]));
    let vector = |object: &Value| vector(object).into_iter().map(f64::from).collect::<Vec<_>>();
    let [f32, f16] = ["f32", "f16"].map(|dtype| of(&["--dtype", dtype]));
    assert!(1.0 - cosine(&vector(&f32), &vector(&f16)) <= LOOSE);
    // What a machine takes unasked is the one or the other, or f32 in three products.
    let bf16x3 = run(&["embed", text, "--model", &model, "--dtype", "bf16x3"]);
    assert!(usual == f32 || usual == f16 || json_lines(&bf16x3.good()).remove(0) == usual);
}

#[test]
fn one_text_that_fails() {
    let copy = Copied::of("bert");
    copy.forget_unknown_words();
    let form = |name: &str| run(&["embed", "a", "\u{1f682}", "b", "--model", &copy.path(), "--format", name]);
    let parts = ["1 of 3 texts got no vector", "text 1: ", "WordPiece"];

    let lines = form("jsonl");
    let objects = json_lines(std::str::from_utf8(&lines.stdout).expect("JSON is UTF-8"));
    assert_eq!(objects.len(), 3);
    assert_eq!(objects[1]["index"], 1);
    assert!(objects[1]["error"].is_string() && objects[1].get("embedding").is_none(), "{}", objects[1]);
    assert_eq!([vector(&objects[0]), vector(&objects[2])], embed(&["a", "b", "--model", &model("bert")])[..]);
    lines.bad(1, &parts);

    let array = form("json");
    assert_eq!(serde_json::from_slice::<Vec<Value>>(&array.stdout).expect("it is an array"), objects);
    array.bad(1, &parts);
    let npy = form("npy");
    assert_eq!(npy.stdout, b"");
    npy.bad(1, &parts);
    run(&["similarity", "a", "\u{1f682}", "--model", &copy.path()]).bad(1, &["1 of 2 texts got no vector"]);
}
