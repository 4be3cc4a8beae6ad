//! The models of a server, by their names: loaded when they are first asked for, unloaded when nobody asked for long.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::cache::Cache;
use super::hosted::{Computes, Hosted, Means};
use super::metrics::Metrics;
use super::problem::Problem;

/// Loads a model; may be asked again.
pub type Load = Arc<dyn Fn() -> anyhow::Result<Box<dyn Computes>> + Send + Sync>;

/// All models of a server; the first is meant where none is named.
pub struct Models {
    entries: Vec<Entry>,
    cache: Arc<Cache>,
    metrics: Arc<Metrics>,
    queue_tokens: usize,
}

/// A model's name, and what of it is in memory.
pub struct Entry {
    /// As it is listed.
    pub name: String,
    /// Other names.
    pub aliases: Vec<String>,
    load: Load,
    hosted: tokio::sync::Mutex<Option<Arc<Hosted>>>,
    use_: Mutex<Use>,
    users: AtomicUsize,
}

#[derive(Debug, Clone, Copy)]
struct Use {
    last: Instant,
    /// How long it stays after its last use; for ever where nothing is said.
    keep_alive: Option<Duration>,
}

/// A loaded model, which stays so while this is held.
pub struct Lease<'a> {
    entry: &'a Entry,
    hosted: Arc<Hosted>,
    /// How long it took to load, where it was not.
    pub loading: Duration,
}

impl std::ops::Deref for Lease<'_> {
    type Target = Arc<Hosted>;

    fn deref(&self) -> &Arc<Hosted> {
        &self.hosted
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        self.entry.using().last = Instant::now();
        self.entry.users.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Lease<'_> {
    /// The model's name, as it is listed.
    pub fn name(&self) -> &str {
        &self.entry.name
    }
}

impl Entry {
    /// A model that is not loaded yet.
    pub fn new(name: String, aliases: Vec<String>, keep_alive: Option<Duration>, load: Load) -> Self {
        let use_ = Mutex::new(Use { last: Instant::now(), keep_alive });
        Self { name, aliases, load, hosted: tokio::sync::Mutex::default(), use_, users: AtomicUsize::new(0) }
    }

    fn using(&self) -> std::sync::MutexGuard<'_, Use> {
        self.use_.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a request means this model: by its name, the part behind the owner's, or another name; Ollama's clients put `:latest` behind it.
    fn is_called(&self, asked: &str) -> bool {
        let is_name = |asked: &str| {
            asked == self.name
                || self.name.rsplit('/').next() == Some(asked)
                || self.aliases.iter().any(|alias| alias == asked)
        };
        is_name(asked) || asked.strip_suffix(":latest").is_some_and(is_name)
    }

    /// Whether it is in memory, and until when.
    pub async fn loaded(&self) -> Option<(Arc<Hosted>, Option<Duration>)> {
        let hosted = self.hosted.lock().await.clone()?;
        let Use { last, keep_alive } = *self.using();
        Some((hosted, keep_alive.map(|keep_alive| keep_alive.saturating_sub(last.elapsed()))))
    }
}

impl Models {
    pub fn new(entries: Vec<Entry>, cache: Arc<Cache>, metrics: Arc<Metrics>, queue_tokens: usize) -> Self {
        Self { entries, cache, metrics, queue_tokens }
    }

    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The model of this name, the first where none is said.
    pub fn find(&self, asked: Option<&str>) -> Result<&Entry, Problem> {
        let Some(asked) = asked.filter(|asked| !asked.is_empty()) else { return Ok(&self.entries[0]) };
        self.entries.iter().find(|entry| entry.is_called(asked)).ok_or_else(|| {
            let known = self.entries.iter().map(|entry| format!("`{}`", entry.name)).collect::<Vec<_>>().join(" or ");
            Problem::NoModel { asked: asked.chars().take(200).collect(), known }
        })
    }

    /// The model of this name, loaded.
    pub async fn lease(&self, asked: Option<&str>) -> Result<Lease<'_>, Problem> {
        let entry = self.find(asked)?;
        // Counted first, so that it is not unloaded under this request.
        entry.users.fetch_add(1, Ordering::SeqCst);
        let started = Instant::now();
        let found = self.loaded(entry).await;
        entry.using().last = Instant::now();
        match found {
            Ok((hosted, was_loaded)) => {
                let loading = if was_loaded { Duration::ZERO } else { started.elapsed() };
                Ok(Lease { entry, hosted, loading })
            }
            Err(problem) => {
                entry.users.fetch_sub(1, Ordering::SeqCst);
                Err(problem)
            }
        }
    }

    async fn loaded(&self, entry: &Entry) -> Result<(Arc<Hosted>, bool), Problem> {
        let mut place = entry.hosted.lock().await;
        if let Some(hosted) = &*place {
            return Ok((hosted.clone(), true));
        }
        let (load, means) = (
            entry.load.clone(),
            Means { cache: self.cache.clone(), metrics: self.metrics.clone(), queue_tokens: self.queue_tokens },
        );
        let loading = tokio::task::spawn_blocking(move || Hosted::load(Box::new(move || load()), means));
        let loaded = loading.await.map_err(|error| Problem::Load(error.to_string()))?;
        let hosted = Arc::new(loaded.map_err(|error| Problem::Load(format!("{error:#}")))?);
        tracing::info!(model = entry.name, device = hosted.device, batch_tokens = hosted.batch_tokens, "loaded");
        *place = Some(hosted.clone());
        Ok((hosted, false))
    }

    /// How long a model stays in memory from now on.
    pub fn keep(&self, entry: &Entry, keep_alive: Option<Duration>) {
        entry.using().keep_alive = keep_alive;
    }

    /// Unloads what nobody used for as long as it is kept.
    pub async fn unload_idle(&self) {
        for entry in &self.entries {
            let Use { last, keep_alive } = *entry.using();
            if keep_alive.is_none_or(|keep_alive| last.elapsed() < keep_alive) {
                continue;
            }
            let mut place = entry.hosted.lock().await;
            // Whoever comes from now on waits for the lock, and finds nothing.
            if entry.users.load(Ordering::SeqCst) == 0
                && let Some(hosted) = place.take()
            {
                drop(place);
                tracing::info!(model = entry.name, "unloaded");
                drop(tokio::task::spawn_blocking(move || hosted.end()).await);
            }
        }
    }

    /// Texts and tokens that wait, of all models.
    pub async fn queued(&self) -> (usize, usize) {
        let mut sum = (0, 0);
        for entry in &self.entries {
            if let Some(hosted) = &*entry.hosted.lock().await {
                let (texts, tokens) = hosted.queued();
                sum = (sum.0 + texts, sum.1 + tokens);
            }
        }
        sum
    }

    /// Ends all of them, when what they accepted is computed.
    pub async fn end(&self) {
        for entry in &self.entries {
            if let Some(hosted) = entry.hosted.lock().await.take() {
                drop(tokio::task::spawn_blocking(move || hosted.end()).await);
            }
        }
    }
}
