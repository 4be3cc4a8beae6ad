//! One try of a GPU's kernels at a time, by one process; a driver that ends the program on the way is not asked a third time.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// As often a try may not come to its end: somebody may have stopped the first.
const UNFINISHED: usize = 2;

/// How long one that is under way is waited for: it takes some two seconds.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a process may do.
#[derive(Debug)]
pub enum Start {
    /// Try; the file is locked until this is dropped.
    Go(Trial),
    /// Not now: another process is at it, and has been for long.
    Elsewhere,
    /// Not at all: every try so far ended the program.
    GivenUp,
}

/// A try that is under way: a line in the file, until it is at its end.
#[derive(Debug)]
pub struct Trial {
    file: File,
    key: String,
}

impl Trial {
    /// Begins a try of what `key` names; `path` is where tries are written down.
    ///
    /// # Errors
    /// Where the file cannot be made or read.
    pub fn begin(path: &Path, key: &str) -> io::Result<Start> {
        Self::begin_within(path, key, PATIENCE)
    }

    fn begin_within(path: &Path, key: &str, patience: Duration) -> io::Result<Start> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        // Not for appending alone: Windows would not let it be cut.
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        let started = Instant::now();
        loop {
            match file.try_lock() {
                // Where nothing can be locked two may try at once, which harms nobody.
                Ok(()) | Err(TryLockError::Error(_)) => break,
                Err(TryLockError::WouldBlock) if started.elapsed() > patience => return Ok(Start::Elsewhere),
                Err(TryLockError::WouldBlock) => thread::sleep(Duration::from_millis(50)),
            }
        }
        let mut lines = String::new();
        file.read_to_string(&mut lines)?;
        if lines.lines().filter(|&line| line == key).count() >= UNFINISHED {
            return Ok(Start::GivenUp);
        }
        writeln!(file, "{key}")?;
        file.sync_all()?;
        Ok(Start::Go(Self { file, key: key.to_owned() }))
    }

    /// It is at its end, whatever came of it.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn end(mut self) -> io::Result<()> {
        let mut lines = String::new();
        self.file.rewind()?;
        self.file.read_to_string(&mut lines)?;
        let others = lines.lines().filter(|&line| line != self.key).map(|line| format!("{line}\n"));
        let others: String = others.collect();
        self.file.set_len(0)?;
        self.file.rewind()?;
        self.file.write_all(others.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begun(path: &Path, key: &str) -> Trial {
        match Trial::begin(path, key).expect("it can be written") {
            Start::Go(trial) => trial,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn two_that_did_not_end_are_enough() {
        let folder = tempfile::TempDir::new().expect("there is room");
        let path = folder.path().join("deeper").join("trying");
        drop(begun(&path, "a card"));
        begun(&path, "another").end().expect("it can be written");
        drop(begun(&path, "a card"));
        assert!(matches!(Trial::begin(&path, "a card").expect("it can be read"), Start::GivenUp));
        begun(&path, "another").end().expect("it can be written");
        assert_eq!(fs::read_to_string(&path).expect("it is there"), "a card\na card\n");
    }

    #[test]
    fn what_ends_is_forgotten() {
        let folder = tempfile::TempDir::new().expect("there is room");
        let path = folder.path().join("trying");
        drop(begun(&path, "a card"));
        begun(&path, "a card").end().expect("it can be written");
        assert_eq!(fs::read_to_string(&path).expect("it is there"), "");
    }

    #[test]
    fn one_at_a_time() {
        let folder = tempfile::TempDir::new().expect("there is room");
        let path = folder.path().join("trying");
        let first = begun(&path, "a card");
        assert!(matches!(
            Trial::begin_within(&path, "another", Duration::ZERO).expect("it is there"),
            Start::Elsewhere
        ));
        first.end().expect("it can be written");
        begun(&path, "another").end().expect("it can be written");
    }
}
