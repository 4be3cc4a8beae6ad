//! A server without its sockets: what every dialect's routes call.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use wembed_model::EmbedOptions;

use super::body::Bodies;
use super::cache::{Cache, Vector};
use super::demo::Demo;
use super::hosted::{Failure, Input, Kind, Outcome};
use super::metrics::Metrics;
use super::models::{Entry, Lease, Models};
use super::problem::Problem;

/// What a server takes, and for how long.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Bytes of a request's body.
    pub body_bytes: usize,
    /// Texts of a request.
    pub texts: usize,
    /// Tokens that may wait for a model.
    pub queue_tokens: usize,
    /// How long a request may take.
    pub deadline: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { body_bytes: 64 << 20, texts: 100_000, queue_tokens: 4 << 20, deadline: Duration::from_secs(30) }
    }
}

/// A server.
pub struct App {
    /// Its models.
    pub models: Models,
    /// What it takes.
    pub limits: Limits,
    /// Room for what is asked.
    pub bodies: Bodies,
    /// The page whose engine runs in the tab, where it was built.
    pub demo: Option<Demo>,
    /// Vectors that were computed.
    pub cache: Arc<Cache>,
    /// What it counts.
    pub metrics: Arc<Metrics>,
    is_ready: AtomicBool,
    is_ending: AtomicBool,
}

/// What is asked of a model.
pub struct Ask {
    pub model: Option<String>,
    pub inputs: Vec<Input>,
    pub options: EmbedOptions,
}

/// Vectors, or why there are none, one a text.
pub struct Answer<'a> {
    pub model: Lease<'a>,
    pub kind: Arc<Kind>,
    pub outcomes: Vec<Result<Arc<Vector>, String>>,
}

impl App {
    /// A server of these models, of which there is one at least.
    pub fn new(entries: Vec<Entry>, limits: Limits, cache: Cache) -> Self {
        let (cache, metrics) = (Arc::new(cache), Arc::new(Metrics::default()));
        let models = Models::new(entries, cache.clone(), metrics.clone(), (limits.queue_tokens, limits.deadline));
        let bodies = Bodies::new(limits.body_bytes);
        Self {
            models,
            limits,
            bodies,
            demo: None,
            cache,
            metrics,
            is_ready: AtomicBool::default(),
            is_ending: AtomicBool::default(),
        }
    }

    /// Whether a request of so many texts is taken now.
    ///
    /// # Errors
    /// Why it is not.
    pub fn check(&self, texts: usize) -> Result<(), Problem> {
        let most = self.limits.texts;
        if texts > most {
            return Err(Problem::TooMany(format!("expected at most {most} texts in a request, found {texts}")));
        }
        if self.is_ending() { Err(Problem::Ending) } else { Ok(()) }
    }

    /// Embeds, within the deadline.
    ///
    /// # Errors
    /// What concerns all texts; what is wrong with one is in its place.
    pub async fn embed(&self, ask: Ask) -> Result<Answer<'_>, Problem> {
        self.check(ask.inputs.len())?;
        let deadline = self.limits.deadline;
        let embedding = async {
            let model = self.models.lease(ask.model.as_deref()).await?;
            let kind = model.kind(&ask.options)?;
            let outcomes = model.embed(ask.inputs, kind.clone()).await?;
            let outcomes = outcomes.into_iter().map(of_text).collect::<Result<_, _>>()?;
            Ok(Answer { model, kind, outcomes })
        };
        tokio::time::timeout(deadline, embedding).await.unwrap_or(Err(Problem::Late(deadline)))
    }

    /// Loads the first model; from then on the server is ready.
    ///
    /// # Errors
    /// Where it cannot be loaded.
    pub async fn load_first(&self) -> Result<Lease<'_>, Problem> {
        let first = self.models.lease(None).await?;
        self.is_ready.store(true, Ordering::SeqCst);
        Ok(first)
    }

    /// Whether the first model was loaded.
    pub fn is_ready(&self) -> bool {
        self.is_ready.load(Ordering::SeqCst)
    }

    /// Says that the server ends: what comes from now on is refused.
    pub fn end(&self) {
        self.is_ending.store(true, Ordering::SeqCst);
    }

    /// Whether it ends.
    pub fn is_ending(&self) -> bool {
        self.is_ending.load(Ordering::SeqCst)
    }
}

/// A text's own failure stays with it; the engine's is the whole request's.
fn of_text(outcome: Outcome) -> Result<Result<Arc<Vector>, String>, Problem> {
    match outcome {
        Ok(vector) => Ok(Ok(vector)),
        Err(Failure::Text(reason)) => Ok(Err(reason)),
        Err(Failure::Engine(reason)) => Err(Problem::Engine(reason)),
        Err(Failure::Ending) => Err(Problem::Ending),
    }
}

impl Answer<'_> {
    /// All vectors, where every text has one.
    ///
    /// # Errors
    /// What is wrong with the first that has none.
    pub fn vectors(&self) -> Result<Vec<&Vector>, Problem> {
        let mut vectors = Vec::with_capacity(self.outcomes.len());
        for (index, outcome) in self.outcomes.iter().enumerate() {
            vectors.push(outcome.as_deref().map_err(|reason| Problem::Text { index, reason: reason.clone() })?);
        }
        Ok(vectors)
    }

    /// Tokens of all texts.
    pub fn tokens(&self) -> u64 {
        self.outcomes.iter().flatten().map(|vector| u64::from(vector.tokens)).sum()
    }

    /// Texts that had more tokens than the model takes.
    pub fn truncated(&self) -> Vec<usize> {
        let is_cut = |outcome: &Result<Arc<Vector>, String>| outcome.as_ref().is_ok_and(|vector| vector.truncated);
        self.outcomes.iter().enumerate().filter(|(_, outcome)| is_cut(outcome)).map(|(index, _)| index).collect()
    }
}
