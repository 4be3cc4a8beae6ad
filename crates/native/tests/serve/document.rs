//! The OpenAPI document: every route is in it, and nothing else.

use serde_json::{Value, json};

use crate::server::Server;

#[test]
fn it_lists_the_routes() {
    let server = Server::new();
    drop(server.wait(server.app.load_first()).expect("it loads"));
    let document = server.get("/openapi.json").good();
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    let source = include_str!("../../src/serve/router.rs");
    let routes: Vec<&str> =
        source.lines().filter_map(|line| line.trim().strip_prefix(".route(\"")?.split('"').next()).collect();
    let described = |route: &&str| !["/", "/openapi.json"].contains(route);
    let mut routes: Vec<String> =
        routes.into_iter().filter(described).map(|route| route.replace("{*name}", "{name}")).collect();
    let mut paths: Vec<String> = document["paths"].as_object().expect("an object").keys().cloned().collect();
    routes.sort();
    paths.sort();
    assert_eq!(paths, routes);
    for (path, methods) in document["paths"].as_object().expect("an object") {
        for (method, operation) in methods.as_object().expect("an object") {
            let path = path.replace("{name}", "mpnet");
            let answer = match method.as_str() {
                "get" => server.get(&path),
                _ => server.post(&path, &json!({ "input": "a", "inputs": "a", "texts": "a" })),
            };
            // wembed's own form takes no names of others.
            let status = if path == "/wembed/embed" { 400 } else { 200 };
            assert_eq!(answer.status, status, "{method} {path}: {}", answer.body);
            assert!(operation["responses"][status.to_string()].is_object(), "{method} {path}");
        }
    }
}

/// The page asks for nothing but what is there.
#[test]
fn the_page_asks_this_server() {
    let server = Server::new();
    let page = server.get("/");
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert!(page.body.contains("connect-src 'self'"));
    let body = server.post("/wembed/embed", &json!({ "texts": ["a"], "normalize": true })).good();
    assert!(body["texts"][0]["embedding"].is_array() && body["fingerprint"].is_string());
    assert_ne!(server.get("/info").good()["fingerprint"], Value::Null);
}
