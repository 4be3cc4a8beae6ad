//! A tokenizer.json.

use serde::Deserialize;
use serde_json::Value;
use tokenizers::normalizers::{Lowercase, Precompiled, Sequence};
use tokenizers::{
    AddedToken, DecoderWrapper, NormalizerWrapper, PostProcessorWrapper, PreTokenizerWrapper, TokenizerBuilder,
    TokenizerImpl,
};

use super::model::Model;
use crate::Error;
use crate::files::parse_json;

/// A tokenizer of Hugging Face's `tokenizers`, but for the model. It has no decoder.
pub type Tokenizer = TokenizerImpl<Model, NormalizerWrapper, PreTokenizerWrapper, PostProcessorWrapper, DecoderWrapper>;

/// The version of the format that `tokenizers` writes and reads.
const VERSION: &str = "1.0";

/// What a tokenizer.json holds. Truncation and padding are what a training run left there, the decoder makes texts of ids:
/// none of them is used.
#[derive(Deserialize)]
#[serde(expecting = "a JSON object")]
struct File {
    version: Option<String>,
    #[serde(default)]
    added_tokens: Vec<Added>,
    normalizer: Option<Value>,
    pre_tokenizer: Option<PreTokenizerWrapper>,
    post_processor: Option<PostProcessorWrapper>,
    model: Option<Model>,
}

/// A token beside the model's own, and the id that it must have.
#[derive(Deserialize)]
struct Added {
    id: u32,
    #[serde(flatten)]
    token: AddedToken,
}

/// Reads a tokenizer.json, in one go: the model's pieces are half of it. With `lowercase` a Lowercase normaliser comes first, where
/// the file has none: so does sentence-transformers for `do_lower_case`.
pub fn read(path: &str, bytes: &[u8], lowercase: bool) -> Result<Tokenizer, Error> {
    let file: File = parse_json(path, bytes)?;
    if let Some(version) = file.version.filter(|version| version != VERSION) {
        return Err(Error::unknown(path, "version", VERSION, version));
    }
    let malformed = |error: String| Error::malformed(path, error);
    let normalizer = file.normalizer.map(normalizer).transpose();
    let normalizer = normalizer.map_err(|error| malformed(format!("`normalizer`: {error}")))?;
    let mut builder = TokenizerBuilder::new()
        .with_normalizer(if lowercase { Some(lowercased(normalizer)) } else { normalizer })
        .with_pre_tokenizer(file.pre_tokenizer)
        .with_post_processor(file.post_processor);
    if let Some(model) = file.model {
        builder = builder.with_model(model);
    }
    let mut tokenizer = builder.build().map_err(|error| malformed(error.to_string()))?;
    let added: Vec<(String, u32)> = file.added_tokens.iter().map(|it| (it.token.content.clone(), it.id)).collect();
    let tokens = file.added_tokens.into_iter().map(|added| added.token);
    tokenizer.add_tokens(tokens).map_err(|error| malformed(error.to_string()))?;
    for (content, id) in added {
        // They are numbered on from the model's, whatever the file says.
        if let Some(found) = tokenizer.token_to_id(&content).filter(|&found| found != id) {
            let expected = format!("{found} as the id of `{content}`");
            return Err(Error::unknown(path, "added_tokens", expected, id));
        }
    }
    Ok(tokenizer)
}

/// A normaliser. `tokenizers` panics where it reads the table of a Precompiled one that is malformed; so that is read here.
fn normalizer(mut json: Value) -> Result<NormalizerWrapper, String> {
    match json["type"].as_str() {
        Some("Precompiled") => {
            let precompiled: Result<Precompiled, _> = serde_json::from_str(&json.to_string());
            return precompiled.map(Into::into).map_err(|error| format!("a Precompiled one: {error}"));
        }
        // Old files do not say the type.
        Some("Sequence") | None => {
            if let Some(parts) = json.get_mut("normalizers").and_then(Value::as_array_mut) {
                let parts: Result<_, _> = parts.iter_mut().map(|part| normalizer(part.take())).collect();
                return Ok(Sequence::new(parts?).into());
            }
        }
        Some(_) => {}
    }
    NormalizerWrapper::deserialize(json).map_err(|error| error.to_string())
}

/// The same behind a Lowercase normaliser.
fn lowercased(normalizer: Option<NormalizerWrapper>) -> NormalizerWrapper {
    let mut parts = match normalizer {
        None => Vec::new(),
        Some(NormalizerWrapper::Sequence(sequence)) => sequence.into_iter().collect(),
        Some(other) => vec![other],
    };
    if !parts.iter().any(|part| matches!(part, NormalizerWrapper::Lowercase(_))) {
        parts.insert(0, Lowercase.into());
    }
    Sequence::new(parts).into()
}
