//! What of a request's body nobody read. A connection on which it still comes cannot be used again; a client that is not told so
//! loses its next request.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::{HeaderValue, Response, header};
use axum::middleware::Next;
use http_body_util::BodyExt as _;
use hyper::body::{Frame, SizeHint};

/// Bytes that are read for nothing.
const MOST: usize = 1 << 20;

/// How long they may take.
const PATIENCE: Duration = Duration::from_secs(1);

/// A body that outlives its reader.
#[derive(Clone)]
struct Shared(Arc<Mutex<Body>>);

impl HttpBody for Shared {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner)).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).size_hint()
    }
}

/// Reads what the answer did not need, or says that the connection ends.
pub async fn read(request: Request, next: Next) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let mut body = Shared(Arc::new(Mutex::new(body)));
    let mut response = next.run(Request::from_parts(parts, Body::new(body.clone()))).await;
    if body.is_end_stream() {
        return response;
    }
    let rest = async {
        let mut bytes = 0;
        while let Some(frame) = body.frame().await {
            bytes += frame.ok()?.into_data().map_or(0, |data| data.len());
            if bytes > MOST {
                return None;
            }
        }
        Some(())
    };
    if tokio::time::timeout(PATIENCE, rest).await.ok().flatten().is_none() {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}
