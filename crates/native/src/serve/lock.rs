//! One server at a time: a lock on a file, and beside it a file that says where the server is.

use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde_json::Value;

/// How long a second server waits for the first one to be ready.
const PATIENCE: Duration = Duration::from_secs(30);

/// The lock of a server that runs.
#[derive(Debug)]
pub struct Lock {
    said: PathBuf,
    _file: File,
}

/// Whether this server is the first.
#[derive(Debug)]
pub enum Locked {
    /// It is.
    First(Lock),
    /// Another one runs, which said this when it was ready.
    Second(Value),
}

impl Lock {
    /// Takes the lock at `path`, or waits until who has it says where it is.
    ///
    /// # Errors
    /// Where the file cannot be made, or the other one does not say where it is.
    pub fn take(path: &Path) -> anyhow::Result<Locked> {
        let name = format!("`{}`", path.display());
        let mut said = OsString::from(path);
        said.push(".json");
        let said = PathBuf::from(said);
        let file = File::options().write(true).create(true).truncate(false).open(path);
        let file = file.with_context(|| format!("the lock {name} could not be made"))?;
        let started = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => {
                    // What one said that was killed.
                    drop(fs::remove_file(&said));
                    return Ok(Locked::First(Self { said, _file: file }));
                }
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => {
                    return Err(error).context(format!("the lock {name} could not be taken"));
                }
            }
            if let Some(other) = fs::read(&said).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()) {
                return Ok(Locked::Second(other));
            }
            if started.elapsed() > PATIENCE {
                bail!("another server has the lock {name}, and does not say where it is");
            }
            sleep(Duration::from_millis(50));
        }
    }

    /// Says where the server is.
    ///
    /// # Errors
    /// Where that cannot be written.
    pub fn say(&self, ready: &Value) -> io::Result<()> {
        // Whole or not there.
        let mut unfinished = OsString::from(&self.said);
        unfinished.push(".part");
        fs::write(&unfinished, ready.to_string())?;
        fs::rename(unfinished, &self.said)
    }

    /// Says no more where the server is, for it ends.
    pub fn unsay(&self) {
        drop(fs::remove_file(&self.said));
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.unsay();
    }
}
