//! Texts on their way through an embedder, a batch at a time: between two batches the caller may stop, wait, or do something else.

use std::collections::VecDeque;

use wembed_kernels::Engine;

use crate::Error;
use crate::embedder::{EmbedOptions, Embedder, Embedding};
use crate::files::Files;
use crate::long::Joining;
use crate::pipeline::{BATCHES_IN_FLIGHT, Batch, InFlight, Job};
use crate::tokenizer::Tokenize;

/// Texts being embedded. Dropped before its end it stops: what is on the device is computed, and nobody sees it.
pub struct Flow<'a, E: Engine, F: Files, T: Tokenize, I> {
    embedder: &'a mut Embedder<E, F, T>,
    job: Job,
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
        let job = self.job(options)?;
        let joining = self.joining(&job);
        let (waiting, in_flight) = (VecDeque::new(), VecDeque::new());
        Ok(Flow { embedder: self, job, texts: texts.into_iter(), ended: false, waiting, in_flight, joining })
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
                let window = self.embedder.tokenize_window(&mut self.texts, &self.job);
                self.ended = window.is_empty();
                self.waiting.extend(self.embedder.batches(window, &self.job));
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
