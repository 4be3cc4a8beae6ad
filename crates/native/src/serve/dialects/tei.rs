//! The form of text-embeddings-inference: `/embed`, `/tokenize`, `/info`. <https://huggingface.github.io/text-embeddings-inference>

use axum::body::Body;
use axum::http::Response;
use serde::{Deserialize, Serialize};
use serde_json::json;
use wembed_model::{EmbedOptions, Finish, Long, Prompt, TruncationSide, pooling_name};

use super::inputs::Inputs;
use super::{come_again, json as answer_with, vectors};
use crate::serve::app::{App, Ask};
use crate::serve::aside::{aside, tokenizing};
use crate::serve::demo;
use crate::serve::hosted::Input;
use crate::serve::problem::{Problem, parse};

#[derive(Debug, Deserialize)]
struct Embed {
    inputs: Inputs,
    truncate: Option<bool>,
    truncation_direction: Option<Direction>,
    prompt_name: Option<String>,
    normalize: Option<bool>,
    dimensions: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
enum Direction {
    #[serde(alias = "left")]
    Left,
    #[serde(alias = "right")]
    Right,
}

/// `POST /embed`: the first model's vectors, of length 1 unless `normalize` is false.
pub async fn embed(app: &App, body: &[u8]) -> Result<Response<Body>, Problem> {
    let Embed { inputs, truncate, truncation_direction, prompt_name, normalize, dimensions } = parse(body)?;
    if inputs.texts.is_empty() {
        return Err(Problem::Empty);
    }
    if let Some(asked) = truncation_direction {
        let side = app.models.lease(None).await?.reader.description().truncation_side;
        if (side == TruncationSide::Left) != (asked == Direction::Left) {
            return Err(Problem::Invalid(format!(
                "`truncation_direction`: expected {side:?}, which is the model's, found {asked:?}"
            )));
        }
    }
    let options = EmbedOptions {
        finish: Finish { normalize: Some(normalize.unwrap_or(true)), dimensions },
        prompt: prompt_name.map_or(Prompt::Model, Prompt::Named),
        long: if truncate == Some(false) { Long::Error } else { Long::Truncate },
        batch_tokens: None,
    };
    let answer = app.embed(Ask { model: None, inputs: inputs.texts, options }).await?;
    let values: Vec<&[f32]> = answer.vectors()?.into_iter().map(|vector| &*vector.values).collect();
    Ok(vectors(&answer, &values))
}

/// `POST /tokenize`: the tokens of each text, special ones included, as the encoder would get them.
pub async fn tokenize(app: &App, body: &[u8]) -> Result<Response<Body>, Problem> {
    #[derive(Deserialize)]
    struct Tokenize {
        inputs: Inputs,
        #[serde(default = "yes")]
        add_special_tokens: bool,
    }
    #[derive(Serialize)]
    struct Token {
        id: u32,
        text: String,
        special: bool,
        start: Option<usize>,
        stop: Option<usize>,
    }
    let Tokenize { inputs, add_special_tokens } = parse(body)?;
    app.check(inputs.texts.len())?;
    let model = app.models.lease(None).await?;
    let said = |token: wembed_model::Token| Token {
        id: token.id,
        text: token.text,
        special: token.special,
        start: token.place.as_ref().map(|place| place.start),
        stop: token.place.as_ref().map(|place| place.end),
    };
    let all = async {
        let mut all = Vec::with_capacity(inputs.texts.len());
        // One at a time, so that others come in between, and no more than its client waits for.
        for (index, input) in inputs.texts.into_iter().enumerate() {
            let Input::Text(text) = input else {
                return Err(Problem::Invalid(format!("`inputs`: expected texts, found token ids at {index}")));
            };
            let reader = model.reader.clone();
            let tokens = tokenizing(move || reader.tokenizer().tokens(&text)).await;
            let tokens = tokens.ok_or_else(|| Problem::Engine("a bug: a panic while tokenising".to_owned()))?;
            let tokens = tokens.map_err(|error| Problem::Text { index, reason: error.to_string() })?;
            let kept = tokens.into_iter().filter(|token| add_special_tokens || !token.special);
            all.push(kept.map(said).collect::<Vec<_>>());
        }
        Ok(all)
    };
    let deadline = app.limits.deadline;
    let all = tokio::time::timeout(deadline, all).await.unwrap_or(Err(Problem::Late(deadline)))?;
    let tokens = all.iter().map(Vec::len).sum::<usize>();
    Ok(aside(TOKEN_WRITTEN * tokens, || answer_with(200, &all)))
}

/// Bytes that a token takes where it is written, about.
const TOKEN_WRITTEN: usize = 64;

fn yes() -> bool {
    true
}

/// `GET /info`: the first model, what it runs on, and what this server takes.
pub async fn info(app: &App) -> Result<Response<Body>, Problem> {
    let model = app.models.lease(None).await?;
    let description = model.reader.description();
    let fingerprint = model.kind(&EmbedOptions::default())?.fingerprint.clone();
    let pooling: Vec<_> = description.modules.pooling.iter().map(|&mode| pooling_name(mode)).collect();
    Ok(answer_with(
        200,
        &json!({
            "model_id": model.name(),
            "model_sha": null,
            "model_dtype": model.dtype.name(),
            "model_type": { "embedding": { "pooling": pooling.join("+") } },
            "max_concurrent_requests": null,
        "max_queue_tokens": app.limits.queue_tokens,
            "max_input_length": description.max_length,
            "max_batch_tokens": model.batch_tokens,
            "max_batch_requests": null,
            "max_client_batch_size": app.limits.texts,
            "auto_truncate": true,
            "tokenization_workers": std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            "version": env!("CARGO_PKG_VERSION"),
            "dimensions": description.dimensions,
            "device": model.device,
            "arithmetic": model.arithmetic,
            "fingerprint": fingerprint,
            "demo": app.demo.as_ref().map(|_| demo::PATH),
            "prompts": description.prompts,
            "default_prompt": description.default_prompt,
        }),
    ))
}

/// A problem as text-embeddings-inference says it.
pub fn problem(problem: &Problem) -> Response<Body> {
    let (status, kind) = match problem {
        Problem::Busy(_) => (429, "Overloaded"),
        Problem::Empty => (400, "Empty"),
        Problem::TooMany(_) => (422, "Validation"),
        Problem::Invalid(_) | Problem::Text { .. } => (422, "Validation"),
        Problem::TooLarge(_) => (413, "Validation"),
        Problem::Unauthorized => (401, "Unauthorized"),
        Problem::Engine(_) | Problem::Late(_) => (424, "Backend"),
        Problem::Load(_) | Problem::Ending => (503, "Unhealthy"),
        other => (other.status(), "Validation"),
    };
    come_again(answer_with(status, &json!({ "error": problem.to_string(), "error_type": kind })), problem)
}
