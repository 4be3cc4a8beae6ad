//! What becomes of texts before they go to a device: options checked, texts tokenised, cut, and divided into batches.

use std::borrow::Cow;

use wembed_kernels::Engine;

use crate::Error;
use crate::batches::split;
use crate::description::{Description, prompt_names};
use crate::embedder::{EmbedOptions, Prompt};
use crate::head::Finish;
use crate::long::{Joining, Long, Part, Role, Room};
use crate::modules::Step;
use crate::pipeline::Batch;
use crate::tokenizer::{FileTokenizer, Specials, Tokenize, Tokens};

/// Texts that are tokenised at a time.
const TEXTS_AT_A_TIME: usize = 64;

/// What is the same for all texts of one call: options that were checked against a model.
#[derive(Debug, Clone)]
pub struct Job {
    pub(crate) prompt: String,
    /// The prompt's own ids, without special tokens.
    prompt_ids: Vec<u32>,
    pub(crate) long: Long,
    pub(crate) finish: Finish,
    pub(crate) batch_tokens: usize,
}

/// A text, tokenised: what a device is given of it.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// Its ids, or those of its windows.
    parts: Vec<(Vec<u32>, Role)>,
}

impl Prepared {
    /// Tokens that a device will have to compute for it.
    #[must_use]
    pub fn tokens(&self) -> usize {
        self.parts.iter().map(|(ids, _)| ids.len()).sum()
    }

    pub(crate) fn into_parts(self) -> impl Iterator<Item = Part> {
        self.parts.into_iter().map(|(ids, role)| Part { ids: Ok(ids), role })
    }
}

/// The half of a model that needs no device. It may be shared among threads, which tokenise while the device is busy.
#[derive(Debug)]
pub struct Reader<T = FileTokenizer> {
    pub(crate) tokenizer: T,
    pub(crate) description: Description,
    /// Tokens of a batch where no other number is asked for.
    batch_tokens: usize,
    /// Tokens of a batch that the device takes.
    most_tokens: usize,
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

impl<T: Tokenize> Reader<T> {
    pub(crate) fn new(tokenizer: T, description: Description, engine: &impl Engine) -> Self {
        let config = &description.config;
        let most_tokens = engine.rows_within(config.widest().max(description.modules.widest(config.hidden_size)));
        Self { tokenizer, description, batch_tokens: engine.batch_tokens(), most_tokens }
    }

    /// What the model's files say.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// The tokenizer.
    pub fn tokenizer(&self) -> &T {
        &self.tokenizer
    }

    /// Tokens of a batch, where no other number is asked for.
    pub fn batch_tokens(&self) -> usize {
        self.batch_tokens.min(self.most_tokens)
    }

    /// The text's ids, as the encoder would get them without a prompt; cut where the text is too long.
    ///
    /// # Errors
    /// Where the text cannot be tokenised.
    pub fn tokenize(&self, text: &str) -> Result<Tokens, Error> {
        let ids = self.tokenizer.encode(&[Cow::Borrowed(text)]).remove(0)?;
        Ok(self.room().cut(ids))
    }

    /// Texts as a device is given them, or what is wrong with them.
    pub fn prepare<S: AsRef<str>>(&self, texts: &[S], job: &Job) -> Vec<Result<Prepared, Error>> {
        self.encode(texts, job).into_iter().map(|ids| self.prepared(ids?, job)).collect()
    }

    /// The same of a text that comes as its ids. Special tokens are put around it where they are not there.
    ///
    /// # Errors
    /// Where they are no tokens of this model, or too many and that is an error, or where there is a prompt, which stands before a text.
    pub fn prepare_ids(&self, ids: &[u32], job: &Job) -> Result<Prepared, Error> {
        if !job.prompt.is_empty() {
            return Err(Error::text("expected a text to put the prompt in front of, found token ids"));
        }
        let frame = self.tokenizer.encode(&[Cow::Borrowed("a")]).remove(0)?;
        let Specials { before, after } = self.tokenizer.specials();
        let (before, after) = (&frame[..before], &frame[frame.len() - after..]);
        let is_framed = ids.starts_with(before) && ids.ends_with(after) && ids.len() >= before.len() + after.len();
        self.prepared(if is_framed { ids.to_owned() } else { [before, ids, after].concat() }, job)
    }

    /// Texts' ids with the job's prompt in front.
    fn encode<S: AsRef<str>>(&self, texts: &[S], job: &Job) -> Vec<Result<Vec<u32>, Error>> {
        let with_prompt = |text: &'_ S| -> String { format!("{}{}", job.prompt, text.as_ref()) };
        let prompted: Vec<Cow<'_, str>> = texts
            .iter()
            .map(|text| if job.prompt.is_empty() { Cow::Borrowed(text.as_ref()) } else { with_prompt(text).into() })
            .collect();
        self.tokenizer.encode(&prompted)
    }

    fn prepared(&self, ids: Vec<u32>, job: &Job) -> Result<Prepared, Error> {
        let parts = self.parts(ids, job)?.into_iter().map(|part| Ok((part.ids?, part.role)));
        Ok(Prepared { parts: parts.collect::<Result<_, Error>>()? })
    }

    /// Checks the options against the model and the device.
    ///
    /// # Errors
    /// Where they do not fit.
    pub fn job(&self, options: &EmbedOptions) -> Result<Job, Error> {
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
        let batch_tokens = options.batch_tokens.unwrap_or(self.batch_tokens).min(self.most_tokens);
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
    pub(crate) fn way(&self, batch: &Batch, job: &Job) -> (usize, Finish) {
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
            for ids in self.encode(&taken, job) {
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
