//! OpenAI's form: `/v1/embeddings`, `/v1/models`. <https://platform.openai.com/docs/api-reference/embeddings>

use axum::body::Body;
use axum::http::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::json;
use wembed_model::{EmbedOptions, Finish};

use super::inputs::Inputs;
use super::{come_again, json as answer_with, vectors};
use crate::serve::app::{App, Ask};
use crate::serve::cache::Vector;
use crate::serve::problem::{Problem, parse};

#[derive(Debug, Deserialize)]
struct Request {
    input: Inputs,
    model: Option<String>,
    encoding_format: Option<Encoding>,
    dimensions: Option<usize>,
}

/// How a vector is written: numbers, or its f32 in little-endian as base64, which the Node client asks for unasked.
#[derive(Debug, Default, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    #[default]
    Float,
    Base64,
}

/// A vector as it was asked for.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Encoded<'a> {
    Float(&'a [f32]),
    Base64(String),
}

impl Encoding {
    pub fn of(self, vector: &Vector) -> Encoded<'_> {
        match self {
            Self::Float => Encoded::Float(&vector.values),
            Self::Base64 => {
                let bytes: Vec<u8> = vector.values.iter().flat_map(|value| value.to_le_bytes()).collect();
                Encoded::Base64(STANDARD.encode(bytes))
            }
        }
    }
}

#[derive(Serialize)]
struct List<'a> {
    object: &'static str,
    data: Vec<Item<'a>>,
    model: &'a str,
    usage: Usage,
}

#[derive(Serialize)]
struct Item<'a> {
    object: &'static str,
    index: usize,
    embedding: Encoded<'a>,
    /// Beyond OpenAI's form.
    tokens: u32,
    /// Beyond OpenAI's form.
    truncated: bool,
}

#[derive(Serialize)]
struct Usage {
    prompt_tokens: u64,
    total_tokens: u64,
}

/// `POST /v1/embeddings`: vectors of length 1.
pub async fn embeddings(app: &App, body: &[u8]) -> Result<Response<Body>, Problem> {
    let Request { input, model, encoding_format, dimensions } = parse(body)?;
    if input.texts.is_empty() {
        return Err(Problem::Empty);
    }
    let finish = Finish { normalize: Some(true), dimensions };
    let answer = app
        .embed(Ask { model, inputs: input.texts, options: EmbedOptions { finish, ..EmbedOptions::default() } })
        .await?;
    let encoding = encoding_format.unwrap_or_default();
    let item = |(index, vector)| {
        let &Vector { tokens, truncated, .. } = vector;
        Item { object: "embedding", index, embedding: encoding.of(vector), tokens, truncated }
    };
    let data = answer.vectors()?.into_iter().enumerate().map(item).collect();
    let usage = Usage { prompt_tokens: answer.tokens(), total_tokens: answer.tokens() };
    Ok(vectors(&answer, &List { object: "list", data, model: answer.model.name(), usage }))
}

/// `GET /v1/models`.
pub fn models(app: &App) -> Response<Body> {
    let model = |name: &str| json!({ "id": name, "object": "model", "created": 0, "owned_by": "wembed" });
    let data: Vec<_> = app.models.entries().iter().map(|entry| model(&entry.name)).collect();
    answer_with(200, &json!({ "object": "list", "data": data }))
}

/// `GET /v1/models/NAME`.
pub fn model(app: &App, name: &str) -> Result<Response<Body>, Problem> {
    let entry = app.models.find(Some(name))?;
    Ok(answer_with(200, &json!({ "id": entry.name, "object": "model", "created": 0, "owned_by": "wembed" })))
}

/// A problem, nested as OpenAI nests it.
pub fn problem(problem: &Problem) -> Response<Body> {
    let kind = match problem.status() {
        401 => "authentication_error",
        429 => "rate_limit_error",
        400..500 => "invalid_request_error",
        _ => "server_error",
    };
    let code = match problem {
        Problem::NoModel { .. } => "model_not_found",
        Problem::Unauthorized => "invalid_api_key",
        other => other.kind(),
    };
    let body = json!({ "error": { "message": problem.to_string(), "type": kind, "param": null, "code": code } });
    come_again(answer_with(problem.status(), &body), problem)
}
