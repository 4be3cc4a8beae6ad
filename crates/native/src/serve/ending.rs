//! When a server ends: a signal, the end of its parent, or of its standard input.

use std::future::pending;
use std::io::{self, Read as _};
use std::thread::{sleep, spawn};
use std::time::Duration;

use tokio::sync::oneshot;

/// How often it is looked whether the parent is there.
#[cfg(unix)]
const LOOK: Duration = Duration::from_millis(200);

/// What ends a server beside SIGINT and SIGTERM.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ends {
    /// The end of the process that started it.
    pub with_parent: bool,
    /// The end of standard input.
    pub with_stdin: bool,
}

impl Ends {
    /// Waits until there is a reason to end, and gives it.
    pub async fn come(self) -> &'static str {
        tokio::select! {
            reason = signal() => reason,
            () = told(self.with_parent, parent) => "the parent ended",
            () = told(self.with_stdin, stdin) => "standard input ended",
        }
    }
}

/// Waits for a thread that does; for ever where it is not wanted.
async fn told(is_wanted: bool, wait: fn()) {
    if !is_wanted {
        return pending().await;
    }
    let (sender, receiver) = oneshot::channel();
    spawn(move || {
        wait();
        let _ = sender.send(()); // nobody may wait any more
    });
    let _ = receiver.await;
}

#[cfg(unix)]
async fn signal() -> &'static str {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return pending().await };
    tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = tokio::signal::ctrl_c() => "SIGINT",
    }
}

#[cfg(not(unix))]
async fn signal() -> &'static str {
    drop(tokio::signal::ctrl_c().await);
    "Ctrl-C"
}

/// A process whose parent ends gets another one.
#[cfg(unix)]
fn parent() {
    let parent = std::os::unix::process::parent_id();
    while std::os::unix::process::parent_id() == parent {
        sleep(LOOK);
    }
}

/// Elsewhere standard input's end stands for the parent's.
#[cfg(not(unix))]
fn parent() {
    stdin();
}

fn stdin() {
    let mut bytes = [0; 1024];
    loop {
        match io::stdin().read(&mut bytes) {
            Ok(0) => return,
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return,
            // A pause, should it be a file without an end.
            _ => sleep(Duration::from_millis(1)),
        }
    }
}
