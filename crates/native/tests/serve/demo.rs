//! The demo page beside the server's own, where it was built.

use std::fs;

use axum::body::Body;
use axum::http::Request;
use tempfile::TempDir;
use wembed::serve::{App, Cache, Demo, Entry, Guard, Limits};

use crate::server::{Server, model};

fn folder(names: &[&str]) -> TempDir {
    let place = TempDir::new().expect("there is room");
    for name in names {
        let path = place.path().join(name);
        fs::create_dir_all(path.parent().expect("it is in a folder")).expect("there is room");
        fs::write(path, format!("this is {name}")).expect("there is room");
    }
    place
}

#[test]
fn it_is_there_where_it_was_built() {
    let built = folder(&["index.html", "wembed/index.js", "wembed/wasm/simd/wembed_wasm_bg.wasm"]);
    let keys = folder(&["keys"]);
    let mut guard = Guard::default();
    guard.read_keys(&keys.path().join("keys")).expect("there is one");
    let load = std::sync::Arc::new(|| Ok(Box::new(model("mpnet")) as Box<dyn wembed::serve::Computes>));
    let entries = vec![Entry::new("mpnet".to_owned(), Vec::new(), None, load)];
    let mut app = App::new(entries, Limits::default(), Cache::new(1 << 20, None));
    app.demo = Some(Demo::open(built.path().to_owned()).expect("it is there"));
    let server = Server::of(app, guard);
    let page = server.get("/demo/");
    assert_eq!((page.status, page.body.as_str()), (200, "this is index.html"), "no key is needed for it");
    assert_eq!(page.header("cross-origin-opener-policy"), Some("same-origin"));
    assert_eq!(page.header("cross-origin-embedder-policy"), Some("require-corp"));
    assert_eq!(page.header("content-type"), Some("text/html"));
    assert_eq!(server.get("/demo/wembed/index.js").header("content-type"), Some("text/javascript"));
    assert_eq!(
        server.get("/demo/wembed/wasm/simd/wembed_wasm_bg.wasm").header("content-type"),
        Some("application/wasm")
    );
    let bare = server.get("/demo");
    assert_eq!((bare.status, bare.header("location")), (308, Some("/demo/")), "{}", bare.body);
    for outside in ["/demo/../keys", "/demo/%2e%2e/keys", "/demo/nothing"] {
        assert_ne!(server.get(outside).status, 200, "{outside}");
    }
    let info = Request::get("/info").header("authorization", "Bearer this is keys");
    let info = server.send(info.body(Body::empty()).expect("it is a request")).good();
    assert_eq!(info["demo"], "/demo/");
}

#[test]
fn it_is_not_there_where_it_was_not() {
    let server = Server::new();
    assert_eq!(server.get("/demo/").status, 404);
    assert!(server.get("/info").good()["demo"].is_null());
    let unbuilt = folder(&["index.html"]);
    let error = Demo::open(unbuilt.path().to_owned()).expect_err("it is not whole").to_string();
    assert!(error.contains("`wembed/index.js`") && error.contains("scripts/build-www"), "{error}");
}
