//! The threads of an engine: the caller's own and as many beside it as were asked for, asleep while there is nothing to do.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};

use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::Error;
use crate::error::Kind;

/// More than any engine has a use for: a slip of the finger, not a wish.
const MOST: usize = 1024;

/// A team that works on one thing at a time.
#[derive(Debug)]
pub(super) struct Threads {
    /// The others; nobody where the caller works alone.
    others: Option<Arc<ThreadPool>>,
    count: usize,
}

impl Threads {
    /// As many as the processor runs at a time.
    pub fn all() -> Result<Self, Error> {
        Self::new(std::thread::available_parallelism().map_or(1, NonZeroUsize::get).min(MOST))
    }

    /// `count` threads, the caller's included.
    pub fn new(count: usize) -> Result<Self, Error> {
        let others = match count {
            0 | 1 => None,
            count if count > MOST => return Err(Kind::TooManyThreads { count, most: MOST }.into()),
            _ => Some(Arc::new(
                ThreadPoolBuilder::new()
                    .num_threads(count - 1)
                    .thread_name(|index| format!("wembed {}", index + 1))
                    .build()
                    .map_err(|source| Kind::NoThreads { count, source })?,
            )),
        };
        Ok(Self { others, count: count.max(1) })
    }

    /// Threads that somebody else started, the caller's among them.
    pub fn of(pool: Arc<ThreadPool>) -> Self {
        Self { count: pool.current_num_threads(), others: Some(pool) }
    }

    pub const fn count(&self) -> usize {
        self.count
    }

    /// Does `work` on each item, each thread taking the next one as it gets free. Who does what does not show in the result,
    /// as long as no item's work depends on another's.
    pub fn each<T: Send>(&self, items: impl Iterator<Item = T> + Send, work: impl Fn(T) + Sync) {
        let helpers = items.size_hint().0.min(self.count).saturating_sub(1);
        let Some(others) = self.others.as_ref().filter(|_| helpers > 0) else {
            return items.for_each(work);
        };
        let items = Mutex::new(items);
        let next = || items.lock().expect("taking an item does not panic").next();
        let take = || {
            while let Some(item) = next() {
                work(item);
            }
        };
        others.in_place_scope(|scope| {
            for _ in 0..helpers {
                scope.spawn(|_| take());
            }
            take();
        });
    }
}
