//! Work that would hold up other requests: it is done where it does not.

use tokio::runtime::{Handle, RuntimeFlavor};

/// Bytes that are read, written or hashed in about a quarter of a millisecond.
const LONG: usize = 256 << 10;

/// Does work on so many bytes. Where they are many, the runtime gives this thread's other tasks to another one first.
pub fn aside<T>(bytes: usize, work: impl FnOnce() -> T) -> T {
    let may_hand_over = || Handle::try_current().is_ok_and(|it| it.runtime_flavor() == RuntimeFlavor::MultiThread);
    if bytes > LONG && may_hand_over() { tokio::task::block_in_place(work) } else { work() }
}
