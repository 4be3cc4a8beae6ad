//! Which path is answered by whom, in whose form.

use std::any::Any;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{MatchedPath, Path, Request, State};
use axum::http::{Method, Response, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::routing::{get, post};
use serde_json::json;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, RequestId, SetRequestIdLayer};

use super::app::App;
use super::body;
use super::demo::Demo;
use super::dialects::{self, ollama, openai, own, tei};
use super::guard::Guard;
use super::hosted::said_in_panic;
use super::problem::Problem;
use super::rest;

/// How long a browser may remember what it may ask.
const PREFLIGHT: Duration = Duration::from_secs(600);

type Shared = State<Arc<App>>;
type Answered = Result<Response<Body>, Problem>;

/// A handler: the request's body, then a function of a dialect, whose problems are said in its form.
macro_rules! reads {
    ($dialect:ident, $function:path) => {
        |State(app): Shared, request: Request| async move {
            let answered = async { $function(&app, &read(&app, request).await?).await };
            said(answered.await, $dialect::problem)
        }
    };
}

/// All routes.
pub fn router(app: Arc<App>, guard: Guard) -> Router {
    let guard = Arc::new(guard);
    let cors = cors(&guard);
    Router::new()
        .route("/v1/embeddings", post(reads!(openai, openai::embeddings)))
        .route("/v1/models", get(|State(app): Shared| async move { openai::models(&app) }))
        .route("/v1/models/{*name}", get(model))
        .route("/api/embed", post(reads!(ollama, ollama::embed)))
        .route("/api/embeddings", post(reads!(ollama, ollama::embeddings)))
        .route("/api/tags", get(|State(app): Shared| async move { ollama::tags(&app) }))
        .route("/api/ps", get(|State(app): Shared| async move { ollama::ps(&app) }))
        .route("/api/show", post(reads!(ollama, ollama::show)))
        .route("/api/pull", post(pull))
        .route("/api/version", get(|| async { ollama::version() }))
        .route("/embed", post(reads!(tei, tei::embed)))
        .route("/tokenize", post(reads!(tei, tei::tokenize)))
        .route("/info", get(|State(app): Shared| async move { said(tei::info(&app).await, tei::problem) }))
        .route("/wembed/embed", post(reads!(openai, own::embed)))
        .route("/health", get(ready))
        .route("/ready", get(ready))
        .route("/live", get(|| async { dialects::json(200, &json!({ "status": "alive" })) }))
        .route("/metrics", get(metrics))
        .route("/openapi.json", get(|| async { with_type("application/json", openapi()) }))
        .route("/", get(|| async { with_type("text/html; charset=utf-8", include_str!("page.html")) }))
        .merge(app.demo.as_ref().map(Demo::routes).unwrap_or_default())
        .fallback(|request: Request| async move {
            let (method, path) = (request.method(), request.uri().path());
            form_of(path)(&Problem::NotFound(format!("there is no {method} {path:.200}")))
        })
        .method_not_allowed_fallback(|request: Request| async move {
            let (method, path) = (request.method(), request.uri().path());
            let mut response = form_of(path)(&Problem::NotFound(format!("{path:.200} is there, but not by {method}")));
            *response.status_mut() = axum::http::StatusCode::METHOD_NOT_ALLOWED;
            response
        })
        .with_state(app.clone())
        .layer(from_fn_with_state(guard, guarded))
        .layer(cors)
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn(rest::read))
        .layer(from_fn_with_state(app, accounted))
        .layer(PropagateRequestIdLayer::x_request_id())
        .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
}

/// The OpenAPI document, with this version in it.
fn openapi() -> String {
    include_str!("openapi.json").replacen("VERSION", env!("CARGO_PKG_VERSION"), 1)
}

/// A bug: it is said, and costs one request.
fn panicked(panic: Box<dyn Any + Send>) -> Response<Body> {
    let problem = Problem::Engine(said_in_panic(&*panic));
    tracing::error!("{problem}");
    openai::problem(&problem)
}

/// The form in which a path's problems are said.
fn form_of(path: &str) -> fn(&Problem) -> Response<Body> {
    if path.starts_with("/api/") {
        ollama::problem
    } else if path.starts_with("/v1/") || path.starts_with("/wembed/") {
        openai::problem
    } else {
        tei::problem
    }
}

fn said(answered: Answered, form: fn(&Problem) -> Response<Body>) -> Response<Body> {
    answered.unwrap_or_else(|problem| {
        if problem.status() >= 500 {
            tracing::error!(kind = problem.kind(), "{problem}");
        }
        form(&problem)
    })
}

/// A request's body, whole.
async fn read(app: &App, request: Request) -> Result<body::Body<'_>, Problem> {
    app.bodies.read(request, app.limits.deadline).await
}

async fn model(State(app): Shared, Path(name): Path<String>) -> Response<Body> {
    said(openai::model(&app, &name), openai::problem)
}

async fn pull(State(app): Shared, request: Request) -> Response<Body> {
    let answered = async { ollama::pull(&app, &read(&app, request).await?) };
    said(answered.await, ollama::problem)
}

/// Whether the first model can answer. One that was unloaded is loaded by who asks it for something; that it is not there is no fault.
async fn ready(State(app): Shared) -> Response<Body> {
    if app.is_ending() {
        return tei::problem(&Problem::Ending);
    }
    if !app.is_ready() {
        return tei::problem(&Problem::Load("it is being loaded".to_owned()));
    }
    dialects::json(200, &json!({ "status": "ready", "model": app.models.entries()[0].name }))
}

async fn metrics(State(app): Shared) -> Response<Body> {
    let text = app.metrics.text(app.models.in_memory(), app.models.queued(), app.cache.size());
    with_type("application/openmetrics-text; version=1.0.0; charset=utf-8", text)
}

fn with_type(kind: &'static str, text: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(text.into());
    response.headers_mut().insert(header::CONTENT_TYPE, axum::http::HeaderValue::from_static(kind));
    response
}

/// Lets through who may come in.
async fn guarded(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response<Body> {
    match guard.check(request.uri().path(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(problem) => form_of(request.uri().path())(&problem),
    }
}

/// Counts and logs.
async fn accounted(State(app): Shared, request: Request, next: Next) -> Response<Body> {
    let started = Instant::now();
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let id = request.extensions().get::<RequestId>().and_then(|id| id.header_value().to_str().ok()).map(str::to_owned);
    // Of paths that there are not there is no end: they are one label.
    let route = request.extensions().get::<MatchedPath>().map_or("other".to_owned(), |path| path.as_str().to_owned());
    let response = next.run(request).await;
    let (status, time) = (response.status().as_u16(), started.elapsed());
    app.metrics.request(&route, status, time);
    tracing::info!(%method, path, status, ms = time.as_secs_f64() * 1000.0, id, "request");
    response
}

fn cors(guard: &Arc<Guard>) -> CorsLayer {
    let guard = guard.clone();
    CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(move |origin, _| {
            origin.to_str().is_ok_and(|origin| guard.takes_origin(origin))
        }))
        .allow_methods([Method::GET, Method::POST, Method::HEAD])
        .allow_headers(AllowHeaders::mirror_request())
        .allow_private_network(true)
        .expose_headers([dialects::FINGERPRINT, dialects::TOKENS, dialects::TRUNCATED, header::RETRY_AFTER])
        .max_age(PREFLIGHT)
}
