//! The forms in which embeddings are asked for: OpenAI's, Ollama's, text-embeddings-inference's, and one of wembed's own for what
//! none of them can say.

mod inputs;
pub mod ollama;
pub mod openai;
pub mod own;
pub mod tei;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Response, header};
use serde::Serialize;

use super::app::Answer;
use super::aside::aside;
use super::problem::Problem;

/// The fingerprint of the vectors in an answer.
pub const FINGERPRINT: HeaderName = HeaderName::from_static("x-wembed-fingerprint");

/// Tokens of an answer's texts.
pub const TOKENS: HeaderName = HeaderName::from_static("x-wembed-tokens");

/// Places of texts that were cut, from 0, the first hundred.
pub const TRUNCATED: HeaderName = HeaderName::from_static("x-wembed-truncated");

/// Bytes that a number takes where it is written, about.
const WRITTEN: usize = 12;

/// Places that are named at most.
const NAMED: usize = 100;

/// An answer of JSON.
pub fn json(status: u16, value: &impl Serialize) -> Response<Body> {
    let mut body = Vec::with_capacity(256);
    serde_json::to_writer(&mut body, value).expect("what is answered is JSON");
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status.try_into().expect("statuses are");
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// The same with what the headers say of vectors.
fn vectors(answer: &Answer<'_>, value: &impl Serialize) -> Response<Body> {
    let numbers: usize = answer.outcomes.iter().flatten().map(|vector| vector.values.len()).sum();
    let mut response = aside(WRITTEN * numbers, || json(200, value));
    let headers = response.headers_mut();
    let ascii = |text: &str| HeaderValue::from_str(text).expect("it is ASCII");
    headers.insert(FINGERPRINT, ascii(&answer.kind.fingerprint));
    headers.insert(TOKENS, answer.tokens().into());
    let places: Vec<String> = answer.truncated().iter().take(NAMED).map(ToString::to_string).collect();
    if !places.is_empty() {
        headers.insert(TRUNCATED, ascii(&places.join(",")));
    }
    response
}

/// Adds when to come again, where that is known.
fn come_again(mut response: Response<Body>, problem: &Problem) -> Response<Body> {
    if let Problem::Busy(after) = problem {
        response.headers_mut().insert(header::RETRY_AFTER, after.as_secs().max(1).into());
    }
    response
}
