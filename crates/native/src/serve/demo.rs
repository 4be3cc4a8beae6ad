//! The demo page, whose engine runs in the browser's tab: a folder that `scripts/build-www` made.

use std::path::PathBuf;

use anyhow::ensure;
use axum::Router;
use axum::http::{HeaderName, HeaderValue};
use axum::response::Redirect;
use axum::routing::get;
use tower_http::services::ServeDir;
use tower_http::set_header::SetResponseHeaderLayer;

/// Where it is.
pub const PATH: &str = "/demo/";

/// The page's folder.
#[derive(Debug, Clone)]
pub struct Demo(PathBuf);

impl Demo {
    /// The page in this folder.
    ///
    /// # Errors
    /// Where there is none in it.
    pub fn open(folder: PathBuf) -> anyhow::Result<Self> {
        for name in ["index.html", "wembed/index.js"] {
            ensure!(
                folder.join(name).is_file(),
                "the demo page in `{}`: expected `{name}` in it, as scripts/build-www makes it, found none",
                folder.display()
            );
        }
        Ok(Self(folder))
    }

    /// Its files. The page is isolated, so that its engine may use threads.
    pub fn routes<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        let header = |name, value| {
            SetResponseHeaderLayer::overriding(HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        Router::new()
            .nest_service(PATH, ServeDir::new(&self.0))
            .layer(header("cross-origin-opener-policy", "same-origin"))
            .layer(header("cross-origin-embedder-policy", "require-corp"))
            .route(PATH.trim_end_matches('/'), get(|| async { Redirect::permanent(PATH) }))
    }
}
