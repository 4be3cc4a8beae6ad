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

/// What it must bear.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Seconds that a request may take.
    pub deadline: usize,
    /// Tokens of all requests that are there at once, at most.
    pub tokens: usize,
}

impl Own {
    /// Starts `wembed serve` with these flags, and with no cache: vectors are computed.
    ///
    /// # Errors
    /// Where it does not get ready; it has said why on standard error.
    pub fn start(flags: &[OsString], load: Load) -> anyhow::Result<Self> {
        let mut command = command(flags, load)?;
        let started = Instant::now();
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

fn command(flags: &[OsString], load: Load) -> anyhow::Result<Command> {
    let mut command = Command::new(env::current_exe().context("this program has no path")?);
    command.args(["serve", "--port", "0", "--exit-with-stdin", "--cache-memory", "0"]);
    command.args(["--deadline", &load.deadline.to_string(), "--queue-tokens", &load.tokens.to_string()]).args(flags);
    Ok(command)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_may_take_as_long_as_its_client_waits() {
        let command = command(&["--offline".into()], Load { deadline: 31, tokens: 77 }).expect("it has a path");
        let words: Vec<_> = command.get_args().map(|word| word.to_str().expect("it is UTF-8")).collect();
        let expected = "serve --port 0 --exit-with-stdin --cache-memory 0 --deadline 31 --queue-tokens 77 --offline";
        assert_eq!(words.join(" "), expected);
    }
}
