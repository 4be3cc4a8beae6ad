//! Batches on their way: tokenised, launched, waited for, and computed again where a device was lost.

use std::borrow::Cow;
use std::collections::VecDeque;

use wembed_kernels::{Engine, Ops, Packed, Pending};

use crate::Error;
use crate::batches::split;
use crate::description::prompt_names;
use crate::embedder::{EmbedOptions, Embedder, Embedding, Prompt};
use crate::files::Files;
use crate::head::Finish;
use crate::load::load;
use crate::tokenizer::{Tokenize, Tokens};
use crate::vocabulary::{Needed, Vocabulary};

/// Batches on the device at a time: while one is computed the next is tokenised and uploaded.
pub(crate) const BATCHES_IN_FLIGHT: usize = 2;

/// Texts that are tokenised at a time.
const TEXTS_AT_A_TIME: usize = 64;

/// What is the same for all batches of one call.
pub(crate) struct Job {
    prompt: String,
    finish: Finish,
    pub batch_tokens: usize,
}

/// One result a text: its tokens, or why it has none.
type Batch = Vec<Result<Tokens, Error>>;

/// A batch on the device; kept whole, so that it can be computed again.
pub(crate) struct InFlight {
    batch: Batch,
    /// Nothing where no text of the batch has tokens.
    pending: Option<Pending>,
}

/// Divides a window of tokenised texts.
pub(crate) fn batches(mut window: Batch, budget: usize) -> Vec<Batch> {
    let lengths: Vec<_> = window.iter().map(|text| text.as_ref().map_or(0, |tokens| tokens.ids.len())).collect();
    split(&lengths, budget).into_iter().map(|range| window.drain(..range.len()).collect()).collect()
}

impl<E: Engine, F: Files, T: Tokenize> Embedder<E, F, T> {
    /// Checks the options against the model and the device.
    pub(crate) fn job(&self, options: &EmbedOptions) -> Result<Job, Error> {
        let description = &self.description;
        let prompt = match &options.prompt {
            Prompt::Text(text) => text.clone(),
            Prompt::Named(name) => description.prompts.get(name).cloned().ok_or_else(|| {
                Error::option("the prompt's name", prompt_names(&description.prompts), format!("`{name}`"))
            })?,
            Prompt::Model => {
                let default = description.default_prompt.as_ref().and_then(|name| description.prompts.get(name));
                default.cloned().unwrap_or_default()
            }
        };
        let mut finish = options.finish;
        if description.dimensions < description.width {
            finish.dimensions = finish.dimensions.or(Some(description.dimensions));
        }
        if let Some(dimensions) = finish.dimensions.filter(|dimensions| !(1..=description.width).contains(dimensions)) {
            let expected = format!("1 to {}, the width of the model's vectors", description.width);
            return Err(Error::option("the dimensions", expected, dimensions));
        }
        if options.batch_tokens == Some(0) {
            return Err(Error::option("the tokens of a batch", "at least 1", 0));
        }
        let config = &description.config;
        let most = self.engine.rows_within(config.widest().max(description.modules.widest(config.hidden_size)));
        let batch_tokens = options.batch_tokens.unwrap_or(self.engine.batch_tokens()).min(most);
        Ok(Job { prompt, finish, batch_tokens })
    }

    /// Takes texts until two batches are full or there are no more, so that these can share the tokens evenly.
    pub(crate) fn tokenize_window<S: AsRef<str>>(&self, texts: &mut impl Iterator<Item = S>, job: &Job) -> Batch {
        let mut window: Batch = Vec::new();
        let mut tokens = 0;
        while tokens < 2 * job.batch_tokens {
            let taken: Vec<S> = texts.take(TEXTS_AT_A_TIME).collect();
            if taken.is_empty() {
                break;
            }
            let with_prompt = |text: &'_ S| -> String { format!("{}{}", job.prompt, text.as_ref()) };
            let prompted: Vec<Cow<'_, str>> = taken
                .iter()
                .map(|text| if job.prompt.is_empty() { Cow::Borrowed(text.as_ref()) } else { with_prompt(text).into() })
                .collect();
            for text in self.tokenizer.encode(&prompted) {
                let text = text.and_then(|text| self.check(text));
                tokens += text.as_ref().map_or(0, |text| text.ids.len());
                window.push(text);
            }
        }
        window
    }

    /// What a tokenizer must hold to; one that the caller brings may not.
    fn check(&self, text: Tokens) -> Result<Tokens, Error> {
        let (longest, rows) = (self.description.max_length, self.description.config.vocabulary_size as u32);
        if text.ids.is_empty() || text.ids.len() > longest {
            return Err(Error::text(format!("expected 1 to {longest} tokens, found {}", text.ids.len())));
        }
        match text.ids.iter().find(|&&id| id >= rows) {
            Some(id) => Err(Error::text(format!("its token {id} is beyond the {rows} rows of the word table"))),
            None => Ok(text),
        }
    }

    /// Records and submits a batch.
    pub(crate) async fn launch(&mut self, mut batch: Batch, job: &Job) -> Result<InFlight, Error> {
        loop {
            let error = match self.submit(&batch, job).await {
                Ok(pending) => return Ok(InFlight { batch, pending }),
                Err(error) => error,
            };
            // Texts without the token at fault have their vectors all the same.
            let Some((id, reason)) = error.of_token() else { return Err(error) };
            for text in batch.iter_mut().filter(|text| text.as_ref().is_ok_and(|tokens| tokens.ids.contains(&id))) {
                *text = Err(Error::token(id, reason));
            }
        }
    }

    async fn submit(&mut self, batch: &Batch, job: &Job) -> Result<Option<Pending>, Error> {
        let config = &self.description.config;
        let texts: Vec<&Tokens> = batch.iter().flatten().collect();
        if texts.is_empty() {
            return Ok(None);
        }
        let needed;
        let gathered;
        let (words, rows): (&E::Table, Vec<u32>) = match &mut self.weights.vocabulary {
            Vocabulary::Device(table) => (table, texts.iter().flat_map(|text| text.ids.iter().copied()).collect()),
            Vocabulary::Host(table) => {
                needed = Needed::of(texts.iter().flat_map(|text| text.ids.iter().copied()));
                gathered = table.gather(&self.engine, &self.files, &needed).await?;
                (&gathered, needed.slots)
            }
        };
        let mut packed = Packed::default();
        let mut rows = rows.into_iter();
        for text in texts {
            let positions = config.architecture.positions.of(&text.ids, config.pad_token_id);
            packed.push(rows.by_ref().take(text.ids.len()), positions);
        }
        let mut ops = self.engine.begin(&packed);
        let x = self.weights.encoder.forward(&mut ops, words);
        let vectors = self.weights.head.forward(&mut ops, &x, job.finish);
        drop(x);
        Ok(Some(ops.finish(vectors)))
    }

    /// Waits for the first batch in flight. A device that is lost meanwhile is replaced, and all that was in flight is
    /// computed again; a second loss is the caller's.
    pub(crate) async fn land(
        &mut self,
        in_flight: &mut VecDeque<InFlight>,
        job: &Job,
    ) -> Result<Vec<Result<Embedding, Error>>, Error> {
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
        let dimensions = job.finish.dimensions.unwrap_or(self.description.width);
        let mut vectors = values.chunks_exact(dimensions);
        let embedding = |text: Result<Tokens, Error>| {
            let text = text?;
            let vector = vectors.next().expect("the engine gives one vector a text").to_vec();
            if !vector.iter().all(|value| value.is_finite()) {
                return Err(Error::text("its vector has a value that is not finite"));
            }
            if vector.iter().all(|&value| value == 0.0) {
                return Err(Error::text("its vector is zero"));
            }
            Ok(Embedding { vector, tokens: text.ids.len(), truncated: text.truncated })
        };
        Ok(first.batch.into_iter().map(embedding).collect())
    }

    /// A new engine, with the weights read from the files again.
    async fn replace_device(&mut self) -> Result<(), Error> {
        let engine = self.engine.reopen().await?;
        self.weights = load(&engine, &self.files, &self.description, self.placement).await?;
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
