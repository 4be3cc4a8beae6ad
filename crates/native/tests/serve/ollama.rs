//! Ollama's form.

use std::time::Duration;

use serde_json::json;
use wembed::serve::{Guard, Limits};
use wembed_model::Finish;

use crate::server::{NORMALIZED, Server, numbers, vectors};

const TEXTS: [&str; 3] = ["why is the sky blue?", "why is the grass green?", "Grüße"];

#[test]
fn embed() {
    let server = Server::new();
    let body = server
        .post(
            "/api/embed",
            &json!({ "model": "mpnet", "input": TEXTS, "options": { "num_ctx": 1 }, "keep_alive": "5m" }),
        )
        .good();
    assert_eq!(body["model"], "mpnet");
    for (index, expected) in vectors("mpnet", &TEXTS, NORMALIZED).iter().enumerate() {
        assert_eq!(&numbers(&body["embeddings"][index]), expected);
    }
    for key in ["total_duration", "load_duration", "prompt_eval_count"] {
        assert!(body[key].is_u64(), "{key}");
    }
    assert!(
        body["total_duration"].as_u64() >= body["load_duration"].as_u64() && body["load_duration"].as_u64() > Some(0)
    );
    let again = server.post("/api/embed", &json!({ "model": "mpnet", "input": TEXTS[0] })).good();
    assert_eq!((&again["embeddings"][0], &again["load_duration"]), (&body["embeddings"][0], &json!(0)));
    let cut = server.post("/api/embed", &json!({ "model": "mpnet", "input": TEXTS[0], "dimensions": 8 })).good();
    assert_eq!(
        numbers(&cut["embeddings"][0]),
        vectors("mpnet", &TEXTS[..1], Finish { normalize: Some(true), dimensions: Some(8) })[0]
    );
    // Nothing to embed loads the model.
    for body in [json!({ "model": "second", "input": [] }), json!({ "model": "second" })] {
        assert_eq!(server.post("/api/embed", &body).good()["embeddings"], json!([]));
    }
}

#[test]
fn the_form_of_old_is_not_normalised_and_takes_both_names() {
    let server = Server::new();
    let expected = vectors("mpnet", &TEXTS[..1], Finish { normalize: Some(false), dimensions: None });
    for key in ["prompt", "input"] {
        let body = server.post("/api/embeddings", &json!({ "model": "mpnet", key: TEXTS[0] })).good();
        assert_eq!(numbers(&body["embedding"]), expected[0], "{key}");
    }
    assert_eq!(
        server.post("/api/embeddings", &json!({ "model": "mpnet", "prompt": "" })).good()["embedding"],
        json!([])
    );
    let wrong = server.post("/api/embeddings", &json!({ "model": "mpnet", "prompt": TEXTS }));
    assert_eq!((wrong.status, wrong.json()["error"].is_string()), (400, true));
}

#[test]
fn long_texts_are_cut_or_refused() {
    let server = Server::new();
    let long = "word ".repeat(3000);
    let answer = server.post("/api/embed", &json!({ "model": "mpnet", "input": [TEXTS[0], long] }));
    answer.good();
    assert_eq!(answer.header("x-wembed-truncated"), Some("1"));
    let refused = server.post("/api/embed", &json!({ "model": "mpnet", "input": long, "truncate": false }));
    assert_eq!(refused.status, 400);
    assert!(
        refused.json()["error"].as_str().is_some_and(|error| error.contains("tokens, the model takes")),
        "{}",
        refused.body
    );
}

#[test]
fn lists_of_models_and_version() {
    let server = Server::new();
    let tags = server.get("/api/tags").good();
    assert_eq!(tags["models"][0]["name"], "mpnet");
    assert_eq!(server.get("/api/ps").good()["models"], json!([]));
    server.post("/api/embed", &json!({ "model": "mpnet" })).good();
    let ps = server.get("/api/ps").good();
    assert_eq!((&ps["models"][0]["model"], ps["models"][0]["expires_at"].is_string()), (&json!("mpnet"), true));
    let show = server.post("/api/show", &json!({ "model": "mpnet" })).good();
    assert_eq!(
        (&show["capabilities"], &show["model_info"]["mpnet.embedding_length"]),
        (&json!(["embedding"]), &json!(96))
    );
    assert!(server.get("/api/version").good()["version"].is_string());
    assert_eq!(server.post("/api/pull", &json!({ "model": "mpnet" })).good()["status"], "success");
    for path in ["/api/embed", "/api/embeddings", "/api/show", "/api/pull"] {
        let answer = server.post(path, &json!({ "model": "llama", "input": "a" }));
        assert_eq!(answer.status, 404);
        assert!(
            answer.json()["error"].as_str().is_some_and(|error| error.contains("model `llama` is not here")),
            "{path}: {}",
            answer.body
        );
    }
    assert!(server.get("/api/nothing").json()["error"].is_string());
}

/// A model goes when nobody used it for as long as it is kept, and comes again.
#[test]
fn models_are_unloaded() {
    let server = Server::with(Limits::default(), Guard::default(), Some(Duration::from_secs(3600)));
    let loaded = || server.get("/api/ps").good()["models"].as_array().map_or(0, Vec::len);
    let vector = || server.post("/api/embed", &json!({ "model": "mpnet", "input": "a" })).good()["embeddings"].clone();
    let first = vector();
    server.wait(server.app.models.unload_idle());
    assert_eq!(loaded(), 1);
    server.post("/api/embed", &json!({ "model": "mpnet", "keep_alive": 0 })).good();
    server.wait(server.app.models.unload_idle());
    assert_eq!(loaded(), 0);
    assert_eq!(vector(), first);
    server.post("/api/embed", &json!({ "model": "mpnet", "keep_alive": -1 })).good();
    server.wait(server.app.models.unload_idle());
    assert_eq!(loaded(), 1);
    // Longer than there are dates for.
    server.post("/api/embed", &json!({ "model": "mpnet", "keep_alive": 1e15 })).good();
    assert_eq!(loaded(), 1);
    let wrong = server.post("/api/embed", &json!({ "model": "mpnet", "keep_alive": "soon" }));
    assert_eq!((wrong.status, wrong.body.contains("keep_alive")), (400, true), "{}", wrong.body);
}

/// Who comes when the queue is full hears it as Ollama says it.
#[test]
fn a_full_queue() {
    let server = Server::with(Limits { queue_tokens: 0, ..Limits::default() }, Guard::default(), None);
    let busy = server.post("/api/embed", &json!({ "model": "mpnet", "input": "a" }));
    assert_eq!(busy.status, 503);
    assert!(busy.header("retry-after").is_some_and(|after| after.parse::<u64>().is_ok_and(|after| after >= 1)));
    assert_eq!(server.post("/v1/embeddings", &json!({ "input": "a" })).status, 429);
    assert_eq!(server.post("/embed", &json!({ "inputs": "a" })).status, 429);
}
