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
#[derive(Debug)]
pub struct Ends {
    parent: Option<oneshot::Receiver<()>>,
    stdin: Option<oneshot::Receiver<()>>,
}

impl Ends {
    /// Looks from now on whether the process that started this one, or standard input, ends, where that is to end it.
    #[must_use]
    pub fn watch(with_parent: bool, with_stdin: bool) -> Self {
        let parent = parent();
        Self { parent: with_parent.then(|| watch(parent)), stdin: with_stdin.then(|| watch(stdin)) }
    }

    /// Waits until there is a reason to end, and gives it.
    pub async fn come(self) -> &'static str {
        tokio::select! {
            reason = signal() => reason,
            () = told(self.parent) => "the parent ended",
            () = told(self.stdin) => "standard input ended",
        }
    }
}

/// Waits for what a thread waits for; for ever where there is none.
async fn told(receiver: Option<oneshot::Receiver<()>>) {
    match receiver {
        Some(receiver) => drop(receiver.await),
        None => pending().await,
    }
}

/// A thread that waits.
fn watch(wait: impl FnOnce() + Send + 'static) -> oneshot::Receiver<()> {
    let (sender, receiver) = oneshot::channel();
    spawn(move || {
        wait();
        let _ = sender.send(()); // nobody may wait any more
    });
    receiver
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
fn parent() -> impl FnOnce() + Send + 'static {
    let parent = std::os::unix::process::parent_id();
    move || {
        while std::os::unix::process::parent_id() == parent {
            sleep(LOOK);
        }
    }
}

/// Elsewhere standard input's end stands for the parent's.
#[cfg(not(unix))]
fn parent() -> impl FnOnce() + Send + 'static {
    stdin
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
