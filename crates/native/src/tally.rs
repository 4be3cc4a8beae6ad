//! How many texts there were, and how they fared.

use std::fmt::Display;

use anyhow::bail;
use wembed_model::{Description, Embedding, Error};

use crate::report;

/// Counts texts.
#[derive(Debug, Default)]
pub struct Tally {
    texts: usize,
    truncated: usize,
    failed: usize,
    first_failure: Option<String>,
}

impl Tally {
    /// Takes note of a text's result and returns the text's number, from 0.
    pub fn count(&mut self, result: &Result<Embedding, Error>) -> usize {
        let index = self.texts;
        match result {
            Ok(embedding) => self.vector(embedding.truncated),
            Err(error) => self.failure(index as u64, error),
        }
        index
    }

    /// Takes note of a text that has a vector.
    pub fn vector(&mut self, truncated: bool) {
        self.texts += 1;
        self.truncated += usize::from(truncated);
    }

    /// Takes note of a text that has none, and why.
    pub fn failure(&mut self, index: u64, error: impl Display) {
        self.texts += 1;
        self.failed += 1;
        self.first_failure.get_or_insert_with(|| format!("text {index}: {error}"));
    }

    /// Whether each has its vector.
    pub fn is_complete(&self) -> bool {
        self.failed == 0
    }

    /// Says how many texts were cut, if any were.
    pub fn warn_of_truncation(&self, what: &str, description: &Description) {
        if self.truncated == 0 {
            return;
        }
        let (length, usable) = (description.max_length, description.config.usable_positions());
        let more = if length < usable { format!("--max-length takes up to {usable}, ") } else { String::new() };
        report::say(format_args!(
            "{} of {} {what} cut to {length} tokens; {more}--long mean reads all",
            self.truncated, self.texts
        ));
    }

    /// An error where a text has no vector.
    pub fn check(&self) -> anyhow::Result<()> {
        if let Some(failure) = &self.first_failure {
            bail!("{} of {} texts got no vector; {failure}", self.failed, self.texts);
        }
        Ok(())
    }
}
