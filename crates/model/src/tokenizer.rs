//! Text to ids.

use std::borrow::Cow;

use serde::Deserialize;
use tokenizers::Tokenizer;
use tokenizers::normalizers::Precompiled;

use crate::Error;
use crate::files::{Files, join, parse_json, read_json, read_whole};

/// Special tokens that every text gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Specials {
    /// In front of it.
    pub before: usize,
    /// Behind it.
    pub after: usize,
}

/// Where a text that is too long is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TruncationSide {
    /// At its end.
    #[default]
    Right,
    /// At its beginning.
    Left,
}

/// A text as the encoder takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tokens {
    /// Ids, special tokens and all.
    pub ids: Vec<u32>,
    /// Whether the text had more tokens than this.
    pub truncated: bool,
}

/// Turns texts into ids.
pub trait Tokenize {
    /// All ids of each text, special tokens included; a text that cannot be tokenised has its own error.
    fn encode(&self, texts: &[Cow<'_, str>]) -> Vec<Result<Vec<u32>, Error>>;

    /// How many of these ids are special tokens, whatever the text.
    fn specials(&self) -> Specials;

    /// How many ids there are.
    fn vocabulary_size(&self) -> usize;
}

/// A tokenizer of Hugging Face's `tokenizers`, from a `tokenizer.json`.
#[derive(Debug)]
pub struct FileTokenizer {
    tokenizer: Tokenizer,
    specials: Specials,
}

/// What `tokenizer_config.json` says, as far as it counts here.
#[derive(Debug, Default, Deserialize)]
#[serde(expecting = "a JSON object")]
pub(crate) struct TokenizerConfig {
    /// At least 1. Transformers writes 1e30 for "none".
    pub model_max_length: Option<f64>,
    truncation_side: Option<String>,
}

impl TokenizerConfig {
    pub async fn read(files: &impl Files, folder: &str) -> Result<Self, Error> {
        let path = join(folder, "tokenizer_config.json");
        let config: Self = read_json(files, &path).await?.unwrap_or_default();
        match config.model_max_length.filter(|&length| length < 1.0) {
            Some(length) => Err(Error::unknown(&path, "model_max_length", "at least 1", length)),
            None => Ok(config),
        }
    }

    /// Where texts are cut.
    pub fn truncation_side(&self, folder: &str) -> Result<TruncationSide, Error> {
        match self.truncation_side.as_deref() {
            None | Some("right") => Ok(TruncationSide::Right),
            Some("left") => Ok(TruncationSide::Left),
            Some(other) => {
                let path = join(folder, "tokenizer_config.json");
                Err(Error::unknown(&path, "truncation_side", "left or right", other))
            }
        }
    }
}

impl FileTokenizer {
    /// Reads `tokenizer.json` in `folder`. Truncation and padding in the file are what a training run left there: they are not used.
    pub(crate) async fn read(files: &impl Files, folder: &str, lowercase: bool) -> Result<Self, Error> {
        let path = join(folder, "tokenizer.json");
        let Some(bytes) = read_whole(files, &path).await? else {
            let why = "a model directory has one; transformers writes it from older vocabulary files with \
                       `AutoTokenizer.from_pretrained(DIR).save_pretrained(DIR)`";
            return Err(Error::missing(path, why));
        };
        check(&path, &bytes)?;
        let bytes = if lowercase { lowercased(&path, &bytes)? } else { bytes };
        let mut tokenizer = Tokenizer::from_bytes(bytes).map_err(|error| Error::malformed(&path, error))?;
        tokenizer.with_padding(None);
        tokenizer.with_truncation(None).map_err(|error| Error::malformed(&path, error))?;
        // Of any text: these are the same for all.
        let probe = tokenizer.encode("a", true).map_err(|error| Error::malformed(&path, error))?;
        Ok(Self { specials: specials(probe.get_special_tokens_mask()), tokenizer })
    }
}

/// The special tokens around a text that has tokens of its own.
fn specials(mask: &[u32]) -> Specials {
    let before = mask.iter().take_while(|&&special| special == 1).count();
    let after = mask[before..].iter().rev().take_while(|&&special| special == 1).count();
    Specials { before, after }
}

/// The parts of a `tokenizer.json` of which `tokenizers` panics where they are malformed. What it checks itself is passed over.
#[derive(Debug, Deserialize)]
#[serde(expecting = "a JSON object")]
struct Fragile {
    normalizer: Option<serde_json::Value>,
    #[expect(dead_code, reason = "read to know that it can be")]
    decoder: Option<serde_json::Value>,
}

/// Holds a `tokenizer.json` to what `tokenizers` takes for granted.
fn check(path: &str, bytes: &[u8]) -> Result<(), Error> {
    let file: Fragile = parse_json(path, bytes)?;
    file.normalizer.as_ref().map_or(Ok(()), |normalizer| check_normalizer(path, normalizer))
}

fn check_normalizer(path: &str, normalizer: &serde_json::Value) -> Result<(), Error> {
    if normalizer["type"] == "Precompiled" {
        serde_json::from_str::<Precompiled>(&normalizer.to_string())
            .map_err(|error| Error::malformed(path, format!("`normalizer`: a Precompiled one: {error}")))?;
    }
    let parts = normalizer["normalizers"].as_array();
    parts.into_iter().flatten().try_for_each(|part| check_normalizer(path, part))
}

/// `tokenizer.json` with a Lowercase normaliser in front, as sentence-transformers puts it for `do_lower_case`.
fn lowercased(path: &str, bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let mut json: serde_json::Map<String, serde_json::Value> = parse_json(path, bytes)?;
    let normalizer = json.remove("normalizer").unwrap_or_default();
    let lowers = |normalizer: &serde_json::Value| normalizer["type"] == "Lowercase";
    let mut parts = match normalizer {
        serde_json::Value::Null => Vec::new(),
        ref sequence if sequence["type"] == "Sequence" => {
            sequence["normalizers"].as_array().cloned().unwrap_or_default()
        }
        other => vec![other],
    };
    if !parts.iter().any(lowers) {
        parts.insert(0, serde_json::json!({"type": "Lowercase"}));
    }
    json.insert("normalizer".to_owned(), serde_json::json!({"type": "Sequence", "normalizers": parts}));
    Ok(serde_json::Value::from(json).to_string().into_bytes())
}

impl Tokenize for FileTokenizer {
    fn encode(&self, texts: &[Cow<'_, str>]) -> Vec<Result<Vec<u32>, Error>> {
        let ids = |encoding: &tokenizers::Encoding| encoding.get_ids().to_vec();
        // All cores at once; where that fails, one by one, so that only the text at fault has the error.
        match self.tokenizer.encode_batch_fast(texts.iter().map(AsRef::as_ref).collect::<Vec<&str>>(), true) {
            Ok(encodings) => encodings.iter().map(|encoding| Ok(ids(encoding))).collect(),
            Err(_) => texts
                .iter()
                .map(|text| self.tokenizer.encode_fast(text.as_ref(), true).map(|it| ids(&it)).map_err(Error::text))
                .collect(),
        }
    }

    fn specials(&self) -> Specials {
        self.specials
    }

    fn vocabulary_size(&self) -> usize {
        self.tokenizer.get_vocab_size(true)
    }
}
