//! Batches on their way: tokenised, launched, waited for, and computed again where a device was lost.

use std::borrow::Cow;
use std::collections::VecDeque;

use wembed_kernels::{Engine, Ops, Packed, Pending};

use crate::Error;
use crate::batches::split;
use crate::description::prompt_names;
use crate::embedder::{EmbedOptions, Embedder, Prompt};
use crate::files::Files;
use crate::head::Finish;
use crate::load::load;
use crate::long::{Done, Joining, Long, Part, Role, Room, checked};
use crate::modules::Step;
use crate::tokenizer::{Specials, Tokenize, Tokens};
use crate::vocabulary::{Needed, Vocabulary};

/// Batches on the device at a time: while one is computed the next is tokenised and uploaded.
pub(crate) const BATCHES_IN_FLIGHT: usize = 2;

/// Texts that are tokenised at a time.
const TEXTS_AT_A_TIME: usize = 64;

/// What is the same for all batches of one call.
pub(crate) struct Job {
    pub prompt: String,
    /// The prompt's own ids, without special tokens.
    prompt_ids: Vec<u32>,
    pub long: Long,
    pub finish: Finish,
    pub batch_tokens: usize,
}

/// Texts, or windows of long ones, that are computed together.
pub(crate) type Batch = Vec<Part>;

/// A batch on the device; kept whole, so that it can be computed again.
pub(crate) struct InFlight {
    batch: Batch,
    /// Nothing where no text of the batch has tokens.
    pending: Option<Pending>,
}

/// Lengths of the runs of neighbours that are alike; what is nothing goes with any.
fn runs<W: Copy + PartialEq>(ways: impl IntoIterator<Item = Option<W>>) -> Vec<usize> {
    let (mut lengths, mut last) = (Vec::new(), None);
    for way in ways {
        match lengths.last_mut() {
            Some(length) if last.is_none() || way.is_none() || way == last => *length += 1,
            _ => lengths.push(1),
        }
        last = way.or(last);
    }
    lengths
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
        let mut prompt_ids = Vec::new();
        if !prompt.is_empty() && (options.long == Long::Mean || !description.modules.include_prompt) {
            let ids = self.tokenizer.encode(&[Cow::Borrowed(&prompt)]).remove(0)?;
            let Specials { before, after } = self.tokenizer.specials();
            prompt_ids.extend_from_slice(ids.get(before..ids.len().saturating_sub(after)).unwrap_or_default());
        }
        Ok(Job { prompt, prompt_ids, long: options.long, finish, batch_tokens })
    }

    /// Divides parts into batches, each of parts that are pooled and finished in the same way; what failed goes with any.
    pub(crate) fn batches(&self, mut parts: Vec<Part>, job: &Job) -> Vec<Batch> {
        let mut batches = Vec::new();
        for alike in runs(parts.iter().map(|part| part.ids.is_ok().then(|| self.finish(part.role, job)))) {
            let lengths: Vec<_> = parts[..alike].iter().map(|part| part.ids.as_ref().map_or(0, Vec::len)).collect();
            let ranges = split(&lengths, job.batch_tokens).into_iter();
            batches.extend(ranges.map(|range| parts.drain(..range.len()).collect::<Batch>()));
        }
        batches
    }

    /// How a batch is pooled and finished: as the first of its parts that has tokens.
    fn way(&self, batch: &Batch, job: &Job) -> (usize, Finish) {
        let first = batch.iter().find(|part| part.ids.is_ok());
        first.map_or((0, job.finish), |part| self.finish(part.role, job))
    }

    /// Puts texts together whose windows were computed one by one.
    pub(crate) fn joining(&self, job: &Job) -> Joining {
        Joining::new(self.normalizes_before_cut(job), job.finish)
    }

    /// Whether the model itself gives vectors of length 1, before anything is cut.
    pub(crate) fn normalizes_before_cut(&self, job: &Job) -> bool {
        self.description.modules.steps.last() == Some(&Step::Normalize) && job.finish.normalize != Some(false)
    }

    /// Tokens of each part that are not pooled, and how its vectors are finished on the device.
    fn finish(&self, role: Role, job: &Job) -> (usize, Finish) {
        match role {
            Role::Whole { .. } if self.description.modules.include_prompt || job.prompt.is_empty() => (0, job.finish),
            Role::Whole { .. } => (self.tokenizer.specials().before + job.prompt_ids.len(), job.finish),
            // The model's own vectors, whole: what else was asked for comes after their mean.
            Role::Window { skip, .. } => {
                let normalize = job.finish.normalize.filter(|&normalize| !normalize);
                (skip, Finish { normalize, dimensions: None })
            }
        }
    }

    /// Takes texts until two batches are full or there are no more, so that these can share the tokens evenly.
    pub(crate) fn tokenize_window<S: AsRef<str>>(&self, texts: &mut impl Iterator<Item = S>, job: &Job) -> Vec<Part> {
        let mut window = Vec::new();
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
            for ids in self.tokenizer.encode(&prompted) {
                let failed = |error| vec![Part { ids: Err(error), role: Role::Whole { truncated: false } }];
                let parts = ids.and_then(|ids| self.parts(ids, job)).unwrap_or_else(failed);
                // A text that failed counts as one: a window ends, whatever its texts are.
                tokens += parts.iter().map(|part| part.ids.as_ref().map_or(1, Vec::len)).sum::<usize>();
                window.extend(parts);
            }
        }
        window
    }

    /// A text as the model is given it. Holds to what a tokenizer must hold to; one that the caller brings may not.
    fn parts(&self, ids: Vec<u32>, job: &Job) -> Result<Vec<Part>, Error> {
        let (room, rows) = (self.room(), self.description.config.vocabulary_size as u32);
        let least = (room.specials.before + room.specials.after).max(1);
        if ids.len() < least {
            let found = ids.len();
            return Err(Error::text(format!(
                "its tokens: expected {least} or more, special tokens included, found {found}"
            )));
        }
        if let Some(id) = ids.iter().find(|&&id| id >= rows) {
            return Err(Error::text(format!("its token {id} is beyond the {rows} rows of the word table")));
        }
        if ids.len() > room.most {
            match job.long {
                Long::Truncate => {}
                Long::Error => {
                    return Err(Error::text(format!("it has {} tokens, the model takes {}", ids.len(), room.most)));
                }
                Long::Mean => return room.windows(&ids, &job.prompt_ids, self.description.modules.include_prompt),
            }
        }
        let Tokens { ids, truncated } = room.cut(ids);
        let role = Role::Whole { truncated };
        if ids.len() <= self.finish(role, job).0 {
            return Err(Error::text("nothing is left to pool: all of its tokens are the prompt's"));
        }
        Ok(vec![Part { ids: Ok(ids), role }])
    }

    /// What the model takes of a text.
    pub(crate) fn room(&self) -> Room {
        let description = &self.description;
        let specials = self.tokenizer.specials();
        Room { most: description.max_length, specials, side: description.truncation_side }
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
            let at_fault = |part: &&mut Part| part.ids.as_ref().is_ok_and(|ids| ids.contains(&id));
            for part in batch.iter_mut().filter(at_fault) {
                part.ids = Err(Error::token(id, reason));
            }
        }
    }

    async fn submit(&mut self, batch: &Batch, job: &Job) -> Result<Option<Pending>, Error> {
        let config = &self.description.config;
        let texts: Vec<&[u32]> = batch.iter().flat_map(|part| &part.ids).map(Vec::as_slice).collect();
        if texts.is_empty() {
            return Ok(None);
        }
        let (skip, finish) = self.way(batch, job);
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
        let (_, finish) = self.way(&first.batch, job);
        let mut vectors = values.chunks_exact(finish.dimensions.unwrap_or(self.description.width));
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

#[cfg(test)]
mod tests {
    use super::runs;

    #[test]
    fn neighbours_that_are_alike_are_one_run() {
        for (ways, lengths) in [
            (vec![], vec![]),
            (vec![Some('a'); 4], vec![4]),
            (vec![Some('a'), Some('b'), Some('b'), Some('a')], vec![1, 2, 1]),
            (vec![None, Some('a'), None, Some('a'), Some('b'), None], vec![4, 2]),
            (vec![None, None], vec![2]),
        ] {
            assert_eq!(runs(ways.clone()), lengths, "{ways:?}");
        }
    }
}
