//! What a model is, without a device.

use serde_json::{Value, json};

use crate::models::{NAMES, expected, model};
use crate::run::{finish, run, wembed};

#[test]
fn tiny_models_are_described() {
    for name in NAMES {
        let object: Value =
            serde_json::from_str(&run(&["info", &model(name), "--format", "json"]).good()).expect("JSON");
        let expected = expected(name);
        assert_eq!(object["architecture"], name);
        assert_eq!(object["max_length"], expected["max_seq_length"]);
        assert_eq!(object["dimensions"], expected["vectors"][0].as_array().expect("a vector").len());
        let shown = run(&["info", &model(name)]).good();
        for key in ["architecture", "hidden_size", "vocabulary_size", "dimensions", "similarity"] {
            let value = object[key].as_str().map_or(object[key].to_string(), str::to_owned);
            assert!(shown.contains(&value), "{key} {value}: {shown}");
        }
    }
}

#[test]
fn modules_and_weights() {
    let of = |name: &str| -> Value {
        let mut command = wembed(&["info", "--format", "json"]);
        serde_json::from_str(&finish(command.env("WEMBED_MODEL", model(name))).good()).expect("it is JSON")
    };
    let (mpnet, bert, xlm_roberta) = (of("mpnet"), of("bert"), of("xlm-roberta"));
    assert_eq!((&mpnet["pooling"], &mpnet["steps"]), (&json!(["mean"]), &json!(["normalize"])));
    assert_eq!((&mpnet["normalizes"], &xlm_roberta["normalizes"]), (&json!(true), &json!(false)));
    assert_eq!(mpnet["prompts"], json!({"document": "", "query": ""}));
    assert_eq!(bert["steps"], json!(["dense 60 -> 40, Tanh", "normalize"]));
    assert_eq!(bert["files"].as_object().expect("files by name").len(), 2);
    let shards = xlm_roberta["files"].as_object().expect("files by name");
    assert_eq!((shards.len(), &xlm_roberta["dtypes"]), (2, &json!(["F16"])));
    // Two bytes a number, and two headers.
    let bytes: u64 = shards.values().filter_map(Value::as_u64).sum();
    let numbers = xlm_roberta["parameters"].as_u64().expect("a number");
    assert!(bytes > 2 * numbers && bytes < 2 * numbers + 20_000, "{bytes} {numbers}");
}
