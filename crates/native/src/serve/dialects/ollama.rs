//! Ollama's form: `/api/embed`, `/api/embeddings`, `/api/tags`, `/api/ps`, `/api/show`, `/api/pull`, `/api/version`.
//! <https://github.com/ollama/ollama/blob/main/docs/api.md>

use std::time::{Duration, Instant, SystemTime};

use axum::body::Body;
use axum::http::Response;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use wembed_model::{EmbedOptions, Finish, Long};

use super::inputs::Inputs;
use super::{come_again, json as answer_with, vectors};
use crate::serve::app::{App, Ask};
use crate::serve::hosted::{Hosted, Input};
use crate::serve::models::Entry;
use crate::serve::problem::{Problem, parse};

/// The version of Ollama whose form this is; some clients ask for a least one.
const SPOKEN: &str = "0.33.0";

#[derive(Debug, Deserialize)]
struct Embed {
    model: Option<String>,
    #[serde(alias = "prompt")]
    input: Option<Inputs>,
    truncate: Option<bool>,
    dimensions: Option<usize>,
    keep_alive: Option<Value>,
}

/// `POST /api/embed`: vectors of length 1; without texts the model is loaded.
pub async fn embed(app: &App, body: &[u8]) -> Result<Response<Body>, Problem> {
    #[derive(Serialize)]
    struct Reply<'a> {
        model: &'a str,
        embeddings: Vec<&'a [f32]>,
        total_duration: u64,
        load_duration: u64,
        prompt_eval_count: u64,
    }
    let started = Instant::now();
    let Embed { model, input, truncate, dimensions, keep_alive } = parse(body)?;
    keep(app, model.as_deref(), keep_alive)?;
    let finish = Finish { normalize: Some(true), dimensions: dimensions.filter(|&dimensions| dimensions > 0) };
    let long = if truncate == Some(false) { Long::Error } else { Long::Truncate };
    let options = EmbedOptions { finish, long, ..EmbedOptions::default() };
    let inputs = input.map_or(Vec::new(), |input| input.texts);
    let answer = app.embed(Ask { model, inputs, options }).await?;
    let reply = Reply {
        model: answer.model.name(),
        embeddings: answer.vectors()?.into_iter().map(|vector| &*vector.values).collect(),
        total_duration: nanoseconds(started.elapsed()),
        load_duration: nanoseconds(answer.model.loading),
        prompt_eval_count: answer.tokens(),
    };
    Ok(vectors(&answer, &reply))
}

/// `POST /api/embeddings`, the form of old: one vector, as long as the model makes it.
pub async fn embeddings(app: &App, body: &[u8]) -> Result<Response<Body>, Problem> {
    let Embed { model, input, keep_alive, .. } = parse(body)?;
    keep(app, model.as_deref(), keep_alive)?;
    let mut inputs = input.map_or(Vec::new(), |input| input.texts);
    if inputs.len() > 1 {
        return Err(Problem::Invalid(format!("`prompt`: expected one text, found {}", inputs.len())));
    }
    // As Ollama does it: nothing to embed loads the model.
    inputs.retain(|input| *input != Input::Text(String::new()));
    let finish = Finish { normalize: Some(false), dimensions: None };
    let answer = app.embed(Ask { model, inputs, options: EmbedOptions { finish, ..EmbedOptions::default() } }).await?;
    let found = answer.vectors()?;
    let values: &[f32] = found.first().map_or(&[], |vector| &vector.values);
    Ok(vectors(&answer, &json!({ "embedding": values })))
}

/// Sets how long a model stays, where a request says so: seconds as a number, or a duration such as `5m`; negative is for ever. One that does
/// not say so goes back to what the server was told, as with Ollama.
fn keep(app: &App, model: Option<&str>, keep_alive: Option<Value>) -> Result<(), Problem> {
    let said = keep_alive.filter(|said| !said.is_null());
    let keep_alive = said.map(|said| {
        duration(&said).ok_or_else(|| {
            let found = said.to_string();
            Problem::Invalid(format!("`keep_alive`: expected seconds, or a duration such as \"5m\", found {found:.40}"))
        })
    });
    app.models.keep(app.models.find(model)?, keep_alive.transpose()?);
    Ok(())
}

/// Nothing within is for ever.
fn duration(said: &Value) -> Option<Option<Duration>> {
    let seconds = match said {
        Value::Number(seconds) => seconds.as_f64()?,
        Value::String(text) => {
            let (sign, text) = text.strip_prefix('-').map_or((1.0, text.as_str()), |rest| (-1.0, rest));
            sign * text.parse().ok().or_else(|| Some(parse_duration(text)?.as_secs_f64()))?
        }
        _ => return None,
    };
    if seconds < 0.0 { Some(None) } else { Duration::try_from_secs_f64(seconds).ok().map(Some) }
}

/// A duration as Go writes it: `1h30m`, `5m`, `1.5s`, `100ms`.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let (mut rest, mut sum) = (text, 0.0);
    while !rest.is_empty() {
        let number = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
        let (value, unit) = rest.split_at(number);
        let end = unit.find(|letter: char| letter.is_ascii_digit()).unwrap_or(unit.len());
        let seconds = match &unit[..end] {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            _ => return None,
        };
        sum += seconds * value.parse::<f64>().ok()?;
        rest = &unit[end..];
    }
    if text.is_empty() { None } else { Duration::try_from_secs_f64(sum).ok() }
}

/// `GET /api/tags`: the models that there are.
pub fn tags(app: &App) -> Response<Body> {
    let mut models = Vec::new();
    for entry in app.models.entries() {
        models.push(listed(entry, entry.loaded().map(|(hosted, _)| hosted).as_deref()));
    }
    answer_with(200, &json!({ "models": models }))
}

/// What for ever is where a date has to be said.
const FOR_EVER: Duration = Duration::from_secs(100 * 365 * 86400);

/// `GET /api/ps`: those that are in memory.
pub fn ps(app: &App) -> Response<Body> {
    let mut models = Vec::new();
    for entry in app.models.entries() {
        if let Some((hosted, left)) = entry.loaded() {
            let mut model = listed(entry, Some(&hosted));
            let left = left.unwrap_or(FOR_EVER).min(FOR_EVER);
            model["expires_at"] = timestamp(SystemTime::now() + left).into();
            model["size_vram"] = 0.into();
            models.push(model);
        }
    }
    answer_with(200, &json!({ "models": models }))
}

fn listed(entry: &Entry, hosted: Option<&Hosted>) -> Value {
    let family = hosted.map_or("bert", |hosted| hosted.reader.description().config.architecture.model_type);
    let level = hosted.map_or(String::new(), |hosted| hosted.dtype.name().to_uppercase());
    json!({
        "name": entry.name,
        "model": entry.name,
        "modified_at": timestamp(SystemTime::UNIX_EPOCH),
        "size": 0,
        "digest": "",
        "details": {
            "parent_model": "", "format": "safetensors", "family": family, "families": [family],
            "parameter_size": "", "quantization_level": level,
        },
    })
}

/// `POST /api/show`.
pub async fn show(app: &App, body: &[u8]) -> Result<Response<Body>, Problem> {
    #[derive(Deserialize)]
    struct Show {
        #[serde(alias = "name")]
        model: Option<String>,
    }
    let model = app.models.lease(parse::<Show>(body)?.model.as_deref()).await?;
    let description = model.reader.description();
    let family = description.config.architecture.model_type;
    Ok(answer_with(
        200,
        &json!({
            "details": { "format": "safetensors", "family": family, "families": [family], "quantization_level": model.dtype.name().to_uppercase() },
            "model_info": {
                "general.architecture": family,
                format!("{family}.context_length"): description.max_length,
                format!("{family}.embedding_length"): description.dimensions,
            },
            "capabilities": ["embedding"],
        }),
    ))
}

/// `POST /api/pull`: what is here is here; nothing else is fetched.
pub fn pull(app: &App, body: &[u8]) -> Result<Response<Body>, Problem> {
    #[derive(Deserialize)]
    struct Pull {
        #[serde(alias = "name")]
        model: Option<String>,
    }
    app.models.find(parse::<Pull>(body)?.model.as_deref())?;
    Ok(answer_with(200, &json!({ "status": "success" })))
}

/// `GET /api/version`.
pub fn version() -> Response<Body> {
    answer_with(200, &json!({ "version": SPOKEN, "wembed": env!("CARGO_PKG_VERSION") }))
}

/// A problem as Ollama says it; a full queue is 503 there.
pub fn problem(problem: &Problem) -> Response<Body> {
    let status = if matches!(problem, Problem::Busy(_)) { 503 } else { problem.status() };
    come_again(answer_with(status, &json!({ "error": problem.to_string() })), problem)
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// A time as RFC 3339 writes it, in UTC.
fn timestamp(time: SystemTime) -> String {
    humantime::format_rfc3339_seconds(time).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_long_a_model_is_kept() {
        let seconds = |seconds| Some(Some(Duration::from_millis((1000.0 * seconds) as u64)));
        for (said, expected) in [
            (json!(300), seconds(300.0)),
            (json!(0), seconds(0.0)),
            (json!("5m"), seconds(300.0)),
            (json!("1h30m"), seconds(5400.0)),
            (json!("1.5s"), seconds(1.5)),
            (json!("100ms"), seconds(0.1)),
            (json!("300"), seconds(300.0)),
            (json!(-1), Some(None)),
            (json!("-1m"), Some(None)),
            (json!("soon"), None),
            (json!(""), None),
            (json!("5x"), None),
            (json!([]), None),
            (json!(1e300), None),
        ] {
            assert_eq!(duration(&said), expected, "{said}");
        }
    }
}
