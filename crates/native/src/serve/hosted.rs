//! A model and the one thread that owns its engine.

use std::any::Any;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use wembed_kernels::Dtype;
use wembed_model::{EmbedOptions, Fingerprint, Job, Prepared, Reader};

mod computes;
mod input;
mod owner;

pub use self::computes::{Computes, Loader, Model};
pub use self::input::Input;
use self::input::some_of;
pub use self::owner::said_in_panic;
use self::owner::{End, Owner, warm_up};
use super::aside::{aside, tokenizing};
use super::cache::{Cache, Key, Vector};
use super::metrics::Metrics;
use super::problem::Problem;
use super::queue::{Batch, Queue};

/// What a text came to.
pub type Outcome = Result<Arc<Vector>, Failure>;

/// Why a text has no vector.
#[derive(Debug, Clone, PartialEq)]
pub enum Failure {
    /// It cannot be embedded.
    Text(String),
    /// The engine failed.
    Engine(String),
    /// The model is unloaded, or the server ends.
    Ending,
}

/// Options that were checked against the model, and the fingerprint of the vectors that they give.
#[derive(Debug)]
pub struct Kind {
    pub job: Job,
    pub fingerprint: String,
}

/// What texts of a batch have in common.
#[derive(Debug, Clone)]
struct SameKind(Arc<Kind>);

impl PartialEq for SameKind {
    fn eq(&self, other: &Self) -> bool {
        self.0.fingerprint == other.0.fingerprint
    }
}

/// A text that waits.
#[derive(Debug)]
struct Text {
    key: Key,
    prepared: Prepared,
    since: Instant,
}

/// What the tasks of requests and the engine's thread share.
struct Shared {
    state: Mutex<State>,
    wake: Condvar,
    cache: Arc<Cache>,
    metrics: Arc<Metrics>,
    /// Tokens a second, lately, times 1000.
    rate: AtomicU64,
    /// How long a request may wait.
    deadline: Duration,
}

struct State {
    queue: Queue<SameKind, Text>,
    /// Who waits for a text that is in the queue or being computed.
    waiting: HashMap<Key, Vec<oneshot::Sender<Outcome>>>,
    is_ending: bool,
    /// Whether the thread has ended, by whatever.
    has_ended: bool,
}

/// A model that answers.
pub struct Hosted {
    /// The half that tokenises.
    pub reader: Arc<Reader>,
    /// What it runs on, in words.
    pub device: String,
    /// What its vectors' last bits depend on, in words: an adapter and its driver, or instructions.
    pub arithmetic: String,
    /// What its weights are held in.
    pub dtype: Dtype,
    /// The half of a fingerprint that is the model's.
    model_print: [u8; 8],
    /// Tokens of a batch.
    pub batch_tokens: usize,
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What a hosted model needs.
pub struct Means {
    pub cache: Arc<Cache>,
    pub metrics: Arc<Metrics>,
    /// Tokens that may wait, and how long a request may.
    pub bounds: (usize, Duration),
}

impl Hosted {
    /// Loads the model on a thread of its own. Waits until it can answer.
    pub async fn load(loader: Loader, means: Means) -> anyhow::Result<Self> {
        let (queue_tokens, deadline) = means.bounds;
        let state =
            State { queue: Queue::new(queue_tokens), waiting: HashMap::new(), is_ending: false, has_ended: false };
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            wake: Condvar::new(),
            cache: means.cache,
            metrics: means.metrics,
            rate: AtomicU64::new(0),
            deadline,
        });
        let (ready, is_ready) = oneshot::channel();
        let its = shared.clone();
        let run = move || {
            let _end = End(&its);
            let load = || -> anyhow::Result<_> {
                let mut model = loader()?;
                let tokens = warm_up(&mut *model, &its)?;
                Ok((model.fingerprint()?, tokens, model))
            };
            let loaded = catch_unwind(AssertUnwindSafe(load));
            match loaded.unwrap_or_else(|panic| Err(anyhow::anyhow!(said_in_panic(&*panic)))) {
                Err(error) => drop(ready.send(Err(error))),
                Ok((print, tokens, model)) => {
                    let facts =
                        (model.reader().clone(), model.device(), model.arithmetic(), model.dtype(), print, tokens);
                    let is_called = (model.arithmetic(), model.dtype());
                    if ready.send(Ok(facts)).is_ok() {
                        let model = Some(model);
                        Owner { model, loader, shared: &its, batch_tokens: tokens, is_called, is_another: false }.run();
                    }
                }
            }
        };
        let thread = std::thread::Builder::new().name("wembed engine".to_owned()).spawn(run)?;
        let (reader, device, arithmetic, dtype, model_print, batch_tokens) = is_ready.await??;
        Ok(Self {
            reader,
            device,
            arithmetic,
            dtype,
            model_print,
            batch_tokens,
            shared,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Whether its thread is there.
    pub fn is_alive(&self) -> bool {
        !self.shared.lock().has_ended
    }

    /// Checks options against the model.
    pub fn kind(&self, options: &EmbedOptions) -> Result<Arc<Kind>, Problem> {
        let job = self.reader.job(options).map_err(|error| Problem::Invalid(error.to_string()))?;
        let print = Fingerprint { model: self.model_print, options: self.reader.fingerprint(&job, self.dtype) };
        Ok(Arc::new(Kind { job, fingerprint: print.to_string() }))
    }

    /// Tokens that wait.
    pub fn queued(&self) -> (usize, usize) {
        let state = self.shared.lock();
        (state.queue.texts(), state.queue.tokens())
    }

    /// One outcome for each text, in order: out of the cache, from somebody else's request that has the same text, or computed.
    ///
    /// # Errors
    /// Where the queue is full. What nobody waits for any more when its turn comes, since the future was dropped, is not computed.
    pub async fn embed(self: &Arc<Self>, texts: Vec<Input>, kind: Arc<Kind>) -> Result<Vec<Outcome>, Problem> {
        // What other arithmetic computed differs in its last bits: it has keys of its own.
        let print = format!("{} {} {}", kind.fingerprint, self.arithmetic, env!("CARGO_PKG_VERSION"));
        let look_up = |text: Input| {
            let key = Key::of(&print, text.form(), text.bytes());
            (key, self.shared.cache.get(&key), text)
        };
        // What is looked up on disk takes longer than its bytes say.
        let bytes = texts.iter().map(|text| text.bytes().len() + LOOK_UP).sum();
        let known: Vec<_> = aside(bytes, || texts.into_iter().map(look_up).collect());
        let hits = known.iter().filter(|(_, vector, _)| vector.is_some()).count();
        if hits < known.len() {
            self.shared.admit()?;
        }
        let mut places: Vec<Place> = Vec::with_capacity(known.len());
        let mut fresh = Vec::new();
        {
            let mut state = self.shared.lock();
            if state.is_ending || state.has_ended {
                return Err(Problem::Ending);
            }
            for (key, vector, text) in known {
                if let Some(vector) = vector {
                    places.push(Place::Known(vector));
                    continue;
                }
                let (sender, receiver) = oneshot::channel();
                let waiting = state.waiting.entry(key).or_default();
                if waiting.is_empty() {
                    fresh.push((key, text));
                }
                waiting.push(sender);
                places.push(Place::Coming(receiver));
            }
        }
        self.shared.metrics.texts(hits, places.len() - hits, places.len() - hits - fresh.len());
        if !fresh.is_empty() {
            // From here on somebody may wait for these texts, whatever becomes of this request. Some at a time, so that others come in between and the
            // engine begins.
            let (hosted, kind) = (self.clone(), kind.clone());
            tokio::spawn(async move {
                while !fresh.is_empty() {
                    let rest = fresh.split_off(some_of(&fresh));
                    let some = std::mem::replace(&mut fresh, rest);
                    let (hosted, kind) = (hosted.clone(), kind.clone());
                    tokenizing(move || hosted.prepare(some, &kind)).await;
                }
            });
        }
        let mut outcomes = Vec::with_capacity(places.len());
        for place in places {
            outcomes.push(match place {
                Place::Known(vector) => Ok(vector),
                Place::Coming(receiver) => receiver.await.unwrap_or(Err(Failure::Ending)),
            });
        }
        Ok(outcomes)
    }

    /// Tokenises texts and puts them in the queue; those that cannot be embedded are answered, those that nobody waits for forgotten.
    fn prepare(&self, mut texts: Vec<(Key, Input)>, kind: &Arc<Kind>) {
        let started = Instant::now();
        {
            let waiting = &mut self.shared.lock().waiting;
            texts.retain(|(key, _)| is_wanted(waiting, key));
        }
        let failed = |panic: Box<dyn Any + Send>| {
            vec![Err(format!("it could not be tokenised: {}", said_in_panic(&*panic))); texts.len()]
        };
        let prepared = catch_unwind(AssertUnwindSafe(|| self.tokenize(&texts, kind))).unwrap_or_else(failed);
        self.shared.metrics.tokenized(started.elapsed());
        let mut ready = Vec::with_capacity(texts.len());
        let mut state = self.shared.lock();
        for ((key, _), prepared) in texts.into_iter().zip(prepared) {
            match prepared {
                Ok(_) if state.has_ended => state.answer(&key, &Err(Failure::Ending)),
                Ok(prepared) if prepared.tokens() > MOST_TOKENS => {
                    let found = prepared.tokens();
                    let reason = format!("expected at most {MOST_TOKENS} tokens, windows counted, found {found}");
                    state.answer(&key, &Err(Failure::Text(reason)));
                }
                Ok(prepared) => ready.push((prepared.tokens().max(1), Text { key, prepared, since: Instant::now() })),
                Err(error) => state.answer(&key, &Err(Failure::Text(error))),
            }
        }
        state.queue.push(SameKind(kind.clone()), ready);
        drop(state);
        self.shared.wake.notify_one();
    }

    fn tokenize(&self, texts: &[(Key, Input)], kind: &Kind) -> Vec<Result<Prepared, String>> {
        let text = |input: &Input| if let Input::Text(text) = input { Some(text.clone()) } else { None };
        let strings: Vec<String> = texts.iter().filter_map(|(_, input)| text(input)).collect();
        let mut prepared = self.reader.prepare(&strings, &kind.job).into_iter();
        let one = |(_, input): &(Key, Input)| match input {
            Input::Text(_) => prepared.next().expect("one for each"),
            Input::Ids(ids) => self.reader.prepare_ids(ids, &kind.job),
        };
        texts.iter().map(one).map(|text| text.map_err(|error| error.to_string())).collect()
    }

    /// Ends the thread when all that was accepted is computed, and waits for it.
    pub fn end(&self) {
        self.shared.lock().is_ending = true;
        self.shared.wake.notify_all();
        if let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() {
            drop(thread.join());
        }
    }
}

/// What it costs to look for a vector, in bytes that are hashed in the same time.
const LOOK_UP: usize = 256;

/// Tokens that are computed for one text, which may have many windows: more would hold the engine for long.
const MOST_TOKENS: usize = 1 << 16;

/// Where a text's vector is.
enum Place {
    Known(Arc<Vector>),
    Coming(oneshot::Receiver<Outcome>),
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there is room for one more request: neither more waits than may, nor more than will be computed in time.
    fn admit(&self) -> Result<(), Problem> {
        let state = self.lock();
        if state.is_ending || state.has_ended {
            return Err(Problem::Ending);
        }
        let rate = (self.rate.load(Ordering::Relaxed) as f64 / 1000.0).max(1.0);
        let in_time = (rate * self.deadline.as_secs_f64()) as usize;
        let (most, waiting) = (state.queue.most_tokens().min(in_time), state.queue.tokens());
        if waiting < most {
            return Ok(());
        }
        let seconds = ((waiting - most) as f64 / rate).ceil().clamp(1.0, 600.0);
        Err(Problem::Busy(Duration::from_secs(seconds as u64)))
    }

    /// The next batch; nothing when all is done and the end was asked for.
    fn next(&self, budget: usize) -> Option<Batch<SameKind, Text>> {
        let mut state = self.lock();
        loop {
            if let Some(mut batch) = state.queue.next_batch(budget) {
                let waiting = &mut state.waiting;
                batch.texts.retain(|(_, text)| is_wanted(waiting, &text.key));
                if batch.texts.is_empty() {
                    continue;
                }
                batch.tokens = batch.texts.iter().map(|(_, text)| text.prepared.tokens()).sum();
                return Some(batch);
            }
            if state.is_ending {
                return None;
            }
            state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn computed(&self, tokens: usize, time: Duration) {
        let rate = 1000.0 * tokens as f64 / time.as_secs_f64().max(1e-6);
        let before = self.rate.load(Ordering::Relaxed) as f64;
        let smooth = if before == 0.0 { rate } else { 0.8 * before + 0.2 * rate };
        self.rate.store(smooth as u64, Ordering::Relaxed);
    }
}

/// Whether somebody waits for a text; where nobody does, it is forgotten.
fn is_wanted(waiting: &mut HashMap<Key, Vec<oneshot::Sender<Outcome>>>, key: &Key) -> bool {
    let is_wanted = waiting.get(key).is_some_and(|senders| senders.iter().any(|sender| !sender.is_closed()));
    if !is_wanted {
        waiting.remove(key);
    }
    is_wanted
}

impl State {
    fn answer(&mut self, key: &Key, outcome: &Outcome) {
        for sender in self.waiting.remove(key).unwrap_or_default() {
            drop(sender.send(outcome.clone()));
        }
    }
}

#[cfg(test)]
mod tests;
