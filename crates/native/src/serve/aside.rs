//! Work that would hold up other requests: it is done where it does not.

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::Semaphore;

/// Bytes that are read, written or hashed in about a quarter of a millisecond.
const LONG: usize = 256 << 10;

/// Does work on so many bytes. Where they are many, the runtime gives this thread's other tasks to another one first.
pub fn aside<T>(bytes: usize, work: impl FnOnce() -> T) -> T {
    let may_hand_over = || Handle::try_current().is_ok_and(|it| it.runtime_flavor() == RuntimeFlavor::MultiThread);
    if bytes > LONG && may_hand_over() { tokio::task::block_in_place(work) } else { work() }
}

/// Threads that tokenise at a time: more would only take the engine's time.
static TOKENIZERS: Semaphore = Semaphore::const_new(4);

/// Has texts tokenised on another thread, when one is free; nothing where that panics.
pub async fn tokenizing<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let _turn = TOKENIZERS.acquire().await.expect("it is never closed");
    tokio::task::spawn_blocking(work).await.ok()
}
