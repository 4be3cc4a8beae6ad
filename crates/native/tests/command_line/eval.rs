//! Scores on a person's own data, held to sentence-transformers 6.2.0's evaluators on the same model in f64.

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::models::{model, text};
use crate::run::run;

const LEFT: [&str; 8] = [
    "the train left the station",
    "a lighthouse in the morning",
    "two rivers meet below the town",
    "nobody read it",
    "the driver overslept",
    "she bought the table once",
    "a model that is wrong",
    "the old bridge",
];
const RIGHT: [&str; 8] = [
    "the train left the town",
    "the weather every morning",
    "the old bridge below the town",
    "nobody ever read it",
    "the train left at nine",
    "it still did not fit",
    "a model that is late",
    "where two rivers meet",
];

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("there is room for texts"))
    }

    /// Writes a file and returns its path.
    fn file(&self, name: &str, contents: &str) -> String {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().expect("it lies in a folder")).expect("there is room for texts");
        fs::write(&path, contents).expect("there is room for texts");
        text(path)
    }

    fn path(&self) -> String {
        text(self.0.path().to_owned())
    }
}

fn eval(words: &[&str]) -> Value {
    let model = model("multilingual-e5");
    let words = [&["eval"], words, &["--model", &model, "--dtype", "f32", "--format", "json"]].concat();
    serde_json::from_str(&run(&words).good()).expect("it is JSON")
}

fn hold(found: &Value, expected: f64) {
    let found = found.as_f64().unwrap_or_else(|| panic!("{found} is a number"));
    assert!((found - expected).abs() < 1e-6, "{found} is not {expected}");
}

#[test]
fn correlations_are_those_of_sentence_transformers() {
    let folder = Folder::new();
    let scores = [4.5, 2.0, 3.0, 4.8, 1.5, 1.0, 3.5, 2.0];
    let rows = |separator: &str| -> String {
        let row =
            |((left, right), score): ((&&str, &&str), &f64)| [*left, *right, &score.to_string()].join(separator) + "\n";
        LEFT.iter().zip(&RIGHT).zip(&scores).map(row).collect()
    };
    let header = format!("sentence1,sentence2,score\n{}", rows(","));
    for (name, contents) in [("plain.csv", rows(",")), ("header.csv", header), ("tabs.tsv", rows("\t"))] {
        let found = eval(&["sts", &folder.file(name, &contents)]);
        assert_eq!((&found["pairs"], &found["measure"]), (&json!(8), &json!("cosine")), "{name}");
        for (measure, spearman, pearson) in [
            ("cosine", 0.45509797952703834, 0.5409298853170461),
            ("dot", 0.45509797952703834, 0.5409298853170442),
            ("euclidean", 0.45509797952703834, 0.5461167497940342),
            ("manhattan", 0.4910267673844362, 0.532761210615908),
        ] {
            hold(&found["measures"][measure]["spearman"], spearman);
            hold(&found["measures"][measure]["pearson"], pearson);
        }
    }
    let shown =
        run(&["eval", "sts", &folder.file("again.csv", &rows(",")), "--model", &model("multilingual-e5")]).good();
    assert_eq!(shown.lines().nth(1), Some("cosine       0.4551   0.5409"), "{shown}");
}

#[test]
fn partners_are_found_as_by_sentence_transformers() {
    let folder = Folder::new();
    let pairs = |group: &str| -> String {
        LEFT.iter().zip(&RIGHT).map(|(left, right)| format!("{group}{left}\t{right}\n")).collect()
    };
    let found = eval(&["pairs", &folder.file("pairs.tsv", &pairs(""))]);
    assert_eq!(found, json!([{ "group": "all", "pairs": 8, "forth": 0.5, "back": 0.375 }]));
    // Each group by itself, in the order of their names, and their mean.
    let alone = "a\tthe old bridge\tthe old bridge\n";
    let found = eval(&["pairs", &folder.file("groups.tsv", &[&pairs("b\t"), alone].concat())]);
    let group = |name: &str, pairs: usize, forth: f64, back: f64| json!({ "group": name, "pairs": pairs, "forth": forth, "back": back });
    assert_eq!(
        found,
        json!([group("a", 1, 1.0, 1.0), group("b", 8, 0.5, 0.375), group("mean of the groups", 9, 0.75, 0.6875)])
    );
}

/// A corpus of 153 documents, four queries and what answers them.
fn retrieval() -> Folder {
    let folder = Folder::new();
    let line = |id: String, text: &str| json!({ "_id": id, "text": text, "metadata": {} }).to_string() + "\n";
    let named = RIGHT.iter().chain(&LEFT[3..]).enumerate().map(|(i, text)| line(format!("d{i}"), text));
    let others =
        (0..140).map(|i| line(format!("x{i}"), &format!("{} and {} {i}", LEFT[i % 8], RIGHT[(3 * i + i / 8) % 8])));
    folder.file("corpus.jsonl", &named.chain(others).collect::<String>());
    let queries = [LEFT[0], LEFT[2], "a table that did not fit", "who wrote the weather down", "not judged"];
    let queries = queries.iter().enumerate().map(|(i, text)| line(format!("q{i}"), text));
    folder.file("queries.jsonl", &queries.collect::<String>());
    let answers = ["d0 d4 x7 x90", "d7 d2 x139", "d5 d10 x11", "d1 x50 x60"];
    let row = |(i, answers): (usize, &&str)| -> String {
        answers.split(' ').map(|answer| format!("q{i}\t{answer}\t1\n")).chain([format!("q{i}\tx1\t0\n")]).collect()
    };
    let rows: String = answers.iter().enumerate().map(row).collect();
    folder.file("qrels/test.tsv", &format!("query-id\tcorpus-id\tscore\n{rows}"));
    folder
}

#[test]
fn answers_are_found_as_by_sentence_transformers() {
    let folder = retrieval();
    let found = eval(&["retrieval", &folder.path(), "--passage-prompt", "passage: "]);
    assert_eq!((&found["queries"], &found["documents"]), (&json!(4), &json!(153)));
    hold(&found["ndcg@10"], 0.060166824781698026);
    hold(&found["recall@100"], 0.7708333333333333);
    // By itself it takes the prompt `query`, and `document` before `passage`, which sentence-transformers saved empty.
    let found = eval(&["retrieval", &folder.path()]);
    hold(&found["ndcg@10"], 0.0);
    hold(&found["recall@100"], 0.7083333333333334);
}

#[test]
fn a_query_does_not_find_itself() {
    let folder = Folder::new();
    let line = |id: &str, text: &str| json!({ "_id": id, "text": text }).to_string() + "\n";
    folder.file("corpus.jsonl", &[line("q0", LEFT[0]), line("d0", RIGHT[0])].concat());
    folder.file("queries.jsonl", &line("q0", LEFT[0]));
    folder.file("qrels/test.tsv", "q0\td0\t1\n");
    let found = eval(&["retrieval", &folder.path(), "--prompt", "", "--passage-prompt", ""]);
    hold(&found["ndcg@10"], 1.0);
}

#[test]
fn what_is_wrong_with_the_data_is_said() {
    let folder = Folder::new();
    let model = model("multilingual-e5");
    let bad = |words: &[&str], parts: &[&str]| run(&[&["eval"], words, &["--model", &model]].concat()).bad(1, parts);
    bad(&["sts", "nowhere.csv"], &["`nowhere.csv` could not be opened"]);
    bad(&["sts", &folder.file("empty.csv", "")], &["empty.csv` has no rows"]);
    bad(
        &["sts", &folder.file("two.csv", "a,b,1\nc,d\n")],
        &["two.csv`, line 2", "two sentences and a score", "2 fields"],
    );
    bad(
        &["sts", &folder.file("word.csv", "a,b,1\nc,d,near\n")],
        &["word.csv`, line 2", "a number in field 3", "`near`"],
    );
    bad(&["sts", &folder.file("nan.csv", "a,b,1\nc,d,NaN\n")], &["nan.csv`, line 2", "a number", "`NaN`"]);
    bad(&["sts", &folder.file("same.csv", "a,b,1\nc,d,1\n")], &["expected scores that differ", "2 times 1"]);
    bad(&["pairs", &folder.file("one.tsv", "a\tb\nc\n")], &["one.tsv`, line 2", "two texts", "1 fields"]);
    bad(&["pairs", &folder.file("more.tsv", "a\tb\nc\td\te\n")], &["more.tsv`, line 2", "two texts", "3 fields"]);
    bad(&["pairs", &folder.file("four.tsv", "a\tb\tc\td\n")], &["four.tsv`, line 1", "4 fields"]);
    bad(&["retrieval", &folder.path()], &["test.tsv` could not be opened"]);

    let spoilt = |name: &str, contents: &str, parts: &[&str]| {
        let folder = retrieval();
        folder.file(name, contents);
        bad(&["retrieval", &folder.path()], parts);
    };
    spoilt("qrels/test.tsv", "query-id\tcorpus-id\tscore\nq0\td0\t0\n", &["no judgement above 0"]);
    spoilt("qrels/test.tsv", "q0\t0\td0\t1\n", &["test.tsv`, line 1", "a query, a document and a score", "4 fields"]);
    spoilt("qrels/test.tsv", "q77\td0\t1\n", &["no query `q77`"]);
    spoilt(
        "corpus.jsonl",
        "{\"_id\": \"d0\"}\n",
        &["corpus.jsonl`, line 1", "`_id` and `text`", "missing field `text`"],
    );
    spoilt("queries.jsonl", "\n", &["queries.jsonl` has no lines"]);
    let twice = "{\"_id\": \"d0\", \"text\": \"a\"}\n{\"_id\": \"d0\", \"text\": \"b\"}\n";
    spoilt("corpus.jsonl", twice, &["corpus.jsonl`, line 2", "an `_id` that no other has", "`d0`"]);
}
