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
    entries: Vec<Arc<Entry>>,
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
    using: Using<'a>,
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

impl Lease<'_> {
    /// The model's name, as it is listed.
    pub fn name(&self) -> &str {
        &self.using.0.name
    }
}

/// A user of a model, who is counted.
struct Using<'a>(&'a Entry);

impl<'a> Using<'a> {
    fn new(entry: &'a Entry) -> Self {
        entry.users.fetch_add(1, Ordering::SeqCst);
        Self(entry)
    }
}

impl Drop for Using<'_> {
    fn drop(&mut self) {
        self.0.using().last = Instant::now();
        self.0.users.fetch_sub(1, Ordering::SeqCst);
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

    /// Whether it is in memory, and until when. One that is being loaded is not.
    pub fn loaded(&self) -> Option<(Arc<Hosted>, Option<Duration>)> {
        let hosted = self.hosted.try_lock().ok()?.clone()?;
        let Use { last, keep_alive } = *self.using();
        Some((hosted, keep_alive.map(|keep_alive| keep_alive.saturating_sub(last.elapsed()))))
    }

    /// Loads it, where nobody did meanwhile; and whether somebody had.
    async fn load(&self, means: Means) -> Result<(Arc<Hosted>, bool), Problem> {
        let mut place = self.hosted.lock().await;
        if let Some(hosted) = &*place {
            return Ok((hosted.clone(), true));
        }
        let load = self.load.clone();
        let loading = tokio::task::spawn_blocking(move || Hosted::load(Box::new(move || load()), means));
        let loaded = loading.await.map_err(|error| Problem::Load(error.to_string()))?;
        let hosted = Arc::new(loaded.map_err(|error| Problem::Load(format!("{error:#}")))?);
        tracing::info!(model = self.name, device = hosted.device, batch_tokens = hosted.batch_tokens, "loaded");
        *place = Some(hosted.clone());
        Ok((hosted, false))
    }
}

impl Models {
    pub fn new(entries: Vec<Entry>, cache: Arc<Cache>, metrics: Arc<Metrics>, queue_tokens: usize) -> Self {
        Self { entries: entries.into_iter().map(Arc::new).collect(), cache, metrics, queue_tokens }
    }

    pub fn entries(&self) -> &[Arc<Entry>] {
        &self.entries
    }

    /// The model of this name, the first where none is said.
    pub fn find(&self, asked: Option<&str>) -> Result<&Arc<Entry>, Problem> {
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
        let using = Using::new(entry);
        if let Some((hosted, _)) = entry.loaded() {
            return Ok(Lease { using, hosted, loading: Duration::ZERO });
        }
        let started = Instant::now();
        let (its, means) = (
            entry.clone(),
            Means { cache: self.cache.clone(), metrics: self.metrics.clone(), queue_tokens: self.queue_tokens },
        );
        // A task of its own: whoever asked may not wait for its end, and others will want it.
        let loading = tokio::spawn(async move { its.load(means).await });
        let (hosted, was_loaded) = loading.await.map_err(|error| Problem::Load(error.to_string()))??;
        let loading = if was_loaded { Duration::ZERO } else { started.elapsed() };
        Ok(Lease { using, hosted, loading })
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
    pub fn queued(&self) -> (usize, usize) {
        let waiting = self.entries.iter().filter_map(|entry| entry.loaded()).map(|(hosted, _)| hosted.queued());
        waiting.fold((0, 0), |sum, (texts, tokens)| (sum.0 + texts, sum.1 + tokens))
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
