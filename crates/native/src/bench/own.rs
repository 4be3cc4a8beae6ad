//! A server of our own, started for the measurement and ended with it.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, thread};

use anyhow::{Context as _, bail};
use serde_json::Value;

use crate::report;

/// A server that ends when this is dropped.
#[derive(Debug)]
pub struct Own {
    child: Child,
    /// The line that it said when it was ready: url, model, fingerprint, version, device, arithmetic.
    pub ready: Value,
    /// How long it took to say so.
    pub start: Duration,
}

impl Own {
    /// Starts `wembed serve` with these flags, and with no cache: vectors are computed.
    ///
    /// # Errors
    /// Where it does not get ready; it has said why on standard error.
    pub fn start(flags: &[OsString]) -> anyhow::Result<Self> {
        let program = env::current_exe().context("this program has no path")?;
        let started = Instant::now();
        let mut command = Command::new(program);
        command.args(["serve", "--port", "0", "--exit-with-stdin", "--cache-memory", "0"]).args(flags);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().context("the server did not start")?;
        let said = child.stderr.take().map(|output| thread::spawn(|| passed_on(output)));
        let mut own = Self { child, ready: Value::Null, start: Duration::ZERO };
        let mut line = String::new();
        if let Some(output) = own.child.stdout.take() {
            BufReader::new(output).read_line(&mut line)?;
        }
        own.start = started.elapsed();
        own.ready = match serde_json::from_str(&line) {
            Ok(ready) => ready,
            Err(_) => {
                // It is on its way out: its output has ended.
                let status = own.child.wait()?;
                let error = said.and_then(|said| said.join().ok().flatten()).unwrap_or_else(|| status.to_string());
                bail!("the server ended before it was ready: {error}");
            }
        };
        Ok(own)
    }

    /// What it said of itself.
    pub fn said(&self, name: &str) -> &str {
        self.ready[name].as_str().unwrap_or_default()
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

/// What it says on standard error is said here, but for the error that ended it.
fn passed_on(output: ChildStderr) -> Option<String> {
    let mut error = None;
    for line in BufReader::new(output).lines().map_while(Result::ok) {
        match line.strip_prefix("wembed: error: ") {
            Some(said) => error = Some(said.to_owned()),
            None => report::repeat(&line),
        }
    }
    error
}

impl Drop for Own {
    fn drop(&mut self) {
        // It ends with its standard input; who does not is ended.
        drop(self.child.stdin.take());
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(5) {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
