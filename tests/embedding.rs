//! Models on whichever engine is under test.

use pollster::block_on;
use wembed_kernels::Engine;
use wembed_kernels::gpu::Options;
use wembed_model::{EmbedOptions, Embedder, Embedding, Error, Files, LoadOptions, Prompt};

use crate::golden::Expected;

/// Options for whole models: scratch is used again, as in earnest.
pub fn options() -> Options {
    Options { sentinels: false, ..crate::device::options() }
}

/// A model on an engine.
///
/// # Errors
/// Where the model does not load.
pub fn load<E: Engine, F: Files>(engine: E, files: F) -> Result<Embedder<E, F>, Error> {
    block_on(Embedder::load(engine, files, LoadOptions::default()))
}

/// Every text's embedding.
///
/// # Errors
/// Where anything fails, one text or the batch.
pub fn embed<E: Engine, F: Files, S: AsRef<str>>(
    embedder: &mut Embedder<E, F>,
    texts: &[S],
    options: &EmbedOptions,
) -> Result<Vec<Embedding>, Error> {
    block_on(embedder.embed(texts, options))?.into_iter().collect()
}

/// The vectors of embeddings whose ids, counts and flags are what is expected.
///
/// # Errors
/// Where the ids or flags differ, or embedding fails.
pub fn expected_vectors<E: Engine, F: Files>(
    embedder: &mut Embedder<E, F>,
    expected: &Expected,
) -> Result<Vec<Vec<f32>>, String> {
    let prompts = &embedder.description().prompts;
    let name = expected.prompt_name.as_ref().or(embedder.description().default_prompt.as_ref());
    let prompt = name.map(|name| prompts[name].clone()).unwrap_or_default();
    for (index, text) in expected.texts.iter().enumerate() {
        let tokens = embedder.tokenize(&format!("{prompt}{text}")).map_err(|error| error.to_string())?;
        expected.hold_tokens(index, &tokens.ids, tokens.truncated)?;
    }
    let prompt = expected.prompt_name.clone().map(Prompt::Named).unwrap_or_default();
    let options = EmbedOptions { prompt, ..EmbedOptions::default() };
    let embeddings = embed(embedder, &expected.texts, &options).map_err(|error| error.to_string())?;
    for (index, embedding) in embeddings.iter().enumerate() {
        expected.hold_counts(index, embedding.tokens, embedding.truncated)?;
    }
    Ok(embeddings.into_iter().map(|embedding| embedding.vector).collect())
}
