//! Batches on their way: launched, waited for, and computed again where a device was lost.

use std::collections::VecDeque;

use wembed_kernels::{Engine, Ops, Packed, Pending};

use crate::Error;
use crate::embedder::Embedder;
use crate::files::Files;
use crate::load::load;
use crate::long::{Done, Part, checked};
use crate::reader::Job;
use crate::tokenizer::Tokenize;
use crate::vocabulary::{Needed, Vocabulary};

/// Batches on the device at a time: while one is computed the next is tokenised and uploaded.
pub(crate) const BATCHES_IN_FLIGHT: usize = 2;

/// Texts, or windows of long ones, that are computed together.
pub(crate) type Batch = Vec<Part>;

/// A batch on the device; kept whole, so that it can be computed again.
pub(crate) struct InFlight {
    batch: Batch,
    /// Nothing where no text of the batch has tokens.
    pending: Option<Pending>,
}

impl<E: Engine, F: Files, T: Tokenize> Embedder<E, F, T> {
    /// Records and submits a batch.
    pub(crate) async fn launch(&mut self, mut batch: Batch, job: &Job) -> Result<InFlight, Error> {
        loop {
            let error = match self.submit(&batch, job).await {
                Ok(pending) => return Ok(InFlight { batch, pending }),
                Err(error) => error,
            };
            // Texts without the token at fault have their vectors all the same.
            let Some((id, reason)) = error.of_token() else { return Err(error) };
            let at_fault = |part: &&mut Part| part.ids.as_ref().is_ok_and(|ids| ids.contains(&id));
            for part in batch.iter_mut().filter(at_fault) {
                part.ids = Err(Error::token(id, reason));
            }
        }
    }

    async fn submit(&mut self, batch: &Batch, job: &Job) -> Result<Option<Pending>, Error> {
        let config = &self.reader.description.config;
        let texts: Vec<&[u32]> = batch.iter().flat_map(|part| &part.ids).map(Vec::as_slice).collect();
        if texts.is_empty() {
            return Ok(None);
        }
        let (skip, finish) = self.reader.way(batch, job);
        let needed;
        let gathered;
        let (words, rows): (&E::Table, Vec<u32>) = match &mut self.weights.vocabulary {
            Vocabulary::Device(words) => (&words.table, words.rows(texts.concat())),
            Vocabulary::Host(table) => {
                needed = Needed::of(texts.iter().copied().flatten().copied());
                gathered = table.gather(&self.engine, &self.files, &needed).await?;
                (&gathered, needed.slots)
            }
        };
        let mut packed = Packed::default();
        let mut rows = rows.into_iter();
        for text in texts {
            let positions = config.architecture.positions.of(text, config.pad_token_id);
            packed.push(rows.by_ref().take(text.len()), positions);
        }
        let mut ops = self.engine.begin(&packed);
        let x = self.weights.encoder.forward(&mut ops, words);
        let vectors = self.weights.head.forward(&mut ops, &x, skip, finish);
        drop(x);
        Ok(Some(ops.finish(vectors)))
    }

    /// Waits for the first batch in flight. A device that is lost meanwhile is replaced, and all that was in flight is
    /// computed again; a second loss is the caller's.
    pub(crate) async fn land(&mut self, in_flight: &mut VecDeque<InFlight>, job: &Job) -> Result<Vec<Done>, Error> {
        let first = in_flight.pop_front().expect("there is a batch in flight");
        let values = match wait(first.pending).await {
            Err(error) if error.is_device_lost() => {
                self.replace_device().await?;
                let again = self.submit(&first.batch, job).await?;
                for other in in_flight {
                    other.pending = self.submit(&other.batch, job).await?;
                }
                wait(again).await?
            }
            other => other?,
        };
        let (_, finish) = self.reader.way(&first.batch, job);
        let mut vectors = values.chunks_exact(finish.dimensions.unwrap_or(self.reader.description.width));
        let done = |Part { ids, role }: Part| {
            let tokens = ids.as_ref().map_or(0, Vec::len);
            let mut next = || vectors.next().expect("the engine gives one vector a part").to_vec();
            Done { role, tokens, vector: ids.and_then(|_| checked(next())) }
        };
        Ok(first.batch.into_iter().map(done).collect())
    }

    /// A new engine, with the weights read from the files again.
    async fn replace_device(&mut self) -> Result<(), Error> {
        let engine = self.engine.reopen().await?;
        self.weights = load(&engine, &self.files, &self.reader.description, self.placement).await?;
        self.engine = engine;
        self.replaced += 1;
        Ok(())
    }
}

async fn wait(pending: Option<Pending>) -> Result<Vec<f32>, Error> {
    match pending {
        Some(pending) => Ok(pending.await?),
        None => Ok(Vec::new()),
    }
}
