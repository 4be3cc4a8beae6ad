//! Models on whichever engine is under test.

use pollster::block_on;
use wembed_kernels::Engine;
use wembed_kernels::gpu::Options;
use wembed_model::{EmbedOptions, Embedder, Embedding, Error, Files, LoadOptions};

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
    let prompt = default_prompt(embedder);
    for (index, text) in expected.texts.iter().enumerate() {
        let tokens = embedder.tokenize(&format!("{prompt}{text}")).map_err(|error| error.to_string())?;
        expected.hold_tokens(index, &tokens.ids, tokens.truncated)?;
    }
    let embeddings = embed(embedder, &expected.texts, &EmbedOptions::default()).map_err(|error| error.to_string())?;
    for (index, embedding) in embeddings.iter().enumerate() {
        expected.hold_counts(index, embedding.tokens, embedding.truncated)?;
    }
    Ok(embeddings.into_iter().map(|embedding| embedding.vector).collect())
}

fn default_prompt<E: Engine, F: Files>(embedder: &Embedder<E, F>) -> String {
    let description = embedder.description();
    description.default_prompt.as_ref().map(|name| description.prompts[name].clone()).unwrap_or_default()
}
