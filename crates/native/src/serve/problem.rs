//! Why a request has no vectors.

use std::time::Duration;

use serde::de::DeserializeOwned;

use super::aside::aside;

/// What is wrong with a request, or with the server; each dialect says it in its own form.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Problem {
    /// The request asks for what cannot be.
    #[error("{0}")]
    Invalid(String),
    /// There is nothing to embed.
    #[error("expected at least one text, found none")]
    Empty,
    /// It has more texts than this server takes at a time.
    #[error("{0}")]
    TooMany(String),
    /// A text cannot be embedded.
    #[error("input {index}: {reason}")]
    Text {
        /// Which of the request's.
        index: usize,
        /// Why.
        reason: String,
    },
    /// It has more bytes than this server takes.
    #[error("{0}")]
    TooLarge(String),
    /// The body did not come, or not in time.
    #[error("expected more of the body within {} s", .0.as_secs())]
    Slow(Duration),
    /// There is no model of this name here.
    #[error("model `{asked}` is not here: expected {known}")]
    NoModel {
        /// The name that was asked for.
        asked: String,
        /// Those that there are.
        known: String,
    },
    /// Neither path nor method is known.
    #[error("{0}")]
    NotFound(String),
    /// The key is missing or wrong.
    #[error("expected a valid API key, as `Authorization: Bearer KEY`")]
    Unauthorized,
    /// The request comes from where none may come from.
    #[error("{0}")]
    Forbidden(String),
    /// As many texts wait as may wait.
    #[error("the queue is full: expected room for more texts, found none; there is some in about {} s", .0.as_secs())]
    Busy(Duration),
    /// It waited for longer than it may.
    #[error("no vectors within {} s", .0.as_secs_f64())]
    Late(Duration),
    /// The engine failed, twice.
    #[error("the engine failed: {0}")]
    Engine(String),
    /// A model could not be loaded.
    #[error("the model could not be loaded: {0}")]
    Load(String),
    /// The server ends.
    #[error("the server is ending, or this model is")]
    Ending,
}

impl Problem {
    /// One word for it, for metrics and programs.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "invalid",
            Self::Empty => "empty",
            Self::TooMany(_) => "too_many",
            Self::Text { .. } => "text",
            Self::TooLarge(_) => "too_large",
            Self::Slow(_) => "slow",
            Self::NoModel { .. } => "no_model",
            Self::NotFound(_) => "not_found",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden(_) => "forbidden",
            Self::Busy(_) => "busy",
            Self::Late(_) => "late",
            Self::Engine(_) => "engine",
            Self::Load(_) => "load",
            Self::Ending => "ending",
        }
    }

    /// The status in most dialects.
    pub fn status(&self) -> u16 {
        match self {
            Self::Invalid(_) | Self::Empty | Self::Text { .. } => 400,
            Self::Unauthorized => 401,
            Self::Forbidden(_) => 403,
            Self::NoModel { .. } | Self::NotFound(_) => 404,
            Self::Slow(_) => 408,
            Self::TooLarge(_) | Self::TooMany(_) => 413,
            Self::Busy(_) => 429,
            Self::Engine(_) | Self::Load(_) => 500,
            Self::Ending => 503,
            Self::Late(_) => 504,
        }
    }
}

/// Reads a request's body. What is wrong is said with the key that it is wrong with.
pub fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    // A list of a struct's values would be taken for it.
    if body.trim_ascii_start().first().is_some_and(|&first| first != b'{') {
        return Err(Problem::Invalid("the body: expected a JSON object".to_owned()));
    }
    aside(body.len(), || {
        let mut json = serde_json::Deserializer::from_slice(body);
        let parsed = serde_path_to_error::deserialize(&mut json).map_err(|error| {
            let key = error.path().to_string();
            let message = in_words(error.into_inner().to_string());
            let is_named = !matches!(key.as_str(), "." | "?") && key.len() < 100;
            Problem::Invalid(if is_named { format!("`{key}`: {message}") } else { message })
        })?;
        json.end().map_err(|error| Problem::Invalid(error.to_string()))?;
        Ok(parsed)
    })
}

/// A message of serde's without the names of Rust's types and ours.
fn in_words(message: String) -> String {
    let Some((found, expected)) = message.split_once("expected ") else { return message };
    let (kind, place) = expected.split_once(" at line ").map_or((expected, None), |(kind, place)| (kind, Some(place)));
    let kind = match kind {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number",
        "f32" | "f64" => "a number",
        "i64" => "a whole number, of whatever sign",
        kind if kind.starts_with("struct ") => "an object",
        kind if kind.starts_with("enum ") => "one of its names",
        kind => kind,
    };
    let place = place.map_or(String::new(), |place| format!(" at line {place}"));
    format!("{found}expected {kind}{place}")
}
