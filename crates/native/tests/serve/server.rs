//! A server without sockets, and requests to it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request};
use pollster::block_on;
use serde_json::Value;
use tokio::runtime::Runtime;
use tower::ServiceExt as _;
use wembed::serve::{App, Cache, Computes, Entry, Guard, Limits, Model, router};
use wembed::{Directory, ModelFiles};
use wembed_kernels::cpu::{self, CpuEngine};
use wembed_model::{AnyEngine, EmbedOptions, Finish, LoadOptions, Long};

/// A tiny model's directory.
pub fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/models").join(name)
}

/// A tiny model.
pub fn model(name: &str) -> Model {
    let files = ModelFiles::Directory(Directory::open(golden(name)).expect("the model is in the repository"));
    let engine = AnyEngine::Cpu(CpuEngine::open(cpu::Options::default()).expect("there is a processor"));
    block_on(Model::load(engine, files, LoadOptions::default())).expect("the model loads")
}

/// The vectors that the library itself gives.
pub fn vectors(name: &str, texts: &[&str], finish: Finish) -> Vec<Vec<f32>> {
    let options = EmbedOptions { finish, long: Long::Truncate, ..EmbedOptions::default() };
    let found = block_on(model(name).embed(texts, &options)).expect("they can be embedded");
    found.into_iter().map(|text| text.expect("it can be embedded").vector).collect()
}

pub const NORMALIZED: Finish = Finish { normalize: Some(true), dimensions: None };

pub struct Server {
    pub app: Arc<App>,
    router: Router,
    runtime: Runtime,
}

pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl Server {
    pub fn new() -> Self {
        Self::with(Limits::default(), Guard::default(), None)
    }

    /// Serves `mpnet` and, as `org/second`, `bert`.
    pub fn with(limits: Limits, guard: Guard, keep_alive: Option<Duration>) -> Self {
        let load = |name: &'static str| {
            Arc::new(move || Ok(Box::new(model(name)) as Box<dyn Computes>)) as wembed::serve::Load
        };
        let entries = vec![
            Entry::new("mpnet".to_owned(), vec!["first".to_owned()], keep_alive, load("mpnet")),
            Entry::new("org/second".to_owned(), Vec::new(), keep_alive, load("bert")),
        ];
        Self::of(App::new(entries, limits, Cache::new(1 << 20, None)), guard)
    }

    pub fn of(app: App, guard: Guard) -> Self {
        let app = Arc::new(app);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime starts");
        Self { router: router(app.clone(), guard), app, runtime }
    }

    pub fn send(&self, request: Request<Body>) -> Answer {
        self.runtime.block_on(async {
            let response = self.router.clone().oneshot(request).await.expect("a router answers");
            let (parts, body) = response.into_parts();
            let body = to_bytes(body, usize::MAX).await.expect("the body is whole");
            let body = String::from_utf8(body.to_vec()).expect("it is text");
            Answer { status: parts.status.as_u16(), headers: parts.headers, body }
        })
    }

    pub fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).expect("it is a request"))
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.post_text(path, &body.to_string())
    }

    pub fn post_text(&self, path: &str, body: &str) -> Answer {
        self.send(Request::post(path).body(Body::from(body.to_owned())).expect("it is a request"))
    }

    pub fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }
}

impl Answer {
    /// The body of an answer that must have gone well.
    pub fn good(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        assert_eq!(self.header("content-type"), Some("application/json"));
        self.json()
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// The numbers in an array.
pub fn numbers(array: &Value) -> Vec<f32> {
    let array = array.as_array().unwrap_or_else(|| panic!("expected an array, found {array}"));
    array.iter().map(|value| value.as_f64().expect("vectors hold numbers") as f32).collect()
}
