//! Threads: Web Workers that lend themselves to rayon, where the module was built for shared memory and the page is
//! cross-origin isolated. `js/threads.ts` starts them before it loads a model.

use std::sync::Arc;

use rayon::ThreadPool;

/// The threads that were opened, this one among them; nothing where there are none.
pub(crate) fn pool() -> Option<Arc<ThreadPool>> {
    #[cfg(target_feature = "atomics")]
    return shared::POOL.get().cloned();
    #[cfg(not(target_feature = "atomics"))]
    None
}

#[cfg(target_feature = "atomics")]
mod shared {
    use std::collections::VecDeque;
    use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};

    use rayon::{ThreadBuilder, ThreadPool, ThreadPoolBuilder};
    use wasm_bindgen::prelude::*;

    /// Threads of the pool that have no Worker yet.
    static WAITING: Mutex<VecDeque<ThreadBuilder>> = Mutex::new(VecDeque::new());
    static ARRIVED: Condvar = Condvar::new();

    pub(super) static POOL: OnceLock<Arc<ThreadPool>> = OnceLock::new();

    /// A Worker's whole life as a thread; it comes back when the pool is gone.
    #[wasm_bindgen(js_name = runThread)]
    pub fn run_thread() {
        let waiting = WAITING.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = ARRIVED.wait_while(waiting, |waiting| waiting.is_empty());
        let thread = waiting.unwrap_or_else(PoisonError::into_inner).pop_front();
        thread.expect("it was waited for").run();
    }

    /// Opens a pool of so many Workers, each of which has said that it is ready, and of this thread.
    #[wasm_bindgen(js_name = openThreads)]
    pub fn open_threads(workers: usize) -> Result<(), JsError> {
        let pool = ThreadPoolBuilder::new()
            .num_threads(workers + 1)
            .use_current_thread()
            .spawn_handler(|thread| {
                WAITING.lock().unwrap_or_else(PoisonError::into_inner).push_back(thread);
                ARRIVED.notify_one();
                Ok(())
            })
            .build()?;
        POOL.set(Arc::new(pool)).map_err(|_| JsError::new("threads were opened before"))
    }
}
