//! A request to the server: the first byte says where to, the rest is its body. It is answered with a status of its own, and never with a bug.

#![no_main]

use std::path::Path;
use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use libfuzzer_sys::fuzz_target;
use tokio::runtime::Runtime;
use tower::ServiceExt as _;
use wembed::serve::{App, Cache, Computes, Entry, Guard, Limits, Load, Model, router};
use wembed::{Directory, ModelFiles};
use wembed_kernels::cpu::{self, CpuEngine};
use wembed_model::{AnyEngine, LoadOptions};

const PATHS: [&str; 8] =
    ["/v1/embeddings", "/api/embed", "/api/embeddings", "/api/show", "/api/pull", "/embed", "/tokenize", "/wembed/embed"];

static SERVER: LazyLock<(Router, Runtime)> = LazyLock::new(|| {
    let load: Load = Arc::new(|| {
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../golden/models/mpnet");
        let files = ModelFiles::Directory(Directory::open(golden)?);
        let engine = AnyEngine::Cpu(CpuEngine::open(cpu::Options::default())?);
        Ok(Box::new(pollster::block_on(Model::load(engine, files, LoadOptions::default()))?) as Box<dyn Computes>)
    });
    let entries = vec![Entry::new("mpnet".to_owned(), Vec::new(), None, load)];
    let app = Arc::new(App::new(entries, Limits::default(), Cache::new(1 << 16, None)));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime starts");
    (router(app, Guard::default()), runtime)
});

fuzz_target!(|data: &[u8]| {
    let Some((&path, body)) = data.split_first() else { return };
    let (router, runtime) = &*SERVER;
    let request = Request::post(PATHS[usize::from(path) % PATHS.len()]).body(Body::from(body.to_owned())).expect("it is a request");
    runtime.block_on(async {
        let response = router.clone().oneshot(request).await.expect("a router answers");
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body(), usize::MAX).await.expect("it is whole");
        assert!(matches!(status, 200 | 400 | 404 | 413 | 422), "{status}: {}", String::from_utf8_lossy(&body));
        serde_json::from_slice::<serde_json::Value>(&body).expect("it is JSON");
    });
});
