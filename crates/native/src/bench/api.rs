//! A server, asked in one of the forms that embedding servers speak.

use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use clap::ValueEnum;
use serde::Deserialize;
use serde_json::{Value, json};
use ureq::Agent;
use ureq::http::{HeaderMap, Response};

use super::measure::{Answer, Requests, Sent, Target, at_once};

/// What a server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Api {
    /// `/v1/embeddings`
    #[value(name = "openai")]
    OpenAi,
    /// `/api/embed`
    Ollama,
    /// text-embeddings-inference: `/embed`
    Tei,
}

/// One server and one of its models.
#[derive(Debug)]
pub struct Server {
    agent: Agent,
    url: String,
    api: Api,
    model: Option<String>,
    key: Option<String>,
}

/// Of a message that a server gives with an error: what is repeated of it.
const MESSAGE: usize = 300;

impl Server {
    /// At this address; a request may take so long.
    pub fn new(url: &str, api: Api, model: Option<&str>, key: Option<String>, timeout: Duration) -> Self {
        let config =
            Agent::config_builder().timeout_global(Some(timeout)).http_status_as_error(false).proxy(None).build();
        let base = url.trim_end_matches('/');
        // People give the address that their client wants.
        let base = if api == Api::OpenAi { base.trim_end_matches("/v1") } else { base };
        Self { agent: config.into(), url: base.to_owned(), api, model: model.map(str::to_owned), key }
    }

    fn path(&self) -> &'static str {
        match self.api {
            Api::OpenAi => "/v1/embeddings",
            Api::Ollama => "/api/embed",
            Api::Tei => "/embed",
        }
    }

    fn body(&self, texts: &[String]) -> Value {
        let mut body = match self.api {
            Api::OpenAi => json!({ "input": texts, "encoding_format": "float" }),
            Api::Ollama => json!({ "input": texts }),
            Api::Tei => return json!({ "inputs": texts }),
        };
        if let Some(model) = &self.model {
            body["model"] = model.as_str().into();
        }
        body
    }
}

#[derive(Deserialize)]
struct OpenAi {
    data: Vec<OpenAiVector>,
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct OpenAiVector {
    embedding: Vec<f32>,
}

#[derive(Deserialize)]
struct Usage {
    prompt_tokens: u64,
}

#[derive(Deserialize)]
struct Ollama {
    embeddings: Vec<Vec<f32>>,
    prompt_eval_count: Option<u64>,
}

impl Target for Server {
    fn send(&self, clients: Vec<Requests>, done: &(dyn Fn() + Sync)) -> Vec<Sent> {
        at_once(self, clients, done)
    }

    fn ask(&self, texts: &[String]) -> anyhow::Result<Answer> {
        let url = format!("{}{}", self.url, self.path());
        let mut request = self.agent.post(&url);
        if let Some(key) = &self.key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        let mut response = request
            .content_type("application/json")
            .send(self.body(texts).to_string())
            .with_context(|| format!("`{url}`"))?;
        if !response.status().is_success() {
            let status = response.status();
            let said = response.body_mut().read_to_string().unwrap_or_default();
            bail!("`{url}`: status {status}: {}", said.chars().take(MESSAGE).collect::<String>());
        }
        let headers = std::mem::take(response.headers_mut());
        let said = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let (vectors, counted) = self.vectors(response).with_context(|| format!("`{url}`"))?;
        ensure!(vectors.len() == texts.len(), "`{url}`: expected {} vectors, found {}", texts.len(), vectors.len());
        let is_whole = |vector: &Vec<f32>| !vector.is_empty() && vector.iter().all(|value| value.is_finite());
        ensure!(vectors.iter().all(is_whole), "`{url}`: expected numbers, found a vector without or with others");
        Ok(Answer {
            tokens: said("x-wembed-tokens").and_then(|tokens| tokens.parse().ok()).or(counted),
            truncated: truncated(&headers),
        })
    }
}

impl Server {
    /// The vectors of an answer, and the tokens that it counts.
    fn vectors(&self, mut response: Response<ureq::Body>) -> anyhow::Result<(Vec<Vec<f32>>, Option<u64>)> {
        let body = response.body_mut().with_config().limit(u64::MAX).read_to_vec()?;
        let wrong = "no answer of this form; --api names others";
        Ok(match self.api {
            Api::OpenAi => {
                let OpenAi { data, usage } = serde_json::from_slice(&body).context(wrong)?;
                (data.into_iter().map(|vector| vector.embedding).collect(), usage.map(|usage| usage.prompt_tokens))
            }
            Api::Ollama => {
                let Ollama { embeddings, prompt_eval_count } = serde_json::from_slice(&body).context(wrong)?;
                (embeddings, prompt_eval_count)
            }
            Api::Tei => (serde_json::from_slice(&body).context(wrong)?, None),
        })
    }
}

/// How many texts were cut, where this server says so: only wembed's does.
fn truncated(headers: &HeaderMap) -> Option<u64> {
    headers.get("x-wembed-tokens")?;
    let places = headers.get("x-wembed-truncated").and_then(|value| value.to_str().ok()).unwrap_or_default();
    Some(places.split(',').filter(|place| !place.trim().is_empty()).count() as u64)
}
