//! The form of text-embeddings-inference.

use axum::body::Body;
use axum::http::Request;
use serde_json::json;
use wembed::serve::{Guard, Limits};
use wembed_model::Finish;

use crate::server::{NORMALIZED, Server, numbers, vectors};

const TEXTS: [&str; 2] = ["What is Deep Learning?", "Was ist das?"];

#[test]
fn embed() {
    let server = Server::new();
    let body = server.post("/embed", &json!({ "inputs": TEXTS, "truncation_direction": "Right" })).good();
    for (index, expected) in vectors("mpnet", &TEXTS, NORMALIZED).iter().enumerate() {
        assert_eq!(&numbers(&body[index]), expected);
    }
    let one = server.post("/embed", &json!({ "inputs": TEXTS[0], "normalize": false, "dimensions": 12 })).good();
    let finish = Finish { normalize: Some(false), dimensions: Some(12) };
    assert_eq!(numbers(&one[0]), vectors("mpnet", &TEXTS[..1], finish)[0]);
    for (wrong, status, word) in [
        (json!({ "inputs": [] }), 400, "at least one text"),
        (json!({ "inputs": "a", "prompt_name": "nothing" }), 422, "prompt"),
        (json!({ "inputs": "a", "truncation_direction": "left" }), 422, "Right, which is the model's"),
        (json!({ "inputs": "word ".repeat(3000), "truncate": false }), 422, "input 0: "),
        (json!({ "input": "a" }), 422, "missing field `inputs`"),
    ] {
        let answer = server.post("/embed", &wrong);
        assert_eq!(answer.status, status, "{}", answer.body);
        let body = answer.json();
        assert_eq!(body["error_type"], if status == 400 { "Empty" } else { "Validation" });
        assert!(body["error"].as_str().is_some_and(|error| error.contains(word)), "{}", answer.body);
    }
}

#[test]
fn tokenize() {
    let server = Server::new();
    let body = server.post("/tokenize", &json!({ "inputs": ["hello", "Übung"] })).good();
    let first = body[0].as_array().expect("a list");
    assert_eq!((&first[0]["special"], &first[0]["start"]), (&json!(true), &json!(null)));
    assert_eq!((&first[1]["special"], &first[1]["start"]), (&json!(false), &json!(0)));
    let last = body[1].as_array().expect("a list").iter().rfind(|token| token["special"] == false);
    assert_eq!(last.expect("it has tokens")["stop"], 5, "in characters");
    let bare = server.post("/tokenize", &json!({ "inputs": "hello", "add_special_tokens": false })).good();
    assert_eq!(bare[0].as_array().map(Vec::len), Some(first.len() - 2));
    assert_eq!(server.post("/tokenize", &json!({ "inputs": [1, 2] })).status, 422);
}

#[test]
fn info_health_and_metrics() {
    let server = Server::new();
    assert_eq!(server.get("/live").good()["status"], "alive");
    assert_eq!(server.get("/health").status, 503, "it is not loaded yet");
    drop(server.wait(server.app.load_first()).expect("it loads"));
    assert_eq!(server.get("/health").good()["status"], "ready");
    let info = server.get("/info").good();
    assert_eq!(
        (&info["model_id"], &info["dimensions"], &info["model_type"]),
        (&json!("mpnet"), &json!(96), &json!({ "embedding": { "pooling": "mean" } }))
    );
    assert!(info["max_batch_tokens"].as_u64() > Some(0) && info["max_input_length"].as_u64() > Some(0));
    let fingerprint = info["fingerprint"].as_str().expect("it is there");
    for _ in 0..2 {
        let answer = server.post("/wembed/embed", &json!({ "texts": TEXTS }));
        assert_eq!(answer.header("x-wembed-fingerprint"), Some(fingerprint));
    }
    server.get("/nothing");
    // Wherever a request is turned away, it makes no label of its own, and what is there keeps its own.
    server.send(
        Request::options("/nowhere")
            .header("access-control-request-method", "GET")
            .header("origin", "http://localhost")
            .body(Body::empty())
            .expect("it is a request"),
    );
    server.post("/v1/embeddings", &json!({ "input": "a", "model": "gpt" }));
    let metrics = server.get("/metrics").body;
    for line in [
        "wembed_texts_total{what=\"computed\"} 2",
        "wembed_texts_total{what=\"cache\"} 2",
        "wembed_cache{what=\"entries\"} 2",
        "wembed_queue{what=\"tokens\"} 0",
        "wembed_requests_total{route=\"/wembed/embed\",status=\"200\"} 2",
        "wembed_requests_total{route=\"other\",status=\"404\"} 1",
        "wembed_requests_total{route=\"other\",status=\"200\"} 1",
        "wembed_requests_total{route=\"/v1/embeddings\",status=\"404\"} 1",
        "wembed_batch_texts_count 1",
        "wembed_seconds_count{what=\"wait\"} 2",
    ] {
        assert!(metrics.lines().any(|it| it == line), "{line} in {metrics}");
    }
    let (device, dtype) = (&info["device"], &info["model_dtype"]);
    let loaded = format!("wembed_model_loaded{{model=\"mpnet\",device={device},dtype={dtype}}} 1");
    assert!(metrics.lines().any(|it| it == loaded), "{loaded} in {metrics}");
    server.app.end();
    assert_eq!(server.get("/health").status, 503);
    assert_eq!(server.get("/live").status, 200);
    assert_eq!(server.post("/embed", &json!({ "inputs": "a" })).status, 503);
}

#[test]
fn what_is_too_large() {
    let limits = Limits { body_bytes: 1000, texts: 3, ..Limits::default() };
    let server = Server::with(limits, Guard::default(), None);
    let many = server.post("/embed", &json!({ "inputs": ["a", "b", "c", "d"] }));
    assert_eq!(
        (many.status, many.json()["error"].as_str()),
        (422, Some("expected at most 3 texts in a request, found 4"))
    );
    let large = server.post("/embed", &json!({ "inputs": "a".repeat(1000) }));
    assert_eq!((large.status, large.json()["error"].as_str()), (413, Some("expected a body of at most 1000 bytes")));
    assert_eq!(server.post("/v1/embeddings", &json!({ "input": "a".repeat(1000) })).status, 413);
    assert_eq!(server.post("/api/embed", &json!({ "input": "a".repeat(1000) })).status, 413);
}
