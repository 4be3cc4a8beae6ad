//! The engine's thread: takes batches, computes them, tries again what failed, and says what came of it.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use wembed_kernels::Dtype;
use wembed_model::{EmbedOptions, Embedding, Error, Job, Prepared};

use super::computes::{Computes, Loader};
use super::{Failure, Outcome, Shared};
use crate::serve::cache::Vector;
use crate::serve::queue::Batch;

/// Says at a thread's end, however that comes, that nobody is to wait for it.
pub(super) struct End<'a>(pub &'a Shared);

impl Drop for End<'_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.has_ended = true;
        // Whoever came too late hears of it.
        state.waiting.clear();
    }
}

/// The engine's thread.
pub(super) struct Owner<'a> {
    /// Nothing after it failed, until it is loaded again.
    pub model: Option<Box<dyn Computes>>,
    pub loader: Loader,
    pub shared: &'a Shared,
    pub batch_tokens: usize,
    /// What the last bits of its vectors depend on, and what weights are held in: what vectors are called and kept by.
    pub is_called: (String, Dtype),
    /// Whether it came to be another one than it is called.
    pub is_another: bool,
}

impl Owner<'_> {
    pub fn run(&mut self) {
        while let Some(Batch { kind, texts, tokens }) = self.shared.next(self.batch_tokens) {
            let started = Instant::now();
            let prepared = || texts.iter().map(|(_, text)| text.prepared.clone()).collect::<Vec<_>>();
            // What failed once for no reason of the texts' is loaded anew, and tried again.
            let found = self.compute(prepared(), &kind.0.job).or_else(|error| {
                self.forget(&error);
                self.compute(prepared(), &kind.0.job)
            });
            self.shared.computed(tokens, started.elapsed());
            texts.iter().for_each(|(_, text)| self.shared.metrics.waited(started - text.since));
            self.shared.metrics.batch(texts.len(), tokens, started.elapsed());
            let outcomes: Vec<Outcome> = match found {
                Ok(found) => found.into_iter().map(outcome).collect(),
                // One of them may be at fault: the others have their vectors all the same.
                Err(error) if texts.len() > 1 => {
                    self.forget(&error);
                    prepared().into_iter().map(|text| self.alone(text, &kind.0.job)).collect()
                }
                Err(error) => {
                    self.forget(&error);
                    vec![Err(Failure::Engine(error))]
                }
            };
            let keys = texts.iter().map(|(_, text)| text.key);
            let vectors: Vec<_> = keys
                .clone()
                .zip(&outcomes)
                .filter_map(|(key, outcome)| Some((key, outcome.as_ref().ok()?.clone())))
                .collect();
            // First, so that a text that is asked for now is either waited for or known.
            self.shared.cache.keep(&vectors);
            let mut state = self.shared.lock();
            // Who asks next has the model loaded again, under what it is now.
            state.has_ended |= self.is_another;
            keys.zip(&outcomes).for_each(|(key, outcome)| state.answer(&key, outcome));
            drop(state);
            if self.is_another {
                return;
            }
        }
    }

    /// Gives up an engine that failed. What it is ended by may fail, too.
    fn forget(&mut self, error: &str) {
        tracing::error!("the engine failed, and is opened anew: {error}");
        self.shared.metrics.engine_failed();
        let model = self.model.take();
        if catch_unwind(AssertUnwindSafe(|| drop(model))).is_err() {
            tracing::error!("and could not be ended");
        }
    }

    fn alone(&mut self, text: Prepared, job: &Job) -> Outcome {
        match self.compute(vec![text], job) {
            Ok(mut found) => outcome(found.remove(0)),
            Err(error) => {
                self.forget(&error);
                Err(Failure::Engine(error))
            }
        }
    }

    fn compute(&mut self, texts: Vec<Prepared>, job: &Job) -> Result<Vec<Result<Embedding, Error>>, String> {
        let count = texts.len();
        let compute = || -> anyhow::Result<_> {
            // Loading it once more would not make it the one that it is called.
            anyhow::ensure!(!self.is_another, "the device is another one than before");
            if self.model.is_none() {
                self.model = Some((self.loader)()?);
            }
            let model = self.model.as_mut().expect("it was loaded");
            let found = model.compute(texts, job)?;
            // A device that was lost may be replaced by another, there or here.
            let is_now = (model.arithmetic(), model.dtype());
            self.is_another = is_now != self.is_called;
            anyhow::ensure!(!self.is_another, "expected {}, found {} after a failure", self.is_called.0, is_now.0);
            Ok(found)
        };
        let found = catch_unwind(AssertUnwindSafe(compute))
            .unwrap_or_else(|panic| Err(anyhow::anyhow!(said_in_panic(&*panic))));
        let found = found.map_err(|error| format!("{error:#}"))?;
        if found.len() == count { Ok(found) } else { Err(format!("expected {count} vectors, found {}", found.len())) }
    }
}

fn outcome(found: Result<Embedding, Error>) -> Outcome {
    let embedding = found.map_err(|error| Failure::Text(error.to_string()))?;
    let (tokens, truncated) = (embedding.tokens as u32, embedding.truncated);
    Ok(Arc::new(Vector { values: embedding.vector.into(), tokens, truncated }))
}

/// What a panic said.
pub fn said_in_panic(panic: &(dyn Any + Send)) -> String {
    let said = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    format!("a bug: {}", said.unwrap_or("a panic"))
}

/// How long a batch may take: as long as a text waits, that comes when one has begun.
const LONGEST: Duration = Duration::from_millis(100);

/// The smallest batch that is tried, in tokens.
const SMALLEST: usize = 128;

/// Computes batches of several sizes once, and gives the tokens of the largest that is not too slow: what suits the device, or less.
pub(super) fn warm_up(model: &mut dyn Computes, shared: &Shared) -> anyhow::Result<usize> {
    let reader = model.reader().clone();
    let (job, most) = (reader.job(&EmbedOptions::default())?, reader.batch_tokens());
    let text = "A text of a few words, as many are. ".repeat(4);
    let Some(Ok(one)) = reader.prepare(&[&text], &job).pop() else { return Ok(most) };
    model.compute(vec![one.clone()], &job)?;
    let mut tokens = SMALLEST.min(most);
    loop {
        let texts = vec![one.clone(); (tokens / one.tokens()).max(1)];
        let count = texts.len() * one.tokens();
        // The first time may be that of memory that is touched for the first time.
        let mut time = Duration::MAX;
        for _ in 0..2 {
            let (texts, started) = (texts.clone(), Instant::now());
            model.compute(texts, &job)?;
            time = time.min(started.elapsed());
        }
        shared.computed(count, time);
        if tokens == most || 2 * time > LONGEST {
            return Ok(tokens);
        }
        tokens = (2 * tokens).min(most);
    }
}
