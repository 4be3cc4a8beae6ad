//! OpenAI's form.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use wembed_model::Finish;

use crate::server::{NORMALIZED, Server, numbers, vectors};

const TEXTS: [&str; 4] =
    ["hello world", "", "Übung macht den Meister", "a much longer text, of many words, that is one of several"];

#[test]
fn strings_and_lists_of_them() {
    let server = Server::new();
    let expected = vectors("mpnet", &TEXTS, NORMALIZED);
    let answer = server.post("/v1/embeddings", &json!({ "input": TEXTS, "model": "mpnet", "user": "somebody" }));
    let body = answer.good();
    assert_eq!((&body["object"], &body["model"]), (&json!("list"), &json!("mpnet")));
    let data = body["data"].as_array().expect("it is a list");
    assert_eq!(data.len(), TEXTS.len());
    let mut tokens = 0;
    for (index, (item, expected)) in data.iter().zip(&expected).enumerate() {
        assert_eq!((&item["object"], &item["index"]), (&json!("embedding"), &json!(index)));
        assert_eq!(&numbers(&item["embedding"]), expected, "the same bits as the library's");
        tokens += item["tokens"].as_u64().expect("it is a number");
    }
    assert_eq!(body["usage"], json!({ "prompt_tokens": tokens, "total_tokens": tokens }));
    assert_eq!(answer.header("x-wembed-tokens"), Some(tokens.to_string().as_str()));
    let one = server.post("/v1/embeddings", &json!({ "input": TEXTS[0] })).good();
    assert_eq!(one["data"][0]["embedding"], data[0]["embedding"]);
}

#[test]
fn base64_is_the_same_numbers() {
    let server = Server::new();
    let body = server.post("/v1/embeddings", &json!({ "input": TEXTS, "encoding_format": "base64" })).good();
    for (index, expected) in vectors("mpnet", &TEXTS, NORMALIZED).iter().enumerate() {
        let bytes = STANDARD.decode(body["data"][index]["embedding"].as_str().expect("a string")).expect("base64");
        let found: Vec<f32> =
            bytes.chunks_exact(4).map(|four| f32::from_le_bytes(four.try_into().expect("four"))).collect();
        assert_eq!(&found, expected);
    }
}

#[test]
fn token_ids_are_the_text() {
    let server = Server::new();
    let text = server.post("/v1/embeddings", &json!({ "input": TEXTS[3] })).good();
    let tokens = server.post("/tokenize", &json!({ "inputs": TEXTS[3] })).good();
    let ids = |special: bool| -> Vec<u64> {
        let all = tokens[0].as_array().expect("a list").iter();
        all.filter(|token| special || token["special"] == false)
            .map(|token| token["id"].as_u64().expect("an id"))
            .collect()
    };
    for input in [json!(ids(true)), json!(ids(false)), json!([ids(true)])] {
        let found = server.post("/v1/embeddings", &json!({ "input": input })).good();
        assert_eq!(found["data"][0]["embedding"], text["data"][0]["embedding"]);
        assert_eq!(found["usage"], text["usage"]);
    }
    // The bits of a text with a prompt depend on where both meet.
    let prompted = server.post("/wembed/embed", &json!({ "texts": [ids(false)], "prompt": "query: " })).good();
    assert!(
        prompted["texts"][0]["error"].as_str().is_some_and(|error| error.contains("to put the prompt in front of"))
    );
    let wrong = server.post("/v1/embeddings", &json!({ "input": [1, 4_000_000] }));
    assert_eq!(wrong.status, 400, "{}", wrong.body);
    assert!(wrong.body.contains("4000000 is beyond"), "{}", wrong.body);
}

#[test]
fn dimensions() {
    let server = Server::new();
    let finish = Finish { normalize: Some(true), dimensions: Some(10) };
    let body = server.post("/v1/embeddings", &json!({ "input": TEXTS, "dimensions": 10 })).good();
    for (index, expected) in vectors("mpnet", &TEXTS, finish).iter().enumerate() {
        assert_eq!(&numbers(&body["data"][index]["embedding"]), expected);
    }
    let wrong = server.post("/v1/embeddings", &json!({ "input": "a", "dimensions": 100_000 }));
    assert_eq!(wrong.status, 400);
    assert!(
        wrong.json()["error"]["message"].as_str().is_some_and(|it| it.contains("dimensions: expected 1 to 96")),
        "{}",
        wrong.body
    );
}

#[test]
fn models() {
    let server = Server::new();
    let body = server.get("/v1/models").good();
    let ids: Vec<&Value> = body["data"].as_array().expect("a list").iter().map(|model| &model["id"]).collect();
    assert_eq!(ids, ["mpnet", "org/second"]);
    assert_eq!(server.get("/v1/models/org/second").good()["id"], "org/second");
    // By its name, by what is behind the owner's, as Ollama's clients call it, by another name.
    for (name, is) in [
        ("org/second", "org/second"),
        ("second", "org/second"),
        ("mpnet:latest", "mpnet"),
        ("first", "mpnet"),
        ("", "mpnet"),
    ] {
        assert_eq!(server.post("/v1/embeddings", &json!({ "input": "a", "model": name })).good()["model"], is);
    }
    let fingerprint = |model: &str| {
        let answer = server.post("/v1/embeddings", &json!({ "input": "a", "model": model }));
        answer.header("x-wembed-fingerprint").expect("it is there").to_owned()
    };
    assert_ne!(fingerprint("first"), fingerprint("second"));
}

#[test]
fn what_is_wrong_is_said_nested() {
    let server = Server::new();
    for (body, status, code, word) in [
        ("", 400, "invalid", "EOF"),
        ("{", 400, "invalid", "EOF"),
        ("[]", 400, "invalid", "expected a JSON object"),
        (r#"["a"]"#, 400, "invalid", "expected a JSON object"),
        ("{}", 400, "invalid", "missing field `input`"),
        (r#"{"input": []}"#, 400, "empty", "at least one text"),
        (r#"{"input": null}"#, 400, "invalid", "found null"),
        (r#"{"input": {"a": 1}}"#, 400, "invalid", "found an object"),
        (r#"{"input": ["a", 7]}"#, 400, "invalid", "a number at 1"),
        (r#"{"input": "a", "encoding_format": "hex"}"#, 400, "invalid", "`encoding_format`: unknown variant `hex`"),
        (
            r#"{"input": "a", "dimensions": -1}"#,
            400,
            "invalid",
            "`dimensions`: invalid value: integer `-1`, expected a whole number at line 1",
        ),
        (
            r#"{"input": "a", "dimensions": "7"}"#,
            400,
            "invalid",
            "`dimensions`: invalid type: string \"7\", expected a whole number",
        ),
        (r#"{"input": "a", "dimensions": 0}"#, 400, "invalid", "dimensions"),
        (r#"{"input": "a"} x"#, 400, "invalid", "trailing"),
        (r#"{"input": "a", "model": "gpt"}"#, 404, "model_not_found", "expected `mpnet` or `org/second`"),
    ] {
        let answer = server.post_text("/v1/embeddings", body);
        assert_eq!(answer.status, status, "{body}: {}", answer.body);
        let error = &answer.json()["error"];
        assert_eq!((&error["code"], &error["type"]), (&json!(code), &json!("invalid_request_error")), "{body}");
        assert!(error["message"].as_str().is_some_and(|message| message.contains(word)), "{body}: {}", answer.body);
    }
    let answer = server.get("/v1/embeddings");
    assert_eq!((answer.status, answer.json()["error"]["code"].as_str()), (405, Some("not_found")));
    assert_eq!(server.get("/v1/nothing").status, 404);
    assert_eq!(server.get("/v1/models/gpt").status, 404);
}
