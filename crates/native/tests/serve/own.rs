//! wembed's own form.

use serde_json::json;

use crate::server::{Server, numbers, vectors};
use wembed_model::Finish;

#[test]
fn each_text_has_its_tokens_and_its_error() {
    let server = Server::new();
    let long = "word ".repeat(3000);
    let texts = ["hello", &long, "world"];
    let body = server.post("/wembed/embed", &json!({ "texts": texts, "long": "error" })).good();
    assert_eq!((&body["model"], body["fingerprint"].is_string()), (&json!("mpnet"), true));
    let expected = vectors("mpnet", &["hello", "world"], Finish::default());
    assert_eq!(numbers(&body["texts"][0]["embedding"]), expected[0]);
    assert_eq!(numbers(&body["texts"][2]["embedding"]), expected[1]);
    let failed = &body["texts"][1];
    assert_eq!((&failed["embedding"], &failed["tokens"]), (&json!(null), &json!(0)));
    assert!(failed["error"].as_str().is_some_and(|error| error.contains("tokens, the model takes")), "{failed}");
    let cut = server.post("/wembed/embed", &json!({ "texts": texts })).good();
    let truncated: Vec<_> = (0..3).map(|index| cut["texts"][index]["truncated"] == true).collect();
    assert_eq!(truncated, [false, true, false]);
    let mean = server.post("/wembed/embed", &json!({ "texts": texts, "long": "mean" })).good();
    assert_eq!(mean["texts"][0]["embedding"], cut["texts"][0]["embedding"]);
    assert_ne!(mean["texts"][1]["embedding"], cut["texts"][1]["embedding"]);
}

#[test]
fn options() {
    let server = Server::new();
    let vector = |options: serde_json::Value| {
        let mut body = json!({ "texts": "hello" });
        body.as_object_mut().expect("an object").extend(options.as_object().expect("an object").clone());
        server.post("/wembed/embed", &body).good()["texts"][0].clone()
    };
    assert!(vector(json!({ "encoding": "base64" }))["embedding"].is_string());
    assert_eq!(vector(json!({ "dimensions": 5 }))["embedding"].as_array().map(Vec::len), Some(5));
    assert_ne!(vector(json!({ "prompt": "query: " })), vector(json!({})));
    for (wrong, word) in [
        (json!({ "texts": "a", "pompt": "" }), "unknown field `pompt`"),
        (json!({ "texts": "a", "prompt": "", "prompt_name": "query" }), "found both"),
        (json!({ "texts": "a", "prompt_name": "nothing" }), "prompt's name"),
        (json!({ "texts": "a", "long": "short" }), "`long`"),
        (json!({}), "missing field `texts`"),
    ] {
        let answer = server.post("/wembed/embed", &wrong);
        assert_eq!(answer.status, 400, "{wrong}");
        assert!(answer.body.contains(word), "{}", answer.body);
    }
}
