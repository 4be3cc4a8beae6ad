//! A server, asked in one of the forms that embedding servers speak.

use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use clap::ValueEnum;
use serde::Deserialize;
use serde_json::{Value, json};
use ureq::Agent;
use ureq::http::{HeaderMap, Response};

use super::command_line::shown_url;
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
    /// The same as it may be repeated.
    shown: String,
    fingerprint: OnceLock<String>,
    api: Api,
    model: Option<String>,
    key: Option<String>,
}

/// Of a message that a server gives with an error: what is repeated of it.
const MESSAGE: usize = 300;

/// Who asks.
#[derive(Debug, Clone)]
pub struct Clients {
    /// How many at once.
    pub most: usize,
    pub key: Option<String>,
    /// How long a request may take.
    pub timeout: Duration,
}

impl Server {
    /// At this address, by the name of its model.
    pub fn new(url: &str, api: Api, model: Option<&str>, clients: Clients) -> Self {
        let Clients { most, key, timeout } = clients;
        let config = Agent::config_builder().timeout_global(Some(timeout)).http_status_as_error(false).proxy(None);
        // A client keeps its connection.
        let config = config.max_idle_connections(most).max_idle_connections_per_host(most).build();
        let base = url.trim_end_matches('/');
        // People give the address that their client wants.
        let base = if api == Api::OpenAi { base.trim_end_matches("/v1") } else { base };
        let (url, shown) = (base.to_owned(), shown_url(base));
        let model = model.map(str::to_owned);
        Self { agent: config.into(), url, shown, fingerprint: OnceLock::new(), api, model, key }
    }

    /// What is known of it: its address, the name of its model, the fingerprint of its vectors where it says one.
    pub fn said(&self) -> Value {
        let mut said = json!({ "url": self.shown });
        let others = [("model", self.model.as_deref()), ("fingerprint", self.fingerprint.get().map(String::as_str))];
        for (name, value) in others.into_iter().filter_map(|(name, value)| Some((name, value?))) {
            said[name] = value.into();
        }
        said
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
    fn send(&self, clients: Vec<Requests>, done: &(dyn Fn(u64) + Sync)) -> Vec<Sent> {
        at_once(self, clients, done)
    }

    fn ask(&self, texts: &[String]) -> anyhow::Result<Answer> {
        let url = format!("{}{}", self.shown, self.path());
        let mut request = self.agent.post(format!("{}{}", self.url, self.path()));
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
        if let Some(fingerprint) = said("x-wembed-fingerprint") {
            self.fingerprint.get_or_init(|| fingerprint.to_owned());
        }
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
