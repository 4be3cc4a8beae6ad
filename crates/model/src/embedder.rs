//! Texts in, vectors out.

use std::ops::ControlFlow;
use std::sync::Arc;

use wembed_kernels::Engine;

use crate::Error;
use crate::description::Description;
use crate::files::{Files, join};
use crate::head::Finish;
use crate::load::{Weights, load};
use crate::long::Long;
use crate::reader::Reader;
use crate::tokenizer::{FileTokenizer, Tokenize, Tokens};
use crate::vocabulary::Placement;

/// A model on an engine.
///
/// One thread owns it. A lost device is replaced once a batch, and the batch is computed again.
#[derive(Debug)]
pub struct Embedder<E: Engine, F: Files, T: Tokenize = FileTokenizer> {
    pub(crate) engine: E,
    pub(crate) files: F,
    pub(crate) reader: Arc<Reader<T>>,
    pub(crate) placement: Placement,
    pub(crate) weights: Weights<E>,
    pub(crate) replaced: u64,
}

/// How a model is loaded, where that is not what its files say.
#[derive(Debug, Clone, Default)]
pub struct LoadOptions {
    /// Tokens of a text at most, special tokens included.
    pub max_length: Option<usize>,
    /// Where the word table lives.
    pub vocabulary: Placement,
}

/// What is put in front of each text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Prompt {
    /// What the model's files say.
    #[default]
    Model,
    /// One of the model's prompts, by its name.
    Named(String),
    /// This text; nothing where it is empty.
    Text(String),
}

/// How texts are embedded, where that is not what the model's files say.
#[derive(Debug, Clone, Default)]
pub struct EmbedOptions {
    /// Vectors of length 1, or not; the first so many dimensions.
    pub finish: Finish,
    /// What is put in front of each text.
    pub prompt: Prompt,
    /// What becomes of texts that have more tokens than the model takes.
    pub long: Long,
    /// Tokens of a batch at most: what suits the device where nothing is said, less where it takes less.
    pub batch_tokens: Option<usize>,
}

/// A text's vector.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedding {
    /// The vector; every value finite, not all of them zero.
    pub vector: Vec<f32>,
    /// Tokens that were embedded, special tokens included.
    pub tokens: usize,
    /// Whether the text had more tokens, and the rest is not in the vector.
    pub truncated: bool,
    /// Windows whose vectors' mean this is; 1 where the model took the text whole, or cut.
    pub windows: usize,
}

impl<E: Engine, F: Files> Embedder<E, F> {
    /// Loads the model that `files` hold onto `engine`.
    ///
    /// # Errors
    /// Where a file is missing or malformed, says something that this crate does not know, or does not fit the device.
    pub async fn load(engine: E, files: F, options: LoadOptions) -> Result<Self, Error> {
        let mut description = Description::read(&files).await?;
        if let Some(length) = options.max_length {
            let usable = description.config.usable_positions();
            if length > usable {
                return Err(Error::option(
                    "the maximum length",
                    format!("at most {usable}, the model's positions"),
                    length,
                ));
            }
            description.max_length = length;
        }
        let tokenizer = description.tokenizer(&files).await?;
        Self::with_tokenizer(engine, files, tokenizer, description, options.vocabulary).await
    }
}

impl<E: Engine, F: Files, T: Tokenize> Embedder<E, F, T> {
    /// Loads a model with a tokenizer that the caller brings.
    ///
    /// # Errors
    /// As [`Embedder::load`].
    pub async fn with_tokenizer(
        engine: E,
        files: F,
        tokenizer: T,
        description: Description,
        placement: Placement,
    ) -> Result<Self, Error> {
        let config = &description.config;
        description.hold_specials(tokenizer.specials())?;
        if tokenizer.vocabulary_size() > config.vocabulary_size {
            let path = join(&description.modules.encoder, "tokenizer.json");
            let expected = format!("at most {}, the rows of the word table", config.vocabulary_size);
            return Err(Error::unknown(&path, "the number of tokens", expected, tokenizer.vocabulary_size()));
        }
        let head_width = config.hidden_size / config.heads;
        if head_width > engine.widest_head() {
            let expected = format!("heads of at most {} columns", engine.widest_head());
            return Err(Error::option("the attention heads", expected, head_width));
        }
        let width = description.modules.widest(config.hidden_size);
        if engine.rows_within(width) == 0 {
            let expected = "as many columns as fit into one buffer of this device";
            return Err(Error::option("the text's vector", expected, width));
        }
        let rows = engine.rows_within(config.widest());
        if description.max_length > rows {
            let expected = format!("at most {rows}, which is what fits into one buffer of this device");
            return Err(Error::option("the maximum length", expected, description.max_length));
        }
        let weights = load(&engine, &files, &description, placement).await?;
        let reader = Arc::new(Reader::new(tokenizer, description, &engine));
        Ok(Self { engine, files, reader, placement, weights, replaced: 0 })
    }

    /// What the model's files say.
    pub fn description(&self) -> &Description {
        &self.reader.description
    }

    /// The half that needs no device, for other threads.
    pub fn reader(&self) -> &Arc<Reader<T>> {
        &self.reader
    }

    /// The engine; another one after a device was lost.
    pub fn engine(&self) -> &E {
        &self.engine
    }

    /// How often a lost device was replaced.
    pub fn devices_replaced(&self) -> u64 {
        self.replaced
    }

    /// The text's ids, as the encoder would get them without a prompt; cut where the text is too long.
    ///
    /// # Errors
    /// Where the text cannot be tokenised.
    pub fn tokenize(&self, text: &str) -> Result<Tokens, Error> {
        self.reader.tokenize(text)
    }

    /// The files that must be here before `texts` can be embedded: of a word table in packs, those that have the texts' rows.
    ///
    /// # Errors
    /// Where the options do not fit the model.
    pub fn packs<S: AsRef<str>>(&self, texts: &[S], options: &EmbedOptions) -> Result<Vec<&str>, Error> {
        let (job, mut texts) = (self.reader.job(options)?, texts.iter());
        let Some(packs) = self.weights.vocabulary.packs() else { return Ok(Vec::new()) };
        let mut needed = vec![false; packs.files().len()];
        loop {
            let window = self.reader.tokenize_window(&mut texts, &job);
            if window.is_empty() {
                let files = packs.files().iter().zip(needed).filter(|(_, needed)| *needed);
                return Ok(files.map(|(file, _)| file.as_str()).collect());
            }
            for &id in window.iter().flat_map(|part| &part.ids).flatten() {
                needed[packs.pack_of(id)] = true;
            }
        }
    }

    /// One result a text, in order.
    ///
    /// # Errors
    /// Where the options do not fit the model, or the device fails; what is wrong with one text is that text's own error.
    pub async fn embed<S: AsRef<str>>(
        &mut self,
        texts: &[S],
        options: &EmbedOptions,
    ) -> Result<Vec<Result<Embedding, Error>>, Error> {
        let mut embeddings = Vec::with_capacity(texts.len());
        let flow = self.embed_each(texts, options, |embedding| {
            embeddings.push(embedding);
            ControlFlow::<()>::Continue(())
        });
        let _: ControlFlow<()> = flow.await?;
        Ok(embeddings)
    }

    /// Gives each text's result to `sink`, in order, as batches are done; texts are taken as they are needed. `sink` may stop it.
    ///
    /// # Errors
    /// As [`Embedder::embed`].
    pub async fn embed_each<S: AsRef<str>, B>(
        &mut self,
        texts: impl IntoIterator<Item = S>,
        options: &EmbedOptions,
        mut sink: impl FnMut(Result<Embedding, Error>) -> ControlFlow<B>,
    ) -> Result<ControlFlow<B>, Error> {
        let mut flow = self.flow(texts, options)?;
        while let Some(done) = flow.next().await? {
            if let ControlFlow::Break(value) = done.into_iter().try_for_each(&mut sink) {
                return Ok(ControlFlow::Break(value));
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}
