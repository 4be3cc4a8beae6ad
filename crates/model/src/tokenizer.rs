//! Text to ids.

mod file;
mod model;

use std::borrow::Cow;
use std::ops::Range;

use serde::Deserialize;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::{Decoder as _, NormalizerWrapper, PreTokenizerWrapper};

use self::file::Tokenizer;
use crate::Error;
use crate::files::{Files, join, read_json, read_whole};

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

/// A tokenizer of Hugging Face's `tokenizers`, from a `tokenizer.json`; where its model is a Unigram, that is wembed's own.
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
    tokenizer_class: Option<String>,
    do_lower_case: Option<bool>,
    strip_accents: Option<bool>,
    tokenize_chinese_chars: Option<bool>,
}

/// Tokenizers that transformers normalises as tokenizer_config.json says, not as tokenizer.json does.
const BERT_CLASSES: [&str; 3] = ["BertTokenizer", "DistilBertTokenizer", "MPNetTokenizer"];

impl TokenizerConfig {
    pub async fn read(files: &impl Files, folder: &str) -> Result<Self, Error> {
        let path = join(folder, "tokenizer_config.json");
        let config: Self = read_json(files, &path).await?.unwrap_or_default();
        match config.model_max_length.filter(|&length| length < 1.0) {
            Some(length) => Err(Error::unknown(&path, "model_max_length", "at least 1", length)),
            None => Ok(config),
        }
    }

    /// Where both files say how texts are normalised, they must say the same: transformers takes this one's word, and
    /// `tokenizers` the other's.
    fn hold(&self, folder: &str, normalizer: Option<&NormalizerWrapper>) -> Result<(), Error> {
        let class = self.tokenizer_class.as_deref().unwrap_or_default();
        let (true, Some(NormalizerWrapper::BertNormalizer(bert))) =
            (BERT_CLASSES.contains(&class.trim_end_matches("Fast")), normalizer)
        else {
            return Ok(());
        };
        for (key, asked, found) in [
            ("do_lower_case", self.do_lower_case, Some(bert.lowercase)),
            ("strip_accents", self.strip_accents, bert.strip_accents),
            ("tokenize_chinese_chars", self.tokenize_chinese_chars, Some(bert.handle_chinese_chars)),
        ] {
            if let Some(asked) = asked.filter(|_| asked != found) {
                let found = found.map_or("null".to_owned(), |found| found.to_string());
                let expected = format!("{found}, as in tokenizer.json's normalizer");
                return Err(Error::unknown(&join(folder, "tokenizer_config.json"), key, expected, asked));
            }
        }
        Ok(())
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
    /// Reads `tokenizer.json` in `folder`.
    pub(crate) async fn read(files: &impl Files, folder: &str, lowercase: bool) -> Result<Self, Error> {
        let config = TokenizerConfig::read(files, folder).await?;
        let path = join(folder, "tokenizer.json");
        let mut buffer = Vec::new();
        let Some(bytes) = read_whole(files, &path, &mut buffer).await? else {
            let why = "a model directory has one; transformers writes it from older vocabulary files with \
                       `AutoTokenizer.from_pretrained(DIR).save_pretrained(DIR)`";
            return Err(Error::missing(path, why));
        };
        let tokenizer = file::read(&path, bytes, lowercase)?;
        config.hold(folder, tokenizer.get_normalizer())?;
        // Of any text: these are the same for all.
        let probe = tokenizer.encode("a", true).map_err(|error| Error::malformed(&path, error))?;
        Ok(Self { specials: specials(probe.get_special_tokens_mask()), tokenizer })
    }
}

/// One of a text's tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Its number.
    pub id: u32,
    /// As the vocabulary writes it.
    pub text: String,
    /// Whether it stands for no part of the text.
    pub special: bool,
    /// Characters of the text that it stands for; nothing for a special token.
    pub place: Option<Range<usize>>,
}

impl FileTokenizer {
    /// All of a text's tokens, special ones included; none is cut.
    ///
    /// # Errors
    /// Where the text cannot be tokenised.
    pub fn tokens(&self, text: &str) -> Result<Vec<Token>, Error> {
        let encoding = self.tokenizer.encode_char_offsets(text, true).map_err(Error::text)?;
        let token = |place: usize| {
            let special = encoding.get_special_tokens_mask()[place] == 1;
            let (start, end) = encoding.get_offsets()[place];
            let text = encoding.get_tokens()[place].clone();
            Token { id: encoding.get_ids()[place], text, special, place: (!special).then_some(start..end) }
        };
        Ok((0..encoding.len()).map(token).collect())
    }

    /// What of a text a token stands for, beside marks of its place in a word; nothing for an id without a token.
    #[must_use]
    pub fn piece(&self, id: u32) -> Option<String> {
        let piece = self.tokenizer.id_to_token(id)?;
        // The bytes of a text as characters: they may be a part of one.
        if matches!(self.tokenizer.get_pre_tokenizer(), Some(PreTokenizerWrapper::ByteLevel(_))) {
            return ByteLevel::default().decode_chain(vec![piece]).ok().map(|parts| parts.concat());
        }
        Some(piece)
    }

    /// Whether a token stands for no part of a text but for something beside it.
    #[must_use]
    pub fn is_special(&self, id: u32) -> bool {
        self.tokenizer.get_added_tokens_decoder().get(&id).is_some_and(|token| token.special)
    }
}

/// The special tokens around a text that has tokens of its own.
fn specials(mask: &[u32]) -> Specials {
    let before = mask.iter().take_while(|&&special| special == 1).count();
    let after = mask[before..].iter().rev().take_while(|&&special| special == 1).count();
    Specials { before, after }
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
