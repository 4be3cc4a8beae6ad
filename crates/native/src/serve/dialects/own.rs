//! wembed's own form, for what no other can say: each text's tokens, whether it was cut, and its error beside the others' vectors.

use axum::body::Body;
use axum::http::Response;
use serde::{Deserialize, Serialize};
use wembed_model::{EmbedOptions, Finish, Long, Prompt};

use super::inputs::Inputs;
use super::openai::{Encoded, Encoding};
use super::vectors;
use crate::serve::app::{App, Ask};
use crate::serve::cache::Vector;
use crate::serve::problem::{Problem, parse};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Embed {
    texts: Inputs,
    model: Option<String>,
    normalize: Option<bool>,
    dimensions: Option<usize>,
    prompt: Option<String>,
    prompt_name: Option<String>,
    #[serde(default)]
    long: Long,
    #[serde(default)]
    encoding: Encoding,
}

#[derive(Serialize)]
struct Reply<'a> {
    model: &'a str,
    fingerprint: &'a str,
    texts: Vec<Text<'a>>,
}

#[derive(Serialize)]
struct Text<'a> {
    embedding: Option<Encoded<'a>>,
    tokens: u32,
    truncated: bool,
    error: Option<String>,
}

impl<'a> Text<'a> {
    fn of(vector: &'a Vector, encoding: Encoding) -> Self {
        let &Vector { tokens, truncated, .. } = vector;
        Self { embedding: Some(encoding.of(vector)), tokens, truncated, error: None }
    }
}

/// `POST /wembed/embed`: what is not said is as the model's files say.
pub async fn embed(app: &App, body: &[u8]) -> Result<Response<Body>, Problem> {
    let Embed { texts, model, normalize, dimensions, prompt, prompt_name, long, encoding } = parse(body)?;
    let prompt = match (prompt, prompt_name) {
        (Some(_), Some(_)) => {
            return Err(Problem::Invalid("expected `prompt` or `prompt_name`, found both".to_owned()));
        }
        (Some(text), None) => Prompt::Text(text),
        (None, Some(name)) => Prompt::Named(name),
        (None, None) => Prompt::Model,
    };
    let options = EmbedOptions { finish: Finish { normalize, dimensions }, prompt, long, batch_tokens: None };
    let answer = app.embed(Ask { model, inputs: texts.texts, options }).await?;
    let failed = |error: &String| Text { embedding: None, tokens: 0, truncated: false, error: Some(error.clone()) };
    let texts = answer.outcomes.iter().map(|it| it.as_ref().map_or_else(failed, |vector| Text::of(vector, encoding)));
    let texts = texts.collect();
    Ok(vectors(&answer, &Reply { model: answer.model.name(), fingerprint: &answer.kind.fingerprint, texts }))
}
