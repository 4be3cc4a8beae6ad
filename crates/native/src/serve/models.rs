//! The models of a server, by their names: loaded when they are first asked for, unloaded when nobody asked for long.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use super::cache::Cache;
use super::hosted::{Computes, Hosted, Means};
use super::metrics::{Loaded, Metrics};
use super::problem::Problem;

/// Loads a model; may be asked again.
pub type Load = Arc<dyn Fn() -> anyhow::Result<Box<dyn Computes>> + Send + Sync>;

/// All models of a server; the first is meant where none is named.
pub struct Models {
    entries: Vec<Arc<Entry>>,
    cache: Arc<Cache>,
    metrics: Arc<Metrics>,
    /// Tokens that may wait, and how long a request may.
    bounds: (usize, Duration),
}

/// A model's name, and what of it is in memory.
pub struct Entry {
    /// As it is listed.
    pub name: String,
    /// Other names.
    pub aliases: Vec<String>,
    load: Load,
    hosted: RwLock<Option<Arc<Hosted>>>,
    /// Held by who loads or unloads it; in it, what was wrong when that was last tried, and when that ended.
    changing: tokio::sync::Mutex<Option<(Instant, Problem)>>,
    /// How long it stays where no request says so.
    keep_alive: Option<Duration>,
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
        Self {
            name,
            aliases,
            load,
            hosted: RwLock::default(),
            changing: tokio::sync::Mutex::default(),
            keep_alive,
            use_,
            users: AtomicUsize::new(0),
        }
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
        let hosted = self.hosted.read().unwrap_or_else(PoisonError::into_inner).clone()?;
        // One whose thread a bug ended is loaded anew.
        let Use { last, keep_alive } = *self.using();
        hosted.is_alive().then(|| (hosted, keep_alive.map(|keep_alive| keep_alive.saturating_sub(last.elapsed()))))
    }

    fn set(&self, hosted: Option<Arc<Hosted>>) -> Option<Arc<Hosted>> {
        std::mem::replace(&mut *self.hosted.write().unwrap_or_else(PoisonError::into_inner), hosted)
    }

    /// Loads it, where nobody did meanwhile; and whether somebody had. Who waited for a try that failed is told of it, and does not try again.
    async fn load(&self, means: Means) -> Result<(Arc<Hosted>, bool), Problem> {
        let asked = Instant::now();
        let mut failed = self.changing.lock().await;
        if let Some((hosted, _)) = self.loaded() {
            return Ok((hosted, true));
        }
        if let Some((_, problem)) = failed.as_ref().filter(|(ended, _)| *ended > asked) {
            return Err(problem.clone());
        }
        let load = self.load.clone();
        match Hosted::load(Box::new(move || load()), means).await {
            Ok(hosted) => {
                let hosted = Arc::new(hosted);
                tracing::info!(model = self.name, device = hosted.device, batch_tokens = hosted.batch_tokens, "loaded");
                self.set(Some(hosted.clone()));
                Ok((hosted, false))
            }
            Err(error) => {
                let problem = Problem::Load(format!("{error:#}"));
                *failed = Some((Instant::now(), problem.clone()));
                Err(problem)
            }
        }
    }

    /// Takes it out of memory, where `may` says so when nothing else happens to it, and waits until it has ended.
    async fn unload(&self, may: impl FnOnce() -> bool) -> bool {
        let _changing = self.changing.lock().await;
        let Some(hosted) = may().then(|| self.set(None)).flatten() else { return false };
        let (ended, has_ended) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || {
            hosted.end();
            let _ = ended.send(());
        });
        let _ = has_ended.await;
        true
    }
}

impl Models {
    pub fn new(entries: Vec<Entry>, cache: Arc<Cache>, metrics: Arc<Metrics>, bounds: (usize, Duration)) -> Self {
        Self { entries: entries.into_iter().map(Arc::new).collect(), cache, metrics, bounds }
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
        let (its, means) =
            (entry.clone(), Means { cache: self.cache.clone(), metrics: self.metrics.clone(), bounds: self.bounds });
        // A task of its own: whoever asked may not wait for its end, and others will want it.
        let loading = tokio::spawn(async move { its.load(means).await });
        let (hosted, was_loaded) = loading.await.map_err(|error| Problem::Load(error.to_string()))??;
        let loading = if was_loaded { Duration::ZERO } else { started.elapsed() };
        Ok(Lease { using, hosted, loading })
    }

    /// How long a model stays in memory from now on: as a request says, or as the server was told.
    pub fn keep(&self, entry: &Entry, keep_alive: Option<Option<Duration>>) {
        entry.using().keep_alive = keep_alive.unwrap_or(entry.keep_alive);
    }

    /// Unloads what nobody used for as long as it is kept.
    pub async fn unload_idle(&self) {
        for entry in &self.entries {
            let is_idle = || {
                let Use { last, keep_alive } = *entry.using();
                keep_alive.is_some_and(|keep_alive| last.elapsed() >= keep_alive)
                    && entry.users.load(Ordering::SeqCst) == 0
            };
            if entry.loaded().is_some() && is_idle() && entry.unload(is_idle).await {
                tracing::info!(model = entry.name, "unloaded");
            }
        }
    }

    /// Those that are in memory, and what they run on.
    pub fn in_memory(&self) -> Vec<Loaded> {
        let loaded = |entry: &Arc<Entry>| {
            let (hosted, _) = entry.loaded()?;
            let (device, dtype) = (hosted.device.clone(), hosted.dtype.name().to_owned());
            Some(Loaded { model: entry.name.clone(), device, dtype })
        };
        self.entries.iter().filter_map(loaded).collect()
    }

    /// Texts and tokens that wait, of all models.
    pub fn queued(&self) -> (usize, usize) {
        let waiting = self.entries.iter().filter_map(|entry| entry.loaded()).map(|(hosted, _)| hosted.queued());
        waiting.fold((0, 0), |sum, (texts, tokens)| (sum.0 + texts, sum.1 + tokens))
    }

    /// Ends all of them, when what they accepted is computed.
    pub async fn end(&self) {
        for entry in &self.entries {
            entry.unload(|| true).await;
        }
    }
}
