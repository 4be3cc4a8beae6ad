//! What the server counts, for Prometheus.

use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

/// A request's route and outcome.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    route: String,
    status: u16,
}

/// One word that says which.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct What {
    what: &'static str,
}

/// A model that is in memory, and what it runs on.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Loaded {
    pub model: String,
    pub device: String,
    pub dtype: String,
}

/// Counters of one server.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: Family<Request, Counter>,
    seconds: Family<What, Histogram, fn() -> Histogram>,
    texts: Family<What, Counter>,
    batch_texts: Histogram,
    batch_tokens: Histogram,
    tokens: Counter,
    failures: Counter,
    queue: Family<What, Gauge<i64>>,
    cache: Family<What, Gauge<u64, AtomicU64>>,
    loaded: Family<Loaded, Gauge<i64>>,
    /// Held by who says all of it: what is loaded is said anew each time.
    saying: Mutex<()>,
}

fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(0.0002, 2.0, 18))
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("wembed");
        let sizes = || Histogram::new(exponential_buckets(1.0, 2.0, 14));
        let metrics = Self {
            requests: Family::default(),
            seconds: Family::new_with_constructor(seconds),
            texts: Family::default(),
            batch_texts: sizes(),
            batch_tokens: sizes(),
            tokens: Counter::default(),
            failures: Counter::default(),
            queue: Family::default(),
            cache: Family::default(),
            loaded: Family::default(),
            saying: Mutex::default(),
            registry: Registry::default(),
        };
        registry.register("requests", "Requests that were answered, by route and status", metrics.requests.clone());
        registry.register("seconds", "Seconds by stage: request, tokenize, wait, compute", metrics.seconds.clone());
        registry.register(
            "texts",
            "Texts by where their vectors came from: cache, another request, computed",
            metrics.texts.clone(),
        );
        registry.register("batch_texts", "Texts of each batch", metrics.batch_texts.clone());
        registry.register("batch_tokens", "Tokens of each batch", metrics.batch_tokens.clone());
        registry.register("tokens", "Tokens that were computed", metrics.tokens.clone());
        registry.register(
            "engine_failures",
            "Times that the engine failed and was opened anew",
            metrics.failures.clone(),
        );
        registry.register("queue", "What waits now: texts, tokens", metrics.queue.clone());
        registry.register(
            "model_loaded",
            "Models that are in memory now, and what they run on",
            metrics.loaded.clone(),
        );
        registry.register("cache", "What is in memory now: entries, bytes", metrics.cache.clone());
        Self { registry, ..metrics }
    }
}

impl Metrics {
    /// A request was answered.
    pub fn request(&self, route: &str, status: u16, time: Duration) {
        self.requests.get_or_create(&Request { route: route.to_owned(), status }).inc();
        self.stage("request", time);
    }

    /// Texts of a request: those that were known, those that were not, and those of these that another request asked for already.
    pub fn texts(&self, hits: usize, misses: usize, joined: usize) {
        for (what, count) in [("cache", hits), ("another request", joined), ("computed", misses - joined)] {
            self.texts.get_or_create(&What { what }).inc_by(count as u64);
        }
    }

    pub fn tokenized(&self, time: Duration) {
        self.stage("tokenize", time);
    }

    /// A text waited for its batch.
    pub fn waited(&self, time: Duration) {
        self.stage("wait", time);
    }

    pub fn batch(&self, texts: usize, tokens: usize, time: Duration) {
        self.batch_texts.observe(texts as f64);
        self.batch_tokens.observe(tokens as f64);
        self.tokens.inc_by(tokens as u64);
        self.stage("compute", time);
    }

    pub fn engine_failed(&self) {
        self.failures.inc();
    }

    fn stage(&self, what: &'static str, time: Duration) {
        self.seconds.get_or_create(&What { what }).observe(time.as_secs_f64());
    }

    /// All of it in Prometheus' text form, with what is loaded, waits and is kept now.
    pub fn text(&self, loaded: Vec<Loaded>, (texts, tokens): (usize, usize), (entries, bytes): (u64, u64)) -> String {
        let _saying = self.saying.lock().unwrap_or_else(PoisonError::into_inner);
        self.loaded.clear();
        for model in &loaded {
            self.loaded.get_or_create(model).set(1);
        }
        for (what, count) in [("texts", texts), ("tokens", tokens)] {
            self.queue.get_or_create(&What { what }).set(count as i64);
        }
        for (what, count) in [("entries", entries), ("bytes", bytes)] {
            self.cache.get_or_create(&What { what }).set(count);
        }
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("a string takes all");
        text
    }
}
