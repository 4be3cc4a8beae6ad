//! A model as its files describe it, before any weight is read.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::Error;
use crate::config::Config;
use crate::files::{Files, join, read_json};
use crate::modules::{Modules, Step};
use crate::similarity::Similarity;
use crate::tokenizer::{FileTokenizer, Limits, TokenizerConfig};

/// Everything about a model that its small files say.
#[derive(Debug, Clone)]
pub struct Description {
    /// The encoder.
    pub config: Config,
    /// What comes after it.
    pub modules: Modules,
    /// Tokens of a text at most, special tokens included; longer texts are cut.
    pub max_length: usize,
    /// Whether texts are lowercased before anything else.
    pub lowercase: bool,
    /// Prompts by name: each is put in front of a text.
    pub prompts: BTreeMap<String, String>,
    /// The prompt that is used where none is asked for.
    pub default_prompt: Option<String>,
    /// How its vectors are meant to be compared.
    pub similarity: Similarity,
    /// The width of the vectors as the modules give them.
    pub width: usize,
    /// How many of these dimensions come out, where nothing else is asked for.
    pub dimensions: usize,
}

/// `sentence_bert_config.json` and its older names, in the order in which sentence-transformers looks for them.
const LENGTH_FILES: [&str; 7] = [
    "sentence_bert_config.json",
    "sentence_roberta_config.json",
    "sentence_distilbert_config.json",
    "sentence_camembert_config.json",
    "sentence_albert_config.json",
    "sentence_xlm-roberta_config.json",
    "sentence_xlnet_config.json",
];

/// What sentence-transformers keeps beside an encoder. The last two keys are the new layout's.
#[derive(Debug, Default, Deserialize)]
#[serde(expecting = "a JSON object")]
struct LengthFile {
    max_seq_length: Option<usize>,
    #[serde(default)]
    do_lower_case: bool,
    transformer_task: Option<String>,
    module_output_name: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(expecting = "a JSON object")]
struct SentenceFile {
    #[serde(default)]
    prompts: BTreeMap<String, String>,
    default_prompt_name: Option<String>,
    similarity_fn_name: Option<String>,
    truncate_dim: Option<usize>,
}

impl Description {
    /// Reads a model's small files.
    ///
    /// # Errors
    /// Where one is missing or malformed, or says something that this crate does not know.
    pub async fn read(files: &impl Files) -> Result<Self, Error> {
        let modules = Modules::read(files).await?;
        let config = Config::read(files, &modules.encoder).await?;
        let (lengths, lengths_path) = read_lengths(files, &modules.encoder).await?;
        let tokenizer = TokenizerConfig::read(files, &modules.encoder).await?;
        let max_length = max_length(&config, &lengths, &lengths_path, &tokenizer)?;
        const SENTENCE: &str = "config_sentence_transformers.json";
        let sentence: SentenceFile = read_json(files, SENTENCE).await?.unwrap_or_default();
        if let Some(name) = sentence.default_prompt_name.as_ref().filter(|name| !sentence.prompts.contains_key(*name)) {
            return Err(Error::unknown(SENTENCE, "default_prompt_name", prompt_names(&sentence.prompts), name));
        }
        let similarity = similarity(sentence.similarity_fn_name.as_deref(), SENTENCE)?;
        let width = modules.width(config.hidden_size)?;
        let dimensions = sentence.truncate_dim.unwrap_or(width);
        if !(1..=width).contains(&dimensions) {
            let expected = format!("1 to {width}, the width of the vectors");
            return Err(Error::unknown(SENTENCE, "truncate_dim", expected, dimensions));
        }
        Ok(Self {
            width,
            dimensions,
            lowercase: lengths.do_lower_case,
            prompts: sentence.prompts,
            default_prompt: sentence.default_prompt_name,
            similarity,
            max_length,
            config,
            modules,
        })
    }

    /// Whether the model itself gives vectors of length 1.
    pub fn normalizes(&self) -> bool {
        self.dimensions == self.width && self.modules.steps.last() == Some(&Step::Normalize)
    }

    /// The model's own tokenizer, cutting texts at [`Description::max_length`].
    ///
    /// # Errors
    /// Where its files are missing or malformed.
    pub async fn tokenizer(&self, files: &impl Files) -> Result<FileTokenizer, Error> {
        let folder = &self.modules.encoder;
        let config = TokenizerConfig::read(files, folder).await?;
        let limits = Limits { max_length: self.max_length, lowercase: self.lowercase };
        FileTokenizer::read(files, folder, &config, &limits).await
    }
}

/// The names that a prompt can be asked for by, for errors.
pub(crate) fn prompt_names(prompts: &BTreeMap<String, String>) -> String {
    let names: Vec<_> = prompts.keys().map(|name| format!("`{name}`")).collect();
    if names.is_empty() { "no name, as the model has no prompts".to_owned() } else { names.join(" or ") }
}

fn similarity(name: Option<&str>, path: &str) -> Result<Similarity, Error> {
    let Some(name) = name else { return Ok(Similarity::default()) };
    Similarity::ALL.into_iter().find(|measure| measure.name() == name).ok_or_else(|| {
        let expected = Similarity::ALL.map(Similarity::name).join(", ");
        Error::unknown(path, "similarity_fn_name", format!("one of {expected}"), name)
    })
}

async fn read_lengths(files: &impl Files, folder: &str) -> Result<(LengthFile, String), Error> {
    for name in LENGTH_FILES {
        let path = join(folder, name);
        let Some(file) = read_json::<LengthFile>(files, &path).await? else { continue };
        for (key, value, expected) in [
            ("transformer_task", &file.transformer_task, "feature-extraction"),
            ("module_output_name", &file.module_output_name, "token_embeddings"),
        ] {
            if let Some(other) = value.as_ref().filter(|value| *value != expected) {
                return Err(Error::unknown(&path, key, expected, other));
            }
        }
        return Ok((file, path));
    }
    Ok((LengthFile::default(), join(folder, LENGTH_FILES[0])))
}

/// sentence-transformers' rule: its own file's value, else the smaller of the tokenizer's and the position table's.
/// Never more than the position table has rows for: there sentence-transformers fails on the first long text.
fn max_length(config: &Config, file: &LengthFile, path: &str, tokenizer: &TokenizerConfig) -> Result<usize, Error> {
    let usable = config.usable_positions();
    if let Some(length) = file.max_seq_length {
        let is_usable = (1..=usable).contains(&length);
        let expected = format!("1 to {usable}, the positions that the model has");
        return if is_usable { Ok(length) } else { Err(Error::unknown(path, "max_seq_length", expected, length)) };
    }
    // `as` saturates: transformers writes 1e30 for "none".
    Ok(tokenizer.model_max_length.map_or(usable, |length| usable.min(length as usize)))
}
