//! Who may ask.

use std::io::Write as _;

use axum::body::Body;
use axum::http::Request;
use serde_json::json;
use wembed::serve::{Guard, Limits};

use crate::server::{Answer, Server};

fn ask(server: &Server, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::post("/v1/embeddings");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    server.send(request.body(Body::from(json!({ "input": "a" }).to_string())).expect("it is a request"))
}

#[test]
fn keys() {
    let mut file = tempfile::NamedTempFile::new().expect("there is room");
    writeln!(file, "first-key\n\n  second-key  ").expect("there is room");
    let mut guard = Guard::default();
    guard.read_keys(file.path()).expect("there are keys");
    let server = Server::with(Limits::default(), guard, None);
    for good in ["Bearer first-key", "Bearer second-key", "bearer first-key"] {
        assert_eq!(ask(&server, &[("authorization", good)]).status, 200, "{good}");
    }
    for wrong in ["", "Bearer", "Bearer ", "Bearer first-kex", "Bearer first-key-", "first-key", "Basic first-key"] {
        let answer = ask(&server, &[("authorization", wrong)]);
        assert_eq!((answer.status, answer.json()["error"]["code"].as_str()), (401, Some("invalid_api_key")), "{wrong}");
    }
    assert_eq!(ask(&server, &[]).status, 401);
    assert_eq!(server.post("/api/embed", &json!({ "input": "a" })).status, 401);
    drop(server.wait(server.app.load_first()).expect("it loads"));
    for open in ["/", "/live", "/health", "/metrics"] {
        assert_eq!(server.get(open).status, 200, "{open}");
    }
    let empty = tempfile::NamedTempFile::new().expect("there is room");
    assert!(Guard::default().read_keys(empty.path()).is_err());
}

#[test]
fn pages_of_others_are_not_answered() {
    let server = Server::with(Limits::default(), Guard::new(true, vec!["https://mine.example".to_owned()]), None);
    for origin in ["http://localhost:3000", "app://obsidian.md", "https://mine.example"] {
        let answer = ask(&server, &[("origin", origin), ("host", "localhost:8080")]);
        assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, Some(origin)));
    }
    let answer = ask(&server, &[("origin", "https://evil.example"), ("host", "127.0.0.1:8080")]);
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (403, None));
    // A page that reaches this machine by a name of its own.
    let rebound = ask(&server, &[("host", "evil.example:8080")]);
    assert_eq!((rebound.status, rebound.json()["error"]["code"].as_str()), (403, Some("forbidden")));
}

/// The server's own page asks it under whatever name it was reached by, where it may be reached by any.
#[test]
fn its_own_page_is_answered() {
    let server = Server::with(Limits::default(), Guard::new(false, Vec::new()), None);
    let at = |host: &str, origin: &str| ask(&server, &[("host", host), ("origin", origin)]).status;
    assert_eq!(at("192.168.1.5:8080", "http://192.168.1.5:8080"), 200);
    assert_eq!(at("embed.example", "https://embed.example"), 200);
    for origin in ["http://192.168.1.5:9090", "http://192.168.1.5", "https://evil.example", "null", "://", ""] {
        assert_eq!(at("192.168.1.5:8080", origin), 403, "{origin}");
    }
}

#[test]
fn a_browser_that_sends_a_key_is_answered_before_it_does() {
    let server = Server::new();
    let request = Request::options("/v1/embeddings")
        .header("origin", "app://obsidian.md")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization,content-type,x-stainless-os");
    let answer = server.send(request.body(Body::empty()).expect("it is a request"));
    assert_eq!(answer.status, 200);
    let allowed = answer.header("access-control-allow-headers").expect("it is said");
    assert!(allowed.contains("authorization") && allowed.contains("x-stainless-os"), "{allowed}");
}

#[test]
fn requests_have_numbers() {
    let server = Server::new();
    let given = ask(&server, &[("x-request-id", "mine")]);
    assert_eq!(given.header("x-request-id"), Some("mine"));
    let (one, other) = (ask(&server, &[]), ask(&server, &[]));
    assert!(one.header("x-request-id").is_some() && one.header("x-request-id") != other.header("x-request-id"));
}
