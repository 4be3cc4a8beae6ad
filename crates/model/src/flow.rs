//! Texts on their way through an embedder, a batch at a time: between two batches the caller may stop, wait, or do something else.

use std::borrow::Cow;
use std::collections::VecDeque;

use wembed_kernels::Engine;

use crate::Error;
use crate::embedder::{EmbedOptions, Embedder, Embedding};
use crate::files::Files;
use crate::long::Joining;
use crate::pipeline::{BATCHES_IN_FLIGHT, Batch, InFlight};
use crate::reader::{Job, Prepared};
use crate::tokenizer::Tokenize;

/// Texts being embedded. Dropped before its end it stops: what is on the device is computed, and nobody sees it.
pub struct Flow<'a, E: Engine, F: Files, T: Tokenize, I> {
    embedder: &'a mut Embedder<E, F, T>,
    job: Cow<'a, Job>,
    texts: I,
    /// Whether all texts were taken.
    ended: bool,
    /// Batches of texts that were tokenised.
    waiting: VecDeque<Batch>,
    in_flight: VecDeque<InFlight>,
    joining: Joining,
}

impl<E: Engine, F: Files, T: Tokenize> Embedder<E, F, T> {
    /// Begins to embed `texts`, which are taken as they are needed.
    ///
    /// # Errors
    /// Where the options do not fit the model.
    pub fn flow<S: AsRef<str>, I: IntoIterator<Item = S>>(
        &mut self,
        texts: I,
        options: &EmbedOptions,
    ) -> Result<Flow<'_, E, F, T, I::IntoIter>, Error> {
        let job = self.reader.job(options)?;
        let joining = self.reader.joining(&job);
        let (job, waiting, in_flight) = (Cow::Owned(job), VecDeque::new(), VecDeque::new());
        Ok(Flow { embedder: self, job, texts: texts.into_iter(), ended: false, waiting, in_flight, joining })
    }

    /// Embeds texts that were prepared for `job`: one result each, in order.
    ///
    /// # Errors
    /// Where the device or the model's files fail; what is wrong with one text is that text's own error.
    pub async fn compute(&mut self, texts: Vec<Prepared>, job: &Job) -> Result<Vec<Result<Embedding, Error>>, Error> {
        let mut found = Vec::with_capacity(texts.len());
        let parts = texts.into_iter().flat_map(Prepared::into_parts).collect();
        let (waiting, joining) = (self.reader.batches(parts, job).into(), self.reader.joining(job));
        let (texts, in_flight) = (std::iter::empty::<&str>(), VecDeque::new());
        let mut flow =
            Flow { embedder: self, job: Cow::Borrowed(job), texts, ended: true, waiting, in_flight, joining };
        while let Some(done) = flow.next().await? {
            found.extend(done);
        }
        Ok(found)
    }
}

impl<E: Engine, F: Files, T: Tokenize, S: AsRef<str>, I: Iterator<Item = S>> Flow<'_, E, F, T, I> {
    /// The results that one more batch completes, in the texts' order, which may be none; nothing after the last.
    ///
    /// # Errors
    /// Where the device or the model's files fail; what is wrong with one text is that text's own error.
    pub async fn next(&mut self) -> Result<Option<Vec<Result<Embedding, Error>>>, Error> {
        loop {
            // While the device is at work on what is in flight.
            if self.waiting.is_empty() && !self.ended {
                let window = self.embedder.reader.tokenize_window(&mut self.texts, &self.job);
                self.ended = window.is_empty();
                self.waiting.extend(self.embedder.reader.batches(window, &self.job));
            }
            if self.in_flight.len() < BATCHES_IN_FLIGHT
                && let Some(batch) = self.waiting.pop_front()
            {
                self.in_flight.push_back(self.embedder.launch(batch, &self.job).await?);
            } else if self.in_flight.is_empty() {
                return Ok(None);
            } else {
                let done = self.embedder.land(&mut self.in_flight, &self.job).await?;
                return Ok(Some(done.into_iter().filter_map(|part| self.joining.take(part)).collect()));
            }
        }
    }
}
